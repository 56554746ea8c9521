//! Pods, and the kinds of the core group that stand alone.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::set::{Fields, get, items, made, pointer, text, within};
use crate::pod_template;

pub(super) fn pod(object: &mut Fields) {
    template_like(object);
    super::spec(object, |spec| {
        for list in ["containers", "initContainers"] {
            items(spec, list, |container| within(container, "resources", requests_from_limits));
        }
        super::mirror_account(spec);
        pointer(spec, "enableServiceLinks", true);
        if spec.get("hostNetwork") == Some(&Value::Bool(true)) {
            for list in ["containers", "initContainers"] {
                items(spec, list, |container| items(container, "ports", host_port));
            }
        }
    });
}

/// A pod is shaped like its template.
fn template_like(object: &mut Fields) {
    let mut whole = Value::Object(std::mem::take(object));
    pod_template::apply_defaults(&mut whole);
    if let Value::Object(fields) = whole {
        *object = fields;
    }
}

/// Limits imply requests, on pods only.
fn requests_from_limits(resources: &mut Fields) {
    let limits = resources.get("limits").and_then(Value::as_object).filter(|l| !l.is_empty()).cloned();
    let Some(limits) = limits else { return };
    made(resources, "requests", |requests| {
        for (name, limit) in limits {
            requests.entry(name).or_insert(limit);
        }
    });
}

fn host_port(port: &mut Fields) {
    if let Some(number) = port.get("containerPort").and_then(Value::as_i64) {
        super::set::number(port, "hostPort", number);
    }
}

pub(super) fn pod_template(object: &mut Fields) {
    super::template(object);
}

pub(super) fn namespace(object: &mut Fields) {
    let name = object.get("metadata").and_then(|m| m["name"].as_str()).unwrap_or_default().to_owned();
    if !name.is_empty() {
        made(object, "metadata", |metadata| {
            made(metadata, "labels", |labels| {
                labels.insert("kubernetes.io/metadata.name".to_owned(), json!(name));
            });
        });
    }
    made(object, "status", |status| text(status, "phase", "Active"));
}

pub(super) fn node(object: &mut Fields) {
    // The older field is the first of the newer one.
    within(object, "spec", |spec| {
        let one = spec.get("podCIDR").and_then(Value::as_str).unwrap_or_default().to_owned();
        let first = spec.get("podCIDRs").and_then(|all| all.get(0)).and_then(Value::as_str).map(str::to_owned);
        match first {
            Some(first) if one.is_empty() => _ = spec.insert("podCIDR".to_owned(), first.into()),
            None if !one.is_empty() => _ = spec.insert("podCIDRs".to_owned(), vec![one].into()),
            _ => {}
        }
    });
    within(object, "status", |status| {
        if let Some(capacity) = status.get("capacity").cloned() {
            pointer(status, "allocatable", capacity);
        }
    });
}

/// `stringData` is write-only: it goes into `data`.
pub(super) fn secret(object: &mut Fields) {
    if let Some(Value::Object(plain)) = object.remove("stringData") {
        made(object, "data", |data| {
            for (key, value) in plain {
                data.insert(key, json!(STANDARD.encode(value.as_str().unwrap_or_default())));
            }
        });
    }
    text(object, "type", "Opaque");
}

pub(super) fn limit_range(object: &mut Fields) {
    super::spec(object, |spec| {
        items(spec, "limits", |limit| {
            if get(limit, "type") == "Container" {
                inherit(limit, "default", "max");
                inherit(limit, "defaultRequest", "default");
                inherit(limit, "defaultRequest", "min");
            }
        });
    });
}

/// Takes for the map `name` the entries of the map `from` that it lacks.
fn inherit(fields: &mut Fields, name: &str, from: &str) {
    let Some(Value::Object(source)) = fields.get(from).cloned() else { return };
    made(fields, name, |map| {
        for (key, value) in source {
            map.entry(key).or_insert(value);
        }
    });
}
