//! What is wrong with an Application.

use jiff::Timestamp;
use tiphys_api::types::ApplicationCondition;

use super::whole;

/// Types of conditions.
pub mod kind {
    /// Deleting what the Application has delivered failed.
    pub const DELETION: &str = "DeletionError";
    /// The spec is wrong.
    pub const INVALID_SPEC: &str = "InvalidSpecError";
    /// Comparing failed.
    pub const COMPARISON: &str = "ComparisonError";
    /// An automatic sync failed.
    pub const SYNC: &str = "SyncError";
    /// Something else failed.
    pub const UNKNOWN: &str = "UnknownError";
    /// An object belongs to another Application as well.
    pub const SHARED: &str = "SharedResourceWarning";
    /// An object is there twice.
    pub const REPEATED: &str = "RepeatedResourceWarning";
    /// A kind is excluded.
    pub const EXCLUDED: &str = "ExcludedResourceWarning";
    /// Nobody manages some objects.
    pub const ORPHANED: &str = "OrphanedResourceWarning";
}

/// A type and a message.
pub type Condition = (&'static str, String);

/// Returns the conditions after some types were evaluated: of these only `new` ones stay, and one with the same message
/// keeps its time.
#[must_use]
pub fn set_conditions(
    existing: &[ApplicationCondition],
    new: &[Condition],
    evaluated: &[&str],
    now: Timestamp,
) -> Vec<ApplicationCondition> {
    let mut all: Vec<ApplicationCondition> =
        existing.iter().filter(|old| !evaluated.contains(&old.condition_type.as_str())).cloned().collect();
    for (kind, message) in new {
        let known = existing.iter().find(|old| old.condition_type == *kind).filter(|old| old.message == *message);
        all.push(known.cloned().unwrap_or_else(|| ApplicationCondition {
            condition_type: (*kind).to_owned(),
            message: message.clone(),
            last_transition_time: Some(whole(now)),
        }));
    }
    all.sort_by(|a, b| (&a.condition_type, &a.message).cmp(&(&b.condition_type, &b.message)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_stays_keeps_its_time() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let old = set_conditions(&[], &[(kind::SYNC, "a".into()), (kind::COMPARISON, "b".into())], &[], at(1));
        let new = set_conditions(&old, &[(kind::COMPARISON, "b".into())], &[kind::COMPARISON], at(2));
        assert_eq!(new, old, "what was not evaluated stays, too");
        let new = set_conditions(&old, &[(kind::COMPARISON, "c".into())], &[kind::COMPARISON, kind::SYNC], at(2));
        let texts: Vec<&str> = new.iter().map(|c| c.message.as_str()).collect();
        assert_eq!((texts, new[0].last_transition_time.clone()), (vec!["c"], Some(whole(at(2)))));
    }
}
