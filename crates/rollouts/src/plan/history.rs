//! Old ReplicaSets beyond `revisionHistoryLimit`.

use tiphys_api::defaults;

use super::release::{Release, target};
use crate::action::{Action, Step};

/// Deletes the oldest ReplicaSets that have no pods, so that `revisionHistoryLimit` old ones remain.
///
/// One that still has pods is passed over for the next one. (Upstream then deletes none.)
#[must_use]
pub(crate) fn clean(release: &Release<'_>) -> Vec<Step> {
    let limit = usize::try_from(defaults::revision_history_limit(release.rollout)).unwrap_or(0);
    let old: Vec<_> = release.others.iter().filter(|set| !set.deleting).collect();
    let excess = old.len().saturating_sub(limit);
    let empty = old.into_iter().filter(|set| set.spec_replicas == 0 && set.status_replicas == 0 && set.is_observed);
    let deletions = empty
        .take(excess)
        .map(|set| Action::DeleteReplicaSet { target: target(set), resource_version: set.resource_version.clone() });
    deletions.map(Step::quiet).collect()
}
