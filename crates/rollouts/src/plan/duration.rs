//! How long an update takes, and how much of that was waiting for people.

use tiphys_api::{
    constants::completion_status::{ABORTED, FAST_ROLLED_BACK, PROMOTED, ROLLED_BACK, SUPERSEDED},
    constants::{conditions::INVALID_SPEC, reasons},
    types::{RolloutDurationStatus, RolloutStatus},
};

use super::{conditions, pauses, release::Release, rollback};

/// Returns the record of durations after a pass whose status is otherwise complete.
#[must_use]
pub(crate) fn track(release: &Release<'_>, status: &RolloutStatus) -> Option<RolloutDurationStatus> {
    let mut record = status.duration.clone().unwrap_or_default();
    if conditions::get(&status.conditions, INVALID_SPEC).is_some() {
        return status.duration.clone();
    }
    let is_changed =
        release.status().current_pod_hash.is_empty() || release.is_template_changed() || release.are_steps_changed();
    let is_complete = release.new.is_some_and(|new| new.available() >= release.desired());
    let is_done = status.stable_rs == status.current_pod_hash && is_complete;
    let is_running = record.rollout_started_at.is_some() && record.finished_at.is_none();
    if is_running && is_changed && rollback::is_rollback(release) {
        let kind = if rollback::is_fast(release) { FAST_ROLLED_BACK } else { ROLLED_BACK };
        record.completion_status = Some(kind.to_owned());
    } else if is_running && (is_changed || is_done || status.abort) {
        let kind = if is_changed {
            SUPERSEDED
        } else if is_done {
            PROMOTED
        } else {
            ABORTED
        };
        finish(release, &mut record, kind, is_changed);
    }
    if record.finished_at.is_some() || record.rollout_started_at.is_none() {
        let is_retry = conditions::progressing_reason(&release.status().conditions) == reasons::ROLLOUT_RETRY
            && release.status().aborted_at.is_some()
            && !status.abort;
        if !is_done && !status.abort && (is_changed || is_retry) {
            record = RolloutDurationStatus { rollout_started_at: Some(release.stamp()), ..Default::default() };
        }
    }
    track_manual_pause(release, status, &mut record);
    (record != RolloutDurationStatus::default()).then_some(record)
}

/// A kind that was recorded before stays, unless the update is replaced.
fn finish(release: &Release<'_>, record: &mut RolloutDurationStatus, kind: &str, is_replaced: bool) {
    end_manual_pause(release, record);
    record.finished_at = Some(release.stamp());
    if is_replaced || record.completion_status.is_none() {
        record.completion_status = Some(kind.to_owned());
    }
}

fn track_manual_pause(release: &Release<'_>, status: &RolloutStatus, record: &mut RolloutDurationStatus) {
    let is_running = record.rollout_started_at.is_some() && record.finished_at.is_none();
    if is_running && pauses::is_manual(release, status) {
        record.manual_pause_started_at.get_or_insert_with(|| release.stamp());
    } else {
        end_manual_pause(release, record);
    }
}

fn end_manual_pause(release: &Release<'_>, record: &mut RolloutDurationStatus) {
    let Some(since) = record.manual_pause_started_at.take() else { return };
    let seconds = release.now.duration_since(since.0).as_secs();
    record.total_manual_pause_duration_seconds =
        Some(record.total_manual_pause_duration_seconds.unwrap_or(0) + seconds);
}
