//! The slim pod: there may be tens of thousands, so strings are shared and everything unused is left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use tiphys_machinery::quantity::Quantity;

use super::{Interner, Key, Meta, nullable};
use crate::controllers::labels::Labels;

/// Lowers the rank of a pod when its ReplicaSet shrinks.
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// Phase of a pod, in the order in which a shrinking ReplicaSet gives pods up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) enum Phase {
    #[default]
    Pending,
    Unknown,
    Running,
    Succeeded,
    Failed,
}

impl Phase {
    /// Returns whether the pod will never run again.
    pub(crate) fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// The owner that controls a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Controller {
    pub(crate) api_version: Arc<str>,
    pub(crate) kind: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) uid: Arc<str>,
}

/// What a pod asks of a node: millicores and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Requests {
    pub(crate) cpu_milli: i64,
    pub(crate) memory_bytes: i64,
}

/// What controllers remember of a pod.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pod {
    pub(crate) key: Key,
    pub(crate) uid: Arc<str>,
    pub(crate) labels: Labels,
    pub(crate) created: Timestamp,
    pub(crate) deleting: bool,
    pub(crate) controller: Option<Controller>,
    pub(crate) node: Option<Arc<str>>,
    pub(crate) phase: Phase,
    /// Since when condition `Ready` is true; `None` while it is not.
    pub(crate) ready_since: Option<Timestamp>,
    /// Restarts of the container that restarted most.
    pub(crate) restarts: u32,
    /// Restarts of all containers together.
    pub(crate) restarts_total: u32,
    /// When the last container of a pod that ended did so.
    pub(crate) finished_at: Option<Timestamp>,
    pub(crate) deletion_cost: i32,
    pub(crate) ip: Option<Arc<str>>,
    /// Container ports that have a name, for named `targetPort`s.
    pub(crate) named_ports: Box<[(Box<str>, u16)]>,
    pub(crate) requests: Requests,
    pub(crate) host_ports: Box<[u16]>,
    /// No node yet, no scheduling gates, and the default scheduler's.
    pub(crate) unscheduled: bool,
    /// Where an Indexed Job counts this pod.
    pub(crate) completion_index: Option<u32>,
    /// Carries the finalizer that keeps it until its Job has counted it.
    pub(crate) job_tracked: bool,
}

impl Pod {
    /// Returns whether a controller counts the pod: it neither ended nor is it being deleted.
    pub(crate) fn is_active(&self) -> bool {
        !self.deleting && !self.phase.is_terminal()
    }

    /// Returns the key of the pod's controller if it is of this kind.
    pub(crate) fn owner(&self, kind: &str) -> Option<Key> {
        let owner = self.controller.as_ref().filter(|owner| &*owner.kind == kind)?;
        Some(Key { namespace: self.key.namespace.clone(), name: owner.name.clone() })
    }

    /// Returns whether condition `Ready` is true.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready_since.is_some()
    }

    /// Returns when a ready pod becomes available, which may be past.
    pub(crate) fn available_at(&self, min_ready_seconds: i64) -> Option<Timestamp> {
        Some(self.ready_since? + jiff::SignedDuration::from_secs(min_ready_seconds.clamp(0, i64::from(i32::MAX))))
    }

    /// Decodes the stored object.
    pub(crate) fn decode(wire: PodWire, interner: &mut Interner) -> Self {
        let PodWire { metadata, spec, status } = wire;
        let controller = metadata.controller().map(|owner| Controller {
            api_version: interner.text(&owner.api_version),
            kind: interner.text(&owner.kind),
            name: interner.text(&owner.name),
            uid: interner.text(&owner.uid),
        });
        let ready = status.conditions.iter().find(|c| c.r#type == "Ready" && c.status == "True");
        let ports = || spec.containers.iter().flat_map(|c| &c.ports);
        Self {
            key: Key { namespace: interner.text(&metadata.namespace), name: metadata.name.as_str().into() },
            uid: metadata.uid.as_str().into(),
            created: metadata.creation_timestamp,
            deleting: metadata.is_deleting(),
            controller,
            unscheduled: spec.node_name.is_empty()
                && spec.scheduling_gates.is_empty()
                && matches!(spec.scheduler_name.as_str(), "" | "default-scheduler"),
            node: (!spec.node_name.is_empty()).then(|| interner.text(&spec.node_name)),
            phase: status.phase,
            ready_since: ready.map(|condition| condition.last_transition_time.unwrap_or(metadata.creation_timestamp)),
            restarts: status.container_statuses.iter().map(|c| c.restart_count).max().unwrap_or(0),
            restarts_total: status.container_statuses.iter().map(|c| c.restart_count).sum(),
            finished_at: finished_at(&status),
            deletion_cost: metadata.annotations.get(DELETION_COST).and_then(|v| v.parse().ok()).unwrap_or(0),
            ip: status.pod_ip.filter(|ip| !ip.is_empty()).map(Into::into),
            named_ports: ports()
                .filter(|p| !p.name.is_empty())
                .map(|p| (p.name.as_str().into(), p.container_port))
                .collect(),
            host_ports: ports().filter(|p| p.host_port > 0).map(|p| p.host_port).collect(),
            requests: requests(&spec),
            completion_index: completion_index(&metadata),
            job_tracked: metadata.finalizers.iter().any(|f| f == "batch.kubernetes.io/job-tracking"),
            labels: interner.labels(metadata.labels),
        }
    }
}

fn completion_index(metadata: &Meta) -> Option<u32> {
    metadata.annotations.get("batch.kubernetes.io/job-completion-index")?.parse().ok()
}

fn finished_at(status: &StatusWire) -> Option<Timestamp> {
    let ends = status.container_statuses.iter().filter_map(|c| c.state.terminated.as_ref()?.finished_at);
    status.phase.is_terminal().then(|| ends.max()).flatten()
}

/// Sums the containers; init containers run one after another, so only the largest counts against the sum.
fn requests(spec: &SpecWire) -> Requests {
    let of = |containers: &[ContainerWire], resource: &str, fold: fn(i64, i64) -> i64| {
        let amounts = containers.iter().filter_map(|c| c.resources.requests.get(resource));
        amounts.filter_map(|text| text.parse::<Quantity>().ok()).map(|amount| amount.milli()).fold(0, fold)
    };
    let asked =
        |resource| of(&spec.containers, resource, |a, b| a + b).max(of(&spec.init_containers, resource, i64::max));
    Requests { cpu_milli: asked("cpu"), memory_bytes: asked("memory") / 1000 }
}

/// The parts of a stored pod that the slim form is made of.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PodWire {
    metadata: Meta,
    spec: SpecWire,
    #[serde(deserialize_with = "nullable")]
    status: StatusWire,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SpecWire {
    node_name: String,
    scheduler_name: String,
    #[serde(deserialize_with = "nullable")]
    scheduling_gates: Vec<serde::de::IgnoredAny>,
    #[serde(deserialize_with = "nullable")]
    containers: Vec<ContainerWire>,
    #[serde(deserialize_with = "nullable")]
    init_containers: Vec<ContainerWire>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ContainerWire {
    #[serde(deserialize_with = "nullable")]
    ports: Vec<PortWire>,
    #[serde(deserialize_with = "nullable")]
    resources: ResourcesWire,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ResourcesWire {
    #[serde(deserialize_with = "nullable")]
    requests: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PortWire {
    name: String,
    container_port: u16,
    host_port: u16,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StatusWire {
    phase: Phase,
    #[serde(rename = "podIP")]
    pod_ip: Option<String>,
    #[serde(deserialize_with = "nullable")]
    conditions: Vec<ConditionWire>,
    #[serde(deserialize_with = "nullable")]
    container_statuses: Vec<ContainerStatusWire>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ConditionWire {
    r#type: String,
    status: String,
    last_transition_time: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ContainerStatusWire {
    restart_count: u32,
    #[serde(deserialize_with = "nullable")]
    state: StateWire,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StateWire {
    terminated: Option<TerminatedWire>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct TerminatedWire {
    finished_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_running_pod_decodes_to_what_is_used() {
        let wire: PodWire = serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "n", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z",
                "labels": {"app": "a"}, "annotations": {DELETION_COST: "-5"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "ru", "controller": true}]},
            "spec": {"nodeName": "node-1", "containers": [
                {"ports": [{"name": "http", "containerPort": 80}, {"containerPort": 81, "hostPort": 81}],
                 "resources": {"requests": {"cpu": "250m", "memory": "1Gi"}}},
                {"resources": {"requests": {"cpu": "1"}}}],
                "initContainers": [{"resources": {"requests": {"cpu": "2"}}}]},
            "status": {"phase": "Running", "podIP": "10.244.0.2", "containerStatuses": [{"restartCount": 3}],
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:09Z"}]},
        }))
        .unwrap();
        let pod = Pod::decode(wire, &mut Interner::default());
        assert_eq!(pod.requests, Requests { cpu_milli: 2000, memory_bytes: 1 << 30 });
        assert_eq!((pod.phase, pod.restarts, pod.deletion_cost), (Phase::Running, 3, -5));
        assert_eq!(pod.available_at(10).unwrap().to_string(), "2026-01-01T00:00:19Z");
        assert_eq!((&*pod.named_ports, &*pod.host_ports), (&[("http".into(), 80)][..], &[81][..]));
        assert_eq!(pod.controller.as_ref().map(|c| &*c.name), Some("r"));
        assert!(pod.is_active() && pod.is_ready() && !pod.unscheduled);
    }

    #[test]
    fn nulls_and_gaps_are_taken_as_absent() {
        let wire: PodWire = serde_json::from_value(
            json!({"metadata": {"name": "p", "labels": null}, "spec": {"containers": null}, "status": null}),
        )
        .unwrap();
        let pod = Pod::decode(wire, &mut Interner::default());
        assert!(pod.unscheduled && !pod.is_ready() && pod.phase == Phase::Pending);
    }
}
