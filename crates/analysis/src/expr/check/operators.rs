//! Types of operators.

use crate::expr::{
    ast::Node,
    types::Type::{self, Bool, Duration, Float, Int, Nil, Text, Time, Unknown},
    value::{Items, Keys},
};

/// Returns the type of a unary operation.
pub(super) fn unary(operator: &str, operand: &Type) -> Result<Type, String> {
    match operator {
        "!" | "not" if *operand == Bool || operand.is_unknown() => Ok(Bool),
        "+" | "-" if operand.is_number() => Ok(operand.clone()),
        "+" | "-" if operand.is_unknown() => Ok(Unknown),
        _ => Err(format!("invalid operation: {operator} (mismatched type {operand})")),
    }
}

/// Returns the type of a binary operation.
pub(super) fn binary(operator: &str, l: &Type, r: &Type, right: &Node) -> Result<Type, String> {
    let found = match operator {
        "==" | "!=" => l.is_comparable_to(r).then_some(Bool),
        "or" | "||" | "and" | "&&" => logical(l, r),
        "<" | ">" | "<=" | ">=" => ordered(l, r),
        "+" | "-" | "*" | "/" | "**" | "^" | "%" => arithmetic(operator, l, r),
        "in" => return within(l, r),
        "matches" => {
            if let Some(pattern) = right.as_text() {
                regex::Regex::new(pattern).map_err(|error| format!("error parsing regexp: {error}"))?;
            }
            texts(l, r)
        }
        "contains" | "startsWith" | "endsWith" => texts(l, r),
        ".." => {
            let is_range = (*l == Int && *r == Int) || l.may_fit(r, |t| *t == Int);
            is_range.then(|| Type::List(Items::Any, Box::new(Int)))
        }
        "??" => Some(coalesced(l, r)),
        _ => return Err(format!("unknown operator ({operator})")),
    };
    found.ok_or_else(|| mismatch(operator, l, r))
}

fn mismatch(operator: &str, l: &Type, r: &Type) -> String {
    format!("invalid operation: {operator} (mismatched types {l} and {r})")
}

fn logical(l: &Type, r: &Type) -> Option<Type> {
    ((*l == Bool && *r == Bool) || l.may_fit(r, |t| *t == Bool)).then_some(Bool)
}

fn texts(l: &Type, r: &Type) -> Option<Type> {
    ((*l == Text && *r == Text) || l.may_fit(r, |t| *t == Text)).then_some(Bool)
}

fn ordered(l: &Type, r: &Type) -> Option<Type> {
    let is_ordered = |t: &Type| t.is_number() || matches!(t, Text | Time | Duration);
    let is_same = l.is_number() && r.is_number() || (matches!(l, Text | Time | Duration) && l == r);
    (is_same || l.may_fit(r, is_ordered)).then_some(Bool)
}

fn arithmetic(operator: &str, l: &Type, r: &Type) -> Option<Type> {
    let numbers = l.is_number() && r.is_number();
    let promoted = if *l == Float || *r == Float { Float } else { Int };
    match operator {
        "%" => ((*l == Int && *r == Int) || l.may_fit(r, |t| *t == Int)).then_some(Int),
        "/" | "**" | "^" => (numbers || l.may_fit(r, Type::is_number)).then_some(Float),
        _ if numbers => Some(promoted),
        _ => match (operator, l, r) {
            ("+", Text, Text) => Some(Text),
            ("+", Time, Duration) | ("+", Duration, Time) | ("-", Time, Duration) => Some(Time),
            ("-", Time, Time) | (_, Duration, Duration) => Some(Duration),
            ("*", n, Duration) | ("*", Duration, n) if n.is_number() => Some(Duration),
            _ => {
                let fits = |t: &Type| {
                    t.is_number()
                        || *t == Duration
                        || (operator == "+" && *t == Text)
                        || (operator != "*" && *t == Time)
                };
                l.may_fit(r, fits).then_some(Unknown)
            }
        },
    }
}

fn within(l: &Type, r: &Type) -> Result<Type, String> {
    match r {
        Type::Map(keys, _) => {
            let key = if *keys == Keys::Text { Text } else { Type::Any };
            if l.is_unknown() || l.is_assignable_to(&key) {
                Ok(Bool)
            } else {
                Err(format!("cannot use {l} as type {key} in map key"))
            }
        }
        Type::List(_, item) => {
            if l.is_comparable_to(item) {
                Ok(Bool)
            } else {
                Err(format!("cannot use {l} as type {item} in array"))
            }
        }
        Text if l.is_unknown() => Ok(Bool),
        r if r.is_unknown() => Ok(Bool),
        r => Err(mismatch("in", l, r)),
    }
}

fn coalesced(l: &Type, r: &Type) -> Type {
    match (l, r) {
        (Nil, r) => r.clone(),
        (l, Nil) => l.clone(),
        (l, r) if r.is_assignable_to(l) => l.clone(),
        _ => Unknown,
    }
}
