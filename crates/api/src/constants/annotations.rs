//! Annotations.

/// Decimal revision, on Rollouts and ReplicaSets.
pub const REVISION: &str = "rollout.argoproj.io/revision";
/// Earlier revisions of a ReplicaSet, comma-separated.
pub const REVISION_HISTORY: &str = "rollout.argoproj.io/revision-history";
/// Wanted pods of the Rollout when a ReplicaSet was last scaled.
pub const DESIRED_REPLICAS: &str = "rollout.argoproj.io/desired-replicas";
/// Generation of the referenced workload.
pub const WORKLOAD_GENERATION: &str = "rollout.argoproj.io/workload-generation";
/// JSON of the pod metadata that was injected into a ReplicaSet.
pub const EPHEMERAL_METADATA: &str = "rollout.argoproj.io/ephemeral-metadata";
/// When a ReplicaSet is scaled down, RFC 3339 in UTC.
pub const SCALE_DOWN_DEADLINE: &str = "scale-down-deadline";
/// Name of the Rollout that manages a Service or DestinationRule.
pub const MANAGED_BY: &str = "argo-rollouts.argoproj.io/managed-by-rollouts";
/// Name of the Experiment that a ReplicaSet belongs to.
pub const EXPERIMENT_NAME: &str = "experiment.argoproj.io/name";
/// State of the notification engine; never copied.
pub const NOTIFIED: &str = "notified.notifications.argoproj.io";
/// What `kubectl apply` remembers; never copied.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Annotations that are not copied from a Rollout to its ReplicaSets.
pub const NOT_COPIED: [&str; 5] = [LAST_APPLIED, REVISION, REVISION_HISTORY, DESIRED_REPLICAS, NOTIFIED];

/// `tiphys.dev/restart: surge`: a restart starts a new pod before the old one goes.
pub const RESTART_MODE: &str = "tiphys.dev/restart";
/// Value of [`RESTART_MODE`].
pub const RESTART_MODE_SURGE: &str = "surge";
/// `tiphys.dev/restart-annotation: restart`: a template that differs only in [`KUBECTL_RESTARTED_AT`] restarts pods
/// instead of releasing.
pub const RESTART_ANNOTATION_MODE: &str = "tiphys.dev/restart-annotation";
/// Value of [`RESTART_ANNOTATION_MODE`].
pub const RESTART_ANNOTATION_MODE_RESTART: &str = "restart";
/// What `kubectl rollout restart` writes into pod templates.
pub const KUBECTL_RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";
