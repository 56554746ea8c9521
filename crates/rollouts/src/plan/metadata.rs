//! Labels and annotations that pods carry while they have a role.
//!
//! They go into the ReplicaSet's template first and into its pods after that, so that pods born in between have them too.
//! They never enter the hash.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tiphys_api::{constants::annotations, types::PodTemplateMetadata};

use super::release::{Release, pod_target, target};
use crate::{
    action::{Action, Step},
    observe::{PodView, ReplicaSetView},
};

/// Gives every ReplicaSet and pod the metadata of its role, and takes away that of a former one.
#[must_use]
pub(crate) fn steps(release: &Release<'_>) -> Vec<Step> {
    let Some(roles) = Roles::of(release) else { return Vec::new() };
    let with_role = release.owned.iter().map(|set| (*set, roles.of_set(release, set)));
    with_role.flat_map(|(set, wanted)| dress(release, set, wanted)).collect()
}

/// Puts the metadata of its role into the template of a ReplicaSet about to be created, and returns its annotation.
pub(crate) fn inject(release: &Release<'_>, template: &mut Value) -> Option<String> {
    let roles = Roles::of(release)?;
    let has_stable = release.separate_stable().is_some();
    let wanted = if has_stable { roles.new } else { roles.stable }?;
    for (field, keys) in [("labels", &wanted.labels), ("annotations", &wanted.annotations)] {
        for (key, value) in keys {
            template["metadata"][field][key] = json!(value);
        }
    }
    Some(text(wanted))
}

/// Takes injected metadata, as the annotation of the ReplicaSet lists it, out of a pod template.
pub(crate) fn strip(template: &mut Value, annotation: Option<&str>) {
    let injected = parse(annotation);
    for (field, keys) in [("labels", injected.labels), ("annotations", injected.annotations)] {
        let Some(present) = template.pointer_mut(&format!("/metadata/{field}")).and_then(Value::as_object_mut) else {
            continue;
        };
        for key in keys.keys() {
            present.remove(key);
        }
    }
}

/// The metadata of both roles; both empty if one of them is not asked for.
struct Roles<'a> {
    new: Option<&'a PodTemplateMetadata>,
    stable: Option<&'a PodTemplateMetadata>,
}

impl<'a> Roles<'a> {
    /// `None` where metadata neither is nor was asked for.
    fn of(release: &Release<'a>) -> Option<Self> {
        let (new, stable) = match (release.blue_green(), release.canary()) {
            (Some(strategy), _) => (strategy.preview_metadata.as_ref(), strategy.active_metadata.as_ref()),
            (None, Some(strategy)) => (strategy.canary_metadata.as_ref(), strategy.stable_metadata.as_ref()),
            (None, None) => (None, None),
        };
        let was_used = release.owned.iter().any(|set| set.annotation(annotations::EPHEMERAL_METADATA).is_some());
        (new.is_some() || stable.is_some() || was_used).then_some(Self { new, stable })
    }

    fn of_set(&self, release: &Release<'_>, set: &ReplicaSetView) -> Option<&'a PodTemplateMetadata> {
        let is_new = release.new.is_some_and(|new| new.uid == set.uid);
        let is_stable = release.stable.is_some_and(|stable| stable.uid == set.uid);
        let has_stable = !release.status().stable_rs.is_empty() && !release.is_promoted();
        match (is_new, is_stable) {
            (true, _) if has_stable => self.new,
            (true, _) | (_, true) => self.stable,
            _ => None,
        }
    }
}

/// Changes of one ReplicaSet and its pods.
fn dress(release: &Release<'_>, set: &ReplicaSetView, wanted: Option<&PodTemplateMetadata>) -> Vec<Step> {
    let empty = PodTemplateMetadata::default();
    let before = parse(set.annotation(annotations::EPHEMERAL_METADATA));
    let after = wanted.unwrap_or(&empty);
    if before == *after && set.annotation(annotations::EPHEMERAL_METADATA).is_some() == wanted.is_some() {
        return redress_pods(release, set, &before, after);
    }
    let own = own_metadata(release, set);
    let change = change(&before, after, &own);
    let annotation = wanted.map(text);
    let patch = json!({
        "metadata": {"annotations": {annotations::EPHEMERAL_METADATA: annotation}},
        "spec": {"template": {"metadata": change}},
    });
    let mut steps = vec![Step::quiet(Action::PatchReplicaSet { target: target(set), patch })];
    let pods = release.pods_of(set).filter(|pod| !pod.leaving && !pod.finished);
    steps.extend(pods.filter_map(|pod| dress_pod(pod, &change)));
    steps
}

/// A pod whose patch got lost is found by what it carries.
fn redress_pods(
    release: &Release<'_>,
    set: &ReplicaSetView,
    before: &PodTemplateMetadata,
    after: &PodTemplateMetadata,
) -> Vec<Step> {
    let change = change(before, after, &PodTemplateMetadata::default());
    let pods = release.pods_of(set).filter(|pod| !pod.leaving && !pod.finished);
    pods.filter_map(|pod| dress_pod(pod, &change)).collect()
}

/// What the user's template says for keys that injected metadata hid: it comes back when they go.
fn own_metadata(release: &Release<'_>, set: &ReplicaSetView) -> PodTemplateMetadata {
    let is_new = release.new.is_some_and(|new| new.uid == set.uid);
    if !is_new {
        return PodTemplateMetadata::default();
    }
    let keys = |field: &str| serde_json::from_value(release.template["metadata"][field].clone()).unwrap_or_default();
    PodTemplateMetadata { labels: keys("labels"), annotations: keys("annotations") }
}

/// The merge patch from one set of keys to another; a key that goes gets its own value back, if it has one.
fn change(before: &PodTemplateMetadata, after: &PodTemplateMetadata, own: &PodTemplateMetadata) -> Value {
    let diff = |before: &BTreeMap<String, String>, after: &BTreeMap<String, String>, own: &BTreeMap<_, String>| {
        let gone = before.keys().filter(|key| !after.contains_key(*key));
        let mut keys: Map<String, Value> = gone.map(|key| (key.clone(), json!(own.get(key)))).collect();
        keys.extend(after.iter().map(|(key, value)| (key.clone(), json!(value))));
        Value::Object(keys)
    };
    json!({
        "labels": diff(&before.labels, &after.labels, &own.labels),
        "annotations": diff(&before.annotations, &after.annotations, &own.annotations),
    })
}

fn dress_pod(pod: &PodView, change: &Value) -> Option<Step> {
    let is_done = |field: &str, present: &BTreeMap<String, String>| {
        let wanted = change[field].as_object().into_iter().flatten();
        wanted.into_iter().all(|(key, value)| value.as_str() == present.get(key).map(String::as_str))
    };
    if is_done("labels", &pod.labels) && is_done("annotations", &pod.annotations) {
        return None;
    }
    Some(Step::quiet(Action::PatchPod { target: pod_target(pod), patch: json!({"metadata": change}) }))
}

fn parse(annotation: Option<&str>) -> PodTemplateMetadata {
    annotation.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn text(metadata: &PodTemplateMetadata) -> String {
    serde_json::to_string(metadata).unwrap_or_default()
}
