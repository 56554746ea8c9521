//! What every cluster has from the start.

use serde_json::{Value, json};
use tiphys_machinery::error::ApiError;

use crate::registry::{Registry, WriteOptions};

const MANAGER: &str = "kube-apiserver";

/// Creates what is missing of the namespaces, priority classes and the Service of the API itself.
///
/// # Errors
/// Whatever the registry refuses, except that something is there already.
pub(crate) fn create(registry: &Registry) -> Result<(), ApiError> {
    for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
        ensure(registry, "", ("", "namespaces"), json!({"metadata": {"name": name}}))?;
    }
    for (name, value) in [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)] {
        let class = json!({"metadata": {"name": name}, "value": value});
        ensure(registry, "", ("scheduling.k8s.io", "priorityclasses"), class)?;
    }
    ensure(registry, "default", ("", "services"), api_service())
}

fn api_service() -> Value {
    json!({
        "metadata": {"name": "kubernetes", "labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {
            "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"],
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
        },
    })
}

/// Creates one object; that it exists is as good.
pub(crate) fn ensure(
    registry: &Registry,
    namespace: &str,
    (group, plural): (&str, &str),
    mut object: Value,
) -> Result<(), ApiError> {
    let Some(resource) = registry.resource(group, plural) else { return Ok(()) };
    object["apiVersion"] = resource.gvk.api_version().into();
    object["kind"] = resource.gvk.kind.clone().into();
    match registry.create(&resource, namespace, object, &WriteOptions::by(MANAGER)) {
        Err(error) if error.reason == "AlreadyExists" => Ok(()),
        done => done.map(drop),
    }
}
