//! How an operation goes on.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tiphys_api::{
    Application,
    types::{Operation, OperationState},
};

use super::whole;
use crate::{retry, sync_window::Trigger};

/// Phases of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Under way.
    Running,
    /// About to be stopped.
    Terminating,
    /// Done.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Could not even be tried.
    Error,
}

impl Phase {
    /// Returns the name that status fields have.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Terminating => "Terminating",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Error => "Error",
        }
    }
}

/// Returns whether an operation in this phase is over.
#[must_use]
pub fn is_final(phase: &str) -> bool {
    matches!(phase, "Succeeded" | "Failed" | "Error")
}

/// What is done for an operation now.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// It begins, with this state, which is stored before anything else is done.
    Begin(Box<OperationState>),
    /// It goes on.
    Continue,
    /// It is stopped.
    Terminate,
    /// It waits this long for the next attempt.
    Wait(SignedDuration),
    /// The next attempt begins, with this state.
    Retry(Box<OperationState>),
    /// It cannot go on: a duration is none.
    Fail(String),
}

/// Decides how the operation of an Application goes on.
#[must_use]
pub fn next(app: &Application, operation: &Operation, now: Timestamp) -> Next {
    let state = app.status.operation_state.as_ref().filter(|state| !is_final(&state.phase));
    let Some(state) = state else {
        return Next::Begin(Box::new(OperationState {
            operation: operation.clone(),
            phase: Phase::Running.name().to_owned(),
            started_at: Some(whole(now)),
            ..OperationState::default()
        }));
    };
    if state.phase == Phase::Terminating.name() {
        return Next::Terminate;
    }
    let Some(finished) = &state.finished_at else { return Next::Continue };
    match retry_due(state, finished.0) {
        Err(why) => Next::Fail(why),
        Ok(due) if due > now => Next::Wait(due.duration_since(now)),
        Ok(_) => Next::Retry(Box::new(attempt(state))),
    }
}

/// Returns when the next attempt begins after one that ended at `finished`.
///
/// # Errors
/// When a duration of the spec is none.
pub fn retry_due(state: &OperationState, finished: Timestamp) -> Result<Timestamp, String> {
    let backoff = state.operation.retry.backoff.as_ref();
    let wait = retry::wait(backoff, (state.retry_count - 1).max(0)).map_err(|error| error.to_string())?;
    Ok(finished.checked_add(wait).unwrap_or(Timestamp::MAX))
}

/// Each attempt starts from nothing, so that hooks run again.
fn attempt(state: &OperationState) -> OperationState {
    let mut next = state.clone();
    let newest = if state.operation.retry.refresh { " with latest revisions" } else { "" };
    next.message = format!("Retrying operation{newest}. Attempt #{}", state.retry_count);
    next.finished_at = None;
    next.sync_result = None;
    if let Some(sync) = next.operation.sync.as_mut().filter(|_| state.operation.retry.refresh) {
        sync.revision.clear();
        sync.revisions.clear();
    }
    next
}

/// Returns the state of an operation after an attempt that failed: it waits for the next one, or is over.
#[must_use]
pub fn failed_attempt(state: &OperationState, phase: Phase, message: &str, now: Timestamp) -> OperationState {
    let mut next = state.clone();
    next.finished_at = Some(whole(now));
    let limit = state.operation.retry.limit;
    if state.phase != Phase::Terminating.name() && (limit < 0 || state.retry_count < limit) {
        next.phase = Phase::Running.name().to_owned();
        next.retry_count += 1;
        let due = retry_due(&next, now).unwrap_or(now).to_zoned(TimeZone::UTC).strftime("%-I:%M%p").to_string();
        next.message = format!("{message}. Retrying attempt #{} at {due}.", next.retry_count);
        return next;
    }
    next.phase = phase.name().to_owned();
    next.message = if state.retry_count > 0 {
        format!("{message} (retried {} times).", state.retry_count)
    } else {
        message.to_owned()
    };
    next
}

/// Returns who asked for an operation.
#[must_use]
pub fn trigger(operation: &Operation) -> Trigger {
    if operation.initiated_by.automated { Trigger::Automatic } else { Trigger::Manual }
}
