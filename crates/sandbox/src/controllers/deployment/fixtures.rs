//! Deployments and ReplicaSets for the tables beside this file.

use serde_json::json;

use crate::controllers::scaled::Scaled;
use crate::controllers::view::{Deployment, ReplicaSet, RollingUpdate};

/// A rolling Deployment `web`.
pub(crate) fn deployment(replicas: i64) -> Deployment {
    serde_json::from_value(json!({
        "metadata": {"name": "web", "namespace": "ns", "uid": "web", "generation": 1},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "progressDeadlineSeconds": 600},
    }))
    .unwrap()
}

/// A ReplicaSet with all replicas present, some of them available.
pub(crate) fn set(name: &str, replicas: i64, available: i64) -> ReplicaSet {
    serde_json::from_value(json!({
        "metadata": {"name": name, "namespace": "ns", "uid": name, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"replicas": replicas},
        "status": {"replicas": replicas, "readyReplicas": available, "availableReplicas": available},
    }))
    .unwrap()
}

impl Deployment {
    pub(crate) fn rolling(mut self, surge: i64, unavailable: i64) -> Self {
        self.rolling =
            Some(RollingUpdate { max_surge: Scaled::Count(surge), max_unavailable: Scaled::Count(unavailable) });
        self
    }

    pub(crate) fn rolling_percent(mut self, surge: i64, unavailable: i64) -> Self {
        let percent = |n: i64| Scaled::Text(format!("{n}%"));
        self.rolling = Some(RollingUpdate { max_surge: percent(surge), max_unavailable: percent(unavailable) });
        self
    }
}

impl ReplicaSet {
    pub(crate) fn annotated(mut self, key: &str, value: &str) -> Self {
        self.meta.annotations.insert(key.to_owned(), value.to_owned());
        self
    }
}
