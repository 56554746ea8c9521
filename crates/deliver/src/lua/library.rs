//! What scripts find: the functions of Lua 5.1 that the interpreter has under other names or not at all, and nothing that
//! reaches outside.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use mlua::{Lua, Table, Value, Variadic, chunk::ChunkMode};

use super::{Libraries, number, pattern_functions};

/// Functions written in Lua itself, so that their loops count as instructions.
const IN_LUA: &str = r#"
local function merge(t, from, to, before)
    if to <= from then return end
    local middle = from + (to - from - (to - from) % 2) / 2
    merge(t, from, middle, before)
    merge(t, middle + 1, to, before)
    local left, right, out = from, middle + 1, {}
    for i = from, to do
        if right > to or left <= middle and not before(t[right], t[left]) then
            out[i], left = t[left], left + 1
        else
            out[i], right = t[right], right + 1
        end
    end
    for i = from, to do t[i] = out[i] end
end
function table.sort(t, before)
    merge(t, 1, #t, before or function(a, b) return a < b end)
end
function table.getn(t) return #t end
function table.maxn(t)
    local last = 0
    for key in pairs(t) do
        if type(key) == "number" and key > last then last = key end
    end
    return last
end
function table.foreach(t, f)
    for key, value in pairs(t) do
        local result = f(key, value)
        if result ~= nil then return result end
    end
end
function table.foreachi(t, f)
    for i, value in ipairs(t) do
        local result = f(i, value)
        if result ~= nil then return result end
    end
end
unpack = table.unpack
function getfenv() return _G end
function setfenv(f) return f end
function collectgarbage() end
function print() end
function newproxy() return setmetatable({}, {}) end
function module() error("modules are not available") end
function dofile() error("files are not available") end
function loadfile() return nil, "files are not available" end
"#;

/// Puts the library into a fresh state.
pub(super) fn open(lua: &Lua, libraries: Libraries, now: Timestamp) -> Result<(), mlua::Error> {
    let globals = lua.globals();
    globals.set("_VERSION", "Lua 5.1")?;
    lua.load(IN_LUA).set_name("=library").exec()?;
    globals.set("tostring", lua.create_function(|lua, value: Value| to_string(lua, &value))?)?;
    globals.set("tonumber", lua.create_function(to_number)?)?;
    globals.set("loadstring", lua.create_function(load_text)?)?;
    globals.set("load", lua.create_function(load_text)?)?;
    let os = os(lua, now)?;
    open_package(lua, &os)?;
    if libraries == Libraries::All {
        globals.set("os", os)?;
        pattern_functions::open(lua)?;
    }
    Ok(())
}

fn to_string(lua: &Lua, value: &Value) -> Result<Value, mlua::Error> {
    let text = match value {
        Value::Integer(number) => number.to_string(),
        Value::Number(number) => number::text(*number),
        Value::Nil => "nil".to_owned(),
        Value::Boolean(value) => value.to_string(),
        Value::String(_) => return Ok(value.clone()),
        // The address of a value is nobody's business.
        other => other.type_name().to_owned(),
    };
    Ok(Value::String(lua.create_string(text)?))
}

/// Reads a number as scripts have it from upstream: digits with a point, or a base; no powers of ten.
fn to_number(_: &Lua, (value, base): (Value, Option<f64>)) -> Result<Value, mlua::Error> {
    let text = match &value {
        Value::Integer(_) | Value::Number(_) => return Ok(value),
        Value::String(text) => text.to_string_lossy(),
        _ => return Ok(Value::Nil),
    };
    let text = text.trim();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what is no base is refused")]
    let base = base.map_or(10, |base| base as u32);
    if !(2..=36).contains(&base) {
        return Err(mlua::Error::runtime("base out of range"));
    }
    let (sign, digits) = text.strip_prefix('-').map_or((1.0, text), |digits| (-1.0, digits));
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let whole = match hexadecimal {
        Some(digits) if base == 10 || base == 16 => i64::from_str_radix(digits, 16),
        _ => i64::from_str_radix(digits, base),
    };
    #[expect(clippy::cast_precision_loss, reason = "numbers of scripts are floating")]
    let whole = whole.map(|number| number as f64).ok();
    let with_point = || digits.contains('.').then(|| digits.parse::<f64>().ok())?;
    let number = if digits.starts_with(['-', '+']) { None } else { whole.or_else(with_point) };
    Ok(number.map_or(Value::Nil, |number| Value::Number(sign * number)))
}

/// Only text is read: instructions in binary form are not checked by the interpreter.
fn load_text(lua: &Lua, (text, _): (Value, Variadic<Value>)) -> Result<(Value, Value), mlua::Error> {
    let Value::String(text) = text else {
        return Err(mlua::Error::runtime("only texts can be loaded"));
    };
    let chunk = lua.load(text.as_bytes().to_vec()).set_name("=text").set_mode(ChunkMode::Text);
    match chunk.into_function() {
        Ok(function) => Ok((Value::Function(function), Value::Nil)),
        Err(error) => Ok((Value::Nil, Value::String(lua.create_string(error.to_string())?))),
    }
}

/// `require` knows `os` and nothing else.
fn open_package(lua: &Lua, os: &Table) -> Result<(), mlua::Error> {
    let package = lua.create_table()?;
    let preload = lua.create_table()?;
    let loaded = lua.create_table()?;
    for name in ["table", "string", "math", "coroutine"] {
        loaded.set(name, lua.globals().get::<Value>(name)?)?;
    }
    loaded.set("_G", lua.globals())?;
    let module = os.clone();
    preload.set("os", lua.create_function(move |_, ()| Ok(module.clone()))?)?;
    package.set("preload", preload)?;
    package.set("loaded", loaded)?;
    package.set("path", "")?;
    package.set("cpath", "")?;
    package.set("loadlib", lua.create_function(refuse)?)?;
    lua.globals().set("package", package)?;
    let module = os.clone();
    let require = move |_: &Lua, name: String| {
        if name == "os" { Ok(module.clone()) } else { Err(mlua::Error::runtime(format!("module {name} not found"))) }
    };
    lua.globals().set("require", lua.create_function(require)?)
}

fn refuse(_: &Lua, _: Variadic<Value>) -> Result<(), mlua::Error> {
    Err(mlua::Error::runtime("not available to scripts"))
}

fn os(lua: &Lua, now: Timestamp) -> Result<Table, mlua::Error> {
    let os = lua.create_table()?;
    let time = move |_: &Lua, parts: Option<Table>| match parts {
        None => Ok(now.as_second()),
        Some(parts) => seconds(&parts),
    };
    os.set("time", lua.create_function(time)?)?;
    let date = move |lua: &Lua, (format, at): (Option<String>, Option<f64>)| {
        let at = at.map_or(Ok(now), from_seconds)?;
        date(lua, format.as_deref().unwrap_or("%c"), at)
    };
    os.set("date", lua.create_function(date)?)?;
    Ok(os)
}

#[expect(clippy::cast_possible_truncation, reason = "what is out of range is refused")]
fn from_seconds(seconds: f64) -> Result<Timestamp, mlua::Error> {
    Timestamp::from_second(seconds as i64).map_err(|_| mlua::Error::runtime("time out of range"))
}

fn seconds(parts: &Table) -> Result<i64, mlua::Error> {
    let part = |name: &str, default: f64| parts.get::<Option<f64>>(name).map(|value| value.unwrap_or(default));
    let wrong = || mlua::Error::runtime("time out of range");
    #[expect(clippy::cast_possible_truncation, reason = "what is out of range is refused")]
    let number = |value: f64| value as i16;
    let small = |value: f64| i8::try_from(number(value)).map_err(|_| wrong());
    let date = DateTime::new(
        number(part("year", 1970.0)?),
        small(part("month", 1.0)?)?,
        small(part("day", 1.0)?)?,
        small(part("hour", 12.0)?)?,
        small(part("min", 0.0)?)?,
        small(part("sec", 0.0)?)?,
        0,
    );
    let at = date.ok().and_then(|date| date.to_zoned(TimeZone::UTC).ok()).ok_or_else(wrong)?;
    Ok(at.timestamp().as_second())
}

/// The zone is UTC, with `!` or without.
fn date(lua: &Lua, format: &str, at: Timestamp) -> Result<Value, mlua::Error> {
    let format = format.strip_prefix('!').unwrap_or(format);
    let zoned = at.to_zoned(TimeZone::UTC);
    if format.starts_with("*t") {
        let table = lua.create_table()?;
        table.set("year", zoned.year())?;
        table.set("month", zoned.month())?;
        table.set("day", zoned.day())?;
        table.set("hour", zoned.hour())?;
        table.set("min", zoned.minute())?;
        table.set("sec", zoned.second())?;
        table.set("wday", zoned.weekday().to_sunday_one_offset())?;
        table.set("yday", zoned.day_of_year())?;
        table.set("isdst", false)?;
        return Ok(Value::Table(table));
    }
    let text = jiff::fmt::strtime::format(format, &zoned).map_err(|_| mlua::Error::runtime("malformed date format"))?;
    Ok(Value::String(lua.create_string(text)?))
}
