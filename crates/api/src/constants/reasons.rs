//! Reasons of conditions and events.

/// The spec is wrong.
pub const INVALID_SPEC: &str = "InvalidSpec";
/// Everything is as wanted, or no longer.
pub const ROLLOUT_HEALTHY: &str = "RolloutHealthy";
/// The new version is the stable one, or not yet.
pub const ROLLOUT_COMPLETED: &str = "RolloutCompleted";
/// An update began.
pub const ROLLOUT_NOT_COMPLETED: &str = "RolloutNotCompleted";
/// Enough pods are available, or not.
pub const AVAILABLE: &str = "AvailableReason";
/// The Rollout is paused.
pub const ROLLOUT_PAUSED: &str = "RolloutPaused";
/// The Rollout is resumed.
pub const ROLLOUT_RESUMED: &str = "RolloutResumed";
/// An aborted update is tried again.
pub const ROLLOUT_RETRY: &str = "RolloutRetry";
/// The update is aborted.
pub const ROLLOUT_ABORTED: &str = "RolloutAborted";
/// A ReplicaSet was created.
pub const NEW_REPLICA_SET_CREATED: &str = "NewReplicaSetCreated";
/// A ReplicaSet of the wanted template was there already.
pub const FOUND_NEW_REPLICA_SET: &str = "FoundNewReplicaSet";
/// Pods changed.
pub const REPLICA_SET_UPDATED: &str = "ReplicaSetUpdated";
/// Pods of a finished update went away.
pub const REPLICA_SET_NOT_AVAILABLE: &str = "ReplicaSetNotAvailable";
/// The new ReplicaSet is up.
pub const NEW_REPLICA_SET_AVAILABLE: &str = "NewReplicaSetAvailable";
/// A ReplicaSet could not be created.
pub const REPLICA_SET_CREATE_ERROR: &str = "ReplicaSetCreateError";
/// No progress for too long.
pub const PROGRESS_DEADLINE_EXCEEDED: &str = "ProgressDeadlineExceeded";

/// Reasons of `status.pauseConditions`.
pub mod pause {
    /// An analysis ended without a verdict.
    pub const INCONCLUSIVE_ANALYSIS_RUN: &str = "InconclusiveAnalysisRun";
    /// An Experiment ended without a verdict.
    pub const INCONCLUSIVE_EXPERIMENT: &str = "InconclusiveExperiment";
    /// A pause step.
    pub const CANARY_PAUSE_STEP: &str = "CanaryPauseStep";
    /// Before a blue-green switch.
    pub const BLUE_GREEN_PAUSE: &str = "BlueGreenPause";
}

/// Reasons of events that are no reasons of conditions.
pub mod event {
    /// The controller has seen the object for the first time.
    pub const ROLLOUT_ADDED_TO_INFORMER: &str = "RolloutAddedToInformer";
    /// The revision changed.
    pub const ROLLOUT_UPDATED: &str = "RolloutUpdated";
    /// A ReplicaSet was scaled.
    pub const SCALING_REPLICA_SET: &str = "ScalingReplicaSet";
    /// A step is done.
    pub const ROLLOUT_STEP_COMPLETED: &str = "RolloutStepCompleted";
    /// Steps are skipped.
    pub const SKIP_STEPS: &str = "SkipSteps";
    /// A Service selects other pods.
    pub const SWITCH_SERVICE: &str = "SwitchService";
    /// A router has new weights.
    pub const TRAFFIC_WEIGHT_UPDATED: &str = "TrafficWeightUpdated";
    /// A router refused.
    pub const TRAFFIC_ROUTING_ERROR: &str = "TrafficRoutingError";
    /// A router's weight could not be checked.
    pub const WEIGHT_VERIFY_ERROR: &str = "WeightVerifyError";
    /// A target group has the right endpoints.
    pub const TARGET_GROUP_VERIFIED: &str = "TargetGroupVerified";
    /// A target group does not have the right endpoints.
    pub const TARGET_GROUP_UNVERIFIED: &str = "TargetGroupUnverified";
    /// A target group could not be checked.
    pub const TARGET_GROUP_VERIFY_ERROR: &str = "TargetGroupVerifyError";
    /// A load balancer is missing.
    pub const LOAD_BALANCER_NOT_FOUND: &str = "LoadBalancerNotFound";
    /// An Experiment was created.
    pub const EXPERIMENT_CREATED: &str = "ExperimentCreated";
    /// A step plugin changed its phase.
    pub const STEP_PLUGIN_TRANSITION: &str = "StepPluginTransition";
    /// A step plugin could not be called.
    pub const RECONCILIATION_ERROR: &str = "ReconciliationError";
    /// The Rollout is gone.
    pub const ROLLOUT_DELETED: &str = "RolloutDeleted";
    /// Prefix of the events about AnalysisRuns; the phase follows.
    pub const ANALYSIS_RUN: &str = "AnalysisRun";
}
