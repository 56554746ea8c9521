//! Condition types and statuses.

/// The spec is wrong.
pub const INVALID_SPEC: &str = "InvalidSpec";
/// Enough pods are available.
pub const AVAILABLE: &str = "Available";
/// The update moves on.
pub const PROGRESSING: &str = "Progressing";
/// A ReplicaSet could not make pods.
pub const REPLICA_FAILURE: &str = "ReplicaFailure";
/// The Rollout is paused.
pub const PAUSED: &str = "Paused";
/// The new version is the stable one.
pub const COMPLETED: &str = "Completed";
/// Everything is as wanted.
pub const HEALTHY: &str = "Healthy";

/// Holds.
pub const TRUE: &str = "True";
/// Does not hold.
pub const FALSE: &str = "False";
/// Not known.
pub const UNKNOWN: &str = "Unknown";
