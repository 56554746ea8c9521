//! What an autoscaler sees of a canary with a router.
//!
//! It averages over the pods that it is shown. While one ReplicaSet has all the users it is shown that one alone: idle pods
//! beside it, before the first weight or in their scale-down delay, would make it believe that a base load (memory) has
//! doubled, or that there is no load at all. (Upstream always shows all pods.)

use tiphys_api::{defaults, types::RolloutStatus};

use super::{release::Release, status};
use crate::observe::ReplicaSetView;

/// Writes the pods and the selector that the scale subresource shows.
pub(crate) fn account(release: &Release<'_>, status: &mut RolloutStatus) {
    let Some(set) = serving_alone(release, status) else { return };
    let selector = serde_json::from_value(set.selector()).ok();
    status.hpa_replicas = set.existing();
    status.selector = status::selector_text(selector.as_ref());
}

/// The ReplicaSet that has all the users, if one has.
fn serving_alone<'a>(release: &Release<'a>, status: &RolloutStatus) -> Option<&'a ReplicaSetView> {
    let weights = status.canary.weights.as_ref().filter(|weights| weights.additional.is_empty())?;
    let hash = match weights.canary.weight {
        0 => &weights.stable.pod_template_hash,
        all if all == defaults::max_traffic_weight(release.rollout) => &weights.canary.pod_template_hash,
        _ => return None,
    };
    release.owned.iter().copied().find(|set| set.hash == *hash)
}
