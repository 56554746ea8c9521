//! Pauses and aborts: how a pass changes them.

use tiphys_api::{
    constants::reasons::pause,
    types::{PauseCondition, RolloutStatus},
};

use super::{release::Release, steps};

/// What a pass does to pauses and abort.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// A pause to begin.
    pub begin: Option<&'static str>,
    /// A pause that is over.
    pub end: Option<&'static str>,
    /// Whether all pauses end.
    pub clear: bool,
    /// Whether the abort ends.
    pub lift_abort: bool,
    /// Why the update is aborted in this pass.
    pub abort: Option<String>,
    /// Whether a person's resume must not be forgotten yet.
    pub keep_resume: bool,
}

/// Writes pauses and abort of a pass into a status.
pub(crate) fn apply(release: &Release<'_>, status: &mut RolloutStatus, marks: &Marks) {
    let stored = release.status();
    if marks.abort.is_some() || (release.is_aborted() && !marks.lift_abort) {
        status.abort = true;
        status.aborted_at = stored.aborted_at.clone().or_else(|| Some(release.stamp()));
        return;
    }
    if marks.clear {
        return;
    }
    let mut pauses: Vec<PauseCondition> =
        stored.pause_conditions.iter().filter(|pause| Some(pause.reason.as_str()) != marks.end).cloned().collect();
    let mut by_controller = stored.controller_pause;
    if let Some(reason) = marks.begin.filter(|reason| release.pause(reason).is_none()) {
        pauses.push(PauseCondition { reason: reason.to_owned(), start_time: Some(release.stamp()) });
        by_controller = true;
    }
    status.controller_pause = by_controller && (!pauses.is_empty() || marks.keep_resume);
    status.pause_conditions = pauses;
}

/// Returns whether the update waits for a person.
#[must_use]
pub(crate) fn is_manual(release: &Release<'_>, status: &RolloutStatus) -> bool {
    let waits = |pause: &PauseCondition| match pause.reason.as_str() {
        pause::INCONCLUSIVE_ANALYSIS_RUN | pause::INCONCLUSIVE_EXPERIMENT => true,
        pause::CANARY_PAUSE_STEP => steps::current(release.rollout)
            .is_some_and(|current| current.step.pause.as_ref().is_some_and(|pause| pause.duration.is_none())),
        pause::BLUE_GREEN_PAUSE => !tiphys_api::defaults::auto_promotion_enabled(release.rollout),
        _ => false,
    };
    release.rollout.spec.paused || status.pause_conditions.iter().any(waits)
}
