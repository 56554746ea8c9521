//! Sizes of ReplicaSets.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tiphys_api::constants::{annotations, messages, reasons};
use tiphys_runtime::recorder::Note;

use super::release::{Release, target};
use crate::{
    action::{Action, Step},
    names,
    observe::ReplicaSetView,
};

/// Scaling to zero and back within this time is a restart by hand.
const EMPTIED_SHORTLY: SignedDuration = SignedDuration::from_mins(10);

/// What becomes of the scale-down deadline when a ReplicaSet goes to zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deadline {
    /// It has served.
    Drop,
    /// It marks a ReplicaSet of an aborted update.
    Keep,
}

/// Sets the size of a ReplicaSet, in the strategy's terms; `None` if it has that size and knows the wanted number of pods.
#[must_use]
pub(crate) fn to(release: &Release<'_>, set: &ReplicaSetView, size: i32, deadline: Deadline) -> Option<Step> {
    let desired = release.desired();
    let wanted = if size == 0 { 0 } else { size + set.surge };
    if wanted == set.spec_replicas && set.desired() == Some(desired) {
        return None;
    }
    let mut changes = BTreeMap::from([(annotations::DESIRED_REPLICAS.to_owned(), Some(desired.to_string()))]);
    if wanted == 0 {
        let served = [
            (deadline == Deadline::Drop && set.deadline().is_some()).then_some(annotations::SCALE_DOWN_DEADLINE),
            (set.surge > 0).then_some(names::RESTART_SURGE),
        ];
        changes.extend(served.into_iter().flatten().map(|key| (key.to_owned(), None)));
    }
    changes.extend(emptied(release, set, wanted));
    let mut events = resized(set, wanted);
    events.extend(filled_again(release, set, wanted));
    let action =
        Action::ScaleReplicaSet { target: target(set), from: set.spec_replicas, to: wanted, annotations: changes };
    Some(Step { action, events })
}

/// Returns whether a step changes the size of a ReplicaSet, not only its annotations.
#[must_use]
pub(crate) fn is_resize(step: &Step) -> bool {
    matches!(step.action, Action::ScaleReplicaSet { from, to, .. } if from != to)
}

/// Returns whether a step adds pods to a ReplicaSet.
#[must_use]
pub(crate) fn is_raise(step: &Step) -> bool {
    matches!(step.action, Action::ScaleReplicaSet { from, to, .. } if from < to)
}

/// Tells a ReplicaSet the wanted number of pods without changing its size.
#[must_use]
pub(crate) fn refresh(release: &Release<'_>, set: &ReplicaSetView) -> Option<Step> {
    to(release, set, set.size(), Deadline::Keep)
}

/// Returns the event of a new size.
#[must_use]
pub(crate) fn resized(set: &ReplicaSetView, wanted: i32) -> Vec<Note> {
    if wanted == set.spec_replicas {
        return Vec::new();
    }
    let text = messages::scaled(&set.name, set.revision(), set.spec_replicas, wanted);
    vec![Note::normal(reasons::event::SCALING_REPLICA_SET, text)]
}

/// Sets or removes the time after which an old ReplicaSet is scaled down.
#[must_use]
pub(crate) fn set_deadline(set: &ReplicaSetView, at: Option<Timestamp>) -> Step {
    let text = at.map(|at| Timestamp::from_second(at.as_second()).unwrap_or(at).to_string());
    let patch = json!({"metadata": {"annotations": {annotations::SCALE_DOWN_DEADLINE: text}}});
    Step::quiet(Action::PatchReplicaSet { target: target(set), patch })
}

/// Remembers on the ReplicaSet that it went to zero together with its Rollout.
fn emptied(release: &Release<'_>, set: &ReplicaSetView, wanted: i32) -> Option<(String, Option<String>)> {
    let is_emptied = release.desired() == 0 && set.spec_replicas > 0 && wanted == 0;
    let note = is_emptied.then(|| format!("{} {}", set.desired().unwrap_or(0), release.stamp().0));
    let is_noted = set.annotation(names::EMPTIED).is_some();
    (is_emptied || (is_noted && wanted > 0)).then(|| (names::EMPTIED.to_owned(), note))
}

/// Answers a scale to zero and back with what would have done the same without an outage.
fn filled_again(release: &Release<'_>, set: &ReplicaSetView, wanted: i32) -> Option<Note> {
    let (before, at) = set.annotation(names::EMPTIED)?.split_once(' ')?;
    let at: Timestamp = at.parse().ok()?;
    let is_back = wanted > 0 && before.parse() == Ok(release.desired());
    if !is_back || release.now.duration_since(at) > EMPTIED_SHORTLY {
        return None;
    }
    let text = format!(
        "Scaled to 0 and back to {before}: nothing served in between. To recreate all pods while the others serve: \
         kubectl argo rollouts restart {}",
        release.name()
    );
    Some(Note::normal("ScaledToZeroAndBack", text))
}
