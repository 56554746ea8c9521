//! A ReplicaSet as the planner sees it.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition};
use serde_json::Value;
use tiphys_api::constants::{annotations, labels};

use crate::{names, plan::canary_size::Side};

/// A ReplicaSet with what its pods say about it.
#[derive(Debug, Clone)]
pub struct ReplicaSetView {
    object: Arc<ReplicaSet>,
    /// Name.
    pub name: String,
    /// Unique id.
    pub uid: String,
    /// Version of the object that was seen.
    pub resource_version: String,
    /// When it was created.
    pub created: Timestamp,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Unique id of its controlling owner.
    pub controller: Option<String>,
    /// Value of the pod template hash label; empty without one.
    pub hash: String,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// `spec.replicas`, surge of a restart included.
    pub spec_replicas: i32,
    /// How many of `spec_replicas` are there for a restart that surges.
    pub surge: i32,
    /// Whether its controller has seen the present spec.
    pub is_observed: bool,
    /// `status.replicas`.
    pub status_replicas: i32,
    /// `status.readyReplicas`.
    pub status_ready: i32,
    /// `status.availableReplicas`.
    pub status_available: i32,
    /// Pods that are ready and not being deleted, as far as pods are known.
    pub serving: Option<i32>,
}

impl ReplicaSetView {
    /// Returns the view of an object; `serving` is the number of its pods that are ready and stay.
    #[must_use]
    pub fn new(object: Arc<ReplicaSet>, serving: Option<i32>) -> Self {
        let meta = &object.metadata;
        let spec = object.spec.as_ref();
        let status = object.status.clone().unwrap_or_default();
        let annotations = meta.annotations.clone().unwrap_or_default();
        let spec_replicas = spec.and_then(|spec| spec.replicas).unwrap_or(1);
        let surge = annotations.get(names::RESTART_SURGE).and_then(|text| text.parse::<i32>().ok()).unwrap_or(0);
        Self {
            name: meta.name.clone().unwrap_or_default(),
            uid: meta.uid.clone().unwrap_or_default(),
            resource_version: meta.resource_version.clone().unwrap_or_default(),
            created: created(&annotations)
                .or_else(|| meta.creation_timestamp.as_ref().map(|time| time.0))
                .unwrap_or(Timestamp::UNIX_EPOCH),
            deleting: meta.deletion_timestamp.is_some(),
            controller: controller_uid(meta),
            hash: meta.labels.as_ref().and_then(|all| all.get(labels::POD_TEMPLATE_HASH)).cloned().unwrap_or_default(),
            spec_replicas,
            surge: surge.clamp(0, spec_replicas.max(0)),
            is_observed: meta.generation.unwrap_or(0) <= status.observed_generation.unwrap_or(0),
            status_replicas: status.replicas,
            status_ready: status.ready_replicas.unwrap_or(0),
            status_available: status.available_replicas.unwrap_or(0),
            serving,
            annotations,
            object,
        }
    }

    /// Returns the size that the strategy works with: without the pods that a restart added for a while.
    #[must_use]
    pub fn size(&self) -> i32 {
        self.spec_replicas - self.surge
    }

    /// Returns the available pods that the strategy may count on: what the ReplicaSet says, unless its pods are known to
    /// be fewer, and never the ones that a restart added.
    #[must_use]
    pub fn available(&self) -> i32 {
        let known = self.serving.map_or(self.status_available, |serving| serving.min(self.status_available));
        if self.surge > 0 { known.min(self.size()) } else { known }
    }

    /// Returns size and available pods, as the strategies count them.
    #[must_use]
    pub fn side(&self) -> Side {
        Side { spec: self.size(), available: self.available() }
    }

    /// Returns the available pods that are not about to be removed: a scale-down of a moment ago may not be seen yet.
    #[must_use]
    pub fn lasting(&self) -> i32 {
        self.available().min(self.size())
    }

    /// Returns the pods that are ready, for however short a time, as far as its pods are known. Which of them a scale-down takes
    /// is up to the ReplicaSet controller: only pods that are not ready are sure to go first.
    #[must_use]
    pub fn serving(&self) -> i32 {
        self.serving.unwrap_or(self.status_ready).max(self.available()).min(self.size())
    }

    /// Returns the pods that exist, without the ones that a restart added.
    #[must_use]
    pub fn existing(&self) -> i32 {
        if self.surge > 0 { self.status_replicas.min(self.size()) } else { self.status_replicas }
    }

    /// Returns the ready pods, without the ones that a restart added.
    #[must_use]
    pub fn ready(&self) -> i32 {
        if self.surge > 0 { self.status_ready.min(self.size()) } else { self.status_ready }
    }

    /// Returns the revision; 0 where there is none or it is no number.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.annotation(annotations::REVISION).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// Returns the wanted pods of the Rollout when this ReplicaSet was last scaled.
    #[must_use]
    pub fn desired(&self) -> Option<i32> {
        self.annotation(annotations::DESIRED_REPLICAS)?.parse().ok()
    }

    /// Returns the text of the deadline after which it is scaled down.
    #[must_use]
    pub fn deadline(&self) -> Option<&str> {
        self.annotation(annotations::SCALE_DOWN_DEADLINE).filter(|text| !text.is_empty())
    }

    /// Returns when it is scaled down; `None` without a deadline or with one that is no time.
    #[must_use]
    pub fn deadline_at(&self) -> Option<Timestamp> {
        self.deadline()?.parse().ok()
    }

    /// Returns one annotation.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.get(key).map(String::as_str)
    }

    /// Returns the labels.
    #[must_use]
    pub fn labels(&self) -> BTreeMap<String, String> {
        self.object.metadata.labels.clone().unwrap_or_default()
    }

    /// Returns `spec.minReadySeconds`.
    #[must_use]
    pub fn min_ready_seconds(&self) -> i32 {
        self.object.spec.as_ref().and_then(|spec| spec.min_ready_seconds).unwrap_or(0)
    }

    /// Returns the pod template as JSON.
    #[must_use]
    pub fn template(&self) -> Value {
        let template = self.object.spec.as_ref().and_then(|spec| spec.template.as_ref());
        serde_json::to_value(template).unwrap_or_default()
    }

    /// Returns `spec.selector` as JSON.
    #[must_use]
    pub fn selector(&self) -> Value {
        self.object
            .spec
            .as_ref()
            .map(|spec| serde_json::to_value(&spec.selector).unwrap_or_default())
            .unwrap_or_default()
    }

    /// Returns the condition that says that pods could not be made.
    #[must_use]
    pub fn failure(&self) -> Option<&ReplicaSetCondition> {
        let conditions = self.object.status.as_ref()?.conditions.as_ref()?;
        conditions.iter().find(|condition| condition.type_ == "ReplicaFailure")
    }
}

/// When the first ReplicaSet of this version was created, if this one was made in its place.
fn created(annotations: &BTreeMap<String, String>) -> Option<Timestamp> {
    annotations.get(names::CREATED)?.parse().ok()
}

/// Returns the uid of the controlling owner.
pub(crate) fn controller_uid(meta: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta) -> Option<String> {
    let owners = meta.owner_references.as_ref()?;
    owners.iter().find(|owner| owner.controller == Some(true)).map(|owner| owner.uid.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn view(object: &Value) -> ReplicaSetView {
        ReplicaSetView::new(Arc::new(serde_json::from_value(object.clone()).unwrap()), None)
    }

    #[test]
    fn pods_that_a_scale_down_is_about_to_take_do_not_last() {
        let scaled =
            view(&json!({"spec": {"replicas": 1, "selector": {}}, "status": {"replicas": 2, "availableReplicas": 2}}));
        assert_eq!((scaled.available(), scaled.lasting()), (2, 1));
    }

    #[test]
    fn one_that_was_made_again_keeps_its_age() {
        let again = view(&json!({"metadata": {
            "creationTimestamp": "2026-01-01T00:00:09Z", "annotations": {"tiphys.dev/created": "2026-01-01T00:00:01Z"},
        }}));
        assert_eq!(again.created.to_string(), "2026-01-01T00:00:01Z");
    }
}
