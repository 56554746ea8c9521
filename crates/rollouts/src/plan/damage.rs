//! Things that somebody took away and that are put back.

use tiphys_runtime::reason::{ObjectRef, Reason, Urgency};

use super::{release::Release, revision};
use crate::action::Plan;

/// Puts the stable ReplicaSet back if it was deleted in mid-update, or waits for one that is being deleted. `None` if
/// nothing is damaged, or nothing can be done about it.
#[must_use]
pub(crate) fn repair(release: &Release<'_>) -> Option<Plan> {
    let leaving = [release.new, release.stable].into_iter().flatten().find(|set| set.deleting);
    if let Some(set) = leaving {
        let object = ObjectRef::new("ReplicaSet", release.namespace(), &set.name);
        let text = format!("ReplicaSet {} is being deleted with its pods", set.name);
        let reason = Reason::new("ReplicaSetLeaving", Urgency::Moving, text)
            .on(object)
            .then("it is created again as soon as it is gone", None);
        return Some(Plan { reasons: vec![reason], ..Plan::default() });
    }
    let record = release.seen.stable_record.as_ref().filter(|_| is_stable_missing(release))?;
    Some(Plan { steps: vec![revision::recreate_stable(release, record)], ..Plan::default() })
}

/// Returns whether the stable ReplicaSet is gone while another version is wanted.
#[must_use]
pub(crate) fn is_stable_missing(release: &Release<'_>) -> bool {
    release.is_stable_lost() && !release.is_promoted()
}
