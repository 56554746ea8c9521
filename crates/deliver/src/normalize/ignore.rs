//! Rules that name fields by JSON pointers or jq paths.

use serde_json::{Value, json};
use tiphys_machinery::{glob, meta, patch};

use super::jq::{JqError, JqPaths};
use crate::object::group;

/// Which fields of which objects do not count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IgnoreRule {
    /// Pattern of groups; empty: the core group.
    pub group: String,
    /// Pattern of kinds.
    pub kind: String,
    /// Name; empty: any.
    pub name: String,
    /// Namespace; empty: any.
    pub namespace: String,
    /// Paths as RFC 6901 writes them.
    pub json_pointers: Vec<String>,
    /// Paths as jq writes them.
    pub jq_path_expressions: Vec<String>,
}

/// Why rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A jq path is no path.
    #[error("cannot read the jq path {0:?}")]
    ParseJq(String, #[source] JqError),
    /// What is left is no object of a kind.
    #[error("the rules leave an object without its kind")]
    KindIgnored,
}

/// Rules that are ready to be applied.
#[derive(Debug, Default)]
pub struct IgnoreRules {
    rules: Vec<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    rule: IgnoreRule,
    jq: Vec<JqPaths>,
}

impl IgnoreRules {
    /// Reads rules.
    ///
    /// # Errors
    /// When a jq path cannot be read; then none of the rules can be used.
    pub fn new(rules: impl IntoIterator<Item = IgnoreRule>) -> Result<Self, RuleError> {
        let rules = rules.into_iter().map(compile).collect::<Result<_, _>>()?;
        Ok(Self { rules })
    }

    /// Removes from `object` what does not count. A path that leads nowhere, or whose evaluation fails, is passed over.
    ///
    /// # Errors
    /// When nothing with a kind is left; `object` is then as it was.
    pub fn apply(&self, object: &mut Value) -> Result<(), RuleError> {
        let mut matching = self.rules.iter().filter(|rule| rule.concerns(object)).peekable();
        if matching.peek().is_none() {
            return Ok(());
        }
        let mut left = object.clone();
        for Compiled { rule, jq } in matching {
            // The whole object cannot be removed.
            for pointer in rule.json_pointers.iter().filter(|pointer| !pointer.is_empty()) {
                let remove = json!([{"op": "remove", "path": pointer}]);
                if let Ok(next) = patch::json::apply(left.clone(), &remove) {
                    left = next;
                }
            }
            for paths in jq {
                if let Ok(next) = paths.delete(&left) {
                    left = next;
                }
            }
        }
        if meta::kind(&left).is_empty() {
            return Err(RuleError::KindIgnored);
        }
        *object = left;
        Ok(())
    }
}

fn compile(rule: IgnoreRule) -> Result<Compiled, RuleError> {
    let read = |text: &String| JqPaths::new(text).map_err(|why| RuleError::ParseJq(text.clone(), why));
    let jq = rule.jq_path_expressions.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Compiled { rule, jq })
}

impl Compiled {
    fn concerns(&self, object: &Value) -> bool {
        let rule = &self.rule;
        let is = |wanted: &str, actual: &str| wanted.is_empty() || wanted == actual;
        glob::matches(&rule.group, group(object), &[])
            && glob::matches(&rule.kind, meta::kind(object), &[])
            && is(&rule.name, meta::name(object))
            && is(&rule.namespace, meta::namespace(object))
    }
}
