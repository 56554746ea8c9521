//! How many pods the new ReplicaSet of a blue-green gets.

use tiphys_api::{Rollout, defaults};

/// Returns the size of the new ReplicaSet, whose hash is `new_hash`. `has_active` says whether a ReplicaSet carries the hash
/// that the active Service selects.
///
/// It is `spec.replicas`, unless a smaller preview was asked for and is still waiting for its resume.
#[must_use]
pub fn new_size(rollout: &Rollout, new_hash: &str, has_active: bool) -> i32 {
    let full = defaults::replicas(rollout);
    let status = &rollout.status;
    let Some(preview) = rollout.spec.strategy.blue_green.as_ref().and_then(|strategy| strategy.preview_replica_count)
    else {
        return full;
    };
    if !has_active || status.blue_green.active_selector == new_hash || status.promote_full {
        return full;
    }
    let is_resumed = status.current_pod_hash == new_hash
        && !rollout.spec.paused
        && status.pause_conditions.is_empty()
        && status.blue_green.scale_up_preview_check_point;
    if is_resumed { full } else { preview }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tiphys_api::decode;

    use super::*;

    #[track_caller]
    fn check(name: &str, preview: Option<i32>, paused: bool, status: &Value, has_active: bool, expected: i32) {
        let strategy = json!({"blueGreen": {"activeService": "a", "previewReplicaCount": preview}});
        let spec = json!({"replicas": 4, "paused": paused, "strategy": strategy});
        let rollout = decode(json!({"spec": spec, "status": status})).object;
        assert_eq!(new_size(&rollout, "new", has_active), expected, "{name}");
    }

    #[test]
    fn preview_is_small_until_resumed() {
        let waiting = json!({"currentPodHash": "new", "blueGreen": {"activeSelector": "old"}});
        let resumed = json!({
            "currentPodHash": "new", "blueGreen": {"activeSelector": "old", "scaleUpPreviewCheckPoint": true},
        });
        let switched = json!({"currentPodHash": "new", "blueGreen": {"activeSelector": "new"}});
        let full = json!({"currentPodHash": "new", "promoteFull": true, "blueGreen": {"activeSelector": "old"}});
        let next = json!({
            "currentPodHash": "old", "blueGreen": {"activeSelector": "old", "scaleUpPreviewCheckPoint": true},
        });
        check("no preview count", None, false, &waiting, true, 4);
        check("first deploy", Some(1), false, &json!({}), false, 4);
        check("waiting", Some(1), false, &waiting, true, 1);
        check("resumed", Some(1), false, &resumed, true, 4);
        check("resumed but paused by a person", Some(1), true, &resumed, true, 1);
        check("switched", Some(1), false, &switched, true, 4);
        check("promoted in full", Some(1), false, &full, true, 4);
        check("a checkpoint of the version before", Some(1), false, &next, true, 1);
    }
}
