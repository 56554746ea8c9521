//! One Rollout with everything that belongs to it.

use k8s_openapi::{
    api::{apps::v1::ReplicaSet, core::v1::Pod},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use tiphys_api::{AnalysisRun, Experiment, Rollout, constants::labels};

use super::revision;

/// All objects of a namespace that may belong to a Rollout.
#[derive(Debug, Default)]
pub struct Objects {
    /// ReplicaSets.
    pub replica_sets: Vec<ReplicaSet>,
    /// Pods.
    pub pods: Vec<Pod>,
    /// AnalysisRuns.
    pub runs: Vec<AnalysisRun>,
    /// Experiments.
    pub experiments: Vec<Experiment>,
}

/// What a ReplicaSet is for, in the order in which roles are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The new version.
    Canary,
    /// The last version that was fully promoted.
    Stable,
    /// What the active Service selects.
    Active,
    /// What the preview Service selects.
    Preview,
}

impl Role {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Canary => "canary",
            Self::Stable => "stable",
            Self::Active => "active",
            Self::Preview => "preview",
        }
    }
}

/// Whether `metadata` is controlled or owned by the object with `uid`.
#[must_use]
pub fn is_owned(metadata: &ObjectMeta, uid: Option<&str>) -> bool {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    uid.is_some_and(|uid| owners.iter().any(|owner| owner.uid == uid))
}

/// Returns the ReplicaSets of a Rollout: newest revision first, then by name.
#[must_use]
pub fn replica_sets<'a>(rollout: &Rollout, objects: &'a Objects) -> Vec<&'a ReplicaSet> {
    let uid = rollout.metadata.uid.as_deref();
    let mut sets: Vec<_> = objects.replica_sets.iter().filter(|set| is_owned(&set.metadata, uid)).collect();
    sets.sort_by(|a, b| {
        let newer = revision::of_replica_set(b).cmp(&revision::of_replica_set(a));
        newer.then_with(|| a.metadata.name.cmp(&b.metadata.name))
    });
    sets
}

/// Returns the pods of a ReplicaSet: oldest first, then by name.
#[must_use]
pub fn pods<'a>(set: &ReplicaSet, objects: &'a Objects) -> Vec<&'a Pod> {
    let uid = set.metadata.uid.as_deref();
    let mut pods: Vec<_> = objects.pods.iter().filter(|pod| is_owned(&pod.metadata, uid)).collect();
    pods.sort_by(|a, b| {
        let key = |pod: &Pod| (created(&pod.metadata), pod.metadata.name.clone());
        key(a).cmp(&key(b))
    });
    pods
}

/// Returns when an object was created.
#[must_use]
pub fn created(metadata: &ObjectMeta) -> Option<jiff::Timestamp> {
    metadata.creation_timestamp.as_ref().map(|time| time.0)
}

/// Returns the pod template hash of a ReplicaSet; empty where there is none.
#[must_use]
pub fn hash(set: &ReplicaSet) -> &str {
    set.metadata.labels.as_ref().and_then(|map| map.get(labels::POD_TEMPLATE_HASH)).map_or("", String::as_str)
}

/// Returns what a ReplicaSet is for, as upstream tags it.
#[must_use]
pub fn roles(rollout: &Rollout, set: &ReplicaSet) -> Vec<Role> {
    let (hash, status) = (hash(set), &rollout.status);
    if hash.is_empty() {
        return Vec::new();
    }
    let stable = hash == status.stable_rs;
    let mut roles = Vec::new();
    if stable {
        roles.push(Role::Stable);
    }
    if rollout.spec.strategy.blue_green.is_some() {
        if hash == status.blue_green.active_selector {
            roles.push(Role::Active);
        } else if hash == status.blue_green.preview_selector {
            roles.push(Role::Preview);
        }
    } else if !stable && hash == status.current_pod_hash {
        roles.push(Role::Canary);
    }
    roles
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tiphys_api::decode;

    use super::*;

    #[track_caller]
    fn check(spec: Value, status: Value, expected: &[Role]) {
        let rollout = decode(json!({"spec": {"strategy": spec}, "status": status})).object;
        let set = decode(json!({"metadata": {"labels": {"rollouts-pod-template-hash": "a"}}})).object;
        assert_eq!(roles(&rollout, &set), expected, "{status}");
    }

    #[test]
    fn roles_follow_the_hashes_in_the_status() {
        let (canary, blue_green) = (json!({"canary": {}}), json!({"blueGreen": {}}));
        check(canary.clone(), json!({"stableRS": "a", "currentPodHash": "a"}), &[Role::Stable]);
        check(canary.clone(), json!({"stableRS": "b", "currentPodHash": "a"}), &[Role::Canary]);
        check(canary, json!({"stableRS": "b", "currentPodHash": "b"}), &[]);
        let active = json!({"stableRS": "a", "blueGreen": {"activeSelector": "a", "previewSelector": "a"}});
        check(blue_green.clone(), active, &[Role::Stable, Role::Active]);
        let preview = json!({"stableRS": "b", "blueGreen": {"activeSelector": "b", "previewSelector": "a"}});
        check(blue_green, preview, &[Role::Preview]);
    }
}
