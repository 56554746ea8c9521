//! What does not count as a difference.
//!
//! | module | what it takes away |
//! | --- | --- |
//! | [`IgnoreRules`] | fields named by JSON pointers or jq paths |
//! | [`KnownTypes`] | other spellings of the same value in custom resources |
//! | [`drop_managed`] | fields that another manager owns |

mod ignore;
mod jq;
mod known_types;
mod managers;

pub use self::{
    ignore::{IgnoreRule, IgnoreRules, RuleError},
    jq::{JqError, JqPaths},
    known_types::{KnownTypes, TypeError},
    managers::drop_managed,
};

/// Splits the key of a setting, `group/Kind` or `Kind`, into group and kind.
#[must_use]
pub fn split_key(key: &str) -> (&str, &str) {
    key.split_once('/').unwrap_or(("", key))
}
