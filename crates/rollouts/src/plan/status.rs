//! The status that a pass leaves behind, and the patch that writes it.

use serde_json::{Value, json};
use tiphys_api::{
    Rollout,
    constants::{annotations, conditions::INVALID_SPEC, messages, reasons},
    phase::{self, Phase},
    types::{CanaryStatus, LabelSelector, RolloutStatus},
};
use tiphys_runtime::recorder::Note;

use super::{
    autoscaled, conditions, duration, merge, pauses, pauses::Marks, progress, release::Release, restarting, traffic,
    workload,
};
use crate::observe::ReplicaSetView;

/// A status under way: complete but for what [`finish`] adds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    /// The status.
    pub status: RolloutStatus,
    /// What happens to pauses and abort.
    pub marks: Marks,
    /// Events so far.
    pub notes: Vec<Note>,
}

/// Returns the status with fresh counts, hashes and what is carried over, as every pass begins with it.
#[must_use]
pub(crate) fn base(release: &Release<'_>) -> RolloutStatus {
    let stored = release.status();
    let sum = |count: fn(&ReplicaSetView) -> i32| release.owned.iter().map(|set| count(set)).sum();
    let pods: i32 = sum(ReplicaSetView::existing);
    let mut status = RolloutStatus {
        current_pod_hash: release.hash.clone(),
        current_step_hash: release.step_hash(),
        current_step_index: stored.current_step_index,
        replicas: pods,
        updated_replicas: release.new.map_or(0, ReplicaSetView::existing),
        ready_replicas: sum(ReplicaSetView::ready),
        available_replicas: sum(ReplicaSetView::available),
        hpa_replicas: pods,
        selector: selector_text(release.rollout.spec.selector.as_ref()),
        collision_count: stored.collision_count,
        conditions: stored.conditions.clone(),
        stable_rs: stored.stable_rs.clone(),
        restarted_at: stored.restarted_at.clone(),
        promote_full: stored.promote_full,
        canary: CanaryStatus {
            stable_ping_pong: stored.canary.stable_ping_pong.clone(),
            step_plugin_statuses: stored.canary.step_plugin_statuses.clone(),
            weights: stored.canary.weights.clone().filter(|_| traffic::routing(release.rollout).is_some()),
            ..CanaryStatus::default()
        },
        alb: stored.alb.clone(),
        albs: stored.albs.clone(),
        duration: stored.duration.clone(),
        ..RolloutStatus::default()
    };
    autoscaled::account(release, &mut status);
    status
}

/// Completes a draft: deadline, pauses and abort, conditions, durations, generation, phase and message.
#[must_use]
pub(crate) fn finish(release: &Release<'_>, draft: Draft, restart: &restarting::Restart) -> (RolloutStatus, Vec<Note>) {
    let Draft { mut status, mut marks, mut notes } = draft;
    conditions::remove(&mut status.conditions, INVALID_SPEC);
    found_new_replica_set(release, &mut status);
    notes.extend(restarting::note(release, &mut status, restart));
    if let Some(text) = abort_for_deadline(release, &status) {
        notes.push(Note::warning(reasons::ROLLOUT_ABORTED, text.clone()));
        marks.abort.get_or_insert(text);
    }
    pauses::apply(release, &mut status, &marks);
    notes.extend(conditions::evaluate(release, &mut status, marks.abort.as_deref().unwrap_or_default()));
    notes.extend(pause_events(release, &status));
    status.duration = duration::track(release, &status);
    (stamp(release, status, restart), notes)
}

/// Completes a status of which only conditions changed.
#[must_use]
pub(crate) fn partial(release: &Release<'_>, status: RolloutStatus) -> RolloutStatus {
    stamp(release, status, &restarting::decide(release))
}

/// Adds generation, phase and message to a status that is otherwise complete.
#[must_use]
pub(crate) fn stamp(release: &Release<'_>, mut status: RolloutStatus, restart: &restarting::Restart) -> RolloutStatus {
    status.observed_generation = release.rollout.metadata.generation.unwrap_or(0).to_string();
    status.workload_observed_generation = workload::observed_generation(release);
    let mut rollout = release.rollout.clone();
    rollout.status = status;
    if restart.is_scheduled() {
        // A restart in the future is not one under way.
        rollout.spec.restart_at.clone_from(&rollout.status.restarted_at);
    }
    let (phase, message) = phase::calculate(&rollout);
    let mut status = rollout.status;
    status.message = match restart.message() {
        Some(text) if phase == Phase::Progressing && message == messages::phase::RESTARTING => text,
        _ => message,
    };
    phase.as_str().clone_into(&mut status.phase);
    status
}

/// Returns the merge patch from the stored status to `status`; `None` if they are equal.
///
/// Fields that nobody here knows are not in it, so they stay.
#[must_use]
pub(crate) fn patch(release: &Release<'_>, status: &RolloutStatus) -> Option<Value> {
    patch_of(&release.seen.rollout.typed, status)
}

/// Returns the merge patch from the stored status of `rollout` to `status`; `None` if they are equal.
#[must_use]
pub(crate) fn patch_of(rollout: &Rollout, status: &RolloutStatus) -> Option<Value> {
    let change = merge::diff(&json!(rollout.status), &json!(status))?;
    Some(json!({"status": change}))
}

/// A new ReplicaSet that was there before anybody wrote about progress.
fn found_new_replica_set(release: &Release<'_>, status: &mut RolloutStatus) {
    let is_known = !conditions::progressing_reason(&status.conditions).is_empty();
    if let Some(new) = release.new.filter(|_| !is_known) {
        let text = messages::found_replica_set(&new.name);
        let found = conditions::progressing("True", reasons::FOUND_NEW_REPLICA_SET, text);
        conditions::set(&mut status.conditions, found, &release.stamp());
    }
}

/// Why the update is to be aborted because its deadline has passed, with `progressDeadlineAbort`.
fn abort_for_deadline(release: &Release<'_>, status: &RolloutStatus) -> Option<String> {
    let is_under_way = status.stable_rs != status.current_pod_hash && !release.is_aborted();
    let is_asked = release.rollout.spec.progress_deadline_abort;
    let is_late = is_asked
        && is_under_way
        && !progress::has_progressed(release, status)
        && progress::may_time_out(release)
        && progress::is_timed_out(release);
    is_late.then(|| messages::timed_out(conditions::subject(release)))
}

fn pause_events(release: &Release<'_>, status: &RolloutStatus) -> Option<Note> {
    let before = &release.status().pause_conditions;
    match (before.first(), status.pause_conditions.first()) {
        (None, Some(pause)) => Some(Note::normal(reasons::ROLLOUT_PAUSED, messages::paused(&pause.reason))),
        (Some(_), None) if !status.abort => Some(Note::normal(reasons::ROLLOUT_RESUMED, messages::RESUMED)),
        _ => None,
    }
}

/// Returns a label selector as the scale subresource shows it: `app=x,tier in (a,b)`.
#[must_use]
pub(crate) fn selector_text(selector: Option<&LabelSelector>) -> String {
    let Some(selector) = selector else { return String::new() };
    let equal = selector.match_labels.iter().flatten().map(|(key, value)| (key.clone(), format!("{key}={value}")));
    let mut parts: Vec<(String, String)> = equal.collect();
    for expression in selector.match_expressions.iter().flatten() {
        let key = &expression.key;
        let mut values = expression.values.clone().unwrap_or_default();
        values.sort();
        let values = values.join(",");
        let text = match expression.operator.as_str() {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.clone(),
        };
        parts.push((key.clone(), text));
    }
    parts.sort();
    parts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(",")
}

/// Returns whether the Rollout carries the annotation that asks restarts to surge.
#[must_use]
pub(crate) fn wants_surge(release: &Release<'_>) -> bool {
    release.annotation(annotations::RESTART_MODE) == Some(annotations::RESTART_MODE_SURGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_written_as_the_api_server_writes_them() {
        let selector: LabelSelector = serde_json::from_value(json!({
            "matchLabels": {"b": "2", "a": "1"},
            "matchExpressions": [
                {"key": "c", "operator": "In", "values": ["y", "x"]},
                {"key": "d", "operator": "NotIn", "values": ["z"]},
                {"key": "e", "operator": "Exists"},
                {"key": "f", "operator": "DoesNotExist"},
            ],
        }))
        .unwrap();
        assert_eq!(selector_text(Some(&selector)), "a=1,b=2,c in (x,y),d notin (z),e,!f");
        assert_eq!(selector_text(None), "");
    }
}
