//! The phase of a Rollout: what its controller writes, what a client shows, what Argo CD makes of it.

mod argocd;

use std::fmt;

pub use self::argocd::{ArgocdHealth, argocd_health};
use crate::{
    constants::{analysis_phase, annotations, conditions, messages::phase as text, reasons},
    defaults,
    types::{BlueGreenStrategy, Rollout},
};

/// `status.phase`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// As wanted.
    Healthy,
    /// Wrong, and no progress without a person.
    Degraded,
    /// On its way.
    Progressing,
    /// Waits for a person or a time.
    Paused,
}

impl Phase {
    /// Returns the word in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Degraded => "Degraded",
            Self::Progressing => "Progressing",
            Self::Paused => "Paused",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Returns phase and message that the controller writes, computed from spec and status alone.
#[must_use]
pub fn calculate(rollout: &Rollout) -> (Phase, String) {
    if let Some(message) = degraded(rollout) {
        return (Phase::Degraded, message);
    }
    if rollout.spec.paused {
        return (Phase::Paused, text::PAUSED.to_owned());
    }
    if let Some(pause) = rollout.status.pause_conditions.first() {
        return (Phase::Paused, pause.reason.clone());
    }
    match progressing(rollout) {
        Some(message) => (Phase::Progressing, message.to_owned()),
        None => (Phase::Healthy, String::new()),
    }
}

/// Returns phase and message that a client shows: what the controller wrote, unless it has not seen the latest change.
///
/// The phase is text because another controller may have written another word.
#[must_use]
pub fn shown(rollout: &Rollout) -> (String, String) {
    let waiting = if !is_generation_observed(rollout) {
        Some(text::OBSERVATION)
    } else if is_unpausing(rollout) {
        Some(text::UNPAUSE)
    } else if rollout.spec.template_resolved_from_ref && !is_workload_generation_observed(rollout) {
        Some(text::WORKLOAD)
    } else {
        None
    };
    if let Some(message) = waiting {
        return (Phase::Progressing.as_str().to_owned(), message.to_owned());
    }
    if !rollout.status.phase.is_empty() {
        return (rollout.status.phase.clone(), rollout.status.message.clone());
    }
    let (phase, message) = calculate(rollout);
    (phase.as_str().to_owned(), message)
}

/// Returns whether the status is about the present spec.
///
/// A status without a number, or with one that is ahead, comes from a very old version and counts as observed.
#[must_use]
pub fn is_generation_observed(rollout: &Rollout) -> bool {
    let generation = rollout.metadata.generation.unwrap_or(0);
    rollout.status.observed_generation.parse::<i64>().map_or(true, |observed| observed >= generation)
}

/// Returns whether a person has resumed and the controller has not seen it.
#[must_use]
pub fn is_unpausing(rollout: &Rollout) -> bool {
    rollout.status.controller_pause && rollout.status.pause_conditions.is_empty()
}

/// Returns whether the new version is the stable one. Also true while there is neither.
#[must_use]
pub fn is_fully_promoted(rollout: &Rollout) -> bool {
    rollout.status.stable_rs == rollout.status.current_pod_hash
}

fn is_workload_generation_observed(rollout: &Rollout) -> bool {
    let annotations = rollout.metadata.annotations.as_ref();
    let generation = annotations.and_then(|annotations| annotations.get(annotations::WORKLOAD_GENERATION));
    let generation = generation.and_then(|text| text.parse::<i32>().ok());
    let observed = rollout.status.workload_observed_generation.parse::<i32>().ok();
    generation.zip(observed).is_none_or(|(generation, observed)| generation == observed)
}

/// The first condition that says so, in the order of the list.
fn degraded(rollout: &Rollout) -> Option<String> {
    rollout.status.conditions.iter().find_map(|condition| {
        let reason = condition.reason.as_str();
        if condition.kind == conditions::INVALID_SPEC {
            Some(format!("{}: {}", conditions::INVALID_SPEC, condition.message))
        } else if matches!(reason, reasons::ROLLOUT_ABORTED | reasons::PROGRESS_DEADLINE_EXCEEDED) {
            Some(format!("{reason}: {}", condition.message))
        } else {
            None
        }
    })
}

/// What is still to come.
fn progressing(rollout: &Rollout) -> Option<&'static str> {
    let (spec, status) = (&rollout.spec, &rollout.status);
    if spec.restart_at.is_some() && spec.restart_at != status.restarted_at {
        return Some(text::RESTARTING);
    }
    if status.updated_replicas < defaults::replicas(rollout) {
        return Some(text::UPDATING);
    }
    if status.available_replicas < status.updated_replicas {
        return Some(text::AVAILABLE);
    }
    let is_stable = !status.stable_rs.is_empty() && is_fully_promoted(rollout);
    if let Some(blue_green) = &spec.strategy.blue_green {
        let active = &status.blue_green.active_selector;
        if active.is_empty() || *active != status.current_pod_hash {
            return Some(text::CUTOVER);
        }
        let waiting = if is_analysis_pending(blue_green, rollout) { text::ANALYSIS } else { text::VERIFICATION };
        return (!is_stable).then_some(waiting);
    }
    let canary = spec.strategy.canary.as_ref()?;
    if canary.traffic_routing.is_none() && status.replicas > status.updated_replicas {
        return Some(text::TERMINATION);
    }
    (!is_stable).then_some(text::STEPS)
}

fn is_analysis_pending(blue_green: &BlueGreenStrategy, rollout: &Rollout) -> bool {
    let run = rollout.status.blue_green.post_promotion_analysis_run_status.as_ref();
    blue_green.post_promotion_analysis.is_some() && !run.is_some_and(|run| analysis_phase::is_completed(&run.status))
}
