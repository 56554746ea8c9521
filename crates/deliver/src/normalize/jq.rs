//! Paths written in jq, for people's ignore rules.
//!
//! Rules come from users and run on every comparison, so they are bounded: no recursive definitions, no multiplication
//! (which repeats texts), no look at the environment or the clock, and a limited number of rounds of whatever loops.

use std::{cell::Cell, cmp::Ordering};

use jaq_core::{
    Compiler, Ctx, Error, Vars,
    compile::Filter,
    data::JustLut,
    load::{Arena, File, Loader, parse},
    native::{Fun, bome, run, v},
    unwrap_valr,
};
use jaq_json::Val;
use serde_json::Value;

type Data = JustLut<Val>;

/// How many rounds the loops of one evaluation have together.
const MAX_ROUNDS: u32 = 10_000;
/// How many paths one expression may give.
const MAX_PATHS: usize = 10_000;
/// How long an expression may be.
const MAX_LENGTH: usize = 4_096;

/// What loops, rewritten so that each round is counted.
const COUNTED: &str = r"
def range($from; $to; $by): label $out | uncounted_range($from; $to; $by) | if has_rounds then . else break $out end;
def repeat(f): def rec: if has_rounds then f, rec else empty end; rec;
def recurse(f): def rec: if has_rounds then ., (f | rec) else empty end; rec;
def while(cond; update): def rec: if has_rounds and cond then ., (update | rec) else empty end; rec;
def until(cond; update): def rec: if has_rounds | not then empty elif cond then . else update | rec end; rec;
";
const COUNTED_NAMES: [(&str, usize); 4] = [("repeat", 1), ("recurse", 1), ("while", 2), ("until", 2)];
/// Functions that would look at or change something outside.
const OUTSIDE: [&str; 7] = ["halt", "now", "localtime", "strflocaltime", "mktime", "debug_empty", "stderr_empty"];

thread_local! {
    static ROUNDS: Cell<u32> = const { Cell::new(0) };
}

/// Why an expression cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JqError {
    /// It is longer than anybody needs.
    #[error("the expression is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// It has a construct that could run or grow without end.
    #[error("{0} are not allowed in ignore rules")]
    Unbounded(&'static str),
    /// It is no jq.
    #[error("the expression cannot be compiled")]
    Compile,
    /// It failed on the object at hand.
    #[error("the expression failed")]
    Run,
    /// It took more than it may.
    #[error("the expression takes more than {MAX_ROUNDS} rounds or gives more than {MAX_PATHS} paths")]
    Exhausted,
}

/// An expression that gives paths.
pub struct JqPaths {
    text: String,
    filter: Filter<jaq_core::Native<Data>>,
}

impl std::fmt::Debug for JqPaths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JqPaths").field("text", &self.text).finish_non_exhaustive()
    }
}

impl JqPaths {
    /// Reads an expression.
    ///
    /// # Errors
    /// When it is no jq, or could run without end.
    pub fn new(text: &str) -> Result<Self, JqError> {
        if text.len() > MAX_LENGTH {
            return Err(JqError::TooLong);
        }
        check_bounds(text)?;
        let program = format!("path({text})");
        let arena = Arena::default();
        let modules = Loader::new(definitions())
            .load(&arena, File { code: program.as_str(), path: () })
            .map_err(|_| JqError::Compile)?;
        let compiler = Compiler::default().with_funs(functions()).with_global_vars(["$ENV"]);
        let filter = compiler.compile(modules).map_err(|_| JqError::Compile)?;
        Ok(Self { text: text.to_owned(), filter })
    }

    /// Returns `object` without what the paths lead to.
    ///
    /// # Errors
    /// When the evaluation fails or takes too long; also when a path cannot be one of `object`.
    pub fn delete(&self, object: &Value) -> Result<Value, JqError> {
        let input = jaq_json::read::parse_single(object.to_string().as_bytes()).map_err(|_| JqError::Run)?;
        let environment = Val::obj(jaq_json::Map::default());
        let context = Ctx::<Data>::new(&self.filter.lut, Vars::new([environment]));
        ROUNDS.set(MAX_ROUNDS);
        let mut paths = Vec::new();
        for path in self.filter.id.run((context, input)).map(unwrap_valr) {
            let path = path.map_err(|_| JqError::Run)?;
            let path: Value = serde_json::from_str(&path.to_string()).map_err(|_| JqError::Run)?;
            paths.extend(Path::of(&path, object)?);
            if paths.len() > MAX_PATHS {
                return Err(JqError::Exhausted);
            }
        }
        if ROUNDS.get() == 0 {
            return Err(JqError::Exhausted);
        }
        Ok(without(object, paths))
    }
}

fn definitions() -> impl Iterator<Item = parse::Def<&'static str>> {
    let is_counted = |def: &parse::Def<&str>| COUNTED_NAMES.contains(&(def.name, def.args.len()));
    let counted = jaq_core::load::parse(COUNTED, |parser| parser.defs()).unwrap_or_default();
    let others = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    // `true`, `not` and others of the first definitions are used by the counted ones.
    let (first, rest): (Vec<_>, Vec<_>) = others
        .filter(move |def| !is_counted(def))
        .partition(|def| matches!(def.name, "empty" | "true" | "false" | "not"));
    first.into_iter().chain(counted).chain(rest)
}

fn functions() -> impl Iterator<Item = Fun<Data>> {
    let all = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let has_rounds: Fun<Data> = run(("has_rounds", v(0), |_| {
        let left = ROUNDS.get();
        ROUNDS.set(left.saturating_sub(1));
        bome(Ok(Val::from(left > 0)))
    }));
    let replaced = all.map(|(name, arguments, native)| match name {
        "range" => ("uncounted_range", arguments, native),
        "env" => run((name, arguments, |_| bome(Ok(Val::obj(jaq_json::Map::default()))))),
        name if OUTSIDE.contains(&name) => {
            run((name, arguments, |_| bome(Err(Error::str("not available in ignore rules")))))
        }
        _ => (name, arguments, native),
    });
    replaced.chain([has_rounds])
}

/// Refuses definitions that call themselves, and multiplication.
fn check_bounds(text: &str) -> Result<(), JqError> {
    let words = words(text);
    if words.contains(&"*") || words.contains(&"*=") {
        return Err(JqError::Unbounded("multiplications"));
    }
    for (at, _) in words.iter().enumerate().filter(|(_, word)| **word == "def") {
        let Some(name) = words.get(at + 1) else { continue };
        if body(&words[at + 2..]).contains(name) {
            return Err(JqError::Unbounded("recursive definitions"));
        }
    }
    Ok(())
}

/// Returns the words of a definition up to the semicolon that ends it.
fn body<'w, 't>(words: &'w [&'t str]) -> &'w [&'t str] {
    let (mut parentheses, mut definitions) = (0_usize, 1_usize);
    for (at, word) in words.iter().enumerate() {
        match *word {
            "(" | "[" | "{" => parentheses += 1,
            ")" | "]" | "}" => parentheses = parentheses.saturating_sub(1),
            "def" => definitions += 1,
            ";" if parentheses == 0 => {
                definitions -= 1;
                if definitions == 0 {
                    return &words[..at];
                }
            }
            _ => {}
        }
    }
    words
}

/// Splits an expression into names, single signs and (as one empty word) texts. What a text interpolates counts.
fn words(text: &str) -> Vec<&str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let mut words = Vec::new();
    let mut rest = text;
    // Whether each open parenthesis is one of a text's interpolation.
    let mut open = Vec::new();
    let mut in_text = false;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '\\' if in_text && rest[1..].starts_with('(') => {
                in_text = false;
                open.push(true);
                words.push("(");
                2
            }
            '\\' if in_text => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            '"' => {
                in_text = !in_text;
                1
            }
            _ if in_text => c.len_utf8(),
            c if is_name(c) => {
                let end = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
                words.push(&rest[..end]);
                end
            }
            c => {
                match c {
                    '(' => open.push(false),
                    ')' => in_text = open.pop().unwrap_or_default(),
                    _ => {}
                }
                if !c.is_whitespace() {
                    words.push(&rest[..c.len_utf8()]);
                }
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    words
}

/// A path, with indices from the front.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Path(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Index(usize),
    Key(String),
}

impl Path {
    /// Resolves a path of jq on `object`: several for one with a slice, none where nothing is.
    fn of(path: &Value, object: &Value) -> Result<Vec<Self>, JqError> {
        let mut found = vec![(Vec::new(), object)];
        for step in path.as_array().ok_or(JqError::Run)? {
            let mut next = Vec::new();
            for (steps, value) in found {
                for (step, value) in children(value, step)? {
                    next.push((steps.iter().cloned().chain([step]).collect(), value));
                }
            }
            found = next;
        }
        Ok(found.into_iter().map(|(steps, _)| Self(steps)).collect())
    }
}

fn children<'v>(value: &'v Value, step: &Value) -> Result<Vec<(Step, &'v Value)>, JqError> {
    let length = value.as_array().map_or(0, Vec::len);
    let at = |index: &Value, default: usize| -> Option<usize> {
        match index {
            Value::Null => Some(default),
            index => {
                let index = index.as_i64()?;
                let from_end = length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?);
                Some(if index < 0 { from_end? } else { usize::try_from(index).ok()? }.min(length))
            }
        }
    };
    match (value, step) {
        (Value::Null, _) => Ok(Vec::new()),
        (Value::Object(map), Value::String(key)) => {
            Ok(map.get(key).map(|value| (Step::Key(key.clone()), value)).into_iter().collect())
        }
        (Value::Array(items), Value::Number(_)) => {
            let index = at(step, 0).filter(|index| *index < length);
            Ok(index.map(|index| (Step::Index(index), &items[index])).into_iter().collect())
        }
        (Value::Array(items), Value::Object(slice)) => {
            let end = |name: &str, default| at(slice.get(name).unwrap_or(&Value::Null), default);
            let (from, to) = (end("start", 0).unwrap_or(0), end("end", length).unwrap_or(0));
            Ok((from..to).map(|index| (Step::Index(index), &items[index])).collect())
        }
        _ => Err(JqError::Run),
    }
}

/// Deletes from behind, so that the indices of what comes before stay right.
fn without(object: &Value, mut paths: Vec<Path>) -> Value {
    paths.sort_unstable_by(|a, b| deepest_last(b, a));
    paths.dedup();
    let mut left = object.clone();
    for path in &paths {
        remove(&mut left, &path.0);
    }
    left
}

fn deepest_last(a: &Path, b: &Path) -> Ordering {
    a.cmp(b)
}

fn remove(value: &mut Value, steps: &[Step]) {
    let Some((step, rest)) = steps.split_first() else {
        *value = Value::Null;
        return;
    };
    match (value, step, rest.is_empty()) {
        (Value::Object(map), Step::Key(key), true) => drop(map.remove(key)),
        (Value::Array(items), Step::Index(index), true) if *index < items.len() => drop(items.remove(*index)),
        (Value::Object(map), Step::Key(key), false) => {
            if let Some(child) = map.get_mut(key) {
                remove(child, rest);
            }
        }
        (Value::Array(items), Step::Index(index), false) => {
            if let Some(child) = items.get_mut(*index) {
                remove(child, rest);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: &Value) {
        let object = json!({"kind": "K", "l": [1, 2, 3], "m": {"a": "x", "b": null}});
        assert_eq!(JqPaths::new(text).and_then(|paths| paths.delete(&object)).as_ref(), Ok(wanted), "{text}");
    }

    #[track_caller]
    fn fails(text: &str, wanted: &JqError) {
        let object = json!({"kind": "K", "l": [1, 2, 3]});
        assert_eq!(JqPaths::new(text).and_then(|paths| paths.delete(&object)).as_ref(), Err(wanted), "{text}");
    }

    #[test]
    fn what_paths_lead_to_goes() {
        check(".l[] | select(. > 1)", &json!({"kind": "K", "l": [1], "m": {"a": "x", "b": null}}));
        check(".l[-1], .l[0]", &json!({"kind": "K", "l": [2], "m": {"a": "x", "b": null}}));
        check(".l[1:]", &json!({"kind": "K", "l": [1], "m": {"a": "x", "b": null}}));
        check(
            ".. | select(type == \"string\" and . == \"x\")",
            &json!({"kind": "K", "l": [1, 2, 3], "m": {"b": null}}),
        );
        check(".gone.deep", &json!({"kind": "K", "l": [1, 2, 3], "m": {"a": "x", "b": null}}));
    }

    #[test]
    fn nothing_runs_without_end() {
        for text in [
            "range(infinite) as $x | .l",
            "repeat(.l)",
            "last(recurse(.))",
            "last(range(infinite)) as $x | .l",
            "until(false; .)",
            "last(while(true; .))",
            "last(limit(1000000000; repeat(.l)))",
            "first(repeat(empty))",
        ] {
            fails(text, &JqError::Exhausted);
        }
        fails("def f: f; f", &JqError::Unbounded("recursive definitions"));
        fails("def f(g): def h: g | f(h); h; f(.)", &JqError::Unbounded("recursive definitions"));
        fails("\"\\(def f: f; f)\"", &JqError::Unbounded("recursive definitions"));
        fails("\"x\" * 1000000000", &JqError::Unbounded("multiplications"));
        fails(&".a".repeat(4_000), &JqError::TooLong);
    }

    #[test]
    fn nothing_outside_can_be_seen() {
        let object = json!({"kind": "K"});
        let with_home = JqPaths::new(".[env.HOME]").unwrap().delete(&object);
        assert_ne!(with_home, Ok(json!({})));
        fails("halt", &JqError::Run);
        fails("now", &JqError::Run);
        fails("input", &JqError::Compile);
    }
}
