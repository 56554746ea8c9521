//! Moments read and written by Go's layouts, in which `2006-01-02 15:04:05` says how.

use jiff::{
    Timestamp, Zoned,
    civil::{Date, Time},
    tz::{Offset, TimeZone},
};

use super::value::Moment;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The parts that a layout may have; of two that begin alike the longer first.
const PARTS: [&str; 27] = [
    "January", "Jan", "Monday", "Mon", "MST", "2006", "-07:00", "-0700", "-07", "Z07:00", "Z0700", "002", "01", "02",
    "03", "04", "05", "06", "15", "_2", "PM", "pm", "1", "2", "3", "4", "5",
];

/// Returns the name of a month, 1 to 12.
pub(super) fn month_name(month: i8) -> &'static str {
    usize::try_from(month - 1).ok().and_then(|at| MONTHS.get(at)).copied().unwrap_or("%!Month")
}

/// Returns the name of a day, 0 to 6 from Sunday.
pub(super) fn weekday_name(day: i8) -> &'static str {
    usize::try_from(day).ok().and_then(|at| DAYS.get(at)).copied().unwrap_or("%!Weekday")
}

/// Returns a moment as Go's verb `%v` prints it.
pub(super) fn plain(moment: &Moment) -> String {
    format(moment, "2006-01-02 15:04:05.999999999 -0700 MST")
}

/// Returns a moment in RFC 3339.
pub(super) fn rfc3339(moment: &Moment) -> String {
    format(moment, "2006-01-02T15:04:05.999999999Z07:00")
}

/// Returns a moment by a layout.
pub(super) fn format(moment: &Moment, layout: &str) -> String {
    let zoned = moment.at.to_zoned(moment.zone.clone());
    let mut out = String::new();
    let mut rest = layout;
    while !rest.is_empty() {
        let (part, after) = next_part(rest);
        match part {
            Part::Literal(c) => out.push(c),
            Part::Fraction { digits, is_trimmed, mark } => {
                let nanos = format!("{:09}", zoned.subsec_nanosecond());
                let shown = &nanos[..digits.min(9)];
                let shown = if is_trimmed { shown.trim_end_matches('0') } else { shown };
                if !shown.is_empty() {
                    out.push(mark);
                    out.push_str(shown);
                }
            }
            Part::Named(name) => out.push_str(&written(&zoned, name)),
        }
        rest = after;
    }
    out
}

fn written(zoned: &Zoned, part: &str) -> String {
    let hour12 = if zoned.hour() % 12 == 0 { 12 } else { zoned.hour() % 12 };
    let noon = if zoned.hour() >= 12 { "PM" } else { "AM" };
    match part {
        "January" => month_name(zoned.month()).to_owned(),
        "Jan" => month_name(zoned.month())[..3].to_owned(),
        "Monday" => weekday_name(zoned.weekday().to_sunday_zero_offset()).to_owned(),
        "Mon" => weekday_name(zoned.weekday().to_sunday_zero_offset())[..3].to_owned(),
        "2006" => format!("{:04}", zoned.year()),
        "06" => format!("{:02}", zoned.year().rem_euclid(100)),
        "01" => format!("{:02}", zoned.month()),
        "1" => zoned.month().to_string(),
        "02" => format!("{:02}", zoned.day()),
        "_2" => format!("{:2}", zoned.day()),
        "2" => zoned.day().to_string(),
        "002" => format!("{:03}", zoned.day_of_year()),
        "15" => format!("{:02}", zoned.hour()),
        "03" => format!("{hour12:02}"),
        "3" => hour12.to_string(),
        "04" => format!("{:02}", zoned.minute()),
        "4" => zoned.minute().to_string(),
        "05" => format!("{:02}", zoned.second()),
        "5" => zoned.second().to_string(),
        "PM" => noon.to_owned(),
        "pm" => noon.to_lowercase(),
        "MST" => zone_name(zoned),
        part => offset_text(zoned.offset().seconds(), part),
    }
}

fn zone_name(zoned: &Zoned) -> String {
    if *zoned.time_zone() == TimeZone::UTC {
        return "UTC".to_owned();
    }
    let info = zoned.time_zone().to_offset_info(zoned.timestamp());
    let name = info.abbreviation();
    if name.starts_with(['+', '-']) { offset_text(zoned.offset().seconds(), "-0700") } else { name.to_owned() }
}

fn offset_text(seconds: i32, part: &str) -> String {
    if part.starts_with('Z') && seconds == 0 {
        return "Z".to_owned();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() / 60 % 60);
    match part {
        "-07" => format!("{sign}{hours:02}"),
        part if part.ends_with(":00") => format!("{sign}{hours:02}:{minutes:02}"),
        _ => format!("{sign}{hours:02}{minutes:02}"),
    }
}

enum Part {
    Literal(char),
    Named(&'static str),
    Fraction { digits: usize, is_trimmed: bool, mark: char },
}

fn next_part(layout: &str) -> (Part, &str) {
    if let Some(part) = fraction(layout) {
        return part;
    }
    let named = PARTS.into_iter().find(|part| {
        // `Jan` inside a longer word is no month.
        layout.starts_with(part)
            && !(matches!(*part, "Jan" | "Mon") && layout[3..].starts_with(|c: char| c.is_ascii_lowercase()))
    });
    match named {
        Some(part) => (Part::Named(part), &layout[part.len()..]),
        None => {
            let c = layout.chars().next().unwrap_or(' ');
            (Part::Literal(c), &layout[c.len_utf8()..])
        }
    }
}

/// `.000` or `.999` that no further digit follows.
fn fraction(layout: &str) -> Option<(Part, &str)> {
    let mark = layout.chars().next().filter(|c| matches!(c, '.' | ','))?;
    let digit = layout[1..].chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let digits = layout[1..].chars().take_while(|c| *c == digit).count();
    let after = &layout[1 + digits..];
    let part = Part::Fraction { digits, is_trimmed: digit == '9', mark };
    (!after.starts_with(|c: char| c.is_ascii_digit())).then_some((part, after))
}

/// What has been read so far.
struct Read {
    year: i16,
    month: i8,
    day: i8,
    day_of_year: Option<i16>,
    hour: i8,
    minute: i8,
    second: i8,
    nanos: i32,
    is_afternoon: Option<bool>,
    offset: Option<i32>,
}

/// Reads a moment by a layout; where the text names no zone, it is in `zone`. Without a year it is the year 0.
///
/// # Errors
/// Text that is not in the layout.
pub(super) fn parse(layout: &str, text: &str, zone: &TimeZone) -> Result<Moment, String> {
    let wrong =
        |rest: &str, part: &str| format!("parsing time {text:?} as {layout:?}: cannot parse {rest:?} as {part:?}");
    let mut read = Read {
        year: 0,
        month: 1,
        day: 1,
        day_of_year: None,
        hour: 0,
        minute: 0,
        second: 0,
        nanos: 0,
        is_afternoon: None,
        offset: None,
    };
    let (mut layout_rest, mut rest) = (layout, text);
    while !layout_rest.is_empty() {
        let (part, after) = next_part(layout_rest);
        rest = match part {
            Part::Literal(c) => rest.strip_prefix(c).ok_or_else(|| wrong(rest, &c.to_string()))?,
            Part::Fraction { digits, is_trimmed, .. } => {
                read_fraction(rest, digits, is_trimmed, &mut read).ok_or_else(|| wrong(rest, ".000"))?
            }
            Part::Named(name) => read_part(rest, name, &mut read).ok_or_else(|| wrong(rest, name))?,
        };
        // Go reads a fraction after the seconds even where the layout has none.
        let is_seconds = matches!(part, Part::Named("05" | "5"));
        if is_seconds && fraction(after).is_none() && rest.starts_with(['.', ',']) {
            let digits = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
            if digits > 0 {
                rest = read_fraction(rest, digits, false, &mut read).unwrap_or(rest);
            }
        }
        layout_rest = after;
    }
    if !rest.is_empty() {
        return Err(format!("parsing time {text:?}: extra text: {rest:?}"));
    }
    moment(&read, zone).ok_or_else(|| format!("parsing time {text:?}: day out of range"))
}

fn moment(read: &Read, zone: &TimeZone) -> Option<Moment> {
    let hour = match read.is_afternoon {
        Some(true) if read.hour < 12 => read.hour + 12,
        Some(false) if read.hour == 12 => 0,
        _ => read.hour,
    };
    let date = match read.day_of_year {
        Some(day) => Date::new(read.year, 1, 1).ok()?.with().day_of_year(day).build().ok()?,
        None => Date::new(read.year, read.month, read.day).ok()?,
    };
    let time = Time::new(hour, read.minute, read.second, read.nanos).ok()?;
    let zone = match read.offset {
        Some(0) => TimeZone::UTC,
        Some(seconds) => TimeZone::fixed(Offset::from_seconds(seconds).ok()?),
        None => zone.clone(),
    };
    let at: Timestamp = zone.to_ambiguous_timestamp(date.to_datetime(time)).compatible().ok()?;
    Some(Moment { at, zone })
}

fn digits(text: &str, least: usize, most: usize) -> Option<(i32, &str)> {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    (count >= least).then(|| text[..count].parse().ok().map(|number| (number, &text[count..])))?
}

fn read_fraction<'t>(text: &'t str, count: usize, is_trimmed: bool, read: &mut Read) -> Option<&'t str> {
    let Some(after) = text.strip_prefix(['.', ',']) else { return is_trimmed.then_some(text) };
    let found = after.bytes().take_while(u8::is_ascii_digit).count();
    if found == 0 || (!is_trimmed && found != count) {
        return None;
    }
    let nanos = format!("{:0<9}", &after[..found.min(9)]);
    read.nanos = nanos.parse().ok()?;
    Some(&after[found..])
}

fn read_part<'t>(text: &'t str, part: &str, read: &mut Read) -> Option<&'t str> {
    let number = |least: usize, most: usize| digits(text, least, most);
    let (value, rest) = match part {
        "January" | "Jan" | "Monday" | "Mon" => return read_name(text, part, read),
        "PM" | "pm" => {
            let word = text.get(..2)?;
            read.is_afternoon = Some(match word {
                "PM" | "pm" => true,
                "AM" | "am" => false,
                _ => return None,
            });
            return Some(&text[2..]);
        }
        "MST" => return read_zone_name(text, read),
        "2006" => number(4, 4)?,
        "002" => number(3, 3)?,
        "06" | "01" | "02" | "03" | "04" | "05" => number(2, 2)?,
        "15" => number(2, 2)?,
        "1" | "2" | "3" | "4" | "5" => number(1, 2)?,
        "_2" => digits(text.strip_prefix(' ').unwrap_or(text), 1, 2)?,
        _ => return read_offset(text, part, read),
    };
    match part {
        "2006" => read.year = i16::try_from(value).ok()?,
        "06" => read.year = i16::try_from(if value >= 69 { 1900 + value } else { 2000 + value }).ok()?,
        "002" => read.day_of_year = Some(i16::try_from(value).ok()?),
        part => {
            let value = i8::try_from(value).ok()?;
            match part {
                "01" | "1" => read.month = value,
                "02" | "2" | "_2" => read.day = value,
                "15" | "03" | "3" => read.hour = value,
                "04" | "4" => read.minute = value,
                _ => read.second = value,
            }
        }
    }
    Some(rest)
}

fn read_name<'t>(text: &'t str, part: &str, read: &mut Read) -> Option<&'t str> {
    let is_month = part.starts_with('J');
    let names: &[&str] = if is_month { &MONTHS } else { &DAYS };
    let length = |name: &str| if part.len() == 3 { 3 } else { name.len() };
    let (at, name) = names.iter().enumerate().find(|(_, name)| {
        text.get(..length(name)).is_some_and(|word| word.eq_ignore_ascii_case(&name[..length(name)]))
    })?;
    if is_month {
        read.month = i8::try_from(at + 1).ok()?;
    }
    Some(&text[length(name)..])
}

/// A zone by its letters: only UTC says how far it is; Go takes others as an unknown distance of zero.
fn read_zone_name<'t>(text: &'t str, read: &mut Read) -> Option<&'t str> {
    let letters = text.bytes().take_while(u8::is_ascii_uppercase).count();
    if !(3..=5).contains(&letters) {
        return None;
    }
    read.offset = read.offset.or(Some(0));
    Some(&text[letters..])
}

fn read_offset<'t>(text: &'t str, part: &str, read: &mut Read) -> Option<&'t str> {
    if part.starts_with('Z')
        && let Some(rest) = text.strip_prefix('Z')
    {
        read.offset = Some(0);
        return Some(rest);
    }
    let sign = match text.bytes().next()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, rest) = digits(&text[1..], 2, 2)?;
    let (minutes, rest) = match part {
        "-07" => (0, rest),
        part if part.ends_with(":00") => digits(rest.strip_prefix(':')?, 2, 2)?,
        _ => digits(rest, 2, 2)?,
    };
    read.offset = Some(sign * (hours * 3600 + minutes * 60));
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(layout: &str, text: &str, expected: &str) {
        let parsed = parse(layout, text, &TimeZone::UTC).map(|moment| moment.at.to_string());
        assert_eq!(parsed.as_deref().unwrap_or("error"), expected, "{text} by {layout}");
    }

    #[test]
    fn texts_are_read_by_layouts() {
        check("2006-01-02", "2024-02-29", "2024-02-29T00:00:00Z");
        check("2006-01-02", "2023-02-29", "error");
        check("2006-01-02T15:04:05Z07:00", "2024-01-02T03:04:05.25+02:00", "2024-01-02T01:04:05.25Z");
        check("Jan _2, 2006 at 3:04pm", "Mar  5, 2021 at 1:07pm", "2021-03-05T13:07:00Z");
        check("Mon, 02 Jan 2006 15:04:05 MST", "Tue, 10 Nov 2009 23:00:00 UTC", "2009-11-10T23:00:00Z");
        check("2006-01-02", "2024-02-01x", "error");
    }

    #[test]
    fn moments_are_written_by_layouts() {
        let at: Timestamp = "2024-03-05T13:07:09.5Z".parse().unwrap();
        let moment = Moment { at, zone: TimeZone::UTC };
        assert_eq!(format(&moment, "Monday 2 January 06 03:04PM .000"), "Tuesday 5 March 24 01:07PM .500");
        assert_eq!(plain(&moment), "2024-03-05 13:07:09.5 +0000 UTC");
        assert_eq!(rfc3339(&moment), "2024-03-05T13:07:09.5Z");
    }
}
