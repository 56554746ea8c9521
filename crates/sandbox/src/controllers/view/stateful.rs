//! StatefulSets and DaemonSets.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Condition, Meta, nullable};
use crate::controllers::labels::Selector;
use crate::controllers::scaled::{Rounding, Scaled};

/// A StatefulSet.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct StatefulSet {
    #[serde(rename = "metadata")]
    pub(crate) meta: Meta,
    pub(crate) spec: StatefulSetSpec,
    #[serde(default, deserialize_with = "nullable")]
    pub(crate) status: StatefulSetStatus,
}

/// What is wanted of a StatefulSet.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct StatefulSetSpec {
    pub(crate) replicas: Option<i64>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) ordinals: Ordinals,
    #[serde(deserialize_with = "nullable")]
    pub(crate) min_ready_seconds: i64,
    pub(crate) selector: Selector,
    pub(crate) service_name: String,
    pub(crate) pod_management_policy: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) update_strategy: StatefulStrategy,
    pub(crate) revision_history_limit: Option<i64>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) volume_claim_templates: Vec<Value>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) persistent_volume_claim_retention_policy: Retention,
    pub(crate) template: Value,
}

/// Where the numbers of a StatefulSet's pods begin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Ordinals {
    pub(crate) start: i64,
}

/// How a StatefulSet updates its pods.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct StatefulStrategy {
    pub(crate) r#type: String,
    pub(crate) rolling_update: Option<StatefulRolling>,
}

/// Limits of an update.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct StatefulRolling {
    #[serde(deserialize_with = "nullable")]
    pub(crate) partition: i64,
    pub(crate) max_unavailable: Option<Scaled>,
}

/// What becomes of claims whose pod or set is gone: `Retain` or `Delete`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Retention {
    pub(crate) when_deleted: String,
    pub(crate) when_scaled: String,
}

/// Status of a StatefulSet, as written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct StatefulSetStatus {
    pub(crate) observed_generation: i64,
    pub(crate) replicas: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) ready_replicas: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) current_replicas: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) updated_replicas: i64,
    pub(crate) available_replicas: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) current_revision: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) update_revision: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) collision_count: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub(crate) conditions: Vec<Condition>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl StatefulSet {
    /// Returns how many pods are wanted.
    pub(crate) fn replicas(&self) -> i64 {
        self.spec.replicas.unwrap_or(1)
    }

    /// Returns whether pods start and stop one after another.
    pub(crate) fn is_ordered(&self) -> bool {
        self.spec.pod_management_policy != "Parallel"
    }

    /// Returns the number in the name of a pod of this set.
    pub(crate) fn ordinal(&self, pod: &str) -> Option<i64> {
        let digits = pod.strip_prefix(self.meta.name.as_str())?.strip_prefix('-')?;
        let number = digits.parse().ok()?;
        (digits == i64::to_string(&number)).then_some(number)
    }
}

/// A DaemonSet.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct DaemonSet {
    #[serde(rename = "metadata")]
    pub(crate) meta: Meta,
    pub(crate) spec: DaemonSetSpec,
    #[serde(default, deserialize_with = "nullable")]
    pub(crate) status: DaemonSetStatus,
}

/// What is wanted of a DaemonSet.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DaemonSetSpec {
    pub(crate) selector: Selector,
    #[serde(deserialize_with = "nullable")]
    pub(crate) min_ready_seconds: i64,
    #[serde(deserialize_with = "nullable")]
    pub(crate) update_strategy: DaemonStrategy,
    pub(crate) revision_history_limit: Option<i64>,
    pub(crate) template: Value,
}

/// How a DaemonSet updates its pods.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DaemonStrategy {
    pub(crate) r#type: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) rolling_update: DaemonRolling,
}

/// Limits of an update.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DaemonRolling {
    pub(crate) max_unavailable: Option<Scaled>,
    pub(crate) max_surge: Option<Scaled>,
}

impl DaemonRolling {
    /// Returns `(max surge, max unavailable)` of so many pods; one may be unavailable where both are 0.
    pub(crate) fn limits(&self, desired: i64) -> (i64, i64) {
        let of = |limit: &Option<Scaled>| limit.as_ref().map(|limit| limit.of(desired, Rounding::Up));
        let surge = of(&self.max_surge).unwrap_or(0);
        let unavailable = of(&self.max_unavailable).unwrap_or(i64::from(surge == 0));
        if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) }
    }
}

/// Status of a DaemonSet, as written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DaemonSetStatus {
    pub(crate) current_number_scheduled: i64,
    pub(crate) number_misscheduled: i64,
    pub(crate) desired_number_scheduled: i64,
    pub(crate) number_ready: i64,
    pub(crate) observed_generation: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) updated_number_scheduled: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) number_available: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) number_unavailable: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) collision_count: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub(crate) conditions: Vec<Condition>,
}
