//! Autoscalers, disruption budgets, priorities.

use serde_json::Value;

use super::{
    fields::{int, is_set, list, text},
    numbers::{all_non_negative, at_most_all, int_or_percent},
    one_of, stays,
};
use crate::{
    error::Cause,
    field::Path,
    meta,
    names::{self, NamePart},
    pod_template::label_selector,
    quantity::Quantity,
};

pub(super) fn autoscaler(object: &Value) -> Vec<Cause> {
    let (spec, path) = (&object["spec"], Path::new("spec"));
    let (min, max) = (spec["minReplicas"].as_i64(), int(spec, "maxReplicas"));
    let mut causes = Vec::new();
    if let Some(min) = min.filter(|min| *min < 1) {
        causes.push(path.child("minReplicas").invalid(min, "must be greater than or equal to 1"));
    }
    if max < 1 {
        causes.push(path.child("maxReplicas").invalid(max, "must be greater than 0"));
    }
    if min.is_some_and(|min| max < min) {
        causes.push(path.child("maxReplicas").invalid(max, "must be greater than or equal to `minReplicas`"));
    }
    causes.extend(scaled(&spec["scaleTargetRef"], &path.child("scaleTargetRef")));
    let metrics = list(spec, "metrics").iter().enumerate();
    causes.extend(metrics.flat_map(|(i, given)| metric(given, &path.child("metrics").index(i))));
    for direction in ["scaleUp", "scaleDown"] {
        causes.extend(rules(&spec["behavior"][direction], &path.child("behavior").child(direction)));
    }
    causes
}

/// An object by kind and name, of any group: what a metric describes is often a Service.
fn reference(reference: &Value, path: &Path) -> Vec<Cause> {
    ["kind", "name"].iter().flat_map(|field| segment(reference, field, "", &path.child(field))).collect()
}

/// What is scaled; of the core group only ReplicationControllers can be.
fn scaled(target: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = reference(target, path);
    let (version, kind) = (text(target, "apiVersion"), text(target, "kind"));
    let core = version == "v1" && kind == "ReplicationController";
    if !version.contains('/') && !core {
        causes.push(path.child("apiVersion").invalid(version, "apiVersion must specify API group"));
    }
    causes
}

/// A name that must be there and can stand in a URL.
fn segment(object: &Value, field: &str, missing: &str, path: &Path) -> Vec<Cause> {
    match text(object, field) {
        "" => vec![path.required(missing)],
        name => names::path_segment(name, NamePart::Whole).iter().map(|why| path.invalid(name, why)).collect(),
    }
}

/// The kinds of metric and the fields that describe them.
const SOURCES: [(&str, &str); 5] = [
    ("ContainerResource", "containerResource"),
    ("External", "external"),
    ("Object", "object"),
    ("Pods", "pods"),
    ("Resource", "resource"),
];

fn metric(metric: &Value, path: &Path) -> Vec<Cause> {
    let kind = text(metric, "type");
    let mut causes = Vec::new();
    if kind.is_empty() {
        causes.push(path.child("type").required("must specify a metric source type"));
    }
    let Some((_, field)) = SOURCES.iter().find(|(of, _)| *of == kind) else {
        causes.push(path.child("type").unsupported(kind, &SOURCES.map(|(of, _)| of)));
        return causes;
    };
    if is_set(metric, field) {
        causes.extend(source(kind, &metric[*field], &path.child(field)));
    } else {
        causes.push(path.child(field).required("must populate information for the given metric source"));
    }
    let others = SOURCES.iter().filter(|(of, other)| *of != kind && is_set(metric, other));
    causes.extend(others.map(|(_, other)| path.child(other).forbidden("must populate the given metric source only")));
    causes
}

fn source(kind: &str, source: &Value, path: &Path) -> Vec<Cause> {
    let (goal, at) = (&source["target"], path.child("target"));
    let has = |field: &str| is_set(goal, field);
    let mut causes = Vec::new();
    match kind {
        "Resource" | "ContainerResource" => {
            if text(source, "name").is_empty() {
                causes.push(path.child("name").required("must specify a resource name"));
            }
            if kind == "ContainerResource" && text(source, "container").is_empty() {
                causes.push(path.child("container").required("must specify a container"));
            }
        }
        _ => {
            if kind == "Object" {
                causes.extend(reference(&source["describedObject"], &path.child("describedObject")));
            }
            let at = path.child("metric").child("name");
            causes.extend(segment(&source["metric"], "name", "must specify a metric name", &at));
        }
    }
    causes.extend(target(goal, &at));
    let missing = |field: &str, detail: &str| vec![at.child(field).required(detail)];
    let both = |field: &str, detail: &str| vec![at.child(field).forbidden(detail)];
    causes.extend(match kind {
        "Object" if !has("value") && !has("averageValue") => {
            missing("averageValue", "must set either a target value or averageValue")
        }
        "External" if !has("value") && !has("averageValue") => {
            missing("averageValue", "must set either a target value for metric or a per-pod target")
        }
        "External" if has("value") && has("averageValue") => {
            both("value", "may not set both a target value for metric and a per-pod target")
        }
        "Pods" if !has("averageValue") => missing("averageValue", "must specify a positive target averageValue"),
        "Resource" | "ContainerResource" if !has("averageUtilization") && !has("averageValue") => {
            missing("averageUtilization", "must set either a target raw value or a target utilization")
        }
        "Resource" | "ContainerResource" if has("averageUtilization") && has("averageValue") => {
            both("averageValue", "may not set both a target raw value and a target utilization")
        }
        _ => Vec::new(),
    });
    causes
}

fn target(target: &Value, path: &Path) -> Vec<Cause> {
    let (kind, at) = (text(target, "type"), path.child("type"));
    let mut causes = Vec::new();
    if kind.is_empty() {
        causes.push(at.required("must specify a metric target type"));
    }
    if !matches!(kind, "Utilization" | "Value" | "AverageValue") {
        causes.push(at.invalid(kind, "must be either Utilization, Value, or AverageValue"));
    }
    for field in ["value", "averageValue"] {
        if Quantity::from_json(&target[field]).is_ok_and(|quantity| quantity.signum() != 1) {
            causes.push(path.child(field).invalid(target[field].clone(), "must be positive"));
        }
    }
    if let Some(percent) = target["averageUtilization"].as_i64().filter(|percent| *percent < 1) {
        causes.push(path.child("averageUtilization").invalid(percent, "must be greater than 0"));
    }
    causes
}

/// Longest window and period, in seconds.
const LONGEST_WINDOW: i64 = 3600;
const LONGEST_PERIOD: i64 = 1800;

fn rules(rules: &Value, path: &Path) -> Vec<Cause> {
    if !rules.is_object() {
        return Vec::new();
    }
    let mut causes = Vec::new();
    let at = path.child("stabilizationWindowSeconds");
    match rules["stabilizationWindowSeconds"].as_i64() {
        Some(window) if window < 0 => causes.push(at.invalid(window, "must be greater than or equal to zero")),
        Some(window) if window > LONGEST_WINDOW => {
            causes.push(at.invalid(window, &format!("must be less than or equal to {LONGEST_WINDOW}")));
        }
        _ => {}
    }
    causes.extend(one_of(rules, "selectPolicy", &["Disabled", "Max", "Min"], path));
    let (policies, at) = (list(rules, "policies"), path.child("policies"));
    if policies.is_empty() {
        causes.push(at.required("must specify at least one Policy"));
    }
    causes.extend(policies.iter().enumerate().flat_map(|(i, given)| policy(given, &at.index(i))));
    causes
}

fn policy(policy: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    if !matches!(text(policy, "type"), "Pods" | "Percent") {
        causes.push(path.child("type").unsupported(text(policy, "type"), &["Percent", "Pods"]));
    }
    for field in ["value", "periodSeconds"] {
        if int(policy, field) <= 0 {
            causes.push(path.child(field).invalid(int(policy, field), "must be greater than zero"));
        }
    }
    let period = int(policy, "periodSeconds");
    if period > LONGEST_PERIOD {
        let detail = format!("must be less than or equal to {LONGEST_PERIOD}");
        causes.push(path.child("periodSeconds").invalid(period, &detail));
    }
    causes
}

pub(super) fn autoscaler_status(status: &Value) -> Vec<Cause> {
    all_non_negative(status, &["currentReplicas", "desiredReplicas"], &Path::new("status"))
}

pub(super) fn disruption_budget(object: &Value) -> Vec<Cause> {
    let (spec, path) = (&object["spec"], Path::new("spec"));
    let mut causes = Vec::new();
    if is_set(spec, "minAvailable") && is_set(spec, "maxUnavailable") {
        // Upstream shows the names that the fields have in Go.
        let shown = format!(
            "{{\"MinAvailable\":{},\"Selector\":{},\"MaxUnavailable\":{},\"UnhealthyPodEvictionPolicy\":{}}}",
            spec["minAvailable"], spec["selector"], spec["maxUnavailable"], spec["unhealthyPodEvictionPolicy"]
        );
        causes.push(path.invalid_shown(&shown, "minAvailable and maxUnavailable cannot be both set"));
    }
    for field in ["minAvailable", "maxUnavailable"] {
        causes.extend(int_or_percent(spec, field, &path));
        causes.extend(at_most_all(spec, field, &path));
    }
    causes.extend(label_selector(&spec["selector"], &path.child("selector")));
    causes.extend(one_of(spec, "unhealthyPodEvictionPolicy", &["AlwaysAllow", "IfHealthyBudget"], &path));
    causes
}

pub(super) fn disruption_status(status: &Value) -> Vec<Cause> {
    let counts = ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"];
    all_non_negative(status, &counts, &Path::new("status"))
}

/// Highest priority that users can define.
const HIGHEST: i64 = 1_000_000_000;

pub(super) fn priority_class(object: &Value) -> Vec<Cause> {
    let (name, value) = (meta::name(object), int(object, "value"));
    let mut causes = Vec::new();
    if name.starts_with("system-") {
        let known = [("system-cluster-critical", 2 * HIGHEST), ("system-node-critical", 2 * HIGHEST + 1000)];
        if !known.contains(&(name, value)) {
            let detail = format!(
                "priority class names with 'system-' prefix are reserved for system use only. error: {name} is not a \
                 known system priority class"
            );
            causes.push(Path::new("metadata.name").forbidden(&detail));
        }
    } else if value > HIGHEST {
        let detail = format!("maximum allowed value of a user defined priority is {HIGHEST}");
        causes.push(Path::new("value").forbidden(&detail));
    }
    causes.extend(one_of(object, "preemptionPolicy", &["PreemptLowerPriority", "Never"], &Path::default()));
    causes
}

pub(super) fn update_priority_class(new: &Value, old: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if int(new, "value") != int(old, "value") {
        causes.push(Path::new("value").forbidden("may not be changed in an update."));
    }
    causes.extend(stays(new, old, &["preemptionPolicy"]));
    causes
}
