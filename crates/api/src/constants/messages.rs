//! Texts of conditions, phases and events. Functions where a part varies.

/// Condition Healthy is True.
pub const HEALTHY: &str = "Rollout is healthy";
/// Condition Healthy is False.
pub const NOT_HEALTHY: &str = "Rollout is not healthy";
/// Condition Completed, whatever its status.
pub const COMPLETED: &str = "RolloutCompleted";
/// Condition Available is True.
pub const AVAILABLE: &str = "Rollout has minimum availability";
/// Condition Available is False, and Progressing with reason ReplicaSetNotAvailable.
pub const NOT_AVAILABLE: &str = "Rollout does not have minimum availability";
/// Condition Paused, whatever its status, and Progressing while paused.
pub const PAUSED: &str = "Rollout is paused";
/// Condition Progressing after a resume, and the event.
pub const RESUMED: &str = "Rollout is resumed";
/// Condition Progressing after a retry.
pub const RETRY: &str = "Retrying Rollout after abort";

/// Condition InvalidSpec of the Rollout `name` for the first error `error`.
#[must_use]
pub fn invalid_spec(name: &str, error: &str) -> String {
    format!("The Rollout \"{name}\" is invalid: {error}")
}

/// Condition Progressing, and the text before ` (revision N)` differs in the event: see [`created_replica_set_event`].
#[must_use]
pub fn created_replica_set(replica_set: &str) -> String {
    format!("Created new replica set \"{replica_set}\"")
}

/// Event NewReplicaSetCreated.
#[must_use]
pub fn created_replica_set_event(replica_set: &str, revision: i64) -> String {
    format!("Created ReplicaSet {replica_set} (revision {revision})")
}

/// Condition Progressing with reason FoundNewReplicaSet.
#[must_use]
pub fn found_replica_set(replica_set: &str) -> String {
    format!("Found new replica set \"{replica_set}\"")
}

/// Condition Progressing with reason ReplicaSetCreateError, and the event.
#[must_use]
pub fn replica_set_create_error(replica_set: &str, error: &str) -> String {
    format!("Failed to create new replica set \"{replica_set}\": {error}")
}

/// Subject of the progress messages: the new ReplicaSet, or the Rollout while there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'n> {
    /// A ReplicaSet by name.
    ReplicaSet(&'n str),
    /// A Rollout by name.
    Rollout(&'n str),
}

impl std::fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ReplicaSet(name) => write!(f, "ReplicaSet \"{name}\""),
            Self::Rollout(name) => write!(f, "Rollout \"{name}\""),
        }
    }
}

/// Condition Progressing with reason ReplicaSetUpdated.
#[must_use]
pub fn progressing(subject: Subject<'_>) -> String {
    format!("{subject} is progressing.")
}

/// Condition Progressing with reason NewReplicaSetAvailable.
#[must_use]
pub fn progressed(subject: Subject<'_>) -> String {
    format!("{subject} has successfully progressed.")
}

/// Condition Progressing with reason ProgressDeadlineExceeded, and why a deadline aborts.
#[must_use]
pub fn timed_out(subject: Subject<'_>) -> String {
    format!("{subject} has timed out progressing.")
}

/// Condition Progressing with reason RolloutAborted, and the event; `why` is empty when a person aborted.
#[must_use]
pub fn aborted(revision: i64, why: &str) -> String {
    let colon = if why.is_empty() { "" } else { ": " };
    format!("Rollout aborted update to revision {revision}{colon}{why}")
}

/// Event RolloutUpdated.
#[must_use]
pub fn updated(revision: i64) -> String {
    format!("Rollout updated to revision {revision}")
}

/// Event RolloutNotCompleted.
#[must_use]
pub fn not_completed(revision: i64, hash: &str) -> String {
    format!("Rollout not completed, started update to revision {revision} ({hash})")
}

/// Event RolloutCompleted; `reason` is one of [`promotion`].
#[must_use]
pub fn completed(revision: i64, hash: &str, reason: &str) -> String {
    format!("Rollout completed update to revision {revision} ({hash}): {reason}")
}

/// Event ScalingReplicaSet.
#[must_use]
pub fn scaled(replica_set: &str, revision: i64, from: i32, to: i32) -> String {
    let direction = if to > from { "up" } else { "down" };
    format!("Scaled {direction} ReplicaSet {replica_set} (revision {revision}) from {from} to {to}")
}

/// Event RolloutStepCompleted; `index` counts from 1.
#[must_use]
pub fn step_completed(index: usize, count: usize, step: &str) -> String {
    format!("Rollout step {index}/{count} completed ({step})")
}

/// Event RolloutPaused with the first pause reason.
#[must_use]
pub fn paused(reason: &str) -> String {
    format!("{PAUSED} ({reason})")
}

/// Event SwitchService.
#[must_use]
pub fn switched_service(service: &str, from: &str, to: &str) -> String {
    format!("Switched selector for service '{service}' from '{from}' to '{to}'")
}

/// Event SkipSteps.
pub mod skip_steps {
    /// Back to stable.
    pub const STABLE: &str = "Rollback to stable ReplicaSets";
    /// Back within the rollback window.
    pub const WINDOW: &str = "Rollback to active ReplicaSets within RollbackWindow";
}

/// Why an update is complete.
pub mod promotion {
    /// There was no stable version.
    pub const INITIAL: &str = "Initial deploy";
    /// A person asked.
    pub const FULL: &str = "Full promotion requested";
    /// Back within the window.
    pub const WINDOW: &str = "Rollback within window";
    /// Back to a version that is still up.
    pub const FAST: &str = "Fast rollback";
    /// The switch is done.
    pub const BLUE_GREEN: &str = "Completed blue-green update";

    /// All steps are done.
    #[must_use]
    pub fn canary(steps: usize) -> String {
        format!("Completed all {steps} canary steps")
    }
}

/// Messages of phases.
pub mod phase {
    /// `spec.paused`.
    pub const PAUSED: &str = "manually paused";
    /// `spec.restartAt` is not served yet.
    pub const RESTARTING: &str = "rollout is restarting";
    /// Not all pods are of the new version.
    pub const UPDATING: &str = "more replicas need to be updated";
    /// New pods are not available yet.
    pub const AVAILABLE: &str = "updated replicas are still becoming available";
    /// The active Service does not select the new pods yet.
    pub const CUTOVER: &str = "active service cutover pending";
    /// The analysis after the switch runs.
    pub const ANALYSIS: &str = "waiting for analysis to complete";
    /// The new version is not stable yet (blue-green).
    pub const VERIFICATION: &str = "waiting for post-promotion verification to complete";
    /// Old pods are still there.
    pub const TERMINATION: &str = "old replicas are pending termination";
    /// The new version is not stable yet (canary).
    pub const STEPS: &str = "waiting for all steps to complete";
    /// The controller has not seen the spec yet.
    pub const OBSERVATION: &str = "waiting for rollout spec update to be observed";
    /// A person resumed, the controller has not seen it yet.
    pub const UNPAUSE: &str = "waiting for rollout to unpause";
    /// The controller has not seen the referenced workload yet.
    pub const WORKLOAD: &str = "waiting for rollout spec update to be observed for the reference workload";
}
