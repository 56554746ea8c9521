//! Lua scripts of people: health checks and actions.
//!
//! A script gets the object as global `obj` and the parameters of an action as `actionParams`, both as tables: `null` is
//! `nil`, lists begin with 1. What it returns last is the answer. The language is Lua 5.1 with `goto`.
//!
//! Scripts cannot do harm: there are no files, no programs, no environment; memory, instructions and time are limited, and
//! so are the steps of matching a pattern.

mod convert;
mod library;
mod number;
mod pattern;
mod pattern_functions;

use std::{cell::Cell, rc::Rc};

use jiff::Timestamp;
use mlua::{Function, HookTriggers, Lua, LuaOptions, MultiValue, StdLib, VmState, chunk::ChunkMode};
use serde_json::Value;

pub use self::convert::EncodeError;

/// How many bytes a script may hold at once, beyond those of the object.
const MAX_MEMORY: usize = 64 << 20;
/// After how many instructions the limits are looked at.
const STRIDE: u32 = 100;
/// How many instructions a script may run.
const MAX_INSTRUCTIONS: u64 = 20_000_000;
/// How long a script may run: single instructions can copy long texts.
const MAX_SECONDS: f64 = 1.0;

/// Which of Lua's libraries a script finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Libraries {
    /// The base functions, `table`, and by `require("os")` the time.
    Base,
    /// Also `string`, `math`, `coroutine` and the global `os`, which is the same as by `require`.
    All,
}

/// What a script is run with.
#[derive(Debug, Clone, Copy)]
pub struct Script<'a> {
    /// The text.
    pub text: &'a str,
    /// The libraries.
    pub libraries: Libraries,
    /// The time that `os.time` and `os.date` tell.
    pub now: Timestamp,
}

/// Why a script gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LuaError {
    /// It is no Lua, failed, or took too much memory; the text is Lua's.
    #[error("{0}")]
    Run(String),
    /// It ran too long.
    #[error("the script takes too long")]
    Endless,
    /// It returned something that is no JSON.
    #[error("the script returned what cannot be JSON")]
    Encode(#[from] EncodeError),
    /// It returned no table.
    #[error("expect table output from Lua script, not {0}")]
    NoTable(&'static str),
}

/// What a script returned last.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Nothing.
    Nil,
    /// A table; an empty one is a list.
    Table(Value),
}

/// Runs a script on an object.
///
/// # Errors
/// See [`LuaError`].
pub fn run(script: Script<'_>, object: &Value, parameters: &[(&str, &str)]) -> Result<Answer, LuaError> {
    let exhausted = Rc::new(Cell::new(false));
    let result = evaluate(script, object, parameters, &exhausted);
    if exhausted.get() {
        return Err(LuaError::Endless);
    }
    result
}

fn evaluate(
    script: Script<'_>,
    object: &Value,
    parameters: &[(&str, &str)],
    exhausted: &Rc<Cell<bool>>,
) -> Result<Answer, LuaError> {
    let lua = state(script.libraries, script.now)?;
    lua.globals().set("obj", convert::to_lua(&lua, object)?)?;
    let params = lua.create_table()?;
    for (name, value) in parameters {
        params.raw_set(*name, *value)?;
    }
    lua.globals().set("actionParams", params)?;
    lua.set_memory_limit(lua.used_memory() + MAX_MEMORY)?;
    limit(&lua, exhausted)?;
    let function: Function = lua.load(script.text).set_name("=script").set_mode(ChunkMode::Text).into_function()?;
    let mut returned: MultiValue = function.call(())?;
    match returned.pop_back().unwrap_or(mlua::Value::Nil) {
        mlua::Value::Nil => Ok(Answer::Nil),
        table @ mlua::Value::Table(_) => Ok(Answer::Table(convert::to_json(&table)?)),
        mlua::Value::Integer(_) => Err(LuaError::NoTable("number")),
        other => Err(LuaError::NoTable(other.type_name())),
    }
}

fn state(libraries: Libraries, now: Timestamp) -> Result<Lua, mlua::Error> {
    let libs = match libraries {
        Libraries::Base => StdLib::TABLE,
        Libraries::All => StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::COROUTINE,
    };
    let lua = Lua::new_with(libs, LuaOptions::new())?;
    library::open(&lua, libraries, now)?;
    Ok(lua)
}

/// Once a limit is passed every further look at it fails, so that a script that catches errors ends as well.
fn limit(lua: &Lua, exhausted: &Rc<Cell<bool>>) -> Result<(), mlua::Error> {
    let started = instant();
    let left = Cell::new(MAX_INSTRUCTIONS);
    let exhausted = Rc::clone(exhausted);
    lua.set_global_hook(HookTriggers::new().every_nth_instruction(STRIDE), move |_, _| {
        left.set(left.get().saturating_sub(u64::from(STRIDE)));
        if left.get() == 0 || started.elapsed().as_secs_f64() > MAX_SECONDS {
            exhausted.set(true);
            return Err(mlua::Error::runtime("the script takes too long"));
        }
        Ok(VmState::Continue)
    })
}

#[expect(clippy::disallowed_methods, reason = "stops a script that copies long texts; no decision depends on it")]
fn instant() -> std::time::Instant {
    std::time::Instant::now()
}

impl From<mlua::Error> for LuaError {
    fn from(error: mlua::Error) -> Self {
        Self::Run(error.to_string())
    }
}
