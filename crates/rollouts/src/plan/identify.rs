//! Which ReplicaSets are ours, and which of them is new, stable or old.

use std::cell::OnceCell;

use jiff::Timestamp;
use serde_json::Value;
use tiphys_api::{
    Rollout,
    constants::annotations,
    hash, selector,
    types::{RolloutSpec, RolloutStatus},
};

use super::{Settings, affinity, metadata, release::Release, workload::Wanted};
use crate::{
    action::{Action, Step},
    observe::{Observed, ReplicaSetView},
    plan::release::target,
};

/// Adopts ReplicaSets that match and have no owner, and releases those that no longer match.
#[must_use]
pub(crate) fn claim(seen: &Observed, rollout: &Rollout) -> Vec<Step> {
    let claims = seen.replica_sets.iter().filter_map(|set| {
        let is_selected = is_selected(&rollout.spec, set);
        match &set.controller {
            Some(_) if !is_selected => Some(Action::ReleaseReplicaSet(target(set))),
            None if is_selected && !set.deleting => Some(Action::AdoptReplicaSet(target(set))),
            _ => None,
        }
    });
    claims.map(Step::quiet).collect()
}

/// Sorts the ReplicaSets of a Rollout by role.
///
/// The new one is recognised by the hash of the template, in the form of either line of upstream's releases; where
/// neither is there, by equality of the template, so that no change of hashing ever makes a new revision.
#[must_use]
pub(crate) fn release<'a>(
    seen: &'a Observed,
    wanted: &'a Wanted,
    now: Timestamp,
    settings: &'a Settings,
) -> Release<'a> {
    let rollout = &wanted.rollout;
    let is_owned = |set: &&ReplicaSetView| set.controller.is_some() && is_selected(&rollout.spec, set);
    let owned: Vec<&ReplicaSetView> = seen.replica_sets.iter().filter(is_owned).collect();
    let collisions = rollout.status.collision_count;
    let new = recognise(rollout, &wanted.template, &owned);
    let hash = new.map_or_else(|| hash::pod_template(&wanted.template, collisions), |set| set.hash.clone());
    let stable = stable(&rollout.status, new, &owned);
    let has_role = |set: &ReplicaSetView| [new, stable].into_iter().flatten().any(|role| role.uid == set.uid);
    let others = owned.iter().copied().filter(|set| !has_role(set)).collect();
    Release {
        seen,
        rollout,
        template: &wanted.template,
        hash,
        new,
        stable,
        others,
        owned,
        now,
        settings,
        told: OnceCell::new(),
        judged: OnceCell::new(),
        tried: OnceCell::new(),
    }
}

fn is_selected(spec: &RolloutSpec, set: &ReplicaSetView) -> bool {
    selector::selects(spec.selector.as_ref(), &set.labels())
}

fn recognise<'a>(rollout: &Rollout, template: &Value, owned: &[&'a ReplicaSetView]) -> Option<&'a ReplicaSetView> {
    let collisions = rollout.status.collision_count;
    let labelled = |hash: &str| owned.iter().copied().find(|set| set.hash == hash);
    let current = &rollout.status.current_pod_hash;
    let is_same = |set: &&ReplicaSetView| hash::same_pod_template(template, &bare_template(set));
    labelled(&hash::pod_template(template, collisions))
        .or_else(|| labelled(&hash::pod_template_old(template, collisions)))
        .or_else(|| owned.iter().copied().filter(|set| set.hash == *current).find(is_same))
        .or_else(|| owned.iter().copied().find(is_same))
        .or_else(|| recognise_restart(rollout, template, owned))
}

/// With `tiphys.dev/restart-annotation: restart` a template that differs only in kubectl's restart annotation is the same
/// template; the annotation becomes a restart.
fn recognise_restart<'a>(
    rollout: &Rollout,
    template: &Value,
    owned: &[&'a ReplicaSetView],
) -> Option<&'a ReplicaSetView> {
    let mode = rollout.metadata.annotations.as_ref()?.get(annotations::RESTART_ANNOTATION_MODE)?;
    let asked = restarted_at(template).is_some() && mode == annotations::RESTART_ANNOTATION_MODE_RESTART;
    let template = without_restart(template.clone());
    let is_same = |set: &&&ReplicaSetView| hash::same_pod_template(&template, &without_restart(bare_template(set)));
    owned.iter().rev().find(is_same).copied().filter(|_| asked)
}

/// Returns what `kubectl rollout restart` wrote into a pod template.
#[must_use]
pub(crate) fn restarted_at(template: &Value) -> Option<&str> {
    template.get("metadata")?.get("annotations")?.get(annotations::KUBECTL_RESTARTED_AT)?.as_str()
}

/// Returns a pod template without what `kubectl rollout restart` writes into it.
#[must_use]
pub(crate) fn without_restart(mut template: Value) -> Value {
    let annotations = template.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    if let Some(annotations) = annotations {
        annotations.remove(annotations::KUBECTL_RESTARTED_AT);
    }
    template
}

/// Returns the pod template of a ReplicaSet without what was put into it for its role.
#[must_use]
pub(crate) fn bare_template(set: &ReplicaSetView) -> Value {
    let mut template = set.template();
    metadata::strip(&mut template, set.annotation(annotations::EPHEMERAL_METADATA));
    affinity::strip(&mut template);
    template
}

fn stable<'a>(
    status: &RolloutStatus,
    new: Option<&'a ReplicaSetView>,
    owned: &[&'a ReplicaSetView],
) -> Option<&'a ReplicaSetView> {
    let is_stable = |set: &&ReplicaSetView| !status.stable_rs.is_empty() && set.hash == status.stable_rs;
    new.filter(is_stable).or_else(|| owned.iter().copied().find(is_stable))
}
