//! The names that an expression may use besides builtins.

use jiff::Timestamp;

use super::{types::Type, value::Value};

/// Functions, each with its signature.
const FUNCTIONS: [(&str, &str); 6] =
    [("isNaN", "f>b"), ("isInf", "f>b"), ("asInt", "a>i"), ("asFloat", "a>f"), ("isNil", "a>b"), ("default", "aa>a")];

/// What an expression sees.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The measured value; `None` for expressions that are no conditions.
    pub(super) result: Option<Value>,
    /// The present time.
    pub(super) now: Timestamp,
    /// Whether the absent result is of unknown type, and every operation on it but a test for nothing fails.
    pub(super) is_guarded: bool,
}

impl Environment {
    /// Returns what a condition sees.
    #[must_use]
    pub fn condition(result: Value, now: Timestamp) -> Self {
        Self { result: Some(result), now, is_guarded: false }
    }

    /// Returns what an expression for a moment sees.
    #[must_use]
    pub fn moment(now: Timestamp) -> Self {
        Self { result: None, now, is_guarded: false }
    }

    pub(super) fn type_of(&self, name: &str) -> Option<Type> {
        let result = self.result.as_ref();
        match name {
            "result" => result.map(|value| if self.is_guarded { Type::Unknown } else { Type::of(value) }),
            "isNaN" | "isInf" => function(name),
            _ if result.is_some() => function(name),
            _ => None,
        }
    }

    pub(super) fn value_of(&self, name: &str) -> Option<Value> {
        match (name, &self.result) {
            ("result", Some(value)) => Some(value.clone()),
            _ => match self.type_of(name)? {
                Type::Function(known) => Some(Value::Function(known)),
                _ => None,
            },
        }
    }
}

fn function(name: &str) -> Option<Type> {
    FUNCTIONS.into_iter().find(|(known, _)| *known == name).map(|(known, _)| Type::Function(known))
}

/// Returns the signature of a function of the environment.
pub(super) fn signature(name: &str) -> Option<&'static str> {
    FUNCTIONS.into_iter().find(|(known, _)| *known == name).map(|(_, signature)| signature)
}
