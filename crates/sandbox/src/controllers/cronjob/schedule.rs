//! Times of a CronJob: five fields, or a word such as `@hourly`.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};
use tiphys_machinery::go_duration;

/// How far ahead a time is looked for: `30 2 29 2 *` comes once in four years, or eight.
const HORIZON_YEARS: i16 = 9;

/// When something happens, again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Schedule {
    /// At times of the calendar.
    Calendar(Calendar),
    /// At equal distances.
    Every(SignedDuration),
}

/// What minutes of the calendar are meant: sets of numbers as bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Calendar {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Days of the month and of the week must both fit, because one of them is `*`; otherwise one is enough.
    both_days: bool,
    zone: TimeZone,
}

impl Schedule {
    /// Reads a schedule; `zone` holds where the text names none. `None` if it is none.
    pub(super) fn parse(text: &str, zone: TimeZone) -> Option<Self> {
        let (zone, text) = match text.strip_prefix("CRON_TZ=").or_else(|| text.strip_prefix("TZ=")) {
            Some(rest) => {
                let (name, text) = rest.split_once(' ')?;
                (TimeZone::get(name).ok()?, text.trim())
            }
            None => (zone, text.trim()),
        };
        let fields = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            _ => match text.strip_prefix("@every ") {
                Some(distance) => return every(distance),
                None => text,
            },
        };
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else { return None };
        let (days, any_day) = field(days, 1, 31, &[])?;
        let (weekdays, any_weekday) = field(weekdays, 0, 6, &DAYS)?;
        Some(Self::Calendar(Calendar {
            minutes: field(minutes, 0, 59, &[])?.0,
            hours: field(hours, 0, 23, &[])?.0,
            months: field(months, 1, 12, &MONTHS)?.0,
            both_days: any_day || any_weekday,
            days,
            weekdays,
            zone,
        }))
    }

    /// Returns the first time after `after`; `None` if there is none within years.
    pub(super) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Every(distance) => Timestamp::from_second(after.as_second()).ok()?.checked_add(*distance).ok(),
            Self::Calendar(calendar) => calendar.next(after),
        }
    }
}

fn every(distance: &str) -> Option<Schedule> {
    let seconds = go_duration::parse(distance).ok()?.as_secs();
    Some(Schedule::Every(SignedDuration::from_secs(seconds.max(1))))
}

impl Calendar {
    /// Goes forward in real time, so that an hour which the clock repeats counts twice and one that it skips not at all.
    fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let first = Timestamp::from_second(after.as_second().div_euclid(60) * 60 + 60).ok()?;
        let mut at = first.to_zoned(self.zone.clone());
        let horizon = at.year() + HORIZON_YEARS;
        while at.year() <= horizon {
            if !has(self.months, at.month()) {
                at = self.start_of(at.date().last_of_month().tomorrow().ok()?)?;
            } else if !self.fits_day(at.date()) {
                at = self.start_of(at.date().tomorrow().ok()?)?;
            } else if !has(self.hours, at.hour()) {
                at = later(&at, 60 - i64::from(at.minute()))?;
            } else if !has(self.minutes, at.minute()) {
                at = later(&at, 1)?;
            } else {
                return Some(at.timestamp());
            }
        }
        None
    }

    fn start_of(&self, date: Date) -> Option<Zoned> {
        date.to_zoned(self.zone.clone()).ok()
    }

    fn fits_day(&self, date: Date) -> bool {
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        if self.both_days { day && weekday } else { day || weekday }
    }
}

fn later(at: &Zoned, minutes: i64) -> Option<Zoned> {
    at.checked_add(minutes.minutes()).ok()
}

fn has(set: u64, number: i8) -> bool {
    u32::try_from(number).is_ok_and(|number| set & (1 << number) != 0)
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Returns the numbers of a field, and whether it is `*`.
fn field(text: &str, min: u32, max: u32, names: &[&str]) -> Option<(u64, bool)> {
    let (mut set, mut any) = (0, false);
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<u32>().ok().filter(|step| *step > 0)?)),
            None => (part, None),
        };
        let number = |text: &str| {
            let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
            named.and_then(|at| u32::try_from(at).ok()).map(|at| at + min).or_else(|| text.parse().ok())
        };
        let (start, end) = match (range, range.split_once('-')) {
            ("*" | "?", _) => {
                any |= step.is_none_or(|step| step == 1);
                (min, max)
            }
            (_, Some((start, end))) => (number(start)?, number(end)?),
            (single, None) if step.is_some() => (number(single)?, max),
            (single, None) => (number(single)?, number(single)?),
        };
        if start < min || end > max || start > end {
            return None;
        }
        let step = usize::try_from(step.unwrap_or(1)).ok()?;
        set |= (start..=end).step_by(step).fold(0, |set, number| set | (1_u64 << number));
    }
    Some((set, any))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, zone: &str, after: &str, want: &[&str]) {
        let schedule = Schedule::parse(text, TimeZone::get(zone).unwrap()).unwrap();
        let mut at: Timestamp = after.parse().unwrap();
        let mut found = Vec::new();
        for _ in want {
            at = schedule.next(at).unwrap();
            found.push(at.to_string());
        }
        assert_eq!(found, want, "{text} in {zone}");
    }

    #[test]
    fn times_follow_the_fields() {
        let utc = |text: &str, after: &str, want: &[&str]| check(text, "UTC", after, want);
        utc(
            "*/20 * * * *",
            "2026-01-01T00:05:09Z",
            &["2026-01-01T00:20:00Z", "2026-01-01T00:40:00Z", "2026-01-01T01:00:00Z"],
        );
        utc("30 2 * * mon-fri", "2026-01-02T02:30:00Z", &["2026-01-05T02:30:00Z"]);
        utc("0 0 29 2 *", "2026-01-01T00:00:00Z", &["2028-02-29T00:00:00Z"]);
        utc(
            "0 0 13 * 5",
            "2026-01-01T00:00:00Z",
            &["2026-01-02T00:00:00Z", "2026-01-09T00:00:00Z", "2026-01-13T00:00:00Z"],
        );
        utc("0 0 */10 * 5", "2026-01-01T00:00:00Z", &["2026-01-02T00:00:00Z"]);
        utc("@monthly", "2026-01-01T00:00:00Z", &["2026-02-01T00:00:00Z"]);
        utc("@every 90s", "2026-01-01T00:00:00.5Z", &["2026-01-01T00:01:30Z", "2026-01-01T00:03:00Z"]);
        utc("TZ=Europe/Berlin 0 9 * * *", "2026-01-01T00:00:00Z", &["2026-01-01T08:00:00Z"]);
    }

    #[test]
    fn clocks_that_change_skip_and_repeat() {
        check("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", &["2026-03-30T00:30:00Z"]);
        let twice = ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"];
        check("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", &twice);
    }

    #[test]
    fn what_never_comes_has_no_time() {
        let schedule = Schedule::parse("0 0 31 2 *", TimeZone::UTC).unwrap();
        assert_eq!(schedule.next("2026-01-01T00:00:00Z".parse().unwrap()), None);
        assert_eq!(Schedule::parse("61 * * * *", TimeZone::UTC), None);
    }
}
