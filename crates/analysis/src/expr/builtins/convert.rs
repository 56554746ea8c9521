//! Conversions between types and notations.

use std::fmt::Write as _;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{super::eval::operators, wrong_count};
use crate::expr::{
    types::Type,
    value::{self, Value},
};

/// Checks `int` and `float`.
pub(super) fn validate(name: &str, types: &[Type]) -> Result<Type, String> {
    let [ty] = types else { return Err(wrong_count(1, types.len())) };
    let result = if name == "int" { Type::Int } else { Type::Float };
    match ty {
        Type::Text | Type::Month | Type::Weekday | Type::Duration => Ok(result),
        ty if ty.is_number() || ty.is_unknown() => Ok(result),
        ty => Err(format!("invalid argument for {name} (type {})", ty.as_argument())),
    }
}

/// `int(x)`.
pub(super) fn int(value: &Value) -> Result<Value, String> {
    Ok(Value::Int(match value {
        Value::Int(n) | Value::Duration(n) => *n,
        Value::Float(f) => operators::truncate(*f),
        Value::Month(n) | Value::Weekday(n) => i64::from(*n),
        Value::Text(text) => parse_int(text).map_err(|_| format!("invalid operation: int({text})"))?,
        other => return Err(format!("invalid operation: int({})", other.type_name())),
    }))
}

/// `float(x)`.
pub(super) fn float(value: &Value) -> Result<Value, String> {
    Ok(Value::Float(match value {
        Value::Text(text) => parse_float(text).map_err(|_| format!("invalid operation: float({text})"))?,
        other => operators::to_float(other)?,
    }))
}

/// Parses digits with a sign.
fn parse_int(text: &str) -> Result<i64, String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"));
    }
    text.parse().map_err(|_| format!("strconv.ParseInt: parsing {text:?}: value out of range"))
}

/// Parses a floating-point number as Go does: decimal or hexadecimal, underscores not allowed, `inf` and `nan` in any case.
fn parse_float(text: &str) -> Result<f64, String> {
    let invalid = || format!("strconv.ParseFloat: parsing {text:?}: invalid syntax");
    let lower = text.to_ascii_lowercase();
    let unsigned = lower.strip_prefix(['+', '-']).unwrap_or(&lower);
    match unsigned {
        "inf" | "infinity" => {
            return Ok(if lower.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY });
        }
        "nan" if unsigned.len() == lower.len() => return Ok(f64::NAN),
        _ if unsigned.starts_with("0x") => {
            let parsed = hexadecimal(&unsigned[2..]).ok_or_else(invalid)?;
            return Ok(if lower.starts_with('-') { -parsed } else { parsed });
        }
        _ => {}
    }
    if !unsigned.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'+' | b'-')) {
        return Err(invalid());
    }
    let number: f64 = lower.parse().map_err(|_| invalid())?;
    if number.is_infinite() {
        return Err(format!("strconv.ParseFloat: parsing {text:?}: value out of range"));
    }
    Ok(number)
}

/// Parses `1.8p3`: hexadecimal digits and a binary exponent, which Go requires.
fn hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let mut exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut number = 0.0;
    for digit in whole.chars().chain(fraction.chars()) {
        number = number * 16.0 + f64::from(digit.to_digit(16)?);
    }
    exponent -= 4 * i32::try_from(fraction.len()).ok()?;
    (!whole.is_empty() || !fraction.is_empty()).then(|| number * 2f64.powi(exponent))
}

/// The functions of the environment.
pub(in crate::expr) fn environment(name: &str, arguments: &[Value]) -> Result<Value, String> {
    let one = arguments.first().unwrap_or(&Value::Nil);
    match (name, one) {
        ("isNaN", Value::Float(f)) => Ok(Value::Bool(f.is_nan())),
        ("isInf", Value::Float(f)) => Ok(Value::Bool(f.is_infinite())),
        ("isNaN" | "isInf", other) => {
            let found = if matches!(other, Value::Nil) { "nil" } else { other.type_name() };
            Err(format!("interface conversion: interface {{}} is {found}, not float64"))
        }
        ("asInt", Value::Int(_)) | ("asFloat", Value::Float(_)) => Ok(one.clone()),
        ("asInt", Value::Float(f)) => Ok(Value::Int(operators::truncate(*f))),
        ("asInt", Value::Text(text)) => parse_int(text).map(Value::Int),
        ("asFloat", Value::Text(text)) => parse_float(text).map(Value::Float),
        ("asFloat", Value::Int(_)) => operators::to_float(one).map(Value::Float),
        _ => Err(format!("{name}() not supported on {} {one}", one.type_name())),
    }
}

/// What `type(x)` says.
pub(super) fn type_word(value: &Value) -> &'static str {
    match value {
        Value::Nil => "nil",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Float(_) => "float",
        Value::Text(_) => "string",
        Value::List(_) => "array",
        Value::Map(_) => "map",
        Value::Function(_) => "func",
        Value::Zone(_) => "unknown",
        other => other.type_name(),
    }
}

/// `toJSON(x)`: indented by two spaces, as Go writes.
pub(super) fn to_json(value: &Value) -> Result<String, String> {
    let mut out = String::new();
    write_json(value, 0, &mut out)?;
    Ok(out)
}

fn write_json(value: &Value, depth: usize, out: &mut String) -> Result<(), String> {
    match value {
        Value::Nil => out.push_str("null"),
        Value::Bool(b) => out.push_str(&b.to_string()),
        Value::Int(n) | Value::Duration(n) => out.push_str(&n.to_string()),
        Value::Month(n) | Value::Weekday(n) => out.push_str(&n.to_string()),
        Value::Float(f) if f.is_finite() => out.push_str(&json_float(*f)),
        Value::Float(f) => return Err(format!("json: unsupported value: {}", value::float(*f))),
        Value::Text(text) => out.push_str(&json_text(text)),
        Value::Time(moment) => out.push_str(&json_text(&crate::expr::go_time::rfc3339(moment))),
        Value::Zone(_) => out.push_str("{}"),
        Value::List(list) => {
            let items = list.items.iter().map(|item| (None, item));
            write_all(items, ['[', ']'], depth, out)?;
        }
        Value::Map(map) => {
            let entries: Vec<_> = map.entries.iter().map(|(key, item)| (key.value().to_string(), item)).collect();
            write_all(entries.iter().map(|(key, item)| (Some(key.as_str()), *item)), ['{', '}'], depth, out)?;
        }
        Value::Function(_) => return Err("json: unsupported type: func".to_owned()),
    }
    Ok(())
}

fn write_all<'v>(
    items: impl Iterator<Item = (Option<&'v str>, &'v Value)>,
    brackets: [char; 2],
    depth: usize,
    out: &mut String,
) -> Result<(), String> {
    out.push(brackets[0]);
    let mut is_first = true;
    for (key, item) in items {
        out.push_str(if is_first { "\n" } else { ",\n" });
        is_first = false;
        out.push_str(&"  ".repeat(depth + 1));
        if let Some(key) = key {
            let _ = write!(out, "{}: ", json_text(key));
        }
        write_json(item, depth + 1, out)?;
    }
    if !is_first {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    }
    out.push(brackets[1]);
    Ok(())
}

/// Text as Go writes it in JSON, with what matters in HTML escaped.
fn json_text(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let mut out = String::with_capacity(quoted.len());
    for c in quoted.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// A number as Go writes it in JSON: an exponent below 1e-6 and from 1e21 on.
fn json_float(f: f64) -> String {
    let size = f.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{f:e}");
        return match text.split_once('e') {
            Some((digits, exponent)) if exponent.starts_with('-') => format!("{digits}e{exponent}"),
            Some((digits, exponent)) => format!("{digits}e+{exponent}"),
            None => text,
        };
    }
    format!("{f}")
}

/// `fromJSON(s)`.
pub(super) fn from_json(value: &Value) -> Result<Value, String> {
    let text = operators::as_text(value)?;
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(json) => Ok(Value::from_json(&json)),
        Err(error) if error.is_eof() => Err("unexpected end of JSON input".to_owned()),
        Err(error) => {
            let at = text
                .lines()
                .nth(error.line().saturating_sub(1))
                .and_then(|line| line.as_bytes().get(error.column().saturating_sub(1)).map(|byte| char::from(*byte)));
            let position = if error.line() == 1 && error.column() <= 1 + leading(text) {
                "looking for beginning of value"
            } else {
                "after top-level value"
            };
            Err(format!("invalid character '{}' {position}", at.unwrap_or(' ')))
        }
    }
}

fn leading(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

/// `toBase64(s)` and `fromBase64(s)`.
pub(super) fn base64(name: &str, value: &Value) -> Result<Value, String> {
    let text = operators::as_text(value)?;
    if name == "toBase64" {
        return Ok(Value::text(&STANDARD.encode(text.as_bytes())));
    }
    let bytes = STANDARD.decode(text.as_bytes()).map_err(|error| match error {
        base64::DecodeError::InvalidByte(at, _) => format!("illegal base64 data at input byte {at}"),
        _ => format!("illegal base64 data at input byte {}", text.len()),
    })?;
    Ok(Value::text(&String::from_utf8_lossy(&bytes)))
}
