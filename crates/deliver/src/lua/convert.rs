//! JSON as Lua tables, and back.

use mlua::{Lua, Table};
use serde_json::{Map, Number, Value};

/// How deep tables may be within each other.
const MAX_DEPTH: usize = 100;

/// Why a table cannot be JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// Names and positions in one table, or keys that are neither.
    #[error("cannot encode mixed or invalid key types")]
    InvalidKeys,
    /// Positions that do not run from 1 on.
    #[error("cannot encode sparse array")]
    SparseArray,
    /// A table within itself, or very deep.
    #[error("cannot encode recursively nested tables to JSON")]
    Nested,
    /// A value that JSON has no form for.
    #[error("cannot encode {0} to JSON")]
    InvalidType(&'static str),
}

/// Returns a value as Lua has it; numbers are floating.
pub(super) fn to_lua(lua: &Lua, value: &Value) -> Result<mlua::Value, mlua::Error> {
    Ok(match value {
        Value::Null => mlua::Value::Nil,
        Value::Bool(value) => mlua::Value::Boolean(*value),
        Value::Number(number) => mlua::Value::Number(number.as_f64().unwrap_or_default()),
        Value::String(text) => mlua::Value::String(lua.create_string(text)?),
        Value::Array(items) => {
            let table = lua.create_table_with_capacity(items.len(), 0)?;
            for (at, item) in items.iter().enumerate() {
                table.raw_set(at + 1, to_lua(lua, item)?)?;
            }
            mlua::Value::Table(table)
        }
        Value::Object(fields) => {
            let table = lua.create_table_with_capacity(0, fields.len())?;
            for (name, field) in fields {
                table.raw_set(name.as_str(), to_lua(lua, field)?)?;
            }
            mlua::Value::Table(table)
        }
    })
}

/// Returns a value of Lua as JSON; an empty table is a list.
pub(super) fn to_json(value: &mlua::Value) -> Result<Value, EncodeError> {
    encode(value, 0)
}

fn encode(value: &mlua::Value, depth: usize) -> Result<Value, EncodeError> {
    if depth > MAX_DEPTH {
        return Err(EncodeError::Nested);
    }
    match value {
        mlua::Value::Nil => Ok(Value::Null),
        mlua::Value::Boolean(value) => Ok(Value::Bool(*value)),
        mlua::Value::Integer(number) => Ok(Value::from(*number)),
        mlua::Value::Number(number) => encode_number(*number),
        mlua::Value::String(text) => Ok(Value::from(text.to_string_lossy())),
        mlua::Value::Table(table) => encode_table(table, depth),
        other => Err(EncodeError::InvalidType(other.type_name())),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "only whole numbers that fit are cast")]
fn encode_number(number: f64) -> Result<Value, EncodeError> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if number.fract() == 0.0 && number.abs() < LIMIT {
        return Ok(Value::from(number as i64));
    }
    Number::from_f64(number).map(Value::Number).ok_or(EncodeError::InvalidType("number"))
}

fn encode_table(table: &Table, depth: usize) -> Result<Value, EncodeError> {
    let mut fields = Map::new();
    let mut items: Vec<(f64, Value)> = Vec::new();
    let mut wrong = None;
    // The order of names does not matter, positions are sorted.
    let seen = table.for_each(|key: mlua::Value, value: mlua::Value| {
        let entry = encode(&value, depth + 1);
        match (key, entry) {
            (_, Err(why)) => wrong = Some(why),
            (mlua::Value::String(name), Ok(value)) => drop(fields.insert(name.to_string_lossy(), value)),
            (mlua::Value::Number(at), Ok(value)) => items.push((at, value)),
            #[expect(clippy::cast_precision_loss, reason = "positions are small")]
            (mlua::Value::Integer(at), Ok(value)) => items.push((at as f64, value)),
            (_, Ok(_)) => wrong = Some(EncodeError::InvalidKeys),
        }
        if wrong.is_some() { Err(mlua::Error::runtime("stop")) } else { Ok(()) }
    });
    if seen.is_err() && wrong.is_none() {
        wrong = Some(EncodeError::Nested);
    }
    match (wrong, items.is_empty(), fields.is_empty()) {
        (Some(why), ..) => Err(why),
        (None, false, false) => Err(EncodeError::InvalidKeys),
        (None, true, false) => Ok(Value::Object(fields)),
        (None, _, true) => list(items),
    }
}

fn list(mut items: Vec<(f64, Value)>) -> Result<Value, EncodeError> {
    items.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut expected = 0.0;
    for (at, _) in &items {
        expected += 1.0;
        #[expect(clippy::float_cmp, reason = "positions are whole")]
        if *at != expected {
            return Err(EncodeError::SparseArray);
        }
    }
    Ok(items.into_iter().map(|(_, value)| value).collect())
}
