//! What the controllers remember of each object: the few fields they use, decoded once when the object changes.

mod intern;
mod job;
mod meta;
mod pod;
mod service;
mod stateful;
mod workload;

pub(crate) use intern::Interner;
pub(crate) use job::{ExitCodes, FailurePolicy, FailureRule, Job, JobStatus, Uncounted};
pub(crate) use meta::{Key, Meta, nullable};
#[cfg(test)]
pub(crate) use pod::Requests;
pub(crate) use pod::{Phase, Pod, PodWire};
pub(crate) use service::{Budget, BudgetSpec, Service, ServicePort};
pub(crate) use stateful::{DaemonSet, DaemonSetStatus, StatefulSet, StatefulSetStatus};
#[cfg(test)]
pub(crate) use workload::RollingUpdate;
pub(crate) use workload::{Condition, Deployment, DeploymentStatus, ReplicaSet, ReplicaSetStatus};
