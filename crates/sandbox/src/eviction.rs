//! `pods/eviction`: deletion of a pod if its disruption budget allows it.

use serde_json::{Value, json};
use tiphys_machinery::{error::ApiError, resource::Resource, selector::LabelSelector, time};

use crate::{
    object::Object,
    registry::{DeleteOptions, Propagation, Registry, Subresource, WriteOptions},
};

const VIOLATION: &str = "Cannot evict pod as it would violate the pod's disruption budget.";
/// Evictions of one budget that its controller may not have seen yet.
const MAX_DISRUPTED: usize = 2000;
/// When a client asks again if the budget is not up to date, in seconds.
const RETRY_AFTER: i64 = 10;
const MANAGER: &str = "kube-apiserver";

/// Evicts a pod; returns the `Status` of the answer, whose code is 201.
///
/// # Errors
/// `NotFound`; `TooManyRequests` where the budget forbids it or is not up to date; `Forbidden` for a budget in disorder;
/// 500 for a pod with several budgets; `Conflict` when a precondition fails.
pub fn evict(registry: &Registry, namespace: &str, pod: &str, eviction: &Value) -> Result<Value, ApiError> {
    if eviction["metadata"]["name"].as_str().is_some_and(|name| !name.is_empty() && name != pod) {
        return Err(ApiError::bad_request("name in URL does not match name in Eviction object"));
    }
    let pods = resource(registry, "", "pods")?;
    let object = registry.get(&pods, namespace, pod)?;
    let options = delete_options(&eviction["deleteOptions"]);
    if needs_budget(&object) {
        match budgets_of(registry, &object)?.as_slice() {
            [] => {}
            [budget] => spend(registry, &object, budget, options.dry_run)?,
            _ => {
                let text =
                    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
                return Err(ApiError::new(500, "", text));
            }
        }
        mark(registry, &pods, &object, options.dry_run)?;
    }
    // The condition moved the revision on: what was asked for was checked against the pod as it was before.
    let checked = match &options.resource_version {
        Some(version) if *version == object.revision().to_string() => {
            DeleteOptions { resource_version: None, ..options }
        }
        _ => options,
    };
    registry.delete(&pods, namespace, pod, &checked)?;
    Ok(json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}))
}

fn resource(registry: &Registry, group: &str, plural: &str) -> Result<std::sync::Arc<Resource>, ApiError> {
    let missing = || ApiError::new(404, "NotFound", "the server could not find the requested resource");
    registry.resource(group, plural).ok_or_else(missing)
}

fn delete_options(options: &Value) -> DeleteOptions {
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    DeleteOptions {
        grace_period_seconds: options["gracePeriodSeconds"].as_i64(),
        propagation: match options["propagationPolicy"].as_str() {
            Some("Orphan") => Some(Propagation::Orphan),
            Some("Foreground") => Some(Propagation::Foreground),
            Some("Background") => Some(Propagation::Background),
            _ => None,
        },
        orphan_dependents: options["orphanDependents"].as_bool(),
        uid: text(&options["preconditions"]["uid"]),
        resource_version: text(&options["preconditions"]["resourceVersion"]),
        dry_run: options["dryRun"].as_array().is_some_and(|list| list.iter().any(|item| item == "All")),
    }
}

/// Returns whether the pod counts for budgets: it runs and is not being deleted.
fn needs_budget(pod: &Object) -> bool {
    let phase = pod.value()["status"]["phase"].as_str().unwrap_or("Pending").to_owned();
    !pod.is_deleting() && !matches!(phase.as_str(), "Succeeded" | "Failed" | "Pending")
}

fn budgets_of(registry: &Registry, pod: &Object) -> Result<Vec<Value>, ApiError> {
    let budgets = resource(registry, "policy", "poddisruptionbudgets")?;
    let labels = pod.metadata()["labels"].clone();
    let all = registry.list(&budgets, Some(pod.namespace())).into_iter().map(|budget| budget.value());
    let selects = |budget: &Value| match &budget["spec"]["selector"] {
        Value::Null => false,
        selector => LabelSelector::from_object(selector).is_ok_and(|selector| selector.matches(&labels)),
    };
    Ok(all.filter(selects).collect())
}

/// Takes one disruption out of the budget, unless the pod is none that the budget counts on.
fn spend(registry: &Registry, pod: &Object, budget: &Value, dry_run: bool) -> Result<(), ApiError> {
    let status = &budget["status"];
    let (healthy, desired) = (number(&status["currentHealthy"]), number(&status["desiredHealthy"]));
    let always = budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow";
    if !is_ready(pod) && (always || (healthy >= desired && desired > 0)) {
        return Ok(());
    }
    let name = budget["metadata"]["name"].as_str().unwrap_or_default();
    let budgets = resource(registry, "policy", "poddisruptionbudgets")?;
    let options = WriteOptions { dry_run, ..WriteOptions::by(MANAGER) };
    let now = time::seconds(registry.now());
    let take = |budget: &mut Value| {
        check(budget, name)?;
        let left = number(&budget["status"]["disruptionsAllowed"]) - 1;
        budget["status"]["disruptionsAllowed"] = left.into();
        budget["status"]["disruptedPods"][pod.name()] = now.as_str().into();
        Ok(())
    };
    registry.try_modify(&budgets, pod.namespace(), name, Subresource::Status, &options, take).map(|_| ())
}

/// # Errors
/// When the budget allows no disruption now.
fn check(budget: &Value, name: &str) -> Result<(), ApiError> {
    let status = &budget["status"];
    if number(&status["observedGeneration"]) < number(&budget["metadata"]["generation"]) {
        let mut error = refusal(format!("The disruption budget {name} is still being processed by the server."));
        error.details["retryAfterSeconds"] = RETRY_AFTER.into();
        return Err(error);
    }
    let forbidden = |why| ApiError::forbidden("policy", "poddisruptionbudgets", name, why);
    let allowed = number(&status["disruptionsAllowed"]);
    if allowed < 0 {
        return Err(forbidden("pdb disruptions allowed is negative"));
    }
    if status["disruptedPods"].as_object().is_some_and(|pods| pods.len() > MAX_DISRUPTED) {
        return Err(forbidden("DisruptedPods map too big - too many evictions not confirmed by PDB controller"));
    }
    if allowed == 0 {
        let (desired, healthy) = (number(&status["desiredHealthy"]), number(&status["currentHealthy"]));
        let text = format!("The disruption budget {name} needs {desired} healthy pods and has {healthy} currently");
        return Err(refusal(text));
    }
    Ok(())
}

fn refusal(cause: String) -> ApiError {
    let mut error = ApiError::new(429, "TooManyRequests", VIOLATION);
    error.details = json!({"causes": [{"reason": "DisruptionBudget", "message": cause}]});
    error
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

fn is_ready(pod: &Object) -> bool {
    let value = pod.value();
    let mut conditions = value["status"]["conditions"].as_array().into_iter().flatten();
    conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// Writes into the pod why it goes.
fn mark(registry: &Registry, pods: &Resource, pod: &Object, dry_run: bool) -> Result<(), ApiError> {
    let options = WriteOptions { dry_run, ..WriteOptions::by(MANAGER) };
    let now = registry.now();
    let edit = |value: &mut Value| {
        set_disruption_target(value, "EvictionByEvictionAPI", "Eviction API: evicting", now);
    };
    registry.modify(pods, pod.namespace(), pod.name(), Subresource::Status, &options, edit).map(|_| ())
}

/// Sets condition `DisruptionTarget` of a pod that is about to be deleted.
pub(crate) fn set_disruption_target(pod: &mut Value, reason: &str, message: &str, now: jiff::Timestamp) {
    let list = &mut pod["status"]["conditions"];
    if !list.is_array() {
        *list = json!([]);
    }
    let Some(list) = list.as_array_mut() else { return };
    if list.iter().any(|condition| condition["type"] == "DisruptionTarget") {
        return;
    }
    list.push(json!({
        "type": "DisruptionTarget", "status": "True", "lastProbeTime": null, "lastTransitionTime": time::seconds(now),
        "reason": reason, "message": message,
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_budget(allowed: i64, observed: i64, want: Option<(u16, &str)>) {
        let budget = json!({"metadata": {"name": "b", "generation": 2}, "status": {"observedGeneration": observed,
            "disruptionsAllowed": allowed, "desiredHealthy": 3, "currentHealthy": 2}});
        let got = check(&budget, "b").err();
        let got = got.as_ref().map(|error| {
            let cause = error.details["causes"][0]["message"].as_str();
            (error.code, cause.unwrap_or(&error.message))
        });
        assert_eq!(got, want);
    }

    #[test]
    fn a_budget_allows_or_says_why_not() {
        check_budget(1, 2, None);
        check_budget(0, 2, Some((429, "The disruption budget b needs 3 healthy pods and has 2 currently")));
        check_budget(1, 1, Some((429, "The disruption budget b is still being processed by the server.")));
        let negative = "poddisruptionbudgets.policy \"b\" is forbidden: pdb disruptions allowed is negative";
        check_budget(-1, 2, Some((403, negative)));
    }
}
