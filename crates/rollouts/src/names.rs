//! Names that are ours alone, under our own prefix.

/// Who we are in `managedFields` of what we write.
pub const FIELD_MANAGER: &str = "tiphys";
/// On a ReplicaSet: how many of its pods are there only because a restart surges.
pub const RESTART_SURGE: &str = "tiphys.dev/restart-surge";
/// On a pod that a surging restart will take away next: its former deletion cost, empty if it had none.
pub const RESTART_NEXT: &str = "tiphys.dev/restart-next";
/// On the new ReplicaSet during an update: name of the ControllerRevision that keeps the stable pod template.
pub const STABLE_RECORD: &str = "tiphys.dev/stable-record";
/// On a ReplicaSet that was scaled to zero with its Rollout: how many pods the Rollout had, and when.
pub const EMPTIED: &str = "tiphys.dev/emptied";
/// On a ReplicaSet that was deleted and made again: when the first one was created, so that it stays older than what came
/// after it.
pub const CREATED: &str = "tiphys.dev/created";
/// On a ReplicaSet: keys of the annotations that were copied from its Rollout, with commas between them.
pub const COPIED: &str = "tiphys.dev/copied";
/// What the ReplicaSet controller reads when it chooses which pods to delete.
pub const POD_DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// Returns the name of the ControllerRevision that keeps the stable pod template of a Rollout.
#[must_use]
pub fn stable_record(rollout: &str, stable_hash: &str) -> String {
    format!("{rollout}-{stable_hash}")
}
