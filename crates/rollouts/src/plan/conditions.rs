//! Conditions: how they are set, and which hold after a pass.

use tiphys_api::{
    constants::{
        conditions::{AVAILABLE, COMPLETED, FALSE, HEALTHY, PAUSED, PROGRESSING, REPLICA_FAILURE, TRUE},
        messages::{self, Subject},
        reasons,
    },
    types::{RolloutCondition, RolloutStatus, Time},
};
use tiphys_runtime::recorder::Note;

use super::{progress, release::Release};
use crate::observe::ReplicaSetView;

/// Returns a condition without times.
#[must_use]
pub(crate) fn new(kind: &str, status: &str, reason: &str, message: impl Into<String>) -> RolloutCondition {
    RolloutCondition {
        kind: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.into(),
        ..RolloutCondition::default()
    }
}

/// Returns condition Progressing without times.
#[must_use]
pub(crate) fn progressing(status: &str, reason: &str, message: impl Into<String>) -> RolloutCondition {
    new(PROGRESSING, status, reason, message)
}

/// Returns the condition of a type.
#[must_use]
pub(crate) fn get<'a>(conditions: &'a [RolloutCondition], kind: &str) -> Option<&'a RolloutCondition> {
    conditions.iter().find(|condition| condition.kind == kind)
}

/// Returns the reason of condition Progressing; empty without one.
#[must_use]
pub(crate) fn progressing_reason(conditions: &[RolloutCondition]) -> &str {
    get(conditions, PROGRESSING).map_or("", |condition| &condition.reason)
}

/// Sets a condition and returns whether that changed anything.
///
/// The same status and reason change nothing, not even the message (as upstream). Otherwise the condition moves to the end
/// of the list; its transition time stays while its status does.
pub(crate) fn set(conditions: &mut Vec<RolloutCondition>, wanted: RolloutCondition, now: &Time) -> bool {
    let known = get(conditions, &wanted.kind).cloned();
    if known.as_ref().is_some_and(|known| known.status == wanted.status && known.reason == wanted.reason) {
        return false;
    }
    replace(conditions, wanted, now);
    true
}

/// Sets a condition whatever it was before.
pub(crate) fn replace(conditions: &mut Vec<RolloutCondition>, wanted: RolloutCondition, now: &Time) {
    let known = get(conditions, &wanted.kind).cloned();
    let since = known.filter(|known| known.status == wanted.status).and_then(|known| known.last_transition_time);
    conditions.retain(|condition| condition.kind != wanted.kind);
    conditions.push(RolloutCondition {
        last_update_time: wanted.last_update_time.clone().or_else(|| Some(now.clone())),
        last_transition_time: wanted.last_transition_time.clone().or(since).or_else(|| Some(now.clone())),
        ..wanted
    });
}

/// Removes a condition.
pub(crate) fn remove(conditions: &mut Vec<RolloutCondition>, kind: &str) {
    conditions.retain(|condition| condition.kind != kind);
}

/// Brings all conditions of a status up to date; the status is otherwise complete. `why` is the cause of an abort that a
/// person did not ask for.
pub(crate) fn evaluate(release: &Release<'_>, status: &mut RolloutStatus, why: &str) -> Vec<Note> {
    let now = release.stamp();
    let is_healthy = progress::is_healthy(release, status);
    let became_unhealthy = set_healthy(release, status, is_healthy, &now);
    let mut notes = Vec::new();
    if status.abort {
        let text = messages::aborted(release.revision(), why);
        let aborted = progressing(FALSE, reasons::ROLLOUT_ABORTED, text.clone());
        if set(&mut status.conditions, aborted, &now) {
            notes.push(Note::warning(reasons::ROLLOUT_ABORTED, text));
        }
    } else {
        set_progressing(release, status, is_healthy, became_unhealthy, &now);
    }
    set_available(release, status, &now);
    set_replica_failure(release, status, &now);
    notes.extend(set_completed(release, status, &now));
    notes
}

/// Returns whether the Rollout just turned from healthy to unhealthy.
fn set_healthy(release: &Release<'_>, status: &mut RolloutStatus, is_healthy: bool, now: &Time) -> bool {
    let is_paused = !release.status().pause_conditions.is_empty() || release.rollout.spec.paused;
    if is_healthy && !is_paused {
        let healthy = new(HEALTHY, TRUE, reasons::ROLLOUT_HEALTHY, messages::HEALTHY);
        set(&mut status.conditions, healthy, now);
        return false;
    }
    let is_known = get(&release.status().conditions, HEALTHY).is_some();
    let unhealthy = new(HEALTHY, FALSE, reasons::ROLLOUT_HEALTHY, messages::NOT_HEALTHY);
    is_known && set(&mut status.conditions, unhealthy, now)
}

fn set_progressing(
    release: &Release<'_>,
    status: &mut RolloutStatus,
    is_healthy: bool,
    became_unhealthy: bool,
    now: &Time,
) {
    let subject = subject(release);
    if is_healthy {
        let done = progressing(TRUE, reasons::NEW_REPLICA_SET_AVAILABLE, messages::progressed(subject));
        set(&mut status.conditions, done, now);
    } else if became_unhealthy || progress::has_progressed(release, status) {
        let is_promoted = status.stable_rs == status.current_pod_hash;
        let (reason, text) = if became_unhealthy && is_promoted {
            (reasons::REPLICA_SET_NOT_AVAILABLE, messages::NOT_AVAILABLE.to_owned())
        } else {
            (reasons::REPLICA_SET_UPDATED, messages::progressing(subject))
        };
        replace(&mut status.conditions, progressing(TRUE, reason, text), now);
    } else if progress::may_time_out(release) && progress::is_timed_out(release) {
        let late = progressing(FALSE, reasons::PROGRESS_DEADLINE_EXCEEDED, messages::timed_out(subject));
        set(&mut status.conditions, late, now);
    }
}

/// Returns who makes progress: the new ReplicaSet, or the Rollout while there is none.
#[must_use]
pub(crate) fn subject<'a>(release: &Release<'a>) -> Subject<'a> {
    release.new.map_or(Subject::Rollout(release.name()), |new| Subject::ReplicaSet(&new.name))
}

fn set_available(release: &Release<'_>, status: &mut RolloutStatus, now: &Time) {
    let is_available = if release.blue_green().is_some() {
        let active = &status.blue_green.active_selector;
        let active = release.owned.iter().find(|set| !active.is_empty() && set.hash == *active);
        active.is_some_and(|set| is_saturated(release, set))
    } else {
        release.available() >= release.desired()
    };
    let (value, text) = if is_available { (TRUE, messages::AVAILABLE) } else { (FALSE, messages::NOT_AVAILABLE) };
    set(&mut status.conditions, new(AVAILABLE, value, reasons::AVAILABLE, text), now);
}

/// Returns whether a ReplicaSet has exactly the wanted pods, all available.
#[must_use]
pub(crate) fn is_saturated(release: &Release<'_>, set: &ReplicaSetView) -> bool {
    let desired = release.desired();
    set.size() == desired && set.desired() == Some(desired) && set.available() == desired
}

/// The first failure of a ReplicaSet, the new one's before the others'.
fn set_replica_failure(release: &Release<'_>, status: &mut RolloutStatus, now: &Time) {
    let sets = release.new.into_iter().chain(release.owned.iter().copied());
    let Some(failure) = sets.filter_map(ReplicaSetView::failure).next() else {
        return remove(&mut status.conditions, REPLICA_FAILURE);
    };
    let text = failure.message.clone().unwrap_or_default();
    let mut condition = new(REPLICA_FAILURE, &failure.status, failure.reason.as_deref().unwrap_or_default(), text);
    condition.last_update_time.clone_from(&failure.last_transition_time);
    condition.last_transition_time.clone_from(&failure.last_transition_time);
    set(&mut status.conditions, condition, now);
}

fn set_completed(release: &Release<'_>, status: &mut RolloutStatus, now: &Time) -> Option<Note> {
    let is_completed = !status.stable_rs.is_empty() && status.stable_rs == status.current_pod_hash;
    let value = if is_completed { TRUE } else { FALSE };
    let completed = new(COMPLETED, value, reasons::ROLLOUT_COMPLETED, messages::COMPLETED);
    let is_news = set(&mut status.conditions, completed, now);
    (is_news && !is_completed).then(|| {
        let text = messages::not_completed(release.revision(), &status.current_pod_hash);
        Note::normal(reasons::ROLLOUT_NOT_COMPLETED, text)
    })
}

/// Keeps the conditions Progressing and Paused in step with pauses and retries; `None` if they are.
#[must_use]
pub(crate) fn paused(release: &Release<'_>) -> Option<RolloutStatus> {
    use tiphys_api::constants::conditions::UNKNOWN;
    let stored = release.status();
    let now = release.stamp();
    let is_paused = !stored.pause_conditions.is_empty() || release.rollout.spec.paused;
    let reason = progressing_reason(&stored.conditions);
    let was_aborted = reason == reasons::ROLLOUT_ABORTED;
    let is_completed = !stored.stable_rs.is_empty() && stored.stable_rs == stored.current_pod_hash;
    let mut status = stored.clone();
    let mut is_changed = false;
    if (reason == reasons::ROLLOUT_PAUSED) != is_paused && !was_aborted && !is_completed {
        let (reason, text) = if is_paused {
            (reasons::ROLLOUT_PAUSED, messages::PAUSED)
        } else {
            (reasons::ROLLOUT_RESUMED, messages::RESUMED)
        };
        is_changed |= set(&mut status.conditions, progressing(UNKNOWN, reason, text), &now);
    }
    if !stored.abort && was_aborted {
        let retry = progressing(UNKNOWN, reasons::ROLLOUT_RETRY, messages::RETRY);
        is_changed |= set(&mut status.conditions, retry, &now);
    }
    let paused_condition = get(&stored.conditions, PAUSED);
    if paused_condition.is_some_and(|condition| condition.status == TRUE) != is_paused && !was_aborted {
        let value = if is_paused { TRUE } else { FALSE };
        let paused = new(PAUSED, value, reasons::ROLLOUT_PAUSED, messages::PAUSED);
        is_changed |= set(&mut status.conditions, paused, &now);
    }
    is_changed.then_some(status)
}
