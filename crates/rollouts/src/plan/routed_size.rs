//! How many pods the two sides of a canary with a traffic router get.
//!
//! The router splits the users, so the sizes only have to be large enough for the weights: [`sizes`] says what the weights
//! ask for, [`safe`] what may be taken away by now.

use tiphys_api::{Rollout, defaults, types::CanaryStrategy};

use super::{
    canary_size::{Side, Split},
    steps,
};

/// Weights that the router was last told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// Weight of the new pods.
    pub canary: i32,
    /// Weight of the stable pods.
    pub stable: i32,
}

/// Returns the sizes that the current step asks for.
///
/// A share of pods is rounded up. Without `dynamicStableScale` the stable side keeps all its pods; with it, it has as many
/// as the larger of its wanted and its recorded weight needs. `maxSurge` and `maxUnavailable` play no part.
///
/// Worked example: 10 pods, dynamic, weight 60 after 20: 6 new and, while 80 is recorded for stable, 8 stable ones.
#[must_use]
pub fn sizes(rollout: &Rollout, new: Option<Side>, stable: Option<Side>, recorded: Option<Recorded>) -> Split {
    let desired = defaults::replicas(rollout);
    let full = defaults::max_traffic_weight(rollout);
    let share = |weight| share(weight, desired, full);
    let goal = goal(rollout, new, stable);
    let canary = goal.replicas.unwrap_or_else(|| at_least(rollout, share(goal.weight)));
    if !is_dynamic(rollout) {
        return Split { new: canary, stable: desired };
    }
    let kept_canary = recorded.filter(|_| rollout.status.abort).map_or(0, |weights| share(weights.canary));
    let kept_stable = recorded.map_or(0, |weights| share(weights.stable));
    Split {
        new: at_least(rollout, canary.max(kept_canary)),
        stable: at_least(rollout, share(full - goal.weight).max(kept_stable)),
    }
}

/// What [`safe`] is decided from.
#[derive(Debug, Clone, Copy)]
pub struct Present {
    /// The new ReplicaSet.
    pub new: Side,
    /// The stable ReplicaSet.
    pub stable: Side,
    /// Weights of these two ReplicaSets; `None` if none were recorded, or for another new one.
    pub recorded: Option<Recorded>,
    /// Whether the router has confirmed the recorded weights, as far as it confirms any.
    pub is_confirmed: bool,
    /// Whether the update is aborted.
    pub is_aborted: bool,
}

/// Returns how far the sizes may go towards `wanted`: a side keeps the pods for the users that it has until the router says
/// that they are gone, and an aborted version never grows.
#[must_use]
pub fn safe(rollout: &Rollout, wanted: Split, present: &Present) -> Split {
    let desired = defaults::replicas(rollout);
    let full = defaults::max_traffic_weight(rollout);
    let pods = |weight| at_least(rollout, share(weight, desired, full));
    let mut split = wanted;
    if let Some(recorded) = present.recorded {
        split.new = split.new.max(present.new.spec.min(pods(recorded.canary)));
    }
    if !present.is_confirmed {
        split.new = split.new.max(present.new.spec);
        split.stable = split.stable.max(present.stable.spec);
    }
    if present.is_aborted {
        split.new = split.new.min(present.new.spec);
    }
    split
}

/// Returns the weight that an abort with `dynamicStableScale` steps down to: the highest `setWeight`, from the last step
/// on, whose pods are fewer than what is missing on the stable side.
#[must_use]
pub fn step_down(rollout: &Rollout, new: Side, stable: Side) -> i32 {
    let desired = defaults::replicas(rollout);
    let full = defaults::max_traffic_weight(rollout);
    let missing = desired - stable.available;
    let is_held = defaults::has_explicit_abort_scale_down_delay(rollout);
    let limit = if is_held { missing } else { missing.max(new.available) };
    let weights = steps::all(rollout).iter().rev().filter_map(|step| step.set_weight);
    weights.into_iter().find(|weight| share(*weight, desired, full) < limit).unwrap_or(0)
}

/// Returns the weight that the new pods should have: the current step's, or on the way back where [`step_down`] leads.
#[must_use]
pub fn weight(rollout: &Rollout, new: Option<Side>, stable: Option<Side>) -> i32 {
    match new.zip(stable) {
        Some((new, stable)) if rollout.status.abort && is_dynamic(rollout) => step_down(rollout, new, stable),
        _ => steps::set_weight(rollout),
    }
}

/// Returns the pods that a weight needs, rounded up.
#[must_use]
pub fn share(weight: i32, desired: i32, full: i32) -> i32 {
    let (weight, desired, full) = (i64::from(weight), i64::from(desired), i64::from(full.max(1)));
    let product = weight * desired;
    let pods = if product > 0 { (product + full - 1) / full } else { product / full };
    i32::try_from(pods).unwrap_or(i32::MAX)
}

/// Returns whether the stable ReplicaSet shrinks as the canary grows.
#[must_use]
pub fn is_dynamic(rollout: &Rollout) -> bool {
    strategy(rollout).is_some_and(|canary| canary.dynamic_stable_scale)
}

/// What the canary is sized by.
struct Goal {
    /// A number of pods, whatever the weight.
    replicas: Option<i32>,
    /// A weight.
    weight: i32,
}

fn goal(rollout: &Rollout, new: Option<Side>, stable: Option<Side>) -> Goal {
    let status = &rollout.status;
    if status.promote_full || status.stable_rs.is_empty() || status.stable_rs == status.current_pod_hash {
        return Goal { replicas: None, weight: defaults::max_traffic_weight(rollout) };
    }
    let scale = steps::canary_scale(rollout);
    if let Some(replicas) = scale.and_then(|scale| scale.replicas) {
        return Goal { replicas: Some(replicas), weight: 0 };
    }
    let weight = scale.and_then(|scale| scale.weight).unwrap_or_else(|| weight(rollout, new, stable));
    Goal { replicas: None, weight }
}

/// No fewer than `minPodsPerReplicaSet`, unless there are none at all.
fn at_least(rollout: &Rollout, pods: i32) -> i32 {
    let least = strategy(rollout).and_then(|canary| canary.min_pods_per_replica_set);
    match least {
        Some(least) if pods != 0 => pods.max(least.min(defaults::replicas(rollout))),
        _ => pods,
    }
}

fn strategy(rollout: &Rollout) -> Option<&CanaryStrategy> {
    rollout.spec.strategy.canary.as_ref()
}

#[cfg(test)]
#[path = "routed_size_tests.rs"]
mod tests;
