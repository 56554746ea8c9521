//! The CustomResourceDefinitions, made from the types.
//!
//! What upstream's definitions accept, these accept: the same required fields, the same fields that keep everything, the
//! same defaults. Columns are upstream's, in upstream's order, with more behind them.

mod kubernetes;
mod schema;

use k8s_openapi::Resource;
use schemars::JsonSchema;
use serde_json::{Value, json};

use crate::types::{
    AnalysisRun, AnalysisTemplate, AppProject, Application, ClusterAnalysisTemplate, Experiment, GROUP, Rollout,
    VERSION,
};

/// Returns the five definitions of progressive delivery, sorted by name, ready to be applied.
#[must_use]
pub fn crds() -> Vec<Value> {
    vec![
        definition::<AnalysisRun>(&["ar"], "Namespaced", &with_status("AnalysisRun status"), &json!({})),
        definition::<AnalysisTemplate>(&["at"], "Namespaced", &[age()], &json!({})),
        definition::<ClusterAnalysisTemplate>(&["cat"], "Cluster", &[age()], &json!({})),
        definition::<Experiment>(&["exp"], "Namespaced", &with_status("Experiment status"), &json!({})),
        definition::<Rollout>(&["ro"], "Namespaced", &rollout_columns(), &rollout_subresources()),
    ]
}

/// Returns the two definitions of delivery from Git, sorted by name. Their status is no subresource: whoever writes it
/// writes the object.
#[must_use]
pub fn gitops_crds() -> Vec<Value> {
    vec![
        definition::<Application>(&["app", "apps"], "Namespaced", &application_columns(), &json!({})),
        definition::<AppProject>(&["appproj", "appprojs"], "Namespaced", &[], &json!({})),
    ]
}

fn application_columns() -> [Value; 4] {
    let wide = |name, path, description| {
        let mut column = column(name, "string", path, description);
        column["priority"] = json!(10);
        column
    };
    [
        column("Sync Status", "string", ".status.sync.status", "Synced, OutOfSync or Unknown"),
        column("Health Status", "string", ".status.health.status", "The worst health of its objects"),
        wide("Revision", ".status.sync.revision", "What was compared"),
        wide("Project", ".spec.project", "The AppProject"),
    ]
}

fn definition<T: JsonSchema + Resource>(short: &[&str], scope: &str, columns: &[Value], subresources: &Value) -> Value {
    let (kind, plural) = (T::KIND, T::URL_PATH_SEGMENT);
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{GROUP}")},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind,
                "listKind": format!("{kind}List"),
                "plural": plural,
                "shortNames": short,
                "singular": kind.to_lowercase(),
            },
            "scope": scope,
            "versions": [{
                "name": VERSION,
                "served": true,
                "storage": true,
                "additionalPrinterColumns": columns,
                "schema": {"openAPIV3Schema": schema::of_kind::<T>()},
                "subresources": subresources,
            }],
        },
    })
}

fn rollout_subresources() -> Value {
    json!({
        "status": {},
        "scale": {
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.HPAReplicas",
            "labelSelectorPath": ".status.selector",
        },
    })
}

/// Upstream's five, then what `kubectl get` should tell and upstream's does not.
fn rollout_columns() -> Vec<Value> {
    let mut message = column("Message", "string", ".status.message", "Why the phase is what it is");
    message["priority"] = json!(1);
    vec![
        column("Desired", "integer", ".spec.replicas", "Number of wanted pods"),
        column("Current", "integer", ".status.replicas", "Number of pods"),
        column("Up-to-date", "integer", ".status.updatedReplicas", "Number of pods of the new version"),
        column("Available", "integer", ".status.availableReplicas", "Number of available pods"),
        age(),
        column("Status", "string", ".status.phase", "Healthy, Progressing, Paused or Degraded"),
        column("Step", "integer", ".status.currentStepIndex", "Canary steps that are done"),
        column("Weight", "integer", ".status.canary.weights.canary.weight", "Share of users on the new version"),
        message,
    ]
}

fn with_status(description: &str) -> [Value; 2] {
    [column("Status", "string", ".status.phase", description), age()]
}

fn age() -> Value {
    column("Age", "date", ".metadata.creationTimestamp", "Time since the object was created")
}

fn column(name: &str, ty: &str, path: &str, description: &str) -> Value {
    json!({"name": name, "type": ty, "jsonPath": path, "description": description})
}
