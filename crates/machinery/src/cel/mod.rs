//! The Common Expression Language, as far as the rules of custom resources use it.
//!
//! Expressions are compiled once and evaluated within a budget of steps. There is no type check ahead of evaluation: what
//! does not fit is an error when it is met. Known are the operators, the macros `has`, `all`, `exists`, `exists_one`,
//! `map` and `filter`, optional values, and the functions listed in `functions.rs`. An expression that uses anything else
//! (`url`, `ip`, `cidr`, `format`, …) does not compile; rules with such expressions are ignored with a warning, never
//! enforced by guess.

mod ast;
mod eval;
mod functions;
mod lexer;
mod number;
mod parser;
mod text;
mod time;
mod value;

#[cfg(test)]
mod tests;

pub use self::value::Val;
use self::{ast::Expr, eval::Evaluator};

/// Why an expression cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// Not an expression of the language.
    #[error("Syntax error: {0}")]
    Syntax(String),
    /// A function that is not known here.
    #[error("undeclared reference to '{0}'")]
    Function(String),
    /// Nested deeper, or longer, than is reasonable.
    #[error("expression is too large")]
    Size,
}

/// Why an evaluation has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// A name that is not declared.
    #[error("undeclared reference to '{0}'")]
    Name(String),
    /// A field or key that is not there.
    #[error("no such key: {0}")]
    Key(String),
    /// An operator or function over values it does not know.
    #[error("no such overload")]
    Overload,
    /// A position outside a list.
    #[error("index out of bounds: {0}")]
    Bounds(i64),
    /// Anything else that goes wrong with values, as upstream says it.
    #[error("{0}")]
    Value(String),
    /// The budget of steps is used up.
    #[error("operation cancelled: actual cost limit exceeded")]
    Budget,
}

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Program {
    expr: Expr,
}

impl Program {
    /// Compiles an expression.
    ///
    /// # Errors
    /// Fails for text that is no expression and for functions that are not known.
    pub fn compile(text: &str) -> Result<Self, CompileError> {
        parser::parse(text).map(|expr| Self { expr })
    }

    /// Returns whether the expression mentions the variable `name`.
    #[must_use]
    pub fn mentions(&self, name: &str) -> bool {
        self.expr.mentions(name)
    }

    /// Evaluates the expression with these variables; `budget` is what is left of the steps and shrinks.
    ///
    /// # Errors
    /// Fails where a value does not fit, and when the budget is used up.
    pub fn evaluate(&self, variables: &[(&str, Val)], budget: &mut u64) -> Result<Val, EvalError> {
        Evaluator::new(variables, budget).evaluate(&self.expr)
    }
}
