//! The functions of `string` that match patterns.

use std::{cell::Cell, rc::Rc};

use mlua::{Function, Lua, LuaString, Table, Value, Variadic};

use super::pattern::{Capture, Match, PatternError, find};

/// Replaces those of the interpreter, which cannot be stopped.
pub(super) fn open(lua: &Lua) -> Result<(), mlua::Error> {
    let string: Table = lua.globals().get("string")?;
    string.set("dump", Value::Nil)?;
    string.set("find", lua.create_function(find_in)?)?;
    string.set("match", lua.create_function(match_in)?)?;
    string.set("gmatch", lua.create_function(each_match)?)?;
    string.set("gfind", string.get::<Value>("gmatch")?)?;
    string.set("gsub", lua.create_function(replace)?)?;
    Ok(())
}

fn failed(error: PatternError) -> mlua::Error {
    mlua::Error::runtime(error.to_string())
}

/// Positions from the end are negative; what lies beyond an end is the end.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "texts are shorter than an integer is long"
)]
fn start(length: usize, init: Option<f64>) -> usize {
    let init = init.unwrap_or(1.0) as i64;
    let from = if init < 0 { (length as i64 + init).max(0) } else { (init - 1).max(0) };
    from as usize
}

fn find_in(
    lua: &Lua,
    (subject, pattern, init, plain): (LuaString, LuaString, Option<f64>, Option<bool>),
) -> Result<Variadic<Value>, mlua::Error> {
    let (subject, pattern) = (subject.as_bytes(), pattern.as_bytes());
    let from = start(subject.len(), init);
    if from > subject.len() {
        return Ok(Variadic::from(vec![Value::Nil]));
    }
    let found = if plain == Some(true) {
        plain_find(&subject, &pattern, from)
    } else {
        find(&subject, &pattern, from).map_err(failed)?
    };
    let Some(found) = found else { return Ok(Variadic::from(vec![Value::Nil])) };
    let mut out = vec![position(found.from + 1), position(found.to)];
    for capture in &found.captures {
        out.push(captured(lua, &subject, *capture)?);
    }
    Ok(Variadic::from(out))
}

fn plain_find(subject: &[u8], wanted: &[u8], from: usize) -> Option<Match> {
    let at = if wanted.is_empty() {
        Some(0)
    } else {
        subject[from..].windows(wanted.len()).position(|window| window == wanted)
    }?;
    Some(Match { from: from + at, to: from + at + wanted.len(), captures: Vec::new() })
}

#[expect(clippy::cast_precision_loss, reason = "texts are short")]
fn position(at: usize) -> Value {
    Value::Number(at as f64)
}

fn captured(lua: &Lua, subject: &[u8], capture: Capture) -> Result<Value, mlua::Error> {
    match capture {
        Capture::Range(from, to) => Ok(Value::String(lua.create_string(&subject[from..to])?)),
        Capture::Position(at) => Ok(position(at + 1)),
    }
}

/// The captures, or the whole match if there are none.
fn results(lua: &Lua, subject: &[u8], found: &Match) -> Result<Vec<Value>, mlua::Error> {
    if found.captures.is_empty() {
        return Ok(vec![captured(lua, subject, Capture::Range(found.from, found.to))?]);
    }
    found.captures.iter().map(|capture| captured(lua, subject, *capture)).collect()
}

fn match_in(
    lua: &Lua,
    (subject, pattern, init): (LuaString, LuaString, Option<f64>),
) -> Result<Variadic<Value>, mlua::Error> {
    let (subject, pattern) = (subject.as_bytes(), pattern.as_bytes());
    let from = start(subject.len(), init);
    let found = if from > subject.len() { None } else { find(&subject, &pattern, from).map_err(failed)? };
    let out = found.map_or_else(|| Ok(vec![Value::Nil]), |found| results(lua, &subject, &found))?;
    Ok(Variadic::from(out))
}

fn each_match(lua: &Lua, (subject, pattern): (LuaString, LuaString)) -> Result<Function, mlua::Error> {
    let (subject, pattern) = (subject.as_bytes().to_vec(), pattern.as_bytes().to_vec());
    let from = Rc::new(Cell::new(0));
    lua.create_function(move |lua, ()| {
        if from.get() > subject.len() {
            return Ok(Variadic::from(vec![Value::Nil]));
        }
        let Some(found) = find(&subject, &pattern, from.get()).map_err(failed)? else {
            from.set(subject.len() + 1);
            return Ok(Variadic::from(vec![Value::Nil]));
        };
        from.set(if found.to > found.from { found.to } else { found.to + 1 });
        Ok(Variadic::from(results(lua, &subject, &found)?))
    })
}

fn replace(
    lua: &Lua,
    (subject, pattern, with, limit): (LuaString, LuaString, Value, Option<f64>),
) -> Result<(LuaString, f64), mlua::Error> {
    let (subject, pattern) = (subject.as_bytes(), pattern.as_bytes());
    let limit = limit.unwrap_or(f64::INFINITY);
    let (mut out, mut from, mut count) = (Vec::new(), 0, 0.0);
    while count < limit && from <= subject.len() {
        let Some(found) = find(&subject, &pattern, from).map_err(failed)? else { break };
        out.extend_from_slice(&subject[from..found.from]);
        replacement(lua, &subject, &found, &with, &mut out)?;
        count += 1.0;
        from = found.to;
        if found.to == found.from {
            out.extend(subject.get(from));
            from += 1;
        }
        if pattern.first() == Some(&b'^') {
            break;
        }
    }
    out.extend_from_slice(subject.get(from..).unwrap_or_default());
    Ok((lua.create_string(out)?, count))
}

fn replacement(lua: &Lua, subject: &[u8], found: &Match, with: &Value, out: &mut Vec<u8>) -> Result<(), mlua::Error> {
    let results = results(lua, subject, found)?;
    let value = match with {
        Value::Table(table) => table.get::<Value>(results[0].clone())?,
        Value::Function(function) => function.call::<Value>(Variadic::from(results))?,
        Value::String(text) => return expand(subject, found, &results, &text.as_bytes(), out),
        Value::Number(number) => {
            out.extend(super::number::text(*number).into_bytes());
            return Ok(());
        }
        _ => return Err(mlua::Error::runtime("bad argument #3 to gsub")),
    };
    match value {
        Value::Nil | Value::Boolean(false) => out.extend_from_slice(&subject[found.from..found.to]),
        Value::String(text) => out.extend_from_slice(&text.as_bytes()),
        Value::Integer(number) => out.extend(number.to_string().into_bytes()),
        Value::Number(number) => out.extend(super::number::text(number).into_bytes()),
        _ => return Err(mlua::Error::runtime("invalid replacement value")),
    }
    Ok(())
}

/// `%0` is the whole match, `%1` the first capture.
fn expand(subject: &[u8], found: &Match, results: &[Value], text: &[u8], out: &mut Vec<u8>) -> Result<(), mlua::Error> {
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match (byte, *byte == b'%') {
            (_, false) => out.push(*byte),
            (_, true) => match bytes.next() {
                Some(b'0') => out.extend_from_slice(&subject[found.from..found.to]),
                Some(digit) if digit.is_ascii_digit() => match results.get(usize::from(digit - b'1')) {
                    Some(Value::String(text)) => out.extend_from_slice(&text.as_bytes()),
                    Some(Value::Number(number)) => out.extend(super::number::text(*number).into_bytes()),
                    _ => return Err(mlua::Error::runtime("invalid capture index")),
                },
                Some(other) => out.push(*other),
                None => return Err(mlua::Error::runtime("malformed replacement")),
            },
        }
    }
    Ok(())
}
