//! Restarts that start a new pod before an old one goes (`tiphys.dev/restart: surge`).
//!
//! One ReplicaSet at a time, in waves:
//!
//! ```text
//!   1. mark the next old pods with the lowest deletion cost, and raise the size by as many
//!   2. wait until every new pod is available
//!   3. lower the size again: the ReplicaSet controller deletes the marked pods
//!   4. wait until they are leaving, then the next wave
//! ```
//!
//! Every wave is found in the objects: how many pods are extra is an annotation that is written together with the size,
//! what is marked is an annotation of the pod. So it goes on from wherever a crash left it. The strategy never sees the
//! extra pods ([`crate::observe::ReplicaSetView::size`]), nor does the scaling of the Rollout: `desired-replicas` stays.
//!
//! Budgets are not asked: no pod goes before another one serves in its place, as in a rolling update.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;
use tiphys_api::{constants::annotations, defaults};

use super::{
    release::{Release, pod_target, target},
    restarting::{Block, roles},
    scale,
};
use crate::{
    action::{Action, Step},
    names,
    observe::{PodView, ReplicaSetView},
};

/// The lowest deletion cost there is.
const CHEAPEST: &str = "-2147483648";

/// Returns how many pods a restart may add: `maxSurge`, at least 1.
#[must_use]
pub(crate) fn most(release: &Release<'_>) -> i32 {
    defaults::max_surge(release.rollout).max(1)
}

/// How many pods may be added now. What an update has added counts; one more must be possible, or nothing would move.
fn room(release: &Release<'_>) -> i32 {
    let total: i32 = release.owned.iter().map(|set| set.size()).sum();
    let beyond = (total - release.desired()).max(0);
    (most(release) - beyond).max(1)
}

/// Returns the next steps of a surging restart, or what it waits for.
#[must_use]
pub(crate) fn advance(release: &Release<'_>, at: Timestamp) -> (Vec<Step>, Option<Block>) {
    let is_old = |pod: &&PodView| !pod.leaving && pod.created < at;
    let sets = roles(release);
    let current = sets.into_iter().find(|set| release.pods_of(set).any(|pod| is_old(&pod)));
    let Some(set) = current else { return (clean(release, None), None) };
    let left_over = clean(release, Some(set));
    if !left_over.is_empty() {
        return (left_over, None);
    }
    if let Some(other) = release.owned.iter().find(|other| other.surge > 0 && other.uid != set.uid && !other.deleting) {
        let trouble = format!("more available pods before the extra pods of ReplicaSet {} may go", other.name);
        return (Vec::new(), Some(Block::NewPod { trouble }));
    }
    wave(release, set, at)
}

fn wave(release: &Release<'_>, set: &ReplicaSetView, at: Timestamp) -> (Vec<Step>, Option<Block>) {
    let mut live: Vec<&PodView> = release.pods_of(set).filter(|pod| !pod.leaving && !pod.finished).collect();
    live.sort_by_key(|pod| (pod.created, pod.name.as_str()));
    let (mut old, new): (Vec<&PodView>, Vec<&PodView>) = live.iter().partition(|pod| pod.created < at);
    // The chosen ones stay chosen; of the others, nobody misses a pod that does not serve.
    old.sort_by_key(|pod| (!pod.annotations.contains_key(names::RESTART_NEXT), is_available(release, pod)));
    let waiting = waits_for(release, set, &live, &new);
    if set.surge > 0 {
        let next = &old[..old.len().min(usize::try_from(set.surge).unwrap_or(0))];
        let marks: Vec<Step> = next.iter().filter_map(|pod| mark(pod)).collect();
        let waiting = waiting.or_else(|| waits_for_rest(release, set, &live, next));
        return match waiting.or_else(|| waits_for_others(release, next)) {
            _ if !marks.is_empty() => (marks, None),
            Some(block) => (Vec::new(), Some(block)),
            None => (vec![resize(release, set, 0)], None),
        };
    }
    if let Some(block) = waiting {
        return (Vec::new(), Some(block));
    }
    let extra = room(release).min(i32::try_from(old.len()).unwrap_or(i32::MAX));
    let next = &old[..old.len().min(usize::try_from(extra).unwrap_or(0))];
    let mut steps: Vec<Step> = next.iter().filter_map(|pod| mark(pod)).collect();
    steps.push(resize(release, set, extra));
    (steps, None)
}

fn is_available(release: &Release<'_>, pod: &PodView) -> bool {
    pod.is_available(release.rollout.spec.min_ready_seconds, release.now)
}

/// Without the next pods, all wanted ones must be available. A pod that was new may be old by now: another restart was asked
/// for while it was starting.
fn waits_for_rest(release: &Release<'_>, set: &ReplicaSetView, live: &[&PodView], next: &[&PodView]) -> Option<Block> {
    if !next.iter().any(|pod| is_available(release, pod)) {
        return None;
    }
    let rest = live.iter().filter(|pod| next.iter().all(|going| going.uid != pod.uid));
    let (ready, starting): (Vec<&PodView>, Vec<&PodView>) = rest.partition(|pod| is_available(release, pod));
    if i32::try_from(ready.len()).is_ok_and(|ready| ready >= set.size()) {
        return None;
    }
    let pod = starting.first().map_or("to start", |pod| pod.name.as_str());
    Some(Block::NewPod { trouble: format!("pod {pod}: not available") })
}

/// Without the next pods, the Rollout as a whole must have its pods available: another ReplicaSet may lack some, for instance
/// because a node was lost.
fn waits_for_others(release: &Release<'_>, next: &[&PodView]) -> Option<Block> {
    if !next.iter().any(|pod| is_available(release, pod)) {
        return None;
    }
    let pods = release.owned.iter().flat_map(|set| release.pods_of(set));
    let rest = pods.filter(|pod| !pod.leaving && !pod.finished && next.iter().all(|going| going.uid != pod.uid));
    let (ready, starting): (Vec<&PodView>, Vec<&PodView>) = rest.partition(|pod| is_available(release, pod));
    let sizes: i32 = release.owned.iter().map(|set| set.size()).sum();
    if i32::try_from(ready.len()).is_ok_and(|ready| ready >= release.desired().min(sizes)) {
        return None;
    }
    let pod = starting.first().map_or("to start", |pod| pod.name.as_str());
    Some(Block::NewPod { trouble: format!("pod {pod}: not available") })
}

/// What must come first: the ReplicaSet has exactly the pods it wants, and the new ones are available.
fn waits_for(release: &Release<'_>, set: &ReplicaSetView, live: &[&PodView], new: &[&PodView]) -> Option<Block> {
    let min_ready = release.rollout.spec.min_ready_seconds;
    let count = i32::try_from(live.len()).unwrap_or(i32::MAX);
    if let Some(pod) = new.iter().find(|pod| !is_available(release, pod)) {
        let trouble =
            pod.trouble.as_ref().map_or_else(|| format!("ready, must be so for {min_ready}s"), ToString::to_string);
        return Some(Block::NewPod { trouble: format!("new pod {}: {trouble}", pod.name) });
    }
    if count < set.spec_replicas {
        let failure = set.failure().and_then(|failure| failure.message.clone());
        let trouble = failure.map_or_else(String::new, |text| format!(": {text}"));
        return Some(Block::NewPod { trouble: format!("ReplicaSet {} to start a new pod{trouble}", set.name) });
    }
    (count > set.spec_replicas || !set.is_observed)
        .then(|| Block::NewPod { trouble: format!("ReplicaSet {} to remove an old pod", set.name) })
}

/// Raises or lowers a ReplicaSet to its size plus `extra` pods.
fn resize(release: &Release<'_>, set: &ReplicaSetView, extra: i32) -> Step {
    let to = set.size() + extra;
    let note = (extra > 0).then(|| extra.to_string());
    let desired = set.desired().unwrap_or_else(|| release.desired());
    let changes = BTreeMap::from([
        (names::RESTART_SURGE.to_owned(), note),
        (annotations::DESIRED_REPLICAS.to_owned(), Some(desired.to_string())),
    ]);
    let action = Action::ScaleReplicaSet { target: target(set), from: set.spec_replicas, to, annotations: changes };
    Step { action, events: scale::resized(set, to) }
}

fn mark(pod: &PodView) -> Option<Step> {
    if pod.annotations.contains_key(names::RESTART_NEXT) {
        return None;
    }
    let former = pod.annotations.get(names::POD_DELETION_COST).cloned().unwrap_or_default();
    let patch = json!({"metadata": {"annotations": {
        names::RESTART_NEXT: former,
        names::POD_DELETION_COST: CHEAPEST,
    }}});
    Some(Step::quiet(Action::PatchPod { target: pod_target(pod), patch }))
}

/// Takes back what a restart left behind on every ReplicaSet but `current`: marks, then extra pods.
///
/// Without a mark the ReplicaSet controller removes the pods that came last, so that no pod goes before its successor serves.
/// While availability is too low, an extra pod that serves stays.
#[must_use]
pub(crate) fn clean(release: &Release<'_>, current: Option<&ReplicaSetView>) -> Vec<Step> {
    let is_current = |uid: &str| current.is_some_and(|set| set.uid == uid);
    let marked = release.seen.pods.iter().filter(|pod| {
        let owner = pod.controller.as_deref().unwrap_or_default();
        !pod.leaving && !pod.finished && !is_current(owner) && is_settled(release, owner)
    });
    let steps: Vec<Step> = marked.filter_map(unmark).collect();
    if !steps.is_empty() {
        return steps;
    }
    let sets = release.owned.iter().filter(|set| set.surge > 0 && !is_current(&set.uid) && !set.deleting);
    let kept = sets.map(|set| (set, set.surge - removable(release, set).clamp(0, set.surge)));
    // One at a time: they share what is beyond the promise.
    kept.filter(|(set, kept)| *kept < set.surge).map(|(set, kept)| resize(release, set, kept)).take(1).collect()
}

/// How many pods a ReplicaSet can lose: those that are not ready go first, and then what is available beyond what the Rollout
/// promises; for a blue-green beyond the size, as the pods of other versions serve nobody.
fn removable(release: &Release<'_>, set: &ReplicaSetView) -> i32 {
    let count = |pods: usize| i32::try_from(pods).unwrap_or(i32::MAX);
    let available = |set: &ReplicaSetView| {
        let all = release.pods_of(set).filter(|pod| is_available(release, pod)).count();
        count(all).min(set.spec_replicas)
    };
    let dead = release.pods_of(set).filter(|pod| !pod.leaving && !pod.finished && !pod.is_serving()).count();
    let beyond = if release.canary().is_some() {
        let all: i32 = release.owned.iter().map(|set| available(set)).sum();
        all - release.desired() + defaults::max_unavailable(release.rollout)
    } else {
        available(set) - set.size()
    };
    count(dead) + beyond.max(0)
}

/// A ReplicaSet that still has to remove pods needs the marks to choose them.
fn is_settled(release: &Release<'_>, owner: &str) -> bool {
    let Some(set) = release.owned.iter().find(|set| set.uid == owner) else { return false };
    let live = release.pods_of(set).filter(|pod| !pod.leaving && !pod.finished).count();
    i32::try_from(live).is_ok_and(|live| live <= set.spec_replicas)
}

fn unmark(pod: &PodView) -> Option<Step> {
    let former = pod.annotations.get(names::RESTART_NEXT)?;
    let cost = (!former.is_empty()).then_some(former);
    let patch = json!({"metadata": {"annotations": {names::RESTART_NEXT: null, names::POD_DELETION_COST: cost}}});
    Some(Step::quiet(Action::PatchPod { target: pod_target(pod), patch }))
}
