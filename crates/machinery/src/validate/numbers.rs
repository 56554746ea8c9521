//! Numbers and percentages.

use serde_json::Value;

use crate::{error::Cause, field::Path, names};

/// Refuses a negative number in a field.
pub(super) fn non_negative(object: &Value, field: &str, path: &Path) -> Vec<Cause> {
    let number = object[field].as_i64().filter(|number| *number < 0);
    number.map(|number| path.child(field).invalid(number, "must be greater than or equal to 0")).into_iter().collect()
}

/// Refuses negative numbers in several fields.
pub(super) fn all_non_negative(object: &Value, fields: &[&str], path: &Path) -> Vec<Cause> {
    fields.iter().flat_map(|field| non_negative(object, field, path)).collect()
}

/// Refuses what is neither a number from 0 nor a percentage.
pub(super) fn int_or_percent(object: &Value, field: &str, path: &Path) -> Vec<Cause> {
    match &object[field] {
        Value::String(text) => {
            names::percent(text).iter().map(|why| path.child(field).invalid(text.as_str(), why)).collect()
        }
        _ => non_negative(object, field, path),
    }
}

/// Refuses a percentage above 100.
pub(super) fn at_most_all(object: &Value, field: &str, path: &Path) -> Option<Cause> {
    let value = &object[field];
    let percent = value.as_str().filter(|text| names::percent(text).is_empty())?;
    let above = percent.trim_end_matches('%').parse::<i64>().map_or(true, |number| number > 100);
    above.then(|| path.child(field).invalid(value.clone(), "must not be greater than 100%"))
}

/// Returns the number, or the number of percents.
pub(super) fn amount(value: &Value) -> i64 {
    match value {
        Value::String(text) => text.trim_end_matches('%').parse().unwrap_or(0),
        other => other.as_i64().unwrap_or(0),
    }
}

/// Refuses what is no port number.
pub(super) fn port(number: i64, path: &Path) -> Option<Cause> {
    let fits = (1..=65535).contains(&number);
    (!fits).then(|| path.invalid(number, "must be between 1 and 65535, inclusive"))
}

/// Refuses a port that is neither a number nor a name.
pub(super) fn port_or_name(value: &Value, path: &Path) -> Vec<Cause> {
    match value {
        Value::String(name) => names::port_name(name).iter().map(|why| path.invalid(name.as_str(), why)).collect(),
        other => port(other.as_i64().unwrap_or_default(), path).into_iter().collect(),
    }
}
