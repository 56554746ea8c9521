//! Labels.

/// Hash of the pod template: on ReplicaSets, their selectors and pods, in the selectors of managed Services, on
/// AnalysisRuns and Experiments.
pub const POD_TEMPLATE_HASH: &str = "rollouts-pod-template-hash";
/// Which controller instance an object belongs to.
pub const INSTANCE_ID: &str = "argo-rollouts.argoproj.io/controller-instance-id";
/// What an AnalysisRun is for: one of [`rollout_type`].
pub const ROLLOUT_TYPE: &str = "rollout-type";
/// Index of the step that an AnalysisRun belongs to.
pub const STEP_INDEX: &str = "step-index";

/// Values of [`ROLLOUT_TYPE`].
pub mod rollout_type {
    /// A step.
    pub const STEP: &str = "Step";
    /// Beside the steps.
    pub const BACKGROUND: &str = "Background";
    /// Before a blue-green switch.
    pub const PRE_PROMOTION: &str = "PrePromotion";
    /// After a blue-green switch.
    pub const POST_PROMOTION: &str = "PostPromotion";
}
