//! Builtins that make moments, durations and zones.

use jiff::{Timestamp, tz::TimeZone};

use super::super::eval::operators;
use crate::expr::{
    go_time,
    types::Type,
    value::{Moment, Value},
};

/// What `date` tries when no layout is given.
const LAYOUTS: [&str; 7] = [
    "2006-01-02",
    "15:04:05",
    "2006-01-02 15:04:05",
    "2006-01-02T15:04:05Z07:00",
    "02 Jan 06 15:04 MST",
    "Monday, 02-Jan-06 15:04:05 MST",
    "Mon, 02 Jan 2006 15:04:05 MST",
];

/// Checks `now` and `date`.
pub(super) fn validate(name: &str, types: &[Type]) -> Result<Type, String> {
    let is_zoned = matches!(types.first(), Some(Type::Zone));
    if name == "now" {
        return match types {
            [] | [Type::Zone] => Ok(Type::Time),
            _ => Err(format!("invalid number of arguments (expected 0, got {})", types.len())),
        };
    }
    if types.is_empty() {
        return Err("invalid number of arguments (expected at least 1, got 0)".to_owned());
    }
    let count = types.len() - usize::from(is_zoned);
    if count > 3 {
        return Err(format!("invalid number of arguments (expected at most 3, got {count})"));
    }
    Ok(Type::Time)
}

/// Runs one of them.
pub(super) fn call(name: &str, arguments: &[Value], now: Timestamp) -> Result<Value, String> {
    match (name, arguments) {
        ("now", [Value::Zone(zone)]) => Ok(Value::Time(Moment { at: now, zone: zone.clone() })),
        ("now", _) => Ok(Value::Time(Moment { at: now, zone: TimeZone::UTC })),
        ("duration", [text, ..]) => {
            let duration = tiphys_machinery::go_duration::parse(operators::as_text(text)?);
            let nanos = duration.map_err(|error| error.to_string())?.as_nanos();
            Ok(Value::Duration(i64::try_from(nanos).unwrap_or(i64::MAX)))
        }
        ("timezone", [text, ..]) => zone(operators::as_text(text)?).map(Value::Zone),
        ("date", _) => date(arguments),
        _ => Err(format!("not enough arguments to call {name}")),
    }
}

/// Returns the zone of a name, as Go's `LoadLocation`.
fn zone(name: &str) -> Result<TimeZone, String> {
    match name {
        // The process has no zone of its own: what it decides must not depend on where it runs.
        "" | "UTC" | "Local" => Ok(TimeZone::UTC),
        _ => TimeZone::get(name).map_err(|_| format!("unknown time zone {name}")),
    }
}

fn date(arguments: &[Value]) -> Result<Value, String> {
    let (given, arguments) = match arguments {
        [Value::Zone(zone), rest @ ..] => (Some(zone.clone()), rest),
        _ => (None, arguments),
    };
    let text = operators::as_text(arguments.first().unwrap_or(&Value::Nil))?;
    let named = match arguments.get(2) {
        Some(name) => Some(zone(operators::as_text(name)?)?),
        None => None,
    };
    let zone = named.or(given).unwrap_or(TimeZone::UTC);
    let parsed = match arguments.get(1) {
        Some(layout) => go_time::parse(operators::as_text(layout)?, text, &zone)?,
        None => {
            let tried = LAYOUTS.iter().find_map(|layout| go_time::parse(layout, text, &zone).ok());
            tried.ok_or_else(|| format!("invalid date {text}"))?
        }
    };
    Ok(Value::Time(parsed))
}
