//! Whether an update moves on, is done, or takes too long.

use jiff::{SignedDuration, Timestamp};
use tiphys_api::{
    constants::{
        conditions::{PAUSED, PROGRESSING, TRUE},
        reasons,
    },
    defaults,
    types::RolloutStatus,
};

use super::{conditions, release::Release, steps};

/// Returns whether everything is as wanted: all pods new and available, all steps done, users on the new version.
#[must_use]
pub(crate) fn is_healthy(release: &Release<'_>, status: &RolloutStatus) -> bool {
    let desired = release.desired();
    let is_complete = status.updated_replicas == desired && status.available_replicas == desired;
    is_complete && is_observed(release) && is_strategy_done(release, status)
}

fn is_strategy_done(release: &Release<'_>, status: &RolloutStatus) -> bool {
    let current = &status.current_pod_hash;
    if let Some(strategy) = release.blue_green() {
        let is_previewed = strategy.preview_service.is_empty() || status.blue_green.preview_selector == *current;
        return status.blue_green.active_selector == *current && is_previewed;
    }
    let is_past_steps = status.current_step_index.is_none_or(|index| Some(index) == release.step_count());
    let is_stable = !status.stable_rs.is_empty() && status.stable_rs == *current;
    is_past_steps && is_stable && status.replicas == release.desired()
}

/// Returns whether `status` is ahead of the stored one.
#[must_use]
pub(crate) fn has_progressed(release: &Release<'_>, status: &RolloutStatus) -> bool {
    let stored = release.status();
    let old_pods = |status: &RolloutStatus| status.replicas - status.updated_replicas;
    let has_moved = status.updated_replicas != stored.updated_replicas
        || old_pods(status) < old_pods(stored)
        || status.ready_replicas > stored.ready_replicas
        || status.available_replicas > stored.available_replicas;
    has_moved || if release.blue_green().is_some() { has_switched(status, stored) } else { has_stepped(status, stored) }
}

fn has_switched(status: &RolloutStatus, stored: &RolloutStatus) -> bool {
    let (new, old) = (&status.blue_green, &stored.blue_green);
    new.active_selector != old.active_selector || new.preview_selector != old.preview_selector
}

fn has_stepped(status: &RolloutStatus, stored: &RolloutStatus) -> bool {
    let has_index_moved = status.current_step_index.zip(stored.current_step_index).is_some_and(|(new, old)| new != old);
    status.stable_rs != stored.stable_rs || has_index_moved || status.current_step_hash != stored.current_step_hash
}

/// Returns whether the deadline counts at all: not in a pause or other step without a limit, nor while old pods are
/// waiting for their scale-down.
#[must_use]
pub(crate) fn may_time_out(release: &Release<'_>) -> bool {
    let is_waiting = release.others.iter().any(|set| set.deadline().is_some());
    !is_waiting && !is_indefinite(release)
}

fn is_indefinite(release: &Release<'_>) -> bool {
    let step = release.canary().and_then(|_| steps::current(release.rollout));
    let is_endless = step.is_some_and(|current| {
        let step = current.step;
        step.pause.is_some() || step.analysis.is_some() || step.experiment.is_some() || step.plugin.is_some()
    });
    is_endless || conditions::get(&release.status().conditions, PAUSED).is_some_and(|paused| paused.status == TRUE)
}

/// Returns whether there was no progress for longer than `progressDeadlineSeconds`.
#[must_use]
pub(crate) fn is_timed_out(release: &Release<'_>) -> bool {
    let reason = conditions::progressing_reason(&release.status().conditions);
    match reason {
        "" | reasons::ROLLOUT_ABORTED | reasons::ROLLOUT_PAUSED => false,
        reasons::PROGRESS_DEADLINE_EXCEEDED => true,
        _ => deadline(release).is_some_and(|deadline| deadline < release.now),
    }
}

/// Returns when the deadline passes if nothing moves.
#[must_use]
pub(crate) fn deadline(release: &Release<'_>) -> Option<Timestamp> {
    let progressing = conditions::get(&release.status().conditions, PROGRESSING)?;
    let limit = SignedDuration::from_secs(defaults::progress_deadline_seconds(release.rollout).into());
    progressing.last_update_time.as_ref()?.0.saturating_add(limit).ok()
}

/// Returns when to look again because the deadline may have passed by then; `None` while none is running.
#[must_use]
pub(crate) fn next_check(release: &Release<'_>, status: &RolloutStatus) -> Option<Timestamp> {
    let reason = conditions::progressing_reason(&status.conditions);
    let is_stopped = matches!(reason, "" | reasons::PROGRESS_DEADLINE_EXCEEDED | reasons::ROLLOUT_ABORTED);
    let is_paused = release.rollout.spec.paused || !status.pause_conditions.is_empty();
    if is_stopped || is_paused || !may_time_out(release) || is_healthy(release, status) {
        return None;
    }
    let second = SignedDuration::from_secs(1);
    let check = deadline(release)?.saturating_add(second).ok()?;
    Some(check.max(release.after(second)))
}

/// Returns whether the stored status is about the present generation.
#[must_use]
pub(crate) fn is_observed(release: &Release<'_>) -> bool {
    let generation = release.rollout.metadata.generation.unwrap_or(0);
    release.status().observed_generation.parse() == Ok(generation)
}
