//! Methods of moments, durations and their parts.

use jiff::{SignedDuration, Span, Timestamp, tz::TimeZone};

use super::{
    eval::operators,
    go_time,
    types::Type,
    value::{Moment, Value},
};

/// Returns the signature of a method, in the notation of builtins.
pub(super) fn signature(base: &Type, name: &str) -> Option<&'static str> {
    Some(match (base, name) {
        (Type::Time, "Year" | "Day" | "Hour" | "Minute" | "Second" | "Nanosecond" | "YearDay") => ">i",
        (Type::Time, "Unix" | "UnixMilli" | "UnixMicro" | "UnixNano") => ">i",
        (Type::Time, "Month") => ">M",
        (Type::Time, "Weekday") => ">W",
        (Type::Time, "In") => "z>t",
        (Type::Time, "UTC" | "Local") => ">t",
        (Type::Time, "Location") => ">z",
        (Type::Time, "Add" | "Truncate" | "Round") => "d>t",
        (Type::Time, "AddDate") => "iii>t",
        (Type::Time, "Sub") => "t>d",
        (Type::Time, "Before" | "After" | "Equal") => "t>b",
        (Type::Time, "Compare") => "t>i",
        (Type::Time, "IsZero") => ">b",
        (Type::Time, "Format") => "s>s",
        (Type::Duration, "Hours" | "Minutes" | "Seconds") => ">f",
        (Type::Duration, "Milliseconds" | "Microseconds" | "Nanoseconds") => ">i",
        (Type::Duration, "Abs") => ">d",
        (Type::Duration, "Round" | "Truncate") => "d>d",
        (Type::Time | Type::Duration | Type::Month | Type::Weekday | Type::Zone, "String") => ">s",
        _ => return None,
    })
}

/// Calls a method.
pub(super) fn call(base: &Value, name: &str, arguments: &[Value]) -> Result<Value, String> {
    match (base, name) {
        (_, "String") => Ok(Value::text(&base.to_string())),
        (Value::Time(moment), _) => of_time(moment, name, arguments),
        (Value::Duration(nanos), _) => of_duration(*nanos, name, arguments),
        _ => Err(format!("cannot fetch {name} from {}", base.type_name())),
    }
}

fn of_time(moment: &Moment, name: &str, arguments: &[Value]) -> Result<Value, String> {
    let zoned = moment.at.to_zoned(moment.zone.clone());
    let moved = |at: Timestamp| Ok(Value::Time(Moment { at, zone: moment.zone.clone() }));
    let seen_in = |zone: TimeZone| Ok(Value::Time(Moment { at: moment.at, zone }));
    let int = |n: i64| Ok(Value::Int(n));
    let range = || "time out of range".to_owned();
    match (name, arguments) {
        ("Year", _) => int(zoned.year().into()),
        ("Month", _) => Ok(Value::Month(zoned.month())),
        ("Day", _) => int(zoned.day().into()),
        ("Hour", _) => int(zoned.hour().into()),
        ("Minute", _) => int(zoned.minute().into()),
        ("Second", _) => int(zoned.second().into()),
        ("Nanosecond", _) => int(zoned.subsec_nanosecond().into()),
        ("YearDay", _) => int(zoned.day_of_year().into()),
        ("Weekday", _) => Ok(Value::Weekday(zoned.weekday().to_sunday_zero_offset())),
        ("Unix", _) => int(moment.at.as_nanosecond().div_euclid(1_000_000_000).try_into().unwrap_or(i64::MAX)),
        ("UnixMilli", _) => int(moment.at.as_nanosecond().div_euclid(1_000_000).try_into().unwrap_or(i64::MAX)),
        ("UnixMicro", _) => int(moment.at.as_nanosecond().div_euclid(1_000).try_into().unwrap_or(i64::MAX)),
        ("UnixNano", _) => int(moment.at.as_nanosecond().try_into().unwrap_or(i64::MAX)),
        ("In", [Value::Zone(zone)]) => seen_in(zone.clone()),
        ("UTC" | "Local", _) => seen_in(TimeZone::UTC),
        ("Location", _) => Ok(Value::Zone(moment.zone.clone())),
        ("Add", [Value::Duration(d)]) => {
            moved(moment.at.checked_add(SignedDuration::from_nanos(*d)).map_err(|_| range())?)
        }
        ("AddDate", [years, months, days]) => {
            let span = Span::new()
                .try_years(operators::to_int(years)?)
                .and_then(|span| span.try_months(operators::to_int(months).unwrap_or(0)))
                .and_then(|span| span.try_days(operators::to_int(days).unwrap_or(0)));
            let shifted = span.and_then(|span| zoned.checked_add(span)).map_err(|_| range())?;
            moved(shifted.timestamp())
        }
        ("Sub", [Value::Time(_)]) => operators::binary("-", &Value::Time(moment.clone()), &arguments[0]),
        ("Before", [Value::Time(other)]) => Ok(Value::Bool(moment.at < other.at)),
        ("After", [Value::Time(other)]) => Ok(Value::Bool(moment.at > other.at)),
        ("Equal", [Value::Time(other)]) => Ok(Value::Bool(moment.at == other.at)),
        ("Compare", [Value::Time(other)]) => int(moment.at.cmp(&other.at) as i64),
        ("IsZero", _) => Ok(Value::Bool(zoned.year() == 1 && zoned.day_of_year() == 1)),
        ("Format", [Value::Text(layout)]) => Ok(Value::text(&go_time::format(moment, layout))),
        ("Truncate" | "Round", [Value::Duration(d)]) => {
            moved(rounded(moment.at, *d, name == "Round").ok_or_else(range)?)
        }
        _ => Err(format!("reflect: cannot call {name} with these arguments")),
    }
}

/// Go counts multiples from the year 1.
fn rounded(at: Timestamp, step: i64, is_nearest: bool) -> Option<Timestamp> {
    if step <= 0 {
        return Some(at);
    }
    const YEAR_ONE: i128 = 62_135_596_800_000_000_000;
    let step = i128::from(step);
    let nanos = at.as_nanosecond();
    let rest = (nanos + YEAR_ONE).rem_euclid(step);
    let up = if is_nearest && rest * 2 >= step { step } else { 0 };
    Timestamp::from_nanosecond(nanos - rest + up).ok()
}

#[expect(clippy::cast_precision_loss, reason = "as Go converts")]
fn of_duration(nanos: i64, name: &str, arguments: &[Value]) -> Result<Value, String> {
    let per = |unit: i64| Ok(Value::Float((nanos / unit) as f64 + (nanos % unit) as f64 / unit as f64));
    match (name, arguments) {
        ("Hours", _) => per(3_600_000_000_000),
        ("Minutes", _) => per(60_000_000_000),
        ("Seconds", _) => per(1_000_000_000),
        ("Milliseconds", _) => Ok(Value::Int(nanos / 1_000_000)),
        ("Microseconds", _) => Ok(Value::Int(nanos / 1_000)),
        ("Nanoseconds", _) => Ok(Value::Int(nanos)),
        ("Abs", _) => Ok(Value::Duration(nanos.saturating_abs())),
        ("Round" | "Truncate", [Value::Duration(step)]) if *step <= 0 => Ok(Value::Duration(nanos)),
        ("Truncate", [Value::Duration(step)]) => Ok(Value::Duration(nanos - nanos % step)),
        ("Round", [Value::Duration(step)]) => {
            let rest = nanos % step;
            let up = if rest.abs() * 2 >= *step { step * rest.signum() } else { 0 };
            Ok(Value::Duration(nanos - rest + up))
        }
        _ => Err(format!("reflect: cannot call {name} with these arguments")),
    }
}
