//! The builtins: names, what they take, what they do.

pub(super) mod convert;
mod dates;
mod lists;
mod numbers;
mod texts;

use super::{
    eval::{Machine, Stop},
    types::Type,
    value::{Items, Keys, Value},
};

/// Builtins that take a predicate.
pub(super) const PREDICATES: [&str; 15] = [
    "all",
    "none",
    "any",
    "one",
    "filter",
    "map",
    "find",
    "findIndex",
    "findLast",
    "findLastIndex",
    "count",
    "sum",
    "groupBy",
    "sortBy",
    "reduce",
];

/// What a builtin takes and gives.
pub(super) enum Signature {
    /// One of these, tried in order: a letter for each argument, `>`, a letter for the result.
    Overloads(&'static [&'static str]),
    /// Decided by a function.
    Validated(fn(&str, &[Type]) -> Result<Type, String>),
    /// `get` looks at the type of what it gets from.
    Get,
}

/// Builtins without predicate.
const PLAIN: [&str; 56] = [
    "len",
    "type",
    "abs",
    "ceil",
    "floor",
    "round",
    "int",
    "float",
    "string",
    "trim",
    "trimPrefix",
    "trimSuffix",
    "upper",
    "lower",
    "split",
    "splitAfter",
    "replace",
    "repeat",
    "join",
    "indexOf",
    "lastIndexOf",
    "hasPrefix",
    "hasSuffix",
    "max",
    "min",
    "mean",
    "median",
    "toJSON",
    "fromJSON",
    "toBase64",
    "fromBase64",
    "now",
    "duration",
    "date",
    "timezone",
    "first",
    "last",
    "get",
    "take",
    "keys",
    "values",
    "toPairs",
    "fromPairs",
    "reverse",
    "uniq",
    "concat",
    "flatten",
    "sort",
    "bitand",
    "bitor",
    "bitxor",
    "bitnand",
    "bitshl",
    "bitshr",
    "bitushr",
    "bitnot",
];

/// Returns the builtin of that name.
pub(super) fn known(name: &str) -> Option<&'static str> {
    PREDICATES.into_iter().chain(PLAIN).find(|known| *known == name)
}

/// Returns what a builtin takes.
pub(super) fn signature(name: &str) -> Signature {
    use Signature::{Get, Overloads, Validated};
    match name {
        "type" | "string" | "toJSON" => Overloads(&["a>s"]),
        "trim" => Overloads(&["s>s", "ss>s"]),
        "trimPrefix" | "trimSuffix" => Overloads(&["ss>s", "s>s"]),
        "upper" | "lower" | "toBase64" | "fromBase64" => Overloads(&["s>s"]),
        "split" | "splitAfter" => Overloads(&["ss>S", "ssi>S"]),
        "replace" => Overloads(&["sssi>s", "sss>s"]),
        "repeat" => Overloads(&["si>s"]),
        "join" => Overloads(&["Ss>s", "Ls>s", "L>s", "Ss>s", "S>s"]),
        "indexOf" | "lastIndexOf" => Overloads(&["ss>i"]),
        "hasPrefix" | "hasSuffix" => Overloads(&["ss>b"]),
        "fromJSON" => Overloads(&["s>a"]),
        "duration" => Overloads(&["s>d"]),
        "timezone" => Overloads(&["s>z"]),
        "sort" => Overloads(&["Ls>L", "Is>L", "Fs>L", "Ss>L", "L>L", "F>L", "S>L", "I>L"]),
        "bitand" | "bitor" | "bitxor" | "bitnand" | "bitshl" | "bitshr" | "bitushr" => Overloads(&["ii>i"]),
        "bitnot" => Overloads(&["i>i"]),
        "get" => Get,
        "now" | "date" => Validated(dates::validate),
        "max" | "min" | "mean" | "median" => Validated(numbers::validate_aggregate),
        "abs" | "ceil" | "floor" | "round" => Validated(numbers::validate_one),
        "int" | "float" => Validated(convert::validate),
        _ => Validated(lists::validate),
    }
}

/// Returns how messages print a number of arguments that is wrong.
pub(super) fn wrong_count(expected: usize, given: usize) -> String {
    format!("invalid number of arguments (expected {expected}, got {given})")
}

impl Machine<'_> {
    /// Runs a builtin without predicate.
    pub(super) fn builtin(&mut self, name: &str, arguments: &[Value]) -> Result<Value, Stop> {
        let one = arguments.first().unwrap_or(&Value::Nil);
        self.take_memory(size(arguments))?;
        Ok(match name {
            "len" => lists::len(one)?,
            "type" => Value::text(convert::type_word(one)),
            "string" => Value::text(&one.to_string()),
            "int" => convert::int(one)?,
            "float" => convert::float(one)?,
            "abs" | "ceil" | "floor" | "round" => numbers::one(name, one)?,
            "max" | "min" => numbers::extreme(name, arguments, 0)?,
            "mean" => numbers::mean(arguments)?,
            "median" => numbers::median(arguments)?,
            "toJSON" => Value::text(&convert::to_json(one)?),
            "fromJSON" => convert::from_json(one)?,
            "toBase64" | "fromBase64" => convert::base64(name, one)?,
            "now" | "duration" | "date" | "timezone" => dates::call(name, arguments, self.environment.now)?,
            "bitand" | "bitor" | "bitxor" | "bitnand" | "bitshl" | "bitshr" | "bitushr" | "bitnot" => {
                numbers::bits(name, arguments)?
            }
            "repeat" => {
                let count = texts::repetitions(arguments)?;
                let text = texts::text(arguments, 0)?;
                self.take_memory(text.len().saturating_mul(count))?;
                Value::text(&text.repeat(count))
            }
            "get" | "first" | "last" | "take" | "keys" | "values" | "toPairs" | "fromPairs" | "reverse" | "uniq"
            | "concat" | "flatten" | "sort" => {
                if name == "uniq" {
                    // Every item is compared with every other.
                    let count = size(arguments);
                    self.take_memory(count.saturating_mul(count) / 64)?;
                }
                lists::call(name, arguments)?
            }
            _ => texts::call(name, arguments)?,
        })
    }
}

/// A measure of how much work arguments make.
fn size(arguments: &[Value]) -> usize {
    let one = |value: &Value| match value {
        Value::Text(text) => text.len() / 64,
        Value::List(list) => list.items.len() / 8,
        Value::Map(map) => map.entries.len() / 8,
        _ => 0,
    };
    arguments.iter().map(one).sum()
}

/// Returns whether a type is anything that a list may be.
fn may_be_list(ty: &Type) -> bool {
    ty.is_list() || ty.is_unknown()
}

/// The type of a list of anything.
fn any_list() -> Type {
    Type::declared(Items::Any)
}

/// The type of a map from anything.
fn any_map() -> Type {
    Type::Map(Keys::Any, Box::new(Type::Any))
}
