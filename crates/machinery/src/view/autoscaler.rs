//! `autoscaling/v1`, which keeps what only `v2` has in annotations.

use serde_json::{Map, Value, json};

use super::rename;
use crate::meta;

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT_METRICS: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

/// Names inside `behavior`, in `v2` and in the annotation.
const BEHAVIOR_NAMES: [(&str, &str); 9] = [
    ("scaleUp", "ScaleUp"),
    ("scaleDown", "ScaleDown"),
    ("stabilizationWindowSeconds", "StabilizationWindowSeconds"),
    ("selectPolicy", "SelectPolicy"),
    ("policies", "Policies"),
    ("tolerance", "Tolerance"),
    ("type", "Type"),
    ("value", "Value"),
    ("periodSeconds", "PeriodSeconds"),
];

/// The kinds of metric: the value of `type` and the field that describes it.
const SOURCES: [(&str, &str); 5] = [
    ("Object", "object"),
    ("Pods", "pods"),
    ("Resource", "resource"),
    ("ContainerResource", "containerResource"),
    ("External", "external"),
];

pub(super) fn to_v1(object: &mut Value) {
    for key in [METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR] {
        meta::remove_annotation(object, key);
    }
    let metrics = taken(object, "spec", "metrics");
    let (cpu, others): (Vec<Value>, Vec<Value>) = items(&metrics).cloned().partition(is_cpu_utilization);
    if let Some(target) = cpu.first() {
        let utilization = target["resource"]["target"]["averageUtilization"].clone();
        object["spec"]["targetCPUUtilizationPercentage"] = utilization;
    }
    annotate(object, METRICS, others.iter().map(spec_to_v1).collect());
    let current = taken(object, "status", "currentMetrics");
    if let Some(status) = items(&current).find(|m| m["type"] == "Resource" && m["resource"]["name"] == "cpu") {
        let percent = &status["resource"]["current"]["averageUtilization"];
        if !percent.is_null() {
            object["status"]["currentCPUUtilizationPercentage"] = percent.clone();
        }
    }
    annotate(object, CURRENT_METRICS, items(&current).map(status_to_v1).collect());
    let conditions = taken(object, "status", "conditions");
    annotate(object, CONDITIONS, items(&conditions).cloned().collect());
    let behavior = taken(object, "spec", "behavior");
    if behavior.is_object() {
        let text = renamed(&behavior, |name| find(name, |(v2, internal)| (v2, internal))).to_string();
        meta::set_annotation(object, BEHAVIOR, &text);
    }
}

pub(super) fn from_v1(object: &mut Value) {
    let mut metrics: Vec<Value> = annotated(object, METRICS).iter().map(spec_from_v1).collect();
    let percent = taken(object, "spec", "targetCPUUtilizationPercentage");
    if !percent.is_null() {
        let target = json!({"type": "Utilization", "averageUtilization": percent});
        metrics.push(json!({"type": "Resource", "resource": {"name": "cpu", "target": target}}));
    }
    set(object, "spec", "metrics", metrics);
    let mut current: Vec<Value> = annotated(object, CURRENT_METRICS).iter().map(status_from_v1).collect();
    let percent = taken(object, "status", "currentCPUUtilizationPercentage");
    if current.is_empty() && !percent.is_null() {
        let value = json!({"averageUtilization": percent});
        current.push(json!({"type": "Resource", "resource": {"name": "cpu", "current": value}}));
    }
    set(object, "status", "currentMetrics", current);
    let conditions = annotated(object, CONDITIONS);
    set(object, "status", "conditions", conditions);
    if let Some(behavior) = meta::annotation(object, BEHAVIOR).and_then(|text| serde_json::from_str(text).ok()) {
        let behavior = renamed(&behavior, |name| find(name, |(v2, internal)| (internal, v2)));
        if behavior.as_object().is_some_and(|fields| !fields.is_empty()) {
            object["spec"]["behavior"] = behavior;
        }
    }
    for key in [METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR] {
        meta::remove_annotation(object, key);
    }
}

fn is_cpu_utilization(metric: &Value) -> bool {
    let resource = &metric["resource"];
    metric["type"] == "Resource" && resource["name"] == "cpu" && !resource["target"]["averageUtilization"].is_null()
}

fn spec_to_v1(metric: &Value) -> Value {
    convert(metric, |kind, source| {
        let mut flat = identity_to_v1(kind, source);
        let target = &source["target"];
        let names: &[(&str, &str)] = match kind {
            "Object" => &[("value", "targetValue"), ("averageValue", "averageValue")],
            "Pods" => &[("averageValue", "targetAverageValue")],
            "External" => &[("value", "targetValue"), ("averageValue", "targetAverageValue")],
            _ => &[("averageUtilization", "targetAverageUtilization"), ("averageValue", "targetAverageValue")],
        };
        copy(&mut flat, target, names);
        flat
    })
}

fn spec_from_v1(metric: &Value) -> Value {
    convert(metric, |kind, flat| {
        let mut source = identity_from_v1(kind, flat);
        let mut target = Map::new();
        let names: &[(&str, &str)] = match kind {
            "Object" => &[("targetValue", "value"), ("averageValue", "averageValue")],
            "Pods" => &[("targetAverageValue", "averageValue")],
            "External" => &[("targetValue", "value"), ("targetAverageValue", "averageValue")],
            _ => &[("targetAverageUtilization", "averageUtilization"), ("targetAverageValue", "averageValue")],
        };
        copy(&mut target, flat, names);
        let of = match kind {
            "Object" if target.contains_key("averageValue") => "AverageValue",
            "Pods" => "AverageValue",
            "Object" => "Value",
            "External" if target.contains_key("value") => "Value",
            _ if target.contains_key("averageUtilization") => "Utilization",
            _ => "AverageValue",
        };
        target.insert("type".to_owned(), json!(of));
        source.insert("target".to_owned(), Value::Object(target));
        source
    })
}

fn status_to_v1(metric: &Value) -> Value {
    convert(metric, |kind, source| {
        let mut flat = identity_to_v1(kind, source);
        copy(&mut flat, &source["current"], &current_names(kind));
        flat
    })
}

fn status_from_v1(metric: &Value) -> Value {
    convert(metric, |kind, flat| {
        let mut source = identity_from_v1(kind, flat);
        let mut current = Map::new();
        copy(&mut current, flat, &current_names(kind).map(|(v2, v1)| (v1, v2)));
        source.insert("current".to_owned(), Value::Object(current));
        source
    })
}

/// Names of measured values in `v2` and `v1`.
fn current_names(kind: &str) -> [(&'static str, &'static str); 3] {
    let average = if kind == "Object" { "averageValue" } else { "currentAverageValue" };
    [("value", "currentValue"), ("averageValue", average), ("averageUtilization", "currentAverageUtilization")]
}

/// What identifies a metric, as `v1` has it.
fn identity_to_v1(kind: &str, source: &Value) -> Map<String, Value> {
    let mut flat = Map::new();
    copy(&mut flat, source, &[("name", "name"), ("container", "container"), ("describedObject", "target")]);
    let selector = if kind == "External" { "metricSelector" } else { "selector" };
    copy(&mut flat, &source["metric"], &[("name", "metricName"), ("selector", selector)]);
    flat
}

fn identity_from_v1(kind: &str, flat: &Value) -> Map<String, Value> {
    let mut source = Map::new();
    copy(&mut source, flat, &[("name", "name"), ("container", "container")]);
    if kind == "Object" {
        copy(&mut source, flat, &[("target", "describedObject")]);
    }
    if flat.get("metricName").is_some() {
        let mut metric = Map::new();
        let selector = if kind == "External" { "metricSelector" } else { "selector" };
        copy(&mut metric, flat, &[("metricName", "name"), (selector, "selector")]);
        source.insert("metric".to_owned(), Value::Object(metric));
    }
    source
}

/// Converts the description of a metric of any kind.
fn convert(metric: &Value, change: impl Fn(&str, &Value) -> Map<String, Value>) -> Value {
    let kind = metric["type"].as_str().unwrap_or_default();
    let mut converted = Map::from_iter([("type".to_owned(), json!(kind))]);
    if let Some((_, field)) = SOURCES.iter().find(|(of, _)| *of == kind) {
        converted.insert((*field).to_owned(), Value::Object(change(kind, &metric[*field])));
    }
    Value::Object(converted)
}

fn copy(to: &mut Map<String, Value>, from: &Value, names: &[(&str, &str)]) {
    let Some(fields) = from.as_object() else { return };
    let mut found: Map<String, Value> = fields.clone();
    found.retain(|name, value| !value.is_null() && names.iter().any(|(from, _)| from == name));
    rename(&mut found, names);
    to.extend(found);
}

/// Renames the fields of all objects in a value; fields without a new name go away, and so do nulls.
fn renamed(value: &Value, name_of: impl Fn(&str) -> Option<&'static str> + Copy) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, value)| !value.is_null());
            kept.filter_map(|(name, value)| Some((name_of(name)?.to_owned(), renamed(value, name_of)))).collect()
        }
        Value::Array(items) => items.iter().map(|item| renamed(item, name_of)).collect(),
        other => other.clone(),
    }
}

type Names = (&'static str, &'static str);

/// Returns the other name of a field of `behavior`, whatever its case.
fn find(name: &str, order: impl Fn(Names) -> Names) -> Option<&'static str> {
    BEHAVIOR_NAMES.iter().map(|names| order(*names)).find(|(from, _)| from.eq_ignore_ascii_case(name)).map(|(_, to)| to)
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn taken(object: &mut Value, outer: &str, inner: &str) -> Value {
    object.get_mut(outer).and_then(Value::as_object_mut).and_then(|fields| fields.remove(inner)).unwrap_or_default()
}

fn set(object: &mut Value, outer: &str, inner: &str, list: Vec<Value>) {
    if !list.is_empty() {
        object[outer][inner] = Value::Array(list);
    }
}

fn annotate(object: &mut Value, key: &str, list: Vec<Value>) {
    if !list.is_empty() {
        meta::set_annotation(object, key, &Value::Array(list).to_string());
    }
}

fn annotated(object: &Value, key: &str) -> Vec<Value> {
    meta::annotation(object, key).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}
