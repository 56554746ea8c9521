//! ReplicaSets and Deployments.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Meta, nullable};
use crate::controllers::labels::{Labels, Selector};
use crate::controllers::scaled::{Rounding, Scaled};
use crate::controllers::template;

/// A condition as workloads have them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Condition {
    pub(crate) r#type: String,
    pub(crate) status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_update_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_transition_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) reason: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
}

/// What controllers remember of a ReplicaSet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReplicaSet {
    pub(crate) meta: Meta,
    pub(crate) replicas: i64,
    pub(crate) min_ready_seconds: i64,
    pub(crate) selector: Selector,
    /// Equal for templates that are equal but for the `pod-template-hash` label.
    pub(crate) template_digest: u64,
    pub(crate) template_labels: Labels,
    pub(crate) status: ReplicaSetStatus,
}

/// Status of a ReplicaSet, as written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ReplicaSetStatus {
    pub(crate) replicas: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) fully_labeled_replicas: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) ready_replicas: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) available_replicas: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) observed_generation: i64,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub(crate) conditions: Vec<Condition>,
}

/// What controllers remember of a Deployment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Deployment {
    pub(crate) meta: Meta,
    pub(crate) replicas: i64,
    pub(crate) min_ready_seconds: i64,
    pub(crate) selector: Selector,
    pub(crate) paused: bool,
    pub(crate) revision_history_limit: Option<i64>,
    /// `None` where the deadline is switched off (absent or the largest number).
    pub(crate) progress_deadline_seconds: Option<i64>,
    /// `None` for strategy `Recreate`.
    pub(crate) rolling: Option<RollingUpdate>,
    pub(crate) template_digest: u64,
    pub(crate) status: DeploymentStatus,
}

/// Limits of a rolling update.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RollingUpdate {
    pub(crate) max_surge: Scaled,
    pub(crate) max_unavailable: Scaled,
}

impl Default for RollingUpdate {
    fn default() -> Self {
        let quarter = || Scaled::Text("25%".to_owned());
        Self { max_surge: quarter(), max_unavailable: quarter() }
    }
}

/// Status of a Deployment, as written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DeploymentStatus {
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) observed_generation: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) replicas: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) updated_replicas: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) ready_replicas: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) available_replicas: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) unavailable_replicas: i64,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub(crate) conditions: Vec<Condition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) collision_count: Option<i64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl Deployment {
    /// Returns `(max surge, max unavailable)` in pods. Surge rounds up, unavailable down; if both come to 0, one pod
    /// may be unavailable, because nothing could move otherwise.
    ///
    /// With 10 replicas, `25%` and `25%` give `(3, 2)`.
    pub(crate) fn fenceposts(&self) -> (i64, i64) {
        let Some(rolling) = &self.rolling else { return (0, 0) };
        let surge = rolling.max_surge.of(self.replicas, Rounding::Up);
        let unavailable = rolling.max_unavailable.of(self.replicas, Rounding::Down);
        if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) }
    }

    /// Returns how many pods a rolling update may have beyond `replicas`.
    pub(crate) fn max_surge(&self) -> i64 {
        self.fenceposts().0
    }

    /// Returns how many of `replicas` may be unavailable: none where nothing rolls, never more than there are.
    pub(crate) fn max_unavailable(&self) -> i64 {
        if self.rolling.is_none() || self.replicas == 0 { 0 } else { self.fenceposts().1.min(self.replicas) }
    }
}

#[derive(Deserialize)]
struct ReplicaSetWire {
    metadata: Meta,
    #[serde(default)]
    spec: ReplicaSetSpecWire,
    #[serde(default, deserialize_with = "nullable")]
    status: ReplicaSetStatus,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ReplicaSetSpecWire {
    replicas: Option<i64>,
    #[serde(deserialize_with = "nullable")]
    min_ready_seconds: i64,
    selector: Selector,
    template: Value,
}

impl<'de> Deserialize<'de> for ReplicaSet {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ReplicaSetWire { metadata, spec, status } = Deserialize::deserialize(deserializer)?;
        Ok(Self {
            replicas: spec.replicas.unwrap_or(1),
            min_ready_seconds: spec.min_ready_seconds,
            selector: spec.selector,
            template_digest: template::digest(&spec.template),
            template_labels: Labels::deserialize(&spec.template["metadata"]["labels"]).unwrap_or_default(),
            meta: metadata,
            status,
        })
    }
}

#[derive(Deserialize)]
struct DeploymentWire {
    metadata: Meta,
    #[serde(default)]
    spec: DeploymentSpecWire,
    #[serde(default, deserialize_with = "nullable")]
    status: DeploymentStatus,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DeploymentSpecWire {
    replicas: Option<i64>,
    #[serde(deserialize_with = "nullable")]
    min_ready_seconds: i64,
    selector: Selector,
    #[serde(deserialize_with = "nullable")]
    paused: bool,
    revision_history_limit: Option<i64>,
    progress_deadline_seconds: Option<i64>,
    #[serde(deserialize_with = "nullable")]
    strategy: StrategyWire,
    template: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StrategyWire {
    r#type: String,
    rolling_update: Option<RollingUpdate>,
}

impl<'de> Deserialize<'de> for Deployment {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let DeploymentWire { metadata, spec, status } = Deserialize::deserialize(deserializer)?;
        let unlimited = i64::from(i32::MAX);
        let recreate = spec.strategy.r#type == "Recreate";
        Ok(Self {
            replicas: spec.replicas.unwrap_or(1),
            min_ready_seconds: spec.min_ready_seconds,
            selector: spec.selector,
            paused: spec.paused,
            revision_history_limit: spec.revision_history_limit.filter(|limit| *limit != unlimited),
            progress_deadline_seconds: spec.progress_deadline_seconds.filter(|limit| *limit != unlimited),
            rolling: (!recreate).then(|| spec.strategy.rolling_update.unwrap_or_default()),
            template_digest: template::digest(&spec.template),
            meta: metadata,
            status,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "tables write their JSON in place")]
    fn check(replicas: i64, strategy: Value, fenceposts: (i64, i64), max_unavailable: i64) {
        let deployment: Deployment = serde_json::from_value(
            json!({"metadata": {"name": "d"}, "spec": {"replicas": replicas, "strategy": strategy}}),
        )
        .unwrap();
        assert_eq!((deployment.fenceposts(), deployment.max_unavailable()), (fenceposts, max_unavailable));
    }

    #[test]
    fn fenceposts_follow_the_strategy() {
        let rolling = |surge: Value, down: Value| json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": down}});
        check(10, json!({}), (3, 2), 2);
        check(10, rolling(json!("25%"), json!("25%")), (3, 2), 2);
        check(1, rolling(json!(0), json!("25%")), (0, 1), 1);
        check(3, rolling(json!(1), json!(9)), (1, 9), 3);
        check(0, rolling(json!(0), json!(0)), (0, 1), 0);
        check(5, json!({"type": "Recreate"}), (0, 0), 0);
    }
}
