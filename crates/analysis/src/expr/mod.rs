//! The expression language of conditions, as users of upstream write it.
//!
//! ```text
//!   text --lexer--> tokens --parser--> tree --check--> typed tree --fold--> smaller tree --eval--> value
//! ```
//!
//! Everything is decided against the type of the measured value, which is known by then: `result[0]` on a number is refused
//! before anything runs. Expressions cannot run long or grow large: nodes, depth, steps and memory are bounded, and regular
//! expressions take linear time.
//!
//! Deliberately absent: byte literals (`b"..."`), functions as values beyond naming them, and the process's own time zone
//! (`Local` is UTC).

mod ast;
mod builtins;
mod check;
mod environment;
mod eval;
mod fold;
mod go_time;
mod lexer;
mod methods;
mod parser;
mod types;
mod value;

pub use self::{
    environment::Environment,
    value::{Items, Key, Keys, List, Map, Moment, Value, float},
};

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExprError {
    /// It was refused before it ran.
    #[error("{0}")]
    Compile(String),
    /// It failed while it ran.
    #[error("{0}")]
    Run(String),
}

/// Returns the value of an expression.
///
/// # Errors
/// In upstream's words, except where those name the host language's own types.
pub fn evaluate(text: &str, environment: &Environment) -> Result<Value, ExprError> {
    let mut tree = parser::parse(text).map_err(ExprError::Compile)?;
    check::check(&mut tree, environment).map_err(ExprError::Compile)?;
    fold::fold(&mut tree).map_err(ExprError::Compile)?;
    eval::run(&tree, environment).map_err(ExprError::Run)
}

/// Returns the value of an expression over a result that is nothing.
///
/// Upstream refuses every operation on it, even behind a test such as `isNil(result) || result < 5`. Here such a test works;
/// what operates on nothing all the same is refused in upstream's words.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_absent(text: &str, environment: &Environment) -> Result<Value, ExprError> {
    evaluate(text, environment).or_else(|refused| {
        let guarded = Environment { is_guarded: true, ..environment.clone() };
        match evaluate(text, &guarded) {
            Ok(value @ Value::Bool(_)) => Ok(value),
            _ => Err(refused),
        }
    })
}
