//! Scalars as Go reads them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Number, Value, json};

use crate::{
    quantity::Quantity,
    schema::{Schema, Type},
};

/// Why a scalar does not fit.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// Another JSON type; said together with the Go field.
    Type {
        /// What was given: `string`, `number 1.5`.
        given: String,
        /// The Go type, for instance `int32`.
        wanted: String,
    },
    /// A text of its own.
    Text(String),
}

/// Brings a scalar into the form in which a built-in kind keeps it.
pub(super) fn coerce(schema: &Schema, value: Value) -> Result<Value, Mismatch> {
    if value.is_null() {
        return Ok(value);
    }
    match schema.ty {
        Type::Any => Ok(value),
        Type::String => text(schema, value),
        Type::Integer => integer(schema, value),
        Type::Boolean if value.is_boolean() => Ok(value),
        Type::Number if value.is_number() => Ok(value),
        Type::IntOrString => int_or_string(value),
        Type::Quantity => match Quantity::from_json(&value) {
            Ok(quantity) => Ok(json!(quantity.to_string())),
            Err(error) => Err(Mismatch::Text(error.to_string())),
        },
        Type::Object if schema.preserve_unknown => Ok(value),
        Type::Object | Type::Array | Type::Boolean | Type::Number => Err(mismatch(schema, &value)),
    }
}

/// Returns whether values of this type have a JSON reader of their own in Go.
pub(super) fn reads_itself(schema: &Schema) -> bool {
    let time = schema.ty == Type::String && schema.format.as_deref() == Some("date-time");
    time || matches!(schema.ty, Type::Quantity | Type::IntOrString)
}

/// An integral number that was written with a fraction or an exponent is an integer once Go has re-encoded it.
pub(super) fn number(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        return Value::from(value as i64);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

pub(super) fn mismatch(schema: &Schema, value: &Value) -> Mismatch {
    Mismatch::Type { given: super::error::json_type(value).to_owned(), wanted: go_type(schema) }
}

/// The Go type that a node stands for.
pub(super) fn go_type(schema: &Schema) -> String {
    match (schema.ty, schema.type_name.as_deref()) {
        (Type::Quantity, _) => "resource.Quantity".to_owned(),
        (Type::IntOrString, _) => "intstr.IntOrString".to_owned(),
        (Type::Array, _) => format!("[]{}", schema.items.as_deref().map_or_else(String::new, go_type)),
        (Type::Object, _) if schema.additional.is_some() => {
            let values = schema.additional.as_deref().map_or_else(String::new, go_type);
            if values == "resource.Quantity" { "v1.ResourceList".to_owned() } else { format!("map[string]{values}") }
        }
        (_, Some(name)) => {
            name.rsplitn(3, '.').take(2).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join(".")
        }
        (Type::Integer, None) => schema.format.as_deref().unwrap_or("int64").to_owned(),
        (Type::Number, None) => "float64".to_owned(),
        (Type::Boolean, None) => "bool".to_owned(),
        (Type::String, None) if schema.format.as_deref() == Some("byte") => "[]uint8".to_owned(),
        (Type::String, None) => "string".to_owned(),
        (Type::Any | Type::Object, None) => "map[string]interface {}".to_owned(),
    }
}

fn text(schema: &Schema, value: Value) -> Result<Value, Mismatch> {
    let Value::String(text) = value else {
        if schema.format.as_deref() == Some("date-time") {
            // Times read themselves, as strings.
            let given = super::error::json_type(&value).to_owned();
            return Err(Mismatch::Type { given, wanted: "string".to_owned() });
        }
        return Err(mismatch(schema, &value));
    };
    match (schema.format.as_deref(), schema.type_name.as_deref()) {
        (Some("byte"), _) => bytes(&text),
        (Some("date-time"), Some(name)) if name.ends_with("MicroTime") => time(&text, Precision::Micro),
        (Some("date-time"), _) => time(&text, Precision::Second),
        _ => Ok(Value::String(text)),
    }
}

fn integer(schema: &Schema, value: Value) -> Result<Value, Mismatch> {
    let Value::Number(number) = &value else { return Err(mismatch(schema, &value)) };
    let narrow = schema.format.as_deref() == Some("int32");
    match number.as_i64() {
        Some(n) if !narrow || i32::try_from(n).is_ok() => Ok(value),
        _ => Err(Mismatch::Type { given: format!("number {number}"), wanted: go_type(schema) }),
    }
}

fn int_or_string(value: Value) -> Result<Value, Mismatch> {
    let refuse = |given: &str| Mismatch::Type { given: given.to_owned(), wanted: "int32".to_owned() };
    match &value {
        Value::String(_) => Ok(value),
        Value::Number(number) => match number.as_i64() {
            Some(n) if i32::try_from(n).is_ok() => Ok(value),
            _ => Err(refuse(&format!("number {number}"))),
        },
        other => Err(refuse(super::error::json_type(other))),
    }
}

/// Base64 that is re-encoded: line breaks inside are legal and go away.
fn bytes(text: &str) -> Result<Value, Mismatch> {
    let clean: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    match STANDARD.decode(&clean) {
        Ok(bytes) => Ok(json!(STANDARD.encode(bytes))),
        Err(error) => {
            let at = match error {
                base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => at,
                base64::DecodeError::InvalidLength(length) => length,
                base64::DecodeError::InvalidPadding => clean.len(),
            };
            Err(Mismatch::Text(format!("illegal base64 data at input byte {at}")))
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Precision {
    Second,
    Micro,
}

/// RFC 3339 into UTC. The zero time of Go is no time. `MicroTime` has six digits.
fn time(text: &str, precision: Precision) -> Result<Value, Mismatch> {
    check_time(text, precision)?;
    let parsed: Timestamp =
        text.parse().map_err(|_| Mismatch::Text(format!("parsing time {text:?}: day out of range")))?;
    Ok(match precision {
        _ if text.starts_with("0001-01-01T00:00:00") => Value::Null,
        Precision::Second => json!(format!("{parsed:.0}")),
        Precision::Micro => json!(format!("{parsed:.6}")),
    })
}

/// Finds the first element of the layout that the text lacks, which is what Go's error names.
fn check_time(text: &str, precision: Precision) -> Result<(), Mismatch> {
    let layout = match precision {
        Precision::Second => "2006-01-02T15:04:05Z07:00",
        Precision::Micro => "2006-01-02T15:04:05.000000Z07:00",
    };
    let fail = |rest: &str, element: &str| {
        Mismatch::Text(format!("parsing time {text:?} as {layout:?}: cannot parse {rest:?} as {element:?}"))
    };
    let mut rest = text;
    for element in ["2006", "-", "01", "-", "02", "T", "15", ":", "04", ":", "05"] {
        let (head, tail) = rest.split_at_checked(element.len()).ok_or_else(|| fail(rest, element))?;
        let digits = element.as_bytes()[0].is_ascii_digit();
        let fits = if digits { head.bytes().all(|b| b.is_ascii_digit()) } else { head == element };
        if !fits {
            return Err(fail(rest, element));
        }
        rest = tail;
    }
    if precision == Precision::Micro {
        let six = rest.strip_prefix('.').and_then(|f| f.get(..6));
        if six.is_none_or(|digits| !digits.bytes().all(|b| b.is_ascii_digit())) {
            return Err(fail(rest, ".000000"));
        }
        if rest[7..].starts_with(|c: char| c.is_ascii_digit()) {
            return Err(fail(&rest[7..], "Z07:00"));
        }
    }
    let fraction = rest.strip_prefix('.').map(|f| f.trim_start_matches(|c: char| c.is_ascii_digit()));
    let zone = fraction.unwrap_or(rest);
    let offset = zone.as_bytes();
    let numeric = offset.len() == 6 && matches!(offset[0], b'+' | b'-') && offset[3] == b':';
    if zone != "Z" && !numeric {
        return Err(fail(zone, "Z07:00"));
    }
    check_ranges(text)
}

fn check_ranges(text: &str) -> Result<(), Mismatch> {
    for (at, most, name) in [(5, 12, "month"), (8, 31, "day"), (11, 23, "hour"), (14, 59, "minute"), (17, 59, "second")]
    {
        let value: u32 = text[at..at + 2].parse().unwrap_or(u32::MAX);
        if value > most || (value == 0 && at < 11) {
            return Err(Mismatch::Text(format!("parsing time {text:?}: {name} out of range")));
        }
    }
    Ok(())
}
