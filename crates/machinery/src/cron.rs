//! Schedules of cron: five fields, or a word such as `@hourly`.

use jiff::{ToSpan, civil::DateTime};

/// How many years ahead a next time is looked for.
const YEARS: i16 = 5;

/// When something happens: each field is the set of its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    minutes: u64,
    hours: u64,
    days: Days,
    months: u64,
    /// The zone that the text itself names: `TZ=Asia/Tokyo 0 9 * * *`.
    pub zone: Option<String>,
}

/// Days of the month and of the week; unless one of them is `*`, either of them is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Days {
    of_month: u64,
    of_week: u64,
    both: bool,
}

/// Returns why `text` is no schedule of a CronJob, in the words of the parser that upstream uses.
pub(crate) fn refusal(text: &str) -> Option<String> {
    match after_zone(text) {
        Ok((_, text)) if text.starts_with('@') => descriptor(&text[1..], text),
        _ => Schedule::parse(text).err(),
    }
}

impl Schedule {
    /// Reads five fields, perhaps after `TZ=` or `CRON_TZ=` and a zone.
    ///
    /// # Errors
    /// In the words of the parser that upstream uses.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (zone, text) = after_zone(text)?;
        if text.is_empty() {
            let found_none = "expected exactly 5 fields, found 0: []";
            return Err(if zone.is_some() { found_none } else { "empty spec string" }.to_owned());
        }
        if text.starts_with('@') {
            return Err(format!("parser does not accept descriptors: {text}"));
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else {
            return Err(format!("expected exactly 5 fields, found {}: [{}]", fields.len(), fields.join(" ")));
        };
        let [minutes, hours, of_month, months, of_week] = [
            set(minutes, &FIELDS[0])?,
            set(hours, &FIELDS[1])?,
            set(days, &FIELDS[2])?,
            set(months, &FIELDS[3])?,
            set(weekdays, &FIELDS[4])?,
        ];
        let days = Days { of_month: of_month.0, of_week: of_week.0, both: of_month.1 || of_week.1 };
        Ok(Self { minutes: minutes.0, hours: hours.0, days, months: months.0, zone })
    }

    /// Returns the first time after `after`, to the minute; `None` if there is none within five years.
    #[must_use]
    pub fn next(&self, after: DateTime) -> Option<DateTime> {
        let start = after.with().second(0).subsec_nanosecond(0).build().ok()?.checked_add(1.minute()).ok()?;
        let last = start.year().checked_add(YEARS)?;
        let mut day = start.date();
        let mut from = (start.hour(), start.minute());
        while day.year() <= last {
            if has(self.months, day.month())
                && self.days.has(day)
                && let Some((hour, minute)) = self.time_from(from)
            {
                return Some(day.at(hour, minute, 0, 0));
            }
            day = day.tomorrow().ok()?;
            from = (0, 0);
        }
        None
    }

    fn time_from(&self, (hour, minute): (i8, i8)) -> Option<(i8, i8)> {
        (hour..24).filter(|h| has(self.hours, *h)).find_map(|h| {
            let first = if h == hour { minute } else { 0 };
            (first..60).find(|m| has(self.minutes, *m)).map(|m| (h, m))
        })
    }
}

impl Days {
    fn has(&self, day: jiff::civil::Date) -> bool {
        let of_month = has(self.of_month, day.day());
        let of_week = has(self.of_week, day.weekday().to_sunday_zero_offset());
        if self.both { of_month && of_week } else { of_month || of_week }
    }
}

fn has(set: u64, number: i8) -> bool {
    set & 1 << number != 0
}

/// Returns the zone that `text` begins with, and the rest.
fn after_zone(text: &str) -> Result<(Option<String>, &str), String> {
    match text.strip_prefix("TZ=").or_else(|| text.strip_prefix("CRON_TZ=")) {
        Some(rest) => match rest.split_once(' ') {
            Some((zone, schedule)) => Ok((Some(zone.to_owned()), schedule.trim())),
            None => Err("provided bad location".to_owned()),
        },
        None => Ok((None, text)),
    }
}

/// Returns the values of a field, and whether it has a `*`.
fn set(text: &str, field: &Field) -> Result<(u64, bool), String> {
    let mut all = (0, false);
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (values, star) = range(part, field)?;
        all = (all.0 | values, all.1 || star);
    }
    Ok(all)
}

struct Field {
    min: u32,
    max: u32,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { min: 0, max: 59, names: &[] },
    Field { min: 0, max: 23, names: &[] },
    Field { min: 1, max: 31, names: &[] },
    Field {
        min: 1,
        max: 12,
        names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    },
    Field { min: 0, max: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];

fn descriptor(word: &str, text: &str) -> Option<String> {
    if matches!(word, "yearly" | "annually" | "monthly" | "weekly" | "daily" | "midnight" | "hourly") {
        return None;
    }
    match word.strip_prefix("every ") {
        Some(duration) => {
            let error = crate::go_duration::parse(duration).err()?;
            Some(format!("failed to parse duration {text}: {error}"))
        }
        None => Some(format!("unrecognized descriptor: {text}")),
    }
}

/// Returns the values of a part of a field (`*`, `5`, `1-5`, each perhaps with `/step`), and whether it is a `*`.
fn range(text: &str, field: &Field) -> Result<(u64, bool), String> {
    let pieces: Vec<&str> = text.split('/').collect();
    let bounds: Vec<&str> = pieces[0].split('-').collect();
    let star = matches!(bounds[0], "*" | "?");
    let (start, mut end) = if star { (field.min, field.max) } else { ends(text, &bounds, field)? };
    let mut step = 1;
    match pieces.as_slice() {
        [_] => {}
        [_, every] => {
            step = every.parse::<usize>().map_err(|_| not_a_number(every))?;
            if step == 0 {
                return Err(format!("step of range should be a positive number: {text}"));
            }
            if bounds.len() == 1 {
                end = field.max;
            }
        }
        _ => return Err(format!("too many slashes: {text}")),
    }
    if start < field.min {
        Err(format!("beginning of range ({start}) below minimum ({}): {text}", field.min))
    } else if end > field.max {
        Err(format!("end of range ({end}) above maximum ({}): {text}", field.max))
    } else if start > end {
        Err(format!("beginning of range ({start}) beyond end of range ({end}): {text}"))
    } else {
        let values = (start..=end).step_by(step).fold(0, |set, value| set | 1_u64 << value);
        Ok((values, star && step == 1))
    }
}

fn ends(text: &str, bounds: &[&str], field: &Field) -> Result<(u32, u32), String> {
    let start = number(bounds[0], field)?;
    match bounds {
        [_] => Ok((start, start)),
        [_, end] => Ok((start, number(end, field)?)),
        _ => Err(format!("too many hyphens: {text}")),
    }
}

fn number(text: &str, field: &Field) -> Result<u32, String> {
    let named = field.names.iter().position(|name| name.eq_ignore_ascii_case(text));
    if let Some(position) = named {
        return Ok(field.min + u32::try_from(position).unwrap_or_default());
    }
    match text.parse::<i64>() {
        Ok(number) => u32::try_from(number).map_err(|_| format!("negative number ({number}) not allowed: {text}")),
        Err(_) => Err(not_a_number(text)),
    }
}

fn not_a_number(text: &str) -> String {
    let quoted = crate::field::quote(text);
    format!("failed to parse int from {text}: strconv.Atoi: parsing {quoted}: invalid syntax")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_read() {
        for text in [
            "* * * * *",
            "*/5 0-6 1,15 jan-mar MON",
            "@hourly",
            "@every 1h30m",
            "0 0 ? * 0",
            "TZ=UTC 0 * * * *",
            "5/10 * * * *",
        ] {
            assert_eq!(refusal(text), None, "{text}");
        }
    }

    #[test]
    fn the_next_time_is_found() {
        for (text, after, next) in [
            ("* * * * *", "2026-01-02T03:04:05", "2026-01-02T03:05:00"),
            ("0 0 29 2 *", "2026-01-02T03:04:05", "2028-02-29T00:00:00"),
            ("15 14 1 * 3", "2026-01-02T00:00:00", "2026-01-07T14:15:00"),
            ("0 22 * * *", "2026-12-31T22:00:00", "2027-01-01T22:00:00"),
            ("0-10/5 3 * * SUN", "2026-01-02T00:00:00", "2026-01-04T03:00:00"),
        ] {
            let next: DateTime = next.parse().unwrap();
            assert_eq!(Schedule::parse(text).unwrap().next(after.parse().unwrap()), Some(next), "{text}");
        }
        assert_eq!(Schedule::parse("0 0 30 2 *").unwrap().next("2026-01-02T00:00:00".parse().unwrap()), None);
    }

    #[track_caller]
    fn check(text: &str, why: &str) {
        assert_eq!(refusal(text).as_deref(), Some(why));
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        check("* * * *", "expected exactly 5 fields, found 4: [* * * *]");
        check("60 * * * *", "end of range (60) above maximum (59): 60");
        check("* * 0 * *", "beginning of range (0) below minimum (1): 0");
        check("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1");
        check("x * * * *", "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax");
        check("*/0 * * * *", "step of range should be a positive number: */0");
        check("1-2-3 * * * *", "too many hyphens: 1-2-3");
        check("@sometimes", "unrecognized descriptor: @sometimes");
    }
}
