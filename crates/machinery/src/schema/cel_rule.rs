//! One entry of `x-kubernetes-validations`.

use std::{fmt, sync::OnceLock};

use serde_json::Value;

use crate::cel::{CompileError, Program};

/// A rule with its expressions, compiled when first used.
#[derive(Clone)]
pub struct CelRule {
    source: Value,
    programs: OnceLock<Programs>,
}

/// The compiled expressions of a rule.
#[derive(Debug, Clone)]
pub struct Programs {
    /// `rule`.
    pub rule: Result<Program, CompileError>,
    /// `messageExpression`, if there is one that compiles.
    pub message: Option<Program>,
}

impl CelRule {
    /// Takes a rule as written.
    #[must_use]
    pub fn new(source: Value) -> Self {
        Self { source, programs: OnceLock::new() }
    }

    /// Returns the rule as written.
    #[must_use]
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// Returns the compiled expressions.
    #[must_use]
    pub fn programs(&self) -> &Programs {
        let text = |name: &str| self.source[name].as_str();
        self.programs.get_or_init(|| Programs {
            rule: Program::compile(text("rule").unwrap_or_default().trim()),
            message: text("messageExpression").and_then(|m| Program::compile(m.trim()).ok()),
        })
    }
}

impl fmt::Debug for CelRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)
    }
}

impl PartialEq for CelRule {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}
