//! What the controller reads of a HorizontalPodAutoscaler, and the status it writes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tiphys_machinery::quantity::Quantity;

use crate::controllers::view::{Condition, Meta, nullable};

/// A HorizontalPodAutoscaler.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Autoscaler {
    pub(super) metadata: Meta,
    pub(super) spec: Spec,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) status: Status,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    pub(super) scale_target_ref: Reference,
    #[serde(default)]
    pub(super) min_replicas: Option<i64>,
    pub(super) max_replicas: i64,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) metrics: Vec<Metric>,
    #[serde(default)]
    pub(super) behavior: Option<Behavior>,
}

/// An object, by kind and name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Reference {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) name: String,
}

/// How fast the number of replicas may change.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Behavior {
    #[serde(deserialize_with = "nullable")]
    pub(super) scale_up: Rules,
    #[serde(deserialize_with = "nullable")]
    pub(super) scale_down: Rules,
}

/// Rules of one direction.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Rules {
    pub(super) stabilization_window_seconds: Option<i64>,
    pub(super) select_policy: Option<String>,
    #[serde(deserialize_with = "nullable")]
    pub(super) policies: Vec<Policy>,
    /// A quantity: how far from its target a metric may be without any change.
    pub(super) tolerance: Value,
}

/// By how much the number may change in some time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Policy {
    pub(super) r#type: String,
    pub(super) value: i64,
    pub(super) period_seconds: i64,
}

/// One metric to follow; the part that its type names is set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metric {
    pub(super) r#type: String,
    pub(super) resource: Option<ResourceMetric>,
    pub(super) container_resource: Option<ResourceMetric>,
    pub(super) pods: Option<NamedMetric>,
    pub(super) object: Option<NamedMetric>,
    pub(super) external: Option<NamedMetric>,
}

/// Usage of cores or memory.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ResourceMetric {
    pub(super) name: String,
    /// Empty for the whole pod.
    pub(super) container: String,
    pub(super) target: Target,
}

/// A metric with a name of its own.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct NamedMetric {
    pub(super) metric: Identifier,
    pub(super) target: Target,
    pub(super) described_object: Reference,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Identifier {
    pub(super) name: String,
    pub(super) selector: Value,
}

/// What a metric should be.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Target {
    pub(super) value: Value,
    pub(super) average_value: Value,
    pub(super) average_utilization: Option<i64>,
}

impl Target {
    /// Returns the wanted total in thousandths.
    pub(super) fn total(&self) -> Option<i64> {
        milli(&self.value)
    }

    /// Returns the wanted mean over the pods in thousandths.
    pub(super) fn average(&self) -> Option<i64> {
        milli(&self.average_value)
    }
}

fn milli(quantity: &Value) -> Option<i64> {
    Quantity::from_json(quantity).ok().map(|quantity| quantity.milli())
}

/// Returns the tolerance of a direction; a tenth where nothing is said.
pub(super) fn tolerance(rules: Option<&Rules>) -> f64 {
    let milli = rules.and_then(|rules| milli(&rules.tolerance));
    #[expect(clippy::cast_precision_loss, reason = "tolerances are small")]
    milli.map_or(0.1, |milli| milli as f64 / 1000.0)
}

/// Status, as written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) observed_generation: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_scale_time: Option<Timestamp>,
    pub(super) current_replicas: i64,
    pub(super) desired_replicas: i64,
    /// Null where none is known.
    pub(super) current_metrics: Value,
    #[serde(deserialize_with = "nullable")]
    pub(super) conditions: Vec<Condition>,
}
