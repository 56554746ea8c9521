//! Weights as upstream's plugin shows them.

use k8s_openapi::api::apps::v1::ReplicaSet;
use tiphys_api::{Rollout, defaults};

use super::step;

/// Returns the weight that the steps ask for now.
#[must_use]
pub fn wanted(rollout: &Rollout) -> i32 {
    if rollout.status.abort {
        return 0;
    }
    let steps = step::steps(rollout);
    match step::index(rollout) {
        Some(index) if index < steps.len() => {
            steps[..=index].iter().rev().find_map(|step| step.set_weight).unwrap_or(0)
        }
        Some(_) => defaults::max_traffic_weight(rollout),
        None if steps.is_empty() => defaults::max_traffic_weight(rollout),
        None => 0,
    }
}

/// Returns the weight that the new version has; `canary` is its ReplicaSet.
#[must_use]
pub fn actual(rollout: &Rollout, canary: Option<&ReplicaSet>) -> i32 {
    let max = defaults::max_traffic_weight(rollout);
    let status = &rollout.status;
    if step::current(rollout).is_none() {
        return max;
    }
    if status.available_replicas == 0 {
        return 0;
    }
    let routed = rollout.spec.strategy.canary.as_ref().is_some_and(|canary| canary.traffic_routing.is_some());
    if routed {
        return status.canary.weights.as_ref().map_or_else(|| wanted(rollout), |weights| weights.canary.weight);
    }
    let available =
        canary.and_then(|set| set.status.as_ref()).and_then(|status| status.available_replicas).unwrap_or(0);
    available.saturating_mul(max) / status.available_replicas
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tiphys_api::decode;

    use super::*;

    #[track_caller]
    fn check(status: Value, canary_available: i32, expected: (i32, i32)) {
        let steps = json!([{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}]);
        let spec = json!({"strategy": {"canary": {"steps": steps}}});
        let rollout = decode(json!({"spec": spec, "status": status})).object;
        let set = decode(json!({"status": {"availableReplicas": canary_available}})).object;
        assert_eq!((wanted(&rollout), actual(&rollout, Some(&set))), expected, "{status}");
    }

    #[test]
    fn weights_follow_steps_and_pods() {
        check(json!({"currentStepIndex": 1, "availableReplicas": 5}), 1, (20, 20));
        check(json!({"currentStepIndex": 2, "availableReplicas": 5}), 2, (60, 40));
        check(json!({"currentStepIndex": 3, "availableReplicas": 5}), 5, (100, 100));
        check(json!({"currentStepIndex": 0, "availableReplicas": 0}), 0, (20, 0));
        check(json!({"currentStepIndex": 1, "availableReplicas": 5, "abort": true}), 0, (0, 0));
    }
}
