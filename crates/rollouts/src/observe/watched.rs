//! Kinds of which only a few fields are used: only those are decoded and kept.

use k8s_openapi::{
    Metadata, NamespaceResourceScope, Resource,
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};
use serde::Deserialize;

/// A Pod without its spec.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct WatchedPod {
    /// Metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// Status.
    #[serde(default)]
    pub status: PodStatus,
}

/// What tells whether a pod serves, and if not why.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodStatus {
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    pub phase: Option<String>,
    /// Why the pod as a whole is in that phase, for instance `Evicted`.
    pub reason: Option<String>,
    /// The same for people.
    pub message: Option<String>,
    /// Conditions.
    pub conditions: Option<Vec<PodCondition>>,
    /// State of the containers that run before the others.
    pub init_container_statuses: Option<Vec<ContainerStatus>>,
    /// State of the containers.
    pub container_statuses: Option<Vec<ContainerStatus>>,
}

/// A condition of a pod.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodCondition {
    /// For instance `Ready`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    #[serde(default)]
    pub status: String,
    /// CamelCase reason.
    pub reason: Option<String>,
    /// For people.
    pub message: Option<String>,
    /// Last change of `status`.
    pub last_transition_time: Option<Time>,
}

/// State of a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerStatus {
    /// Name.
    #[serde(default)]
    pub name: String,
    /// Image as the template names it.
    #[serde(default)]
    pub image: String,
    /// Whether its readiness probe succeeds.
    #[serde(default)]
    pub ready: bool,
    /// How often it was started again.
    #[serde(default)]
    pub restart_count: i32,
    /// What it does now.
    pub state: Option<ContainerState>,
    /// What it did before it was started again.
    pub last_state: Option<ContainerState>,
}

/// What a container does, or did before.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ContainerState {
    /// Why it does not run.
    pub waiting: Option<Waiting>,
    /// How it ended.
    pub terminated: Option<Terminated>,
}

/// Why a container does not run.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Waiting {
    /// For instance `ImagePullBackOff`.
    pub reason: Option<String>,
    /// For people.
    pub message: Option<String>,
}

/// How a container ended.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Terminated {
    /// For instance `OOMKilled`.
    pub reason: Option<String>,
    /// Exit code.
    #[serde(default)]
    pub exit_code: i32,
    /// For people.
    pub message: Option<String>,
}

impl Resource for WatchedPod {
    const API_VERSION: &'static str = "v1";
    const GROUP: &'static str = "";
    const KIND: &'static str = "Pod";
    const VERSION: &'static str = "v1";
    const URL_PATH_SEGMENT: &'static str = "pods";
    type Scope = NamespaceResourceScope;
}

impl Metadata for WatchedPod {
    type Ty = ObjectMeta;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
