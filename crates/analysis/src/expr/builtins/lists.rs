//! Builtins on lists and maps.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    super::eval::{self, operators},
    any_list, any_map, may_be_list, wrong_count,
};
use crate::expr::{
    eval::predicates_sort as sort_values,
    types::Type,
    value::{Keys, Map, Value},
};

/// Checks everything that takes lists and maps.
pub(super) fn validate(name: &str, types: &[Type]) -> Result<Type, String> {
    if name == "concat" {
        return validate_concat(types);
    }
    let expected = if name == "take" { 2 } else { 1 };
    if types.len() != expected {
        return Err(wrong_count(expected, types.len()));
    }
    let ty = &types[0];
    let shown = ty.as_argument();
    match name {
        "len" if matches!(ty, Type::Text | Type::Map(..)) || may_be_list(ty) => Ok(Type::Int),
        "len" => Err(format!("invalid argument for len (type {shown})")),
        "keys" | "values" | "toPairs" if matches!(ty, Type::Map(..)) || ty.is_unknown() => Ok(any_list()),
        "keys" | "values" => Err(format!("cannot get {name} from {shown}")),
        "toPairs" => Err(format!("cannot transform {shown} to pairs")),
        "first" | "last" if may_be_list(ty) => Ok(declared_item(ty)),
        "first" | "last" => Err(format!("cannot get {name} element from {shown}")),
        "take" if !may_be_list(ty) => Err(format!("cannot take from {shown}")),
        "take" if types[1] == Type::Int || types[1].is_unknown() => Ok(ty.clone()),
        "take" => Err(format!("cannot take {} elements", types[1].as_argument())),
        "fromPairs" if may_be_list(ty) => Ok(any_map()),
        "fromPairs" => Err(format!("cannot transform {shown} from pairs")),
        _ if may_be_list(ty) => Ok(any_list()),
        _ => Err(format!("cannot {name} {shown}")),
    }
}

fn validate_concat(types: &[Type]) -> Result<Type, String> {
    if types.is_empty() {
        return Err("invalid number of arguments (expected at least 1, got 0)".to_owned());
    }
    match types.iter().find(|ty| !may_be_list(ty)) {
        Some(ty) => Err(format!("cannot concat {}", ty.as_argument())),
        None => Ok(any_list()),
    }
}

/// The type of the items as declared, not as found: lists made in an expression are declared to hold anything.
fn declared_item(ty: &Type) -> Type {
    match ty {
        Type::List(items, _) => Type::declared(*items).item(),
        _ => Type::Any,
    }
}

/// `len(x)`: characters of text.
pub(super) fn len(value: &Value) -> Result<Value, String> {
    let length = match value {
        Value::Text(text) => text.chars().count(),
        Value::List(list) => list.items.len(),
        Value::Map(map) => map.entries.len(),
        other => return Err(format!("invalid argument for len (type {})", other.type_name())),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

/// Everything else.
pub(super) fn call(name: &str, arguments: &[Value]) -> Result<Value, String> {
    let one = arguments.first().unwrap_or(&Value::Nil);
    match name {
        "get" => Ok(get(one, arguments.get(1).unwrap_or(&Value::Nil))?),
        "first" => Ok(eval::fetch(one, &Value::Int(0)).unwrap_or(Value::Nil)),
        "last" => Ok(eval::fetch(one, &Value::Int(-1)).unwrap_or(Value::Nil)),
        "take" => take(one, arguments.get(1).unwrap_or(&Value::Nil)),
        "keys" | "values" | "toPairs" => entries(name, one),
        "fromPairs" => from_pairs(one),
        "concat" => {
            let mut all = Vec::new();
            for argument in arguments {
                all.extend(items("concat", argument)?.iter().cloned());
            }
            Ok(Value::list(all))
        }
        "reverse" => Ok(Value::list(items("reverse", one)?.iter().rev().cloned().collect())),
        "uniq" => {
            let mut kept: Vec<Value> = Vec::new();
            for item in items("uniq", one)? {
                if !kept.iter().any(|known| operators::equal(item, known)) {
                    kept.push(item.clone());
                }
            }
            Ok(Value::list(kept))
        }
        "flatten" => {
            let mut flat = Vec::new();
            flatten(items("flatten", one)?, 0, &mut flat)?;
            Ok(Value::list(flat))
        }
        _ => sort(one, arguments.get(1)),
    }
}

/// What Go calls the kind of a value.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Nil => "invalid",
        Value::Map(_) => "map",
        Value::Duration(_) => "int64",
        Value::Time(_) => "struct",
        Value::List(_) => "slice",
        Value::Month(_) | Value::Weekday(_) => "int",
        Value::Zone(_) => "ptr",
        other => other.type_name(),
    }
}

fn items<'v>(name: &str, value: &'v Value) -> Result<&'v [Value], String> {
    match value {
        Value::List(list) => Ok(&list.items),
        other => Err(format!("cannot {name} {}", kind(other))),
    }
}

fn get(from: &Value, key: &Value) -> Result<Value, String> {
    match from {
        Value::Text(_) | Value::List(_) => {
            operators::to_int(key)?;
            Ok(eval::fetch(from, key).unwrap_or(Value::Nil))
        }
        Value::Map(_) => eval::fetch(from, key),
        _ => Ok(Value::Nil),
    }
}

fn take(from: &Value, count: &Value) -> Result<Value, String> {
    let Value::List(list) = from else { return Err(format!("cannot take from {}", kind(from))) };
    let Value::Int(count) = count else { return Err(format!("cannot take {} elements", kind(count))) };
    let count = usize::try_from(*count).map_err(|_| "reflect.Value.Slice: slice index out of bounds".to_owned())?;
    Ok(Value::list_of(list.of, list.items[..count.min(list.items.len())].to_vec()))
}

fn entries(name: &str, value: &Value) -> Result<Value, String> {
    let Value::Map(map) = value else {
        return Err(match name {
            "toPairs" => format!("cannot transform {} to pairs", kind(value)),
            _ => format!("cannot get {name} from {}", kind(value)),
        });
    };
    let entry = |(key, value): (&crate::expr::value::Key, &Value)| match name {
        "keys" => key.value(),
        "values" => value.clone(),
        _ => Value::list(vec![key.value(), value.clone()]),
    };
    Ok(Value::list(map.entries.iter().map(entry).collect()))
}

fn from_pairs(value: &Value) -> Result<Value, String> {
    let Value::List(list) = value else { return Err(format!("cannot transform {value} from pairs")) };
    let mut entries = BTreeMap::new();
    for pair in list.items.iter() {
        let Value::List(pair) = pair else { return Err(format!("invalid pair {pair}")) };
        let [key, value] = pair.items.as_slice() else {
            return Err(format!("invalid pair length {}", Value::List(pair.clone())));
        };
        entries.insert(key.key().ok_or_else(|| eval::unhashable(key))?, value.clone());
    }
    Ok(Value::Map(Map { of: Keys::Any, entries: Arc::new(entries) }))
}

fn flatten(items: &[Value], depth: usize, into: &mut Vec<Value>) -> Result<(), String> {
    if depth > 500 {
        return Err("recursion depth exceeded".to_owned());
    }
    for item in items {
        match item {
            Value::List(list) => flatten(&list.items, depth + 1, into)?,
            other => into.push(other.clone()),
        }
    }
    Ok(())
}

fn sort(value: &Value, order: Option<&Value>) -> Result<Value, String> {
    let is_descending = match order {
        None => false,
        Some(order) => match operators::as_text(order)?.as_ref() {
            "asc" => false,
            "desc" => true,
            other => return Err(format!("invalid order {other}, expected asc or desc")),
        },
    };
    // What is no list sorts to an empty one, as upstream.
    let mut items = match value {
        Value::List(list) => list.items.to_vec(),
        _ => Vec::new(),
    };
    sort_values(&mut items, |item| item, is_descending)?;
    Ok(Value::list(items))
}
