//! The status of a new Pod, and what its status keeps.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{meta, quantity::Quantity};

/// Gives a new Pod its first status.
pub(super) fn prepare_create(object: &mut Value) {
    let mut status = json!({"phase": "Pending", "qosClass": qos_class(object)});
    if object["spec"]["schedulingGates"].as_array().is_some_and(|gates| !gates.is_empty()) {
        status["conditions"] = json!([{
            "type": "PodScheduled", "status": "False", "reason": "SchedulingGated",
            "message": "Scheduling is blocked due to non-empty scheduling gates",
            "lastProbeTime": null, "lastTransitionTime": object["metadata"]["creationTimestamp"],
        }]);
    }
    object["status"] = status;
}

/// Keeps everything but the ephemeral containers.
pub fn keep_all_but_ephemeral(new: &mut Value, old: &Value) {
    keep_all_but(new, old, |kept, new| {
        if let Some(spec) = kept.get_mut("spec") {
            meta::take(spec, &new["spec"], "ephemeralContainers");
        }
    });
}

/// Keeps everything but what containers ask for.
pub fn keep_all_but_resources(new: &mut Value, old: &Value) {
    keep_all_but(new, old, |kept, new| {
        for field in ["containers", "initContainers"] {
            for container in kept["spec"].get_mut(field).and_then(Value::as_array_mut).into_iter().flatten() {
                let all = new["spec"][field].as_array().into_iter().flatten();
                if let Some(given) = all.into_iter().find(|given| given["name"] == container["name"]) {
                    meta::take(container, given, "resources");
                    meta::take(container, given, "resizePolicy");
                }
            }
        }
    });
}

fn keep_all_but(new: &mut Value, old: &Value, take: impl Fn(&mut Value, &Value)) {
    let mut kept = old.clone();
    take(&mut kept, new);
    if let Some(metadata) = kept.get_mut("metadata") {
        meta::take(metadata, &new["metadata"], "managedFields");
    }
    *new = kept;
}

/// Keeps what a status may not change or lose.
pub(super) fn prepare_status_update(new: &mut Value, old: &Value) {
    if let Some(metadata) = new.get_mut("metadata") {
        meta::take(metadata, &old["metadata"], "ownerReferences");
    }
    let classless = new["status"]["qosClass"].as_str().is_none_or(str::is_empty);
    if let Some(status) = new.get_mut("status").filter(|_| classless) {
        meta::take(status, &old["status"], "qosClass");
    }
    keep_observed_generations(new, old);
}

/// A client that does not know `observedGeneration` does not take it away.
fn keep_observed_generations(new: &mut Value, old: &Value) {
    let missing = |value: &Value| value["observedGeneration"].as_i64().unwrap_or(0) == 0;
    if missing(&new["status"]) && !missing(&old["status"]) {
        new["status"]["observedGeneration"] = old["status"]["observedGeneration"].clone();
    }
    let before = &old["status"]["conditions"];
    for condition in new["status"]["conditions"].as_array_mut().into_iter().flatten().filter(|c| missing(c)) {
        let same = before.as_array().into_iter().flatten().find(|c| c["type"] == condition["type"]);
        if let Some(same) = same.filter(|c| !missing(c)) {
            condition["observedGeneration"] = same["observedGeneration"].clone();
        }
    }
}

/// Returns the quality of service class of a Pod: `Guaranteed`, `Burstable` or `BestEffort`.
#[must_use]
pub fn qos_class(pod: &Value) -> &'static str {
    let spec = &pod["spec"];
    let groups: Vec<&Value> = if spec["resources"].is_object() {
        vec![&spec["resources"]]
    } else {
        let containers = [&spec["containers"], &spec["initContainers"]];
        containers.into_iter().filter_map(Value::as_array).flatten().map(|c| &c["resources"]).collect()
    };
    let total = |list: &str| -> Vec<(String, Quantity)> {
        let mut sums: Vec<(String, Quantity)> = Vec::new();
        for (name, quantity) in groups.iter().flat_map(|group| compute(&group[list])) {
            match sums.iter_mut().find(|(known, _)| *known == name) {
                Some((_, sum)) => *sum = sum.plus(&quantity),
                None => sums.push((name, quantity)),
            }
        }
        sums.sort_by(|a, b| a.0.cmp(&b.0));
        sums
    };
    let (requests, limits) = (total("requests"), total("limits"));
    if requests.is_empty() && limits.is_empty() {
        return "BestEffort";
    }
    let all_limited = groups.iter().all(|group| {
        let names: BTreeSet<String> = compute(&group["limits"]).into_iter().map(|(name, _)| name).collect();
        names.contains("cpu") && names.contains("memory")
    });
    let fitting = requests.iter().all(|request| limits.contains(request)) && requests.len() == limits.len();
    if all_limited && fitting { "Guaranteed" } else { "Burstable" }
}

/// The positive quantities of cpu and memory in a resource list.
fn compute(list: &Value) -> Vec<(String, Quantity)> {
    let entries = list.as_object().into_iter().flatten().filter(|(name, _)| matches!(name.as_str(), "cpu" | "memory"));
    entries
        .filter_map(|(name, value)| Some((name.clone(), Quantity::from_json(value).ok()?)))
        .filter(|(_, quantity)| quantity.signum() > 0)
        .collect()
}
