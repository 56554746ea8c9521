//! Where a canary stands: its current step and the weight that goes with it.

use tiphys_api::{
    Rollout,
    types::{CanaryStep, CanaryStrategy},
};

use super::canary_size::FULL_WEIGHT;

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

/// Returns the share of pods, 0 to 100, that should be of the new version.
///
/// Full for a first deploy, a promoted Rollout and a full promotion; 0 after an abort. Otherwise the nearest `setWeight`
/// at or before the current step counts, and none counts as 0.
#[must_use]
pub fn weight(rollout: &Rollout) -> i32 {
    let status = &rollout.status;
    if status.promote_full || status.stable_rs.is_empty() || status.stable_rs == status.current_pod_hash {
        return FULL_WEIGHT;
    }
    if status.abort {
        return 0;
    }
    let Some(current) = current(rollout) else {
        return FULL_WEIGHT;
    };
    let steps = canary(rollout).map_or(&[] as &[_], |canary| &canary.steps);
    steps.iter().take(current.index + 1).rev().find_map(|step| step.set_weight).unwrap_or(0)
}

fn canary(rollout: &Rollout) -> Option<&CanaryStrategy> {
    rollout.spec.strategy.canary.as_ref()
}

fn index(rollout: &Rollout) -> usize {
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
        check("first deploy", &steps, &json!({"currentStepIndex": 1, "stableRS": ""}), 100);
        check("promoted", &steps, &json!({"currentStepIndex": 1, "stableRS": "new"}), 100);
    }
}
