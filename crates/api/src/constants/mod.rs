//! Names and texts that are part of the API: other programs match on them.

pub mod annotations;
pub mod conditions;
pub mod labels;
pub mod messages;
pub mod reasons;

/// Phases of AnalysisRuns, metrics, measurements and Experiments. The empty phase means "not looked at yet".
pub mod analysis_phase {
    /// Not started.
    pub const PENDING: &str = "Pending";
    /// Under way.
    pub const RUNNING: &str = "Running";
    /// Ended well.
    pub const SUCCESSFUL: &str = "Successful";
    /// Ended badly.
    pub const FAILED: &str = "Failed";
    /// Could not be found out.
    pub const ERROR: &str = "Error";
    /// Ended without a verdict.
    pub const INCONCLUSIVE: &str = "Inconclusive";

    /// Returns whether nothing more happens in `phase`.
    #[must_use]
    pub fn is_completed(phase: &str) -> bool {
        matches!(phase, SUCCESSFUL | FAILED | ERROR | INCONCLUSIVE)
    }
}

/// `status.duration.completionStatus`.
pub mod completion_status {
    /// Went through all steps.
    pub const PROMOTED: &str = "Promoted";
    /// Promoted by a full promotion.
    pub const FAST_PROMOTED: &str = "FastPromoted";
    /// Aborted.
    pub const ABORTED: &str = "Aborted";
    /// Replaced by a newer version.
    pub const SUPERSEDED: &str = "Superseded";
    /// Went back through the steps.
    pub const ROLLED_BACK: &str = "RolledBack";
    /// Went back at once.
    pub const FAST_ROLLED_BACK: &str = "FastRolledBack";
}

/// `spec.workloadRef.scaleDown`.
pub mod scale_down {
    /// Never.
    pub const NEVER: &str = "never";
    /// Once the Rollout is healthy.
    pub const ON_SUCCESS: &str = "onsuccess";
    /// As pods of the Rollout become ready.
    pub const PROGRESSIVELY: &str = "progressively";
}

/// `status.canary.stablePingPong`.
pub mod ping_pong {
    /// The ping Service is stable.
    pub const PING: &str = "ping";
    /// The pong Service is stable.
    pub const PONG: &str = "pong";
}

/// Which pods an Experiment template or an analysis argument means.
pub mod spec_ref {
    /// The new ones, in an Experiment template.
    pub const CANARY: &str = "canary";
    /// The stable ones, in an Experiment template.
    pub const STABLE: &str = "stable";
    /// The new ones, in `podTemplateHashValue`.
    pub const LATEST_HASH: &str = "Latest";
    /// The stable ones, in `podTemplateHashValue`.
    pub const STABLE_HASH: &str = "Stable";
}
