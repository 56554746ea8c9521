//! When a finished run deletes itself.

use jiff::{SignedDuration, Timestamp};
use tiphys_api::{
    AnalysisRun,
    constants::analysis_phase::{self, FAILED, SUCCESSFUL},
};

/// Returns when a finished run is over; `None` if it stays. Ends other than success and failure count as completion only.
#[must_use]
pub fn expires_at(run: &AnalysisRun) -> Option<Timestamp> {
    let strategy = run.spec.ttl_strategy.as_ref()?;
    let completed = run.status.completed_at.as_ref()?;
    if !analysis_phase::is_completed(&run.status.phase) {
        return None;
    }
    let special = match run.status.phase.as_str() {
        SUCCESSFUL => strategy.seconds_after_success,
        FAILED => strategy.seconds_after_failure,
        _ => None,
    };
    let seconds = special.or(strategy.seconds_after_completion)?;
    // Strictly later: a whole second more than the seconds given.
    completed.0.checked_add(SignedDuration::from_secs(i64::from(seconds) + 1)).ok()
}
