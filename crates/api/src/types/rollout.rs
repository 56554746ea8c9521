//! `Rollout.spec`.

use super::{BlueGreenStrategy, CanaryStrategy, LabelSelector, PodTemplateSpec, Time, api_types};

api_types! {
    /// What a Rollout wants.
    RolloutSpec {
        /// Whether `template` was taken from `workload_ref` (never stored).
        template_resolved_from_ref?: bool,
        /// Whether `selector` was taken from `workload_ref` (never stored).
        selector_resolved_from_ref?: bool,
        /// Number of pods; see [`crate::defaults::replicas`].
        replicas: Option<i32>,
        /// Selects the pods; must match the template's labels.
        selector: Option<LabelSelector>,
        /// The pods.
        template: PodTemplateSpec,
        /// A workload whose template is used instead of `template`.
        workload_ref: Option<ObjectRef>,
        /// Seconds that a pod must be ready before it counts as available.
        min_ready_seconds: i32,
        /// How far back a rollback skips the steps.
        rollback_window: Option<RollbackWindow>,
        /// How a new version replaces the old one.
        strategy: RolloutStrategy,
        /// Old ReplicaSets to keep.
        revision_history_limit: Option<i32>,
        /// Whether a person has paused the Rollout.
        paused: bool,
        /// Seconds without progress after which the Rollout is degraded.
        progress_deadline_seconds: Option<i32>,
        /// Whether the update is aborted when that deadline passes.
        progress_deadline_abort: bool,
        /// Pods older than this are recreated once it is past.
        restart_at: Option<Time>,
        /// How many finished runs to keep.
        analysis: Option<AnalysisRunStrategy>,
    }

    /// Reference to a workload in the same namespace.
    ObjectRef {
        /// Group and version.
        api_version: String,
        /// Kind.
        kind: String,
        /// Name.
        name: String,
        /// When the workload is scaled down: `never`, `onsuccess` or `progressively`.
        scale_down: String,
    }

    /// Window of revisions within which a rollback is fast.
    RollbackWindow {
        /// Number of revisions; 0 turns the window off.
        revisions: i32,
    }

    /// How many finished AnalysisRuns and Experiments to keep.
    AnalysisRunStrategy {
        /// Successful ones.
        successful_run_history_limit: Option<i32>,
        /// Failed, errored and inconclusive ones.
        unsuccessful_run_history_limit: Option<i32>,
    }

    /// Exactly one of the two.
    RolloutStrategy {
        /// Two full sets of pods and one switch.
        blue_green: Option<BlueGreenStrategy>,
        /// Step by step.
        canary: Option<CanaryStrategy>,
    }
}
