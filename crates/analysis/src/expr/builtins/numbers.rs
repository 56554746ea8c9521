//! Builtins on numbers.

use std::cmp::Ordering;

use super::{super::eval::operators, may_be_list, wrong_count};
use crate::expr::{types::Type, value::Value};

/// Nested lists at most.
const MAX_DEPTH: usize = 500;

/// Checks `abs`, `ceil`, `floor` and `round`.
pub(super) fn validate_one(name: &str, types: &[Type]) -> Result<Type, String> {
    let [ty] = types else { return Err(wrong_count(1, types.len())) };
    if !ty.is_number() && !ty.is_unknown() {
        return Err(format!("invalid argument for {name} (type {})", ty.as_argument()));
    }
    Ok(if name == "abs" { ty.clone() } else { Type::Float })
}

/// Checks `max`, `min`, `mean` and `median`.
pub(super) fn validate_aggregate(name: &str, types: &[Type]) -> Result<Type, String> {
    let Some(first) = types.first() else { return Err(format!("not enough arguments to call {name}")) };
    for ty in types {
        if may_be_list(ty) {
            return Ok(Type::Any);
        }
        if !ty.is_number() {
            return Err(format!("invalid argument for {name} (type {})", ty.as_argument()));
        }
    }
    Ok(first.clone())
}

/// `abs`, `ceil`, `floor` and `round`.
pub(super) fn one(name: &str, value: &Value) -> Result<Value, String> {
    let Some(number) = operators::number(value) else {
        return Err(format!("invalid argument for {name} (type {})", value.type_name()));
    };
    Ok(match (name, value) {
        ("abs", Value::Int(n)) => Value::Int(n.wrapping_abs()),
        // Zero keeps its sign, as upstream's comparison leaves it.
        ("abs", _) => Value::Float(if number < 0.0 { -number } else { number }),
        ("ceil", _) => Value::Float(number.ceil()),
        ("floor", _) => Value::Float(number.floor()),
        _ => Value::Float(number.round()),
    })
}

/// `max` and `min`, of numbers and of lists of numbers.
pub(super) fn extreme(name: &str, arguments: &[Value], depth: usize) -> Result<Value, String> {
    if depth > MAX_DEPTH {
        return Err("recursion depth exceeded".to_owned());
    }
    let wanted = if name == "max" { Ordering::Less } else { Ordering::Greater };
    let mut best = Value::Nil;
    for argument in arguments {
        let numbers = match argument {
            Value::List(list) => {
                let each = list.items.iter().map(|item| extreme(name, std::slice::from_ref(item), depth + 1));
                each.collect::<Result<Vec<_>, _>>()?
            }
            number @ (Value::Int(_) | Value::Float(_)) => vec![number.clone()],
            other if arguments.len() == 1 => return Ok(other.clone()),
            other => return Err(format!("invalid argument for {name} (type {})", other.type_name())),
        };
        for number in numbers {
            if operators::number(&number).is_none() {
                return Err(format!("invalid argument for {name} (type {})", number.type_name()));
            }
            if matches!(best, Value::Nil) || operators::order("<", &best, &number)? == Some(wanted) {
                best = number;
            }
        }
    }
    Ok(best)
}

fn collect(name: &str, arguments: &[Value], depth: usize, into: &mut Vec<f64>) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err("recursion depth exceeded".to_owned());
    }
    for argument in arguments {
        match argument {
            Value::List(list) => collect(name, &list.items, depth + 1, into)?,
            other => match operators::number(other) {
                Some(number) => into.push(number),
                None => return Err(format!("invalid argument for {name} (type {})", other.type_name())),
            },
        }
    }
    Ok(())
}

/// `mean`.
#[expect(clippy::cast_precision_loss, reason = "as Go converts")]
pub(super) fn mean(arguments: &[Value]) -> Result<Value, String> {
    let mut numbers = Vec::new();
    collect("mean", arguments, 0, &mut numbers)?;
    let sum = numbers.iter().fold(0.0, |sum, number| sum + number);
    Ok(Value::Float(if numbers.is_empty() { 0.0 } else { sum / numbers.len() as f64 }))
}

/// `median`.
pub(super) fn median(arguments: &[Value]) -> Result<Value, String> {
    let mut numbers = Vec::new();
    collect("median", arguments, 0, &mut numbers)?;
    // Go sorts what is no number to the front.
    numbers.sort_by(|a, b| match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
    });
    let middle = numbers.len() / 2;
    Ok(Value::Float(match numbers.len() {
        0 => 0.0,
        n if n % 2 == 1 => numbers[middle],
        _ => f64::midpoint(numbers[middle - 1], numbers[middle]),
    }))
}

/// Operations on bits.
pub(super) fn bits(name: &str, arguments: &[Value]) -> Result<Value, String> {
    let int = |at: usize| match arguments.get(at) {
        Some(Value::Int(n)) => Ok(*n),
        other => {
            let found = other.map_or("<nil>", Value::type_name);
            Err(format!("cannot use {found} as argument (type int) to call {name}"))
        }
    };
    let x = int(0)?;
    if name == "bitnot" {
        return Ok(Value::Int(!x));
    }
    let y = int(1)?;
    if name.starts_with("bitsh") || name == "bitushr" {
        let shift = u32::try_from(y)
            .or(if y < 0 { Err(()) } else { Ok(64) })
            .map_err(|()| format!("invalid operation: negative shift count {y} (type int)"))?;
        return Ok(Value::Int(match name {
            "bitshl" => x.checked_shl(shift).unwrap_or(0),
            "bitshr" => x >> shift.min(63),
            _ => x.cast_unsigned().checked_shr(shift).unwrap_or(0).cast_signed(),
        }));
    }
    Ok(Value::Int(match name {
        "bitand" => x & y,
        "bitor" => x | y,
        "bitxor" => x ^ y,
        _ => x & !y,
    }))
}
