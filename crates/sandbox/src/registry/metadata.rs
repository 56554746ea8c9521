//! The rules that hold for the metadata of every kind (`spec/sandbox.md` section 4).

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tiphys_machinery::{
    error::{ApiError, Cause},
    resource::{GenerationRule, Resource},
};

/// Fields of the metadata that only the server writes.
const SERVER_FIELDS: [&str; 4] = ["creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "uid"];

/// Returns a time stamp as the API writes it: whole seconds, UTC.
pub(super) fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Returns the metadata as a map, replacing what is not one.
pub(super) fn of(value: &mut Value) -> &mut Map<String, Value> {
    if !value["metadata"].is_object() {
        value["metadata"] = json!({});
    }
    match &mut value["metadata"] {
        Value::Object(map) => map,
        _ => unreachable!("made an object above"),
    }
}

/// Sets what the server decides at creation.
pub(super) fn begin(value: &mut Value, uid: String, now: Timestamp, generation: GenerationRule) {
    let metadata = of(value);
    for field in ["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "resourceVersion"] {
        metadata.remove(field);
    }
    metadata.insert("uid".into(), uid.into());
    metadata.insert("creationTimestamp".into(), stamp(now).into());
    if generation != GenerationRule::Never {
        metadata.insert("generation".into(), 1.into());
    }
}

/// Puts back what an update may not change, and removes what it may not set.
pub(super) fn keep_server_fields(old: &Value, new: &mut Value) {
    let metadata = of(new);
    metadata.remove("selfLink");
    metadata.remove("resourceVersion");
    for field in SERVER_FIELDS.into_iter().chain(["generation"]) {
        match old["metadata"].get(field) {
            Some(value) => metadata.insert(field.into(), value.clone()),
            None => metadata.remove(field),
        };
    }
}

/// Adds one to the generation if the change is of the kind that counts.
pub(super) fn bump_generation(resource: &Resource, old: &Value, new: &mut Value) {
    let moved = match resource.generation {
        GenerationRule::Never | GenerationRule::Fixed => false,
        GenerationRule::Spec => differ(old, new, "/spec"),
        GenerationRule::SpecOrAnnotations => differ(old, new, "/spec") || differ(old, new, "/metadata/annotations"),
        GenerationRule::AllButMetadata => body_differs(resource, old, new),
        GenerationRule::BodyOrLabels => body_differs(resource, old, new) || differ(old, new, "/metadata/labels"),
    };
    if moved {
        let generation = old["metadata"]["generation"].as_i64().unwrap_or_default() + 1;
        of(new).insert("generation".into(), generation.into());
    }
}

/// Marks an object as being deleted, if it is not yet.
pub(super) fn mark_deleting(value: &mut Value, at: Timestamp, grace: i64) {
    let metadata = of(value);
    if !metadata.contains_key("deletionTimestamp") {
        metadata.insert("deletionTimestamp".into(), stamp(at).into());
        if let Some(generation) = metadata.get("generation").and_then(Value::as_i64).filter(|g| *g > 0) {
            metadata.insert("generation".into(), (generation + 1).into());
        }
    }
    metadata.insert("deletionGracePeriodSeconds".into(), grace.into());
}

/// Returns the finalizers.
pub(super) fn finalizers(value: &Value) -> Vec<String> {
    let list = value["metadata"]["finalizers"].as_array();
    list.into_iter().flatten().filter_map(|f| f.as_str().map(str::to_owned)).collect()
}

/// Writes the finalizers; an empty list is left out.
pub(super) fn set_finalizers(value: &mut Value, finalizers: Vec<String>) {
    let metadata = of(value);
    if finalizers.is_empty() {
        metadata.remove("finalizers");
    } else {
        metadata.insert("finalizers".into(), finalizers.into());
    }
}

/// # Errors
/// When an update adds finalizers to an object that is being deleted.
pub(super) fn check_finalizers(resource: &Resource, old: &Value, new: &Value) -> Result<(), ApiError> {
    if old["metadata"].get("deletionTimestamp").is_none() {
        return Ok(());
    }
    let known = finalizers(old);
    let mut added: Vec<String> = finalizers(new).into_iter().filter(|f| !known.contains(f)).collect();
    if added.is_empty() {
        return Ok(());
    }
    added.sort_unstable();
    let list = added.iter().map(|f| format!("\"{f}\"")).collect::<Vec<_>>().join(", ");
    let cause = Cause {
        reason: "FieldValueForbidden",
        message: format!(
            "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers \
             []string{{{list}}}"
        ),
        field: "metadata.finalizers".into(),
    };
    let name = new["metadata"]["name"].as_str().unwrap_or_default();
    Err(ApiError::invalid(&resource.gvk.group, &resource.gvk.kind, name, &[cause]))
}

/// Returns whether nothing keeps a deleting object any more.
pub(super) fn is_finished(value: &Value) -> bool {
    let metadata = &value["metadata"];
    metadata.get("deletionTimestamp").is_some_and(|t| !t.is_null())
        && finalizers(value).is_empty()
        && metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or_default() == 0
}

fn differ(old: &Value, new: &Value, pointer: &str) -> bool {
    let part = |value: &Value| value.pointer(pointer).filter(|part| !is_empty(part)).cloned();
    part(old) != part(new)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn body_differs(resource: &Resource, old: &Value, new: &Value) -> bool {
    let skipped = |key: &str| {
        matches!(key, "metadata" | "apiVersion" | "kind") || (key == "status" && resource.has_status())
    };
    let body = |value: &Value| -> Map<String, Value> {
        let map = value.as_object().cloned().unwrap_or_default();
        map.into_iter().filter(|(key, _)| !skipped(key)).collect()
    };
    body(old) != body(new)
}
