//! The functions that expressions may call.

use std::{cmp::Ordering, sync::Arc};

use super::{EvalError, Val, ast::Operator, number, text, time};
use crate::quantity::Quantity;

/// Name with the least and the most arguments; a receiver counts as the first.
const KNOWN: [(&str, usize, usize); 64] = [
    ("size", 1, 1),
    ("type", 1, 1),
    ("dyn", 1, 1),
    ("string", 1, 1),
    ("int", 1, 1),
    ("uint", 1, 1),
    ("double", 1, 1),
    ("bool", 1, 1),
    ("bytes", 1, 1),
    ("duration", 1, 1),
    ("timestamp", 1, 1),
    ("matches", 2, 2),
    ("contains", 2, 2),
    ("startsWith", 2, 2),
    ("endsWith", 2, 2),
    ("charAt", 2, 2),
    ("indexOf", 2, 3),
    ("lastIndexOf", 2, 3),
    ("join", 1, 2),
    ("lowerAscii", 1, 1),
    ("upperAscii", 1, 1),
    ("replace", 3, 4),
    ("reverse", 1, 1),
    ("split", 2, 3),
    ("substring", 2, 3),
    ("trim", 1, 1),
    ("find", 2, 2),
    ("findAll", 2, 3),
    ("isSorted", 1, 1),
    ("sum", 1, 1),
    ("min", 1, 1),
    ("max", 1, 1),
    ("quantity", 1, 1),
    ("isQuantity", 1, 1),
    ("isGreaterThan", 2, 2),
    ("isLessThan", 2, 2),
    ("compareTo", 2, 2),
    ("asInteger", 1, 1),
    ("isInteger", 1, 1),
    ("sign", 1, 1),
    ("optional.of", 1, 1),
    ("optional.none", 0, 0),
    ("hasValue", 1, 1),
    ("value", 1, 1),
    ("or", 2, 2),
    ("orValue", 2, 2),
    ("sets.contains", 2, 2),
    ("sets.equivalent", 2, 2),
    ("sets.intersects", 2, 2),
    ("getFullYear", 1, 2),
    ("getMonth", 1, 2),
    ("getDate", 1, 2),
    ("getDayOfMonth", 1, 2),
    ("getDayOfWeek", 1, 2),
    ("getDayOfYear", 1, 2),
    ("getHours", 1, 2),
    ("getMinutes", 1, 2),
    ("getSeconds", 1, 2),
    ("getMilliseconds", 1, 2),
    ("first", 1, 1),
    ("last", 1, 1),
    ("distinct", 1, 1),
    ("flatten", 1, 1),
    ("slice", 3, 3),
];

/// Returns the function of this name that takes so many arguments; `None` if there is none.
pub(super) fn known(name: &str, arguments: usize) -> Option<&'static str> {
    KNOWN
        .iter()
        .find(|(known, least, most)| *known == name && (*least..=*most).contains(&arguments))
        .map(|(known, ..)| *known)
}

/// Returns the type of this name.
pub(super) fn type_named(name: &str) -> Option<Val> {
    const TYPES: [&str; 9] = ["null_type", "bool", "int", "uint", "double", "string", "bytes", "list", "map"];
    TYPES.iter().find(|known| **known == name).map(|known| Val::Type(known))
}

/// Calls a function that is [`known`].
pub(super) fn call(name: &'static str, args: &[Val]) -> Result<Val, EvalError> {
    let Some(first) = args.first() else {
        return if name == "optional.none" { Ok(Val::Optional(None)) } else { Err(EvalError::Overload) };
    };
    match name {
        "size" => length(first),
        "type" => Ok(Val::Type(first.type_name())),
        "dyn" => Ok(first.clone()),
        "string" | "int" | "uint" | "double" | "bool" | "bytes" | "duration" | "timestamp" => convert(name, first),
        "optional.of" | "hasValue" | "value" | "or" | "orValue" => optional(name, first, args.get(1)),
        "sets.contains" | "sets.equivalent" | "sets.intersects" => sets(name, args),
        "quantity" | "isQuantity" => quantity(name, first),
        _ if name.starts_with("get") => time::part(name, first, args.get(1)),
        _ => match first {
            Val::Quantity(of) => quantities(name, of, args.get(1)),
            Val::List(items, _) => list(name, items, &args[1..]),
            Val::Text(of) => text::call(name, of, &args[1..]),
            _ => Err(EvalError::Overload),
        },
    }
}

fn length(of: &Val) -> Result<Val, EvalError> {
    let length = match of {
        Val::Text(text) => text.chars().count(),
        Val::Bytes(bytes) => bytes.len(),
        Val::List(items, _) => items.len(),
        Val::Map(map) => map.len(),
        _ => return Err(EvalError::Overload),
    };
    Ok(Val::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

fn convert(to: &str, value: &Val) -> Result<Val, EvalError> {
    let wrong = || EvalError::Value(format!("type conversion error from '{}' to '{to}'", value.type_name()));
    match (to, value) {
        ("string", _) => string(value).map(|text| Val::text(&text)).ok_or(EvalError::Overload),
        ("int", Val::Int(_)) | ("uint", Val::Uint(_)) | ("double", Val::Double(_)) | ("bool", Val::Bool(_)) => {
            Ok(value.clone())
        }
        ("bytes", Val::Bytes(_)) | ("duration", Val::Duration(_)) | ("timestamp", Val::Time(_)) => Ok(value.clone()),
        ("int", Val::Uint(n)) => {
            i64::try_from(*n).map(Val::Int).map_err(|_| EvalError::Value("integer overflow".into()))
        }
        ("int", Val::Double(n)) if n.abs() < 9.2e18 => Ok(Val::Int(*n as i64)),
        ("int", Val::Text(text)) => text.parse().map(Val::Int).map_err(|_| wrong()),
        ("int", Val::Time(at)) => Ok(Val::Int(at.as_second())),
        ("uint", Val::Int(n)) => {
            u64::try_from(*n).map(Val::Uint).map_err(|_| EvalError::Value("unsigned integer overflow".into()))
        }
        ("uint", Val::Text(text)) => text.parse().map(Val::Uint).map_err(|_| wrong()),
        ("double", Val::Int(n)) => Ok(Val::Double(*n as f64)),
        ("double", Val::Uint(n)) => Ok(Val::Double(*n as f64)),
        ("double", Val::Text(text)) => text.parse().map(Val::Double).map_err(|_| wrong()),
        ("bool", Val::Text(text)) => match text.as_ref() {
            "true" | "TRUE" | "True" | "t" | "1" => Ok(Val::Bool(true)),
            "false" | "FALSE" | "False" | "f" | "0" => Ok(Val::Bool(false)),
            _ => Err(wrong()),
        },
        ("bytes", Val::Text(text)) => Ok(Val::Bytes(text.as_bytes().into())),
        ("duration", Val::Text(text)) => time::duration(text).map(Val::Duration).ok_or_else(wrong),
        ("timestamp", Val::Text(text)) => text.parse().map(Val::Time).map_err(|_| wrong()),
        ("timestamp", Val::Int(n)) => jiff::Timestamp::from_second(*n).map(Val::Time).map_err(|_| wrong()),
        _ => Err(EvalError::Overload),
    }
}

fn string(value: &Val) -> Option<String> {
    Some(match value {
        Val::Text(text) => text.to_string(),
        Val::Bool(b) => b.to_string(),
        Val::Int(n) => n.to_string(),
        Val::Uint(n) => n.to_string(),
        Val::Double(n) => n.to_string(),
        Val::Bytes(bytes) => String::from_utf8(bytes.to_vec()).ok()?,
        Val::Time(at) => at.to_string(),
        Val::Duration(d) => format!("{}s", d.as_secs_f64()),
        Val::Quantity(quantity) => quantity.to_string(),
        _ => return None,
    })
}

fn optional(name: &str, of: &Val, other: Option<&Val>) -> Result<Val, EvalError> {
    let Val::Optional(inner) = of else {
        return if name == "optional.of" {
            Ok(Val::Optional(Some(Arc::new(of.clone()))))
        } else {
            Err(EvalError::Overload)
        };
    };
    match (name, inner, other) {
        ("optional.of", ..) => Ok(Val::Optional(Some(Arc::new(of.clone())))),
        ("hasValue", ..) => Ok(Val::Bool(inner.is_some())),
        ("value" | "orValue", Some(value), _) => Ok(value.as_ref().clone()),
        ("value", None, _) => Err(EvalError::Value("optional.none() dereference".to_owned())),
        ("or", Some(_), _) => Ok(of.clone()),
        ("or" | "orValue", None, Some(other)) => Ok(other.clone()),
        _ => Err(EvalError::Overload),
    }
}

fn sets(name: &str, args: &[Val]) -> Result<Val, EvalError> {
    let [Val::List(left, _), Val::List(right, _)] = args else { return Err(EvalError::Overload) };
    let holds = |list: &[Val], item: &Val| list.iter().any(|other| other.equals(item));
    Ok(Val::Bool(match name {
        "sets.contains" => right.iter().all(|item| holds(left, item)),
        "sets.intersects" => right.iter().any(|item| holds(left, item)),
        _ => right.iter().all(|item| holds(left, item)) && left.iter().all(|item| holds(right, item)),
    }))
}

fn quantity(name: &str, of: &Val) -> Result<Val, EvalError> {
    let Val::Text(text) = of else { return Err(EvalError::Overload) };
    let parsed = text.parse::<Quantity>();
    if name == "isQuantity" {
        return Ok(Val::Bool(parsed.is_ok()));
    }
    parsed.map(|q| Val::Quantity(Arc::new(q))).map_err(|e| EvalError::Value(e.to_string()))
}

fn quantities(name: &str, of: &Quantity, other: Option<&Val>) -> Result<Val, EvalError> {
    let whole = Quantity::from_integer(of.ceil());
    match (name, other) {
        ("isGreaterThan", Some(Val::Quantity(other))) => Ok(Val::Bool(of > other.as_ref())),
        ("isLessThan", Some(Val::Quantity(other))) => Ok(Val::Bool(of < other.as_ref())),
        ("compareTo", Some(Val::Quantity(other))) => Ok(Val::Int(match of.cmp(other.as_ref()) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        })),
        ("sign", None) => Ok(Val::Int(match of.cmp(&Quantity::from_integer(0)) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        })),
        ("isInteger", None) => Ok(Val::Bool(*of == whole)),
        ("asInteger", None) if *of == whole => Ok(Val::Int(of.ceil())),
        ("asInteger", None) => Err(EvalError::Value("cannot convert value to integer".to_owned())),
        _ => Err(EvalError::Overload),
    }
}

fn list(name: &str, items: &[Val], args: &[Val]) -> Result<Val, EvalError> {
    let at = |position: Option<usize>| position.map_or(-1, |p| i64::try_from(p).unwrap_or(i64::MAX));
    match (name, args) {
        ("isSorted", []) => {
            let ordered = |pair: &[Val]| pair[0].compare(&pair[1]).map(|o| o != Ordering::Greater);
            let sorted: Option<Vec<bool>> = items.windows(2).map(ordered).collect();
            sorted.map(|s| Val::Bool(s.into_iter().all(|b| b))).ok_or(EvalError::Overload)
        }
        ("sum", []) => items.iter().skip(1).try_fold(items.first().cloned().unwrap_or(Val::Int(0)), |sum, item| {
            number::arithmetic(Operator::Add, &sum, item)
        }),
        ("min" | "max", []) => extreme(name, items),
        ("indexOf", [wanted]) => Ok(Val::Int(at(items.iter().position(|item| item.equals(wanted))))),
        ("lastIndexOf", [wanted]) => Ok(Val::Int(at(items.iter().rposition(|item| item.equals(wanted))))),
        ("join", _) => text::join(items, args.first()),
        ("first", []) => Ok(Val::Optional(items.first().cloned().map(Arc::new))),
        ("last", []) => Ok(Val::Optional(items.last().cloned().map(Arc::new))),
        ("reverse", []) => Ok(Val::list(items.iter().rev().cloned().collect())),
        ("distinct", []) => {
            let mut kept: Vec<Val> = Vec::new();
            for item in items {
                if !kept.iter().any(|other| other.equals(item)) {
                    kept.push(item.clone());
                }
            }
            Ok(Val::list(kept))
        }
        ("flatten", []) => Ok(Val::list(
            items
                .iter()
                .flat_map(|i| if let Val::List(inner, _) = i { inner.to_vec() } else { vec![i.clone()] })
                .collect(),
        )),
        ("slice", [Val::Int(from), Val::Int(to)]) => {
            let range = usize::try_from(*from).ok().zip(usize::try_from(*to).ok());
            let slice = range.and_then(|(from, to)| items.get(from..to));
            slice.map(|s| Val::list(s.to_vec())).ok_or(EvalError::Bounds(*to))
        }
        _ => Err(EvalError::Overload),
    }
}

fn extreme(name: &str, items: &[Val]) -> Result<Val, EvalError> {
    let (first, rest) = items.split_first().ok_or_else(|| EvalError::Value(format!("{name} called on empty list")))?;
    let wanted = if name == "min" { Ordering::Less } else { Ordering::Greater };
    rest.iter().try_fold(first.clone(), |best, item| match item.compare(&best) {
        Some(order) if order == wanted => Ok(item.clone()),
        Some(_) => Ok(best),
        None => Err(EvalError::Overload),
    })
}
