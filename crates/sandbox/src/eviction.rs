//! `pods/eviction`: deletion of a pod if its disruption budget allows it.

use serde::Deserialize as _;
use serde_json::{Value, json};
use tiphys_machinery::{error::ApiError, resource::Resource, time};

use crate::{
    controllers::{
        disruption::verdict::{Verdict, check_budget, decide, is_exempt},
        view::{Budget, Interner, Pod, PodWire},
    },
    object::Object,
    registry::{DeleteOptions, Propagation, Registry, Subresource, WriteOptions},
};

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
    let view = view(&object)?;
    if !is_exempt(&view) {
        if let Verdict::Spend(budget) = decide(&view, &budgets_of(registry, &view)?)? {
            spend(registry, &view, &budget, options.dry_run)?;
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

fn view(object: &Object) -> Result<Pod, ApiError> {
    let wire = object.decode::<PodWire>().map_err(ApiError::internal)?;
    Ok(Pod::decode(wire, &mut Interner::default()))
}

/// Returns the budgets that select a pod.
fn budgets_of(registry: &Registry, pod: &Pod) -> Result<Vec<Budget>, ApiError> {
    let budgets = resource(registry, "policy", "poddisruptionbudgets")?;
    let all = registry.list(&budgets, Some(&pod.key.namespace));
    let all = all.into_iter().filter_map(|object| object.decode::<Budget>().ok());
    Ok(all.filter(|budget| budget.spec.selector.matches(&pod.labels)).collect())
}

/// Takes one disruption out of a budget, which may have changed meanwhile.
fn spend(registry: &Registry, pod: &Pod, name: &str, dry_run: bool) -> Result<(), ApiError> {
    let budgets = resource(registry, "policy", "poddisruptionbudgets")?;
    let options = WriteOptions { dry_run, ..WriteOptions::by(MANAGER) };
    let now = time::seconds(registry.now());
    let take = |value: &mut Value| {
        let budget = Budget::deserialize(&*value).map_err(ApiError::internal)?;
        check_budget(&budget)?;
        value["status"]["disruptionsAllowed"] = (budget.status.disruptions_allowed - 1).into();
        value["status"]["disruptedPods"][&*pod.key.name] = now.as_str().into();
        Ok(())
    };
    registry.try_modify(&budgets, &pod.key.namespace, name, Subresource::Status, &options, take).map(|_| ())
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
