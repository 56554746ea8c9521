//! Functions of texts.

use super::{EvalError, Val};

/// Calls a function whose receiver is a text.
pub(super) fn call(name: &str, of: &str, args: &[Val]) -> Result<Val, EvalError> {
    match (name, args) {
        ("contains", [Val::Text(part)]) => Ok(Val::Bool(of.contains(part.as_ref()))),
        ("startsWith", [Val::Text(part)]) => Ok(Val::Bool(of.starts_with(part.as_ref()))),
        ("endsWith", [Val::Text(part)]) => Ok(Val::Bool(of.ends_with(part.as_ref()))),
        ("matches", [Val::Text(pattern)]) => Ok(Val::Bool(regex(pattern)?.is_match(of))),
        ("find", [Val::Text(pattern)]) => Ok(Val::text(regex(pattern)?.find(of).map_or("", |found| found.as_str()))),
        ("findAll", [Val::Text(pattern), rest @ ..]) => {
            let limit = match rest {
                [Val::Int(limit)] if *limit >= 0 => usize::try_from(*limit).unwrap_or(usize::MAX),
                _ => usize::MAX,
            };
            Ok(Val::list(regex(pattern)?.find_iter(of).take(limit).map(|found| Val::text(found.as_str())).collect()))
        }
        ("lowerAscii", []) => Ok(Val::text(&of.to_ascii_lowercase())),
        ("upperAscii", []) => Ok(Val::text(&of.to_ascii_uppercase())),
        ("trim", []) => Ok(Val::text(of.trim())),
        ("reverse", []) => Ok(Val::text(&of.chars().rev().collect::<String>())),
        ("charAt", [Val::Int(at)]) => char_at(of, *at),
        ("indexOf" | "lastIndexOf", [Val::Text(part), rest @ ..]) => position(name, of, part, rest),
        ("replace", [Val::Text(from), Val::Text(to), rest @ ..]) => Ok(Val::text(&match rest {
            [Val::Int(limit)] if *limit >= 0 => {
                of.replacen(from.as_ref(), to, usize::try_from(*limit).unwrap_or(usize::MAX))
            }
            _ => of.replace(from.as_ref(), to),
        })),
        ("split", [Val::Text(by), rest @ ..]) => Ok(split(of, by, rest)),
        ("substring", [Val::Int(from), rest @ ..]) => substring(of, *from, rest),
        _ => Err(EvalError::Overload),
    }
}

/// Joins a list of texts.
pub(super) fn join(items: &[Val], by: Option<&Val>) -> Result<Val, EvalError> {
    let by = match by {
        None => "",
        Some(Val::Text(by)) => by.as_ref(),
        Some(_) => return Err(EvalError::Overload),
    };
    let texts: Option<Vec<&str>> =
        items.iter().map(|item| if let Val::Text(text) = item { Some(text.as_ref()) } else { None }).collect();
    texts.map(|texts| Val::text(&texts.join(by))).ok_or(EvalError::Overload)
}

/// Compiles a pattern; matching is linear in the text.
fn regex(pattern: &str) -> Result<regex::Regex, EvalError> {
    regex::RegexBuilder::new(pattern).size_limit(1 << 20).build().map_err(|e| EvalError::Value(e.to_string()))
}

fn char_at(of: &str, at: i64) -> Result<Val, EvalError> {
    let length = of.chars().count();
    let index = usize::try_from(at).ok().filter(|i| *i <= length).ok_or(EvalError::Bounds(at))?;
    Ok(Val::text(&of.chars().nth(index).map(String::from).unwrap_or_default()))
}

fn position(name: &str, of: &str, part: &str, rest: &[Val]) -> Result<Val, EvalError> {
    let chars: Vec<char> = of.chars().collect();
    let part: Vec<char> = part.chars().collect();
    let last = name == "lastIndexOf";
    let offset = match rest {
        [] => None,
        [Val::Int(n)] => Some(usize::try_from(*n).ok().filter(|i| *i <= chars.len()).ok_or(EvalError::Bounds(*n))?),
        _ => return Err(EvalError::Overload),
    };
    let Some(end) = chars.len().checked_sub(part.len()) else { return Ok(Val::Int(-1)) };
    let fits = |at: &usize| chars[*at..*at + part.len()] == part[..];
    let found = if last {
        (0..=offset.map_or(end, |o| o.min(end))).rev().find(fits)
    } else {
        (offset.unwrap_or(0)..=end).find(fits)
    };
    Ok(Val::Int(found.map_or(-1, |at| i64::try_from(at).unwrap_or(i64::MAX))))
}

fn split(of: &str, by: &str, rest: &[Val]) -> Val {
    let pieces = |limit: usize| -> Vec<Val> {
        if by.is_empty() {
            return of.chars().map(|c| Val::text(c.encode_utf8(&mut [0; 4]))).take(limit).collect();
        }
        of.splitn(limit, by).map(Val::text).collect()
    };
    Val::list(match rest {
        [Val::Int(0)] => Vec::new(),
        [Val::Int(limit)] if *limit > 0 => pieces(usize::try_from(*limit).unwrap_or(usize::MAX)),
        _ => pieces(usize::MAX),
    })
}

fn substring(of: &str, from: i64, rest: &[Val]) -> Result<Val, EvalError> {
    let length = of.chars().count();
    let index = |n: i64| usize::try_from(n).ok().filter(|i| *i <= length).ok_or(EvalError::Bounds(n));
    let start = index(from)?;
    let end = match rest {
        [Val::Int(to)] => index(*to)?,
        _ => length,
    };
    if end < start {
        return Err(EvalError::Value(format!("invalid substring range. start: {start}, end: {end}")));
    }
    Ok(Val::text(&of.chars().skip(start).take(end - start).collect::<String>()))
}
