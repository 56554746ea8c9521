//! The tally as Prometheus would answer queries over it.
//!
//! | module | purpose |
//! | --- | --- |
//! | `lex`, `parse` | a query as text, and as a tree |
//! | `metrics` | the series: names, labels, samples |
//! | `eval`, `functions`, `combine` | what a query comes to |
//! | `answer` | the HTTP API |
//!
//! A part of the language is known: selectors with `=`, `!=`, `=~`, `!~`, ranges and `offset`; `sum`, `avg`, `min`, `max`,
//! `count` with `by` and `without`; the functions in `functions`; arithmetic, comparisons with `bool`, `and`, `or`,
//! `unless`, with `on` and `ignoring`. Anything else is refused with a text that says so. The parser is written by hand:
//! the published one brings a parser generator and an unmaintained serializer along.

mod answer;
mod combine;
mod eval;
mod functions;
mod lex;
mod metrics;
mod parse;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use self::answer::{Answer, answer, exposition};

/// Labels of a series, the metric's name under `__name__`.
pub(super) type LabelSet = BTreeMap<String, String>;

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The text cannot be read.
    #[error("parse error: {0}")]
    Parse(String),
    /// It asks for something that is not known here.
    #[error("not supported by the sandbox: {0}")]
    NotSupported(String),
    /// It cannot be evaluated.
    #[error("{0}")]
    Evaluate(String),
    /// A parameter of the request is missing or no value of its kind.
    #[error("invalid parameter \"{name}\": {why}")]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// What is wrong.
        why: String,
    },
}
