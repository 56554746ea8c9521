//! Builtins on text.

use std::sync::Arc;

use super::super::eval::operators;
use crate::expr::value::{Items, Value};

/// Repetitions at most.
const MAX_REPEAT: i64 = 1_000_000;

/// Returns an argument as text.
pub(super) fn text(arguments: &[Value], at: usize) -> Result<&Arc<str>, String> {
    operators::as_text(arguments.get(at).unwrap_or(&Value::Nil))
}

/// Returns how often `repeat` repeats.
pub(super) fn repetitions(arguments: &[Value]) -> Result<usize, String> {
    let count = operators::to_int(arguments.get(1).unwrap_or(&Value::Nil))?;
    match usize::try_from(count) {
        Err(_) => Err(format!("invalid argument for repeat (expected positive integer, got {count})")),
        Ok(_) if count > MAX_REPEAT => Err("memory budget exceeded".to_owned()),
        Ok(count) => Ok(count),
    }
}

/// Runs a builtin on text.
pub(super) fn call(name: &str, arguments: &[Value]) -> Result<Value, String> {
    if name == "join" {
        return join(arguments);
    }
    let subject = text(arguments, 0)?;
    let second = || text(arguments, 1);
    let made = |text: &str| Ok(Value::text(text));
    match name {
        "trim" if arguments.len() < 2 => made(subject.trim()),
        "trim" => {
            let cut = second()?.clone();
            made(subject.trim_matches(|c| cut.contains(c)))
        }
        "trimPrefix" | "trimSuffix" => {
            let affix: &str = if arguments.len() < 2 { " " } else { second()? };
            let trimmed = if name == "trimPrefix" { subject.strip_prefix(affix) } else { subject.strip_suffix(affix) };
            made(trimmed.unwrap_or(subject))
        }
        "upper" => made(&subject.to_uppercase()),
        "lower" => made(&subject.to_lowercase()),
        "split" | "splitAfter" => {
            let limit = arguments.get(2).map(operators::to_int).transpose()?;
            let parts = split(subject, second()?, limit.unwrap_or(-1), name == "splitAfter");
            Ok(Value::list_of(Items::Texts, parts.iter().map(|part| Value::text(part)).collect()))
        }
        "replace" => {
            let limit = arguments.get(3).map(operators::to_int).transpose()?.unwrap_or(-1);
            let (old, new) = (second()?, text(arguments, 2)?);
            made(&match usize::try_from(limit) {
                Ok(limit) => subject.replacen(&**old, new, limit),
                Err(_) => subject.replace(&**old, new),
            })
        }
        "indexOf" | "lastIndexOf" => {
            let found = if name == "indexOf" { subject.find(&**second()?) } else { subject.rfind(&**second()?) };
            Ok(Value::Int(found.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1)))
        }
        "hasPrefix" => Ok(Value::Bool(subject.starts_with(&**second()?))),
        "hasSuffix" => Ok(Value::Bool(subject.ends_with(&**second()?))),
        _ => Err(format!("unknown builtin {name}")),
    }
}

/// Splits as Go's `SplitN` and `SplitAfterN`: no separator splits into characters, a limit of 0 into nothing.
fn split(text: &str, separator: &str, limit: i64, is_after: bool) -> Vec<String> {
    let limit = usize::try_from(limit).ok();
    if limit == Some(0) {
        return Vec::new();
    }
    if separator.is_empty() {
        let mut parts: Vec<String> = text.chars().map(String::from).collect();
        if let Some(limit) = limit.filter(|limit| *limit < parts.len()) {
            let rest = parts.split_off(limit - 1).concat();
            parts.push(rest);
        }
        return parts;
    }
    let parts: Vec<&str> = match limit {
        Some(limit) => text.splitn(limit, separator).collect(),
        None => text.split(separator).collect(),
    };
    let last = parts.len().saturating_sub(1);
    let ended = |(i, part): (usize, &&str)| {
        if is_after && i < last { format!("{part}{separator}") } else { (*part).to_owned() }
    };
    parts.iter().enumerate().map(ended).collect()
}

fn join(arguments: &[Value]) -> Result<Value, String> {
    let glue = if arguments.len() > 1 { text(arguments, 1)?.to_string() } else { String::new() };
    match arguments.first() {
        Some(Value::List(list)) if matches!(list.of, Items::Any | Items::Texts) => {
            let parts = list.items.iter().map(|item| operators::as_text(item).map(|text| &**text));
            Ok(Value::text(&parts.collect::<Result<Vec<_>, _>>()?.join(&glue)))
        }
        other => Err(format!("invalid argument for join (type {})", other.map_or("<nil>", Value::type_name))),
    }
}
