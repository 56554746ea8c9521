//! Conditions of an Experiment.

use jiff::Timestamp;
use tiphys_api::{
    constants::{
        analysis_phase,
        conditions::{FALSE, INVALID_SPEC, PROGRESSING, TRUE},
    },
    types::{ExperimentCondition, ExperimentStatus, Time},
};

use super::Pass;

/// Writes the condition about progress; the first case that fits.
pub(super) fn apply(pass: &Pass<'_>, status: &mut ExperimentStatus) {
    let name = pass.seen.name();
    let before = &pass.experiment.status;
    let counts = |status: &ExperimentStatus| -> Vec<(i32, i32, i32)> {
        let all = status.template_statuses.iter();
        all.map(|one| (one.replicas, one.ready_replicas, one.available_replicas)).collect()
    };
    let stamp = pass.stamp();
    if status.phase == analysis_phase::SUCCESSFUL {
        let text = format!("Experiment \"{name}\" has successfully ran and completed.");
        set(status, PROGRESSING, FALSE, "ExperimentCompleted", &text, &stamp);
    } else if counts(before) != counts(status) {
        let text = format!("Experiment \"{name}\" is progressing.");
        set(status, PROGRESSING, TRUE, "ReplicaSetUpdated", &text, &stamp);
    } else if before.available_at.is_some() && !pass.is_over {
        let text = format!("Experiment \"{name}\" is running.");
        set(status, PROGRESSING, TRUE, "NewReplicaSetAvailable", &text, &stamp);
    }
}

/// Says why nothing can be done; returns whether that is news.
pub(super) fn set_invalid(status: &mut ExperimentStatus, message: &str, now: Timestamp) -> bool {
    let is_known = status.conditions.iter().any(|known| known.kind == INVALID_SPEC && known.message == message);
    if is_known {
        return false;
    }
    clear_invalid(status);
    set(status, INVALID_SPEC, TRUE, "InvalidSpec", message, &super::seconds(now));
    true
}

/// The spec is valid.
pub(super) fn clear_invalid(status: &mut ExperimentStatus) {
    status.conditions.retain(|known| known.kind != INVALID_SPEC);
}

/// One that says the same stays as it is.
fn set(status: &mut ExperimentStatus, kind: &str, value: &str, reason: &str, message: &str, stamp: &Time) {
    let known = status.conditions.iter().find(|known| known.kind == kind);
    if known.is_some_and(|known| known.status == value && known.reason == reason) {
        return;
    }
    let since = known.filter(|known| known.status == value).and_then(|known| known.last_transition_time.clone());
    let condition = ExperimentCondition {
        kind: kind.to_owned(),
        status: value.to_owned(),
        last_update_time: Some(stamp.clone()),
        last_transition_time: Some(since.unwrap_or_else(|| stamp.clone())),
        reason: reason.to_owned(),
        message: message.to_owned(),
    };
    status.conditions.retain(|known| known.kind != kind);
    status.conditions.push(condition);
}
