//! Where a canary stands: its current step and the weight that goes with it.

use tiphys_api::{
    Rollout,
    defaults::{self, AbortScaleDown},
    types::{CanaryStep, CanaryStrategy, SetCanaryScale},
};

/// The current step and its index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Current<'a> {
    /// Index from 0.
    pub index: usize,
    /// The step.
    pub step: &'a CanaryStep,
}

/// Returns the number of canary steps.
#[must_use]
pub fn count(rollout: &Rollout) -> usize {
    canary(rollout).map_or(0, |canary| canary.steps.len())
}

/// Returns the current step; `None` without steps and after the last one. A missing index is the first step.
#[must_use]
pub fn current(rollout: &Rollout) -> Option<Current<'_>> {
    let index = index(rollout);
    canary(rollout)?.steps.get(index).map(|step| Current { index, step })
}

/// Returns all canary steps.
#[must_use]
pub fn all(rollout: &Rollout) -> &[CanaryStep] {
    canary(rollout).map_or(&[], |canary| &canary.steps)
}

/// Returns the steps up to and including the current one; none after the last one.
#[must_use]
pub fn so_far(rollout: &Rollout) -> &[CanaryStep] {
    current(rollout).map_or(&[], |current| all(rollout).get(..=current.index).unwrap_or_default())
}

/// Returns the weight that the new version should have, from 0 to the full weight.
///
/// Full for a first deploy, a promoted Rollout and a full promotion; otherwise what [`set_weight`] says.
#[must_use]
pub fn weight(rollout: &Rollout) -> i32 {
    let status = &rollout.status;
    if status.promote_full || status.stable_rs.is_empty() || status.stable_rs == status.current_pod_hash {
        return defaults::max_traffic_weight(rollout);
    }
    set_weight(rollout)
}

/// Returns the weight of the nearest `setWeight` at or before the current step, 0 without one and after an abort; full
/// without steps and after the last one.
#[must_use]
pub fn set_weight(rollout: &Rollout) -> i32 {
    if rollout.status.abort {
        return 0;
    }
    if current(rollout).is_none() {
        return defaults::max_traffic_weight(rollout);
    }
    so_far(rollout).iter().rev().find_map(|step| step.set_weight).unwrap_or(0)
}

/// Returns the weight of the nearest `setWeight` before the current step; 0 without one.
#[must_use]
pub fn weight_before(rollout: &Rollout) -> i32 {
    let before = all(rollout).get(..index(rollout)).unwrap_or_else(|| all(rollout));
    before.iter().rev().find_map(|step| step.set_weight).unwrap_or(0)
}

/// Returns the size that a step gave to the new ReplicaSet apart from its weight, if one holds: the nearest at or before the
/// current step, unless that says that the size follows the weight again. After an abort only if its version is to stay.
#[must_use]
pub fn canary_scale(rollout: &Rollout) -> Option<&SetCanaryScale> {
    canary(rollout)?.traffic_routing.as_ref()?;
    if rollout.status.abort && defaults::abort_scale_down(rollout) != AbortScaleDown::Never {
        return None;
    }
    let nearest = so_far(rollout).iter().rev().find_map(|step| step.set_canary_scale.as_ref())?;
    (!nearest.match_traffic_weight).then_some(nearest)
}

fn canary(rollout: &Rollout) -> Option<&CanaryStrategy> {
    rollout.spec.strategy.canary.as_ref()
}

/// Returns the index of the current step; the first one's if the status has none.
#[must_use]
pub fn index(rollout: &Rollout) -> usize {
    rollout.status.current_step_index.and_then(|index| usize::try_from(index).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tiphys_api::decode;

    use super::*;

    #[track_caller]
    fn check(name: &str, steps: &Value, status: &Value, expected: i32) {
        let mut full = json!({"currentPodHash": "new", "stableRS": "stable"});
        if let (Some(full), Some(status)) = (full.as_object_mut(), status.as_object()) {
            full.extend(status.clone());
        }
        let rollout = decode(json!({"spec": {"strategy": {"canary": {"steps": steps}}}, "status": full})).object;
        assert_eq!(weight(&rollout), expected, "{name}");
    }

    #[test]
    fn weight_is_the_nearest_at_or_before_the_step() {
        let steps = json!([{"pause": {}}, {"setWeight": 20}, {"pause": {}}, {"setWeight": 60}]);
        check("no weight yet", &steps, &json!({"currentStepIndex": 0}), 0);
        check("no index is the first step", &steps, &json!({}), 0);
        check("at the step", &steps, &json!({"currentStepIndex": 1}), 20);
        check("after it", &steps, &json!({"currentStepIndex": 2}), 20);
        check("the next", &steps, &json!({"currentStepIndex": 3}), 60);
        check("done", &steps, &json!({"currentStepIndex": 4}), 100);
        check("no steps", &json!([]), &json!({}), 100);
        check("aborted", &steps, &json!({"currentStepIndex": 3, "abort": true}), 0);
        check("promoted in full", &steps, &json!({"currentStepIndex": 1, "promoteFull": true}), 100);
        check(
            "aborted after a full promotion was asked for",
            &steps,
            &json!({"promoteFull": true, "abort": true}),
            100,
        );
        check("first deploy", &steps, &json!({"currentStepIndex": 1, "stableRS": ""}), 100);
        check("promoted", &steps, &json!({"currentStepIndex": 1, "stableRS": "new"}), 100);
    }
}
