//! Operators on values, with Go's number semantics.

use std::{cmp::Ordering, sync::Arc};

use crate::expr::value::{Items, Key, Keys, Value};

/// Returns the truth value.
pub(in crate::expr) fn as_bool(value: &Value) -> Result<bool, String> {
    match value {
        Value::Bool(b) => Ok(*b),
        other => Err(conversion(other, "bool")),
    }
}

/// Returns the text.
pub(in crate::expr) fn as_text(value: &Value) -> Result<&Arc<str>, String> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(conversion(other, "string")),
    }
}

fn conversion(value: &Value, wanted: &str) -> String {
    let found = if matches!(value, Value::Nil) { "nil" } else { value.type_name() };
    format!("interface conversion: interface {{}} is {found}, not {wanted}")
}

/// Returns a whole number, cutting fractions off.
pub(in crate::expr) fn to_int(value: &Value) -> Result<i64, String> {
    match value {
        Value::Int(n) => Ok(*n),
        Value::Float(f) => Ok(truncate(*f)),
        other => Err(format!("invalid operation: int({})", other.type_name())),
    }
}

/// Cuts the fraction off as Go does on amd64: what does not fit becomes the least number.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the range is checked")]
pub(in crate::expr) fn truncate(f: f64) -> i64 {
    if f >= i64::MIN as f64 && f < i64::MAX as f64 { f as i64 } else { i64::MIN }
}

/// Returns a floating-point number.
pub(in crate::expr) fn to_float(value: &Value) -> Result<f64, String> {
    number(value).ok_or_else(|| format!("invalid operation: float({})", value.type_name()))
}

#[expect(clippy::cast_precision_loss, reason = "as Go converts")]
pub(in crate::expr) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(n) => Some(*n as f64),
        Value::Float(f) => Some(*f),
        _ => None,
    }
}

/// Returns what a unary operator makes of a value.
pub(in crate::expr) fn unary(operator: &str, operand: &Value) -> Result<Value, String> {
    match (operator, operand) {
        ("!" | "not", value) => as_bool(value).map(|b| Value::Bool(!b)),
        ("+", value) => Ok(value.clone()),
        (_, Value::Int(n)) => Ok(Value::Int(n.wrapping_neg())),
        (_, Value::Float(f)) => Ok(Value::Float(-f)),
        (_, other) => Err(format!("invalid operation: - {}", other.type_name())),
    }
}

/// Returns what a binary operator that needs no more than its operands makes of them.
pub(in crate::expr) fn binary(operator: &str, l: &Value, r: &Value) -> Result<Value, String> {
    match operator {
        "==" => Ok(Value::Bool(equal(l, r))),
        "<" | ">" | "<=" | ">=" => compared(operator, l, r).map(Value::Bool),
        "+" | "-" | "*" | "/" | "%" => arithmetic(operator, l, r),
        "**" | "^" => Ok(Value::Float(to_float(l)?.powf(to_float(r)?))),
        "in" => within(l, r).map(Value::Bool),
        "matches" => matches_pattern(l, r).map(Value::Bool),
        "contains" | "startsWith" | "endsWith" => text_test(operator, l, r).map(Value::Bool),
        _ => Err(format!("unknown operator ({operator})")),
    }
}

fn invalid(operator: &str, l: &Value, r: &Value) -> String {
    format!("invalid operation: {} {operator} {}", l.type_name(), r.type_name())
}

/// Returns whether two values are equal: numbers across types, lists item by item, maps only where types agree too.
pub(in crate::expr) fn equal(l: &Value, r: &Value) -> bool {
    match (l, r) {
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            let is_alike = a.of == b.of || a.of == Items::Any || b.of == Items::Any;
            is_alike && a.items.len() == b.items.len() && a.items.iter().zip(b.items.iter()).all(|(a, b)| equal(a, b))
        }
        _ => match (number(l), number(r)) {
            (Some(a), Some(b)) => a == b,
            _ => deeply_equal(l, r),
        },
    }
}

fn deeply_equal(l: &Value, r: &Value) -> bool {
    match (l, r) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a), Value::Int(b)) | (Value::Duration(a), Value::Duration(b)) => a == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Text(a), Value::Text(b)) => a == b,
        (Value::Time(a), Value::Time(b)) => a.at == b.at,
        (Value::Month(a), Value::Month(b)) | (Value::Weekday(a), Value::Weekday(b)) => a == b,
        (Value::Zone(a), Value::Zone(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            a.of == b.of
                && a.items.len() == b.items.len()
                && a.items.iter().zip(b.items.iter()).all(|(a, b)| deeply_equal(a, b))
        }
        (Value::Map(a), Value::Map(b)) => {
            a.of == b.of
                && a.entries.len() == b.entries.len()
                && a.entries.iter().zip(b.entries.iter()).all(|((ka, va), (kb, vb))| ka == kb && deeply_equal(va, vb))
        }
        _ => false,
    }
}

/// Returns how two values compare; `None` inside for numbers that are none.
pub(in crate::expr) fn order(operator: &str, l: &Value, r: &Value) -> Result<Option<Ordering>, String> {
    match (l, r) {
        (Value::Int(a), Value::Int(b)) | (Value::Duration(a), Value::Duration(b)) => Ok(Some(a.cmp(b))),
        (Value::Text(a), Value::Text(b)) => Ok(Some(a.cmp(b))),
        (Value::Time(a), Value::Time(b)) => Ok(Some(a.at.cmp(&b.at))),
        _ => match (number(l), number(r)) {
            (Some(a), Some(b)) => Ok(a.partial_cmp(&b)),
            _ => Err(invalid(operator, l, r)),
        },
    }
}

fn compared(operator: &str, l: &Value, r: &Value) -> Result<bool, String> {
    let order = order(operator, l, r)?;
    Ok(match operator {
        "<" => order == Some(Ordering::Less),
        ">" => order == Some(Ordering::Greater),
        "<=" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    })
}

fn arithmetic(operator: &str, l: &Value, r: &Value) -> Result<Value, String> {
    match (l, r) {
        (Value::Int(a), Value::Int(b)) => whole(operator, *a, *b),
        (Value::Text(a), Value::Text(b)) if operator == "+" => Ok(Value::text(&format!("{a}{b}"))),
        _ => match (number(l), number(r)) {
            (Some(a), Some(b)) if operator != "%" => Ok(Value::Float(match operator {
                "+" => a + b,
                "-" => a - b,
                "*" => a * b,
                _ => a / b,
            })),
            _ => timely(operator, l, r),
        },
    }
}

#[expect(clippy::cast_precision_loss, reason = "as Go converts")]
fn whole(operator: &str, a: i64, b: i64) -> Result<Value, String> {
    Ok(match operator {
        "+" => Value::Int(a.wrapping_add(b)),
        "-" => Value::Int(a.wrapping_sub(b)),
        "*" => Value::Int(a.wrapping_mul(b)),
        "/" => Value::Float(a as f64 / b as f64),
        _ if b == 0 => return Err("runtime error: integer divide by zero".to_owned()),
        _ => Value::Int(a.wrapping_rem(b)),
    })
}

/// Arithmetic with moments and durations.
#[expect(clippy::cast_precision_loss, reason = "as Go converts")]
fn timely(operator: &str, l: &Value, r: &Value) -> Result<Value, String> {
    let shifted = |moment: &crate::expr::value::Moment, nanos: i64| {
        let at =
            moment.at.checked_add(jiff::SignedDuration::from_nanos(nanos)).map_err(|_| "time out of range".to_owned());
        at.map(|at| Value::Time(crate::expr::value::Moment { at, zone: moment.zone.clone() }))
    };
    match (operator, l, r) {
        ("+", Value::Time(t), Value::Duration(d)) | ("+", Value::Duration(d), Value::Time(t)) => shifted(t, *d),
        ("-", Value::Time(t), Value::Duration(d)) => shifted(t, d.wrapping_neg()),
        ("-", Value::Time(a), Value::Time(b)) => {
            let nanos = a.at.duration_since(b.at).as_nanos();
            Ok(Value::Duration(i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })))
        }
        ("+", Value::Duration(a), Value::Duration(b)) => Ok(Value::Duration(a.wrapping_add(*b))),
        ("-", Value::Duration(a), Value::Duration(b)) => Ok(Value::Duration(a.wrapping_sub(*b))),
        ("*", Value::Duration(a), Value::Duration(b) | Value::Int(b)) | ("*", Value::Int(a), Value::Duration(b)) => {
            Ok(Value::Duration(a.wrapping_mul(*b)))
        }
        ("*", Value::Duration(d), Value::Float(f)) | ("*", Value::Float(f), Value::Duration(d)) => {
            Ok(Value::Duration(truncate(*d as f64 * f)))
        }
        _ => Err(invalid(operator, l, r)),
    }
}

fn within(needle: &Value, haystack: &Value) -> Result<bool, String> {
    match haystack {
        Value::Nil => Ok(false),
        Value::List(list) => Ok(list.items.iter().any(|item| equal(item, needle))),
        Value::Map(map) => {
            let key = match (map.of, needle) {
                (Keys::Text, Value::Nil) => Some(Key::Text("".into())),
                (Keys::Text, Value::Text(_)) | (Keys::Any | Keys::Groups, _) => needle.key(),
                (Keys::Text, other) => {
                    return Err(format!(
                        "reflect.Value.MapIndex: value of type {} is not assignable to type string",
                        other.type_name()
                    ));
                }
            };
            Ok(map.entries.contains_key(&key.ok_or_else(|| super::unhashable(needle))?))
        }
        other => Err(format!("operator \"in\" not defined on {}", other.type_name())),
    }
}

fn matches_pattern(l: &Value, r: &Value) -> Result<bool, String> {
    if matches!(l, Value::Nil) || matches!(r, Value::Nil) {
        return Ok(false);
    }
    let pattern = regex::RegexBuilder::new(as_text(r)?).size_limit(1 << 20).build();
    let pattern = pattern.map_err(|error| format!("error parsing regexp: {error}"))?;
    Ok(pattern.is_match(as_text(l)?))
}

fn text_test(operator: &str, l: &Value, r: &Value) -> Result<bool, String> {
    if matches!(l, Value::Nil) || matches!(r, Value::Nil) {
        return Ok(false);
    }
    let (l, r) = (as_text(l)?, as_text(r)?);
    Ok(match operator {
        "contains" => l.contains(&**r),
        "startsWith" => l.starts_with(&**r),
        _ => l.ends_with(&**r),
    })
}

/// Returns the part of a list or of text between two positions.
pub(in crate::expr) fn slice(base: &Value, from: Option<&Value>, to: Option<&Value>) -> Result<Value, String> {
    let length = match base {
        Value::List(list) => list.items.len(),
        Value::Text(text) => text.len(),
        other => return Err(format!("cannot slice {other}")),
    };
    let bound = |bound: Option<&Value>, default: usize| -> Result<usize, String> {
        let Some(bound) = bound else { return Ok(default) };
        Ok(super::position(to_int(bound)?, length).unwrap_or(0))
    };
    let to = bound(to, length)?.min(length);
    let from = bound(from, 0)?.min(to);
    Ok(match base {
        Value::List(list) => Value::list_of(list.of, list.items[from..to].to_vec()),
        Value::Text(text) => Value::text(&String::from_utf8_lossy(&text.as_bytes()[from..to])),
        _ => Value::Nil,
    })
}
