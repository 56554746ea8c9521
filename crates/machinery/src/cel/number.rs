//! Arithmetic.

use std::sync::Arc;

use super::{EvalError, Val, ast::Operator};

/// Returns the negative of a number.
pub(super) fn negate(value: &Val) -> Result<Val, EvalError> {
    match value {
        // The digits of the smallest integer have wrapped to it already.
        Val::Int(i64::MIN) => Ok(Val::Int(i64::MIN)),
        Val::Int(n) => Ok(Val::Int(-n)),
        Val::Double(n) => Ok(Val::Double(-n)),
        _ => Err(EvalError::Overload),
    }
}

/// Adds, subtracts, multiplies, divides; adding also joins texts and lists and moves times.
pub(super) fn arithmetic(operator: Operator, left: &Val, right: &Val) -> Result<Val, EvalError> {
    match (left, right) {
        (Val::Int(a), Val::Int(b)) => integers(operator, *a, *b),
        (Val::Uint(a), Val::Uint(b)) => unsigned(operator, *a, *b),
        (Val::Double(a), Val::Double(b)) => doubles(operator, *a, *b),
        (Val::Text(a), Val::Text(b)) if operator == Operator::Add => Ok(Val::text(&format!("{a}{b}"))),
        (Val::Bytes(a), Val::Bytes(b)) if operator == Operator::Add => {
            Ok(Val::Bytes(a.iter().chain(b.iter()).copied().collect()))
        }
        (Val::List(a, loose), Val::List(b, _)) if operator == Operator::Add => {
            Ok(Val::List(Arc::new(a.iter().chain(b.iter()).cloned().collect()), *loose))
        }
        _ => times(operator, left, right),
    }
}

fn overflow(what: &str) -> EvalError {
    EvalError::Value(format!("{what} overflow"))
}

fn by_zero(operator: Operator) -> EvalError {
    EvalError::Value(if operator == Operator::Remainder { "modulus by zero" } else { "division by zero" }.to_owned())
}

fn integers(operator: Operator, a: i64, b: i64) -> Result<Val, EvalError> {
    let result = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide | Operator::Remainder if b == 0 => return Err(by_zero(operator)),
        Operator::Divide => a.checked_div(b),
        Operator::Remainder => a.checked_rem(b),
        _ => return Err(EvalError::Overload),
    };
    result.map(Val::Int).ok_or_else(|| overflow("integer"))
}

fn unsigned(operator: Operator, a: u64, b: u64) -> Result<Val, EvalError> {
    let result = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide | Operator::Remainder if b == 0 => return Err(by_zero(operator)),
        Operator::Divide => a.checked_div(b),
        Operator::Remainder => a.checked_rem(b),
        _ => return Err(EvalError::Overload),
    };
    result.map(Val::Uint).ok_or_else(|| overflow("unsigned integer"))
}

fn doubles(operator: Operator, a: f64, b: f64) -> Result<Val, EvalError> {
    Ok(Val::Double(match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        _ => return Err(EvalError::Overload),
    }))
}

fn times(operator: Operator, left: &Val, right: &Val) -> Result<Val, EvalError> {
    let out_of_range = || EvalError::Value("timestamp overflow".to_owned());
    match (operator, left, right) {
        (Operator::Add, Val::Time(t), Val::Duration(d)) | (Operator::Add, Val::Duration(d), Val::Time(t)) => {
            t.checked_add(*d).map(Val::Time).map_err(|_| out_of_range())
        }
        (Operator::Subtract, Val::Time(t), Val::Duration(d)) => {
            t.checked_sub(*d).map(Val::Time).map_err(|_| out_of_range())
        }
        (Operator::Subtract, Val::Time(a), Val::Time(b)) => Ok(Val::Duration(a.duration_since(*b))),
        (Operator::Add, Val::Duration(a), Val::Duration(b)) => {
            a.checked_add(*b).map(Val::Duration).ok_or_else(|| overflow("duration"))
        }
        (Operator::Subtract, Val::Duration(a), Val::Duration(b)) => {
            a.checked_sub(*b).map(Val::Duration).ok_or_else(|| overflow("duration"))
        }
        _ => Err(EvalError::Overload),
    }
}
