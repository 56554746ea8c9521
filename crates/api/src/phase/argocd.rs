//! What Argo CD's health script for Rollouts says.

use serde_json::{Map, Value};

use crate::constants::{annotations, conditions, reasons};

/// Health as Argo CD shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgocdHealth {
    /// `Healthy`, `Progressing`, `Suspended`, `Degraded`, or whatever phase a controller wrote.
    pub status: String,
    /// For people; absent where the status has no message.
    pub message: Option<String>,
}

/// Returns the health that Argo CD's script gives to the Rollout `object`; `None` where the script fails.
#[must_use]
pub fn argocd_health(object: &Value) -> Option<ArgocdHealth> {
    let status = &object["status"];
    if !is_generation_observed(object) || !is_workload_generation_observed(object) {
        return health("Progressing", "Waiting for rollout spec update to be observed");
    }
    if let Some(phase) = status["phase"].as_str() {
        let phase = if phase == "Paused" { "Suspended" } else { phase };
        let message = status["message"].as_str().map(str::to_owned);
        return Some(ArgocdHealth { status: phase.to_owned(), message });
    }
    // The script fails on a status that has neither phase nor conditions; a map of them it takes for an empty list.
    let conditions = match &status["conditions"] {
        Value::Array(conditions) => conditions.as_slice(),
        Value::Object(_) => &[],
        _ => return None,
    };
    if let Some(message) = conditions.iter().find_map(degraded) {
        return health("Degraded", message);
    }
    let paused = status["pauseConditions"].as_array().is_some_and(|pauses| !pauses.is_empty());
    if paused || object["spec"]["paused"] == true {
        return health("Suspended", "Rollout is paused");
    }
    if let Some(message) = behind(object) {
        return health("Progressing", message);
    }
    // So it does without a strategy.
    let strategy = object["spec"]["strategy"].as_object()?;
    match unfinished(object, strategy) {
        Some(message) => health("Progressing", message),
        None => health("Healthy", ""),
    }
}

fn health(status: &str, message: &str) -> Option<ArgocdHealth> {
    Some(ArgocdHealth { status: status.to_owned(), message: Some(message.to_owned()) })
}

fn degraded(condition: &Value) -> Option<&str> {
    let (kind, reason) = (condition["type"].as_str()?, condition["reason"].as_str().unwrap_or_default());
    let is_stuck = matches!(reason, reasons::ROLLOUT_ABORTED | reasons::PROGRESS_DEADLINE_EXCEEDED);
    let is_degraded = kind == conditions::INVALID_SPEC || (kind == conditions::PROGRESSING && is_stuck);
    is_degraded.then(|| condition["message"].as_str().unwrap_or_default())
}

fn count(object: &Value, name: &str) -> i64 {
    object["status"][name].as_i64().unwrap_or(0)
}

/// Whether pods are missing.
fn behind(object: &Value) -> Option<&'static str> {
    if !object["status"]["currentPodHash"].is_string() {
        return Some("Waiting for rollout to finish: status has not been reconciled.");
    }
    let (spec, count) = (&object["spec"], |name| count(object, name));
    if count("updatedReplicas") < spec["replicas"].as_i64().unwrap_or(1) {
        return Some("Waiting for roll out to finish: More replicas need to be updated");
    }
    if count("availableReplicas") < count("updatedReplicas") {
        return Some("Waiting for roll out to finish: updated replicas are still becoming available");
    }
    None
}

/// Whether the steps of the strategy are not done.
fn unfinished(object: &Value, strategy: &Map<String, Value>) -> Option<&'static str> {
    let status = &object["status"];
    let (current, has) =
        (status["currentPodHash"].as_str()?, |name: &str| !strategy.get(name).is_none_or(Value::is_null));
    // Up to 0.8 the stable hash was kept elsewhere.
    let stable = status["stableRS"]
        .as_str()
        .or_else(|| if status["canary"].is_null() { Some("") } else { status["canary"]["stableRS"].as_str() });
    if has("blueGreen") {
        if status["blueGreen"]["activeSelector"].as_str() != Some(current) {
            return Some("active service cutover pending");
        }
        return (stable != Some("") && stable != Some(current)).then_some("waiting for analysis to complete");
    }
    if !has("canary") {
        return None;
    }
    if count(object, "replicas") > count(object, "updatedReplicas") {
        return Some("Waiting for roll out to finish: old replicas are pending termination");
    }
    (stable == Some("") || stable != Some(current)).then_some("Waiting for rollout to finish steps")
}

fn is_generation_observed(object: &Value) -> bool {
    if object["status"].is_null() {
        return false;
    }
    let generation = object["metadata"]["generation"].as_f64().unwrap_or(0.0);
    lua_number(&object["status"]["observedGeneration"]).is_none_or(|observed| observed >= generation)
}

fn is_workload_generation_observed(object: &Value) -> bool {
    let annotations = &object["metadata"]["annotations"];
    if object["spec"]["workloadRef"].is_null() || annotations.is_null() {
        return true;
    }
    lua_number(&annotations[annotations::WORKLOAD_GENERATION])
        == lua_number(&object["status"]["workloadObservedGeneration"])
}

/// `tonumber` of Argo CD's Lua: a text without a point must be an integer.
fn lua_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) if text.contains('.') => text.trim().parse().ok(),
        #[expect(clippy::cast_precision_loss, reason = "generations are small, and Lua has no integers")]
        Value::String(text) => text.trim().parse::<i64>().ok().map(|number| number as f64),
        _ => None,
    }
}
