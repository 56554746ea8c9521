//! What a sync tells people about itself. Scripts and dashboards look for these words, so they are upstream's.

/// Nothing was left to do.
pub const NO_MORE_TASKS: &str = "successfully synced (no more tasks)";
/// The last wave was applied, and nothing has to be waited for.
pub const ALL_TASKS_RUN: &str = "successfully synced (all tasks run)";
/// A wave is being applied.
pub const TASKS_RUNNING: &str = "one or more tasks are running";
/// A task can never be done.
pub const INVALID_TASKS: &str = "one or more synchronization tasks are not valid";
/// Trying out failed.
pub const TRY_OUT_FAILED: &str = "one or more objects failed to apply (dry run)";
/// The namespace could not be created.
pub const NAMESPACE_FAILED: &str = "the namespace failed to apply";
/// A wave could not be applied.
pub const APPLY_FAILED: &str = "one or more objects failed to apply";
/// A task ended badly.
pub const TASKS_FAILED: &str = "one or more synchronization tasks completed unsuccessfully";
/// A hook for failures failed itself.
pub const FAILURE_HOOKS_FAILED: &str = "one or more SyncFail hooks failed";
/// The operation was stopped.
pub const TERMINATED: &str = "Operation terminated";
/// The operation was stopped, and not everything could be cleaned up.
pub const TERMINATION_FAILED: &str = "Operation termination had errors";
/// A hook was stopped.
pub const HOOK_TERMINATED: &str = "Terminated";
/// Deleted.
pub const PRUNED: &str = "pruned";
/// Would be deleted.
pub const PRUNED_DRY_RUN: &str = "pruned (dry run)";
/// Not deleted, because the sync was not asked to.
pub const PRUNE_NOT_ASKED: &str = "ignored (requires pruning)";
/// Not deleted, because an option forbids it.
pub const PRUNE_DISABLED: &str = "ignored (no prune)";
