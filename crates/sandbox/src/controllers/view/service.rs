//! Services and disruption budgets.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{Condition, Meta, nullable};
use crate::controllers::labels::Selector;
use crate::controllers::scaled::Scaled;

/// What controllers remember of a Service.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Service {
    pub(crate) meta: Meta,
    pub(crate) selector: Selector,
    pub(crate) ports: Vec<ServicePort>,
    pub(crate) headless: bool,
    pub(crate) external_name: bool,
    pub(crate) publish_not_ready: bool,
}

/// One port of a Service.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ServicePort {
    pub(crate) name: String,
    pub(crate) protocol: String,
    pub(crate) port: u16,
    /// A number or the name of a container port; null means the same number.
    pub(crate) target_port: Value,
    pub(crate) app_protocol: Option<String>,
}

#[derive(Deserialize)]
struct ServiceWire {
    metadata: Meta,
    #[serde(default)]
    spec: ServiceSpecWire,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ServiceSpecWire {
    #[serde(deserialize_with = "nullable")]
    selector: BTreeMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    ports: Vec<ServicePort>,
    r#type: String,
    #[serde(rename = "clusterIP")]
    cluster_ip: String,
    #[serde(deserialize_with = "nullable")]
    publish_not_ready_addresses: bool,
}

impl<'de> Deserialize<'de> for Service {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ServiceWire { metadata, spec } = Deserialize::deserialize(deserializer)?;
        Ok(Self {
            meta: metadata,
            selector: Selector::from_map(&spec.selector),
            ports: spec.ports,
            headless: spec.cluster_ip == "None",
            external_name: spec.r#type == "ExternalName",
            publish_not_ready: spec.publish_not_ready_addresses,
        })
    }
}

/// What controllers remember of a PodDisruptionBudget.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Budget {
    pub(crate) metadata: Meta,
    #[serde(default)]
    pub(crate) spec: BudgetSpec,
    #[serde(default, deserialize_with = "nullable")]
    pub(crate) status: BudgetStatus,
}

/// What a budget promises.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct BudgetSpec {
    pub(crate) min_available: Option<Scaled>,
    pub(crate) max_unavailable: Option<Scaled>,
    pub(crate) selector: Selector,
    pub(crate) unhealthy_pod_eviction_policy: Option<String>,
}

/// What a budget allows right now.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct BudgetStatus {
    pub(crate) observed_generation: i64,
    pub(crate) disruptions_allowed: i64,
    pub(crate) current_healthy: i64,
    pub(crate) desired_healthy: i64,
    pub(crate) expected_pods: i64,
    /// Pods that an eviction was granted for and that are not gone yet.
    #[serde(deserialize_with = "nullable")]
    pub(crate) disrupted_pods: BTreeMap<String, Timestamp>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) conditions: Vec<Condition>,
}
