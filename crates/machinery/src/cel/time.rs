//! Times and durations.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{EvalError, Val};

/// Reads a duration as Go writes it: `1h30m`, `-1.5s`, `100ms`.
pub(super) fn duration(text: &str) -> Option<SignedDuration> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    let mut nanos: f64 = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let value: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, scale) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit))?;
        nanos += value * scale;
        rest = &rest[unit.len()..];
    }
    if nanos > i64::MAX as f64 {
        return None;
    }
    let nanos = nanos.round() as i64;
    Some(SignedDuration::from_nanos(if negative { -nanos } else { nanos }))
}

/// Longer names first where one begins like another.
const UNITS: [(&str, f64); 8] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];

/// The accessors of times and durations, in UTC or in the time zone given.
pub(super) fn part(name: &str, of: &Val, zone: Option<&Val>) -> Result<Val, EvalError> {
    match of {
        Val::Duration(d) => Ok(Val::Int(match name {
            "getHours" => d.as_hours(),
            "getMinutes" => d.as_mins(),
            "getSeconds" => d.as_secs(),
            "getMilliseconds" => i64::try_from(d.as_millis()).unwrap_or(i64::MAX),
            _ => return Err(EvalError::Overload),
        })),
        Val::Time(at) => time_part(name, *at, zone),
        _ => Err(EvalError::Overload),
    }
}

fn time_part(name: &str, at: Timestamp, zone: Option<&Val>) -> Result<Val, EvalError> {
    let zone = match zone {
        None => TimeZone::UTC,
        Some(Val::Text(text)) if matches!(text.as_ref(), "UTC" | "Z") => TimeZone::UTC,
        Some(_) => return Err(EvalError::Value("unknown time zone".to_owned())),
    };
    let at = at.to_zoned(zone);
    let value = match name {
        "getFullYear" => i64::from(at.year()),
        "getMonth" => i64::from(at.month()) - 1,
        "getDate" => i64::from(at.day()),
        "getDayOfMonth" => i64::from(at.day()) - 1,
        "getDayOfWeek" => i64::from(at.weekday().to_sunday_zero_offset()),
        "getDayOfYear" => i64::from(at.day_of_year()) - 1,
        "getHours" => i64::from(at.hour()),
        "getMinutes" => i64::from(at.minute()),
        "getSeconds" => i64::from(at.second()),
        "getMilliseconds" => i64::from(at.millisecond()),
        _ => return Err(EvalError::Overload),
    };
    Ok(Val::Int(value))
}
