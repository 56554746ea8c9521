//! The rules that hold for the metadata of every kind (`spec/sandbox.md` section 4).

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tiphys_machinery::{
    error::{ApiError, Cause},
    resource::Resource,
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
pub(super) fn begin(value: &mut Value, uid: String, now: Timestamp) {
    let metadata = of(value);
    for field in ["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "resourceVersion"] {
        metadata.remove(field);
    }
    metadata.insert("uid".into(), uid.into());
    metadata.insert("creationTimestamp".into(), stamp(now).into());
}

/// # Errors
/// `Conflict` when the object names another resourceVersion than the stored one's.
pub(super) fn check_revision(resource: &Resource, name: &str, revision: u64, new: &Value) -> Result<(), ApiError> {
    match new["metadata"]["resourceVersion"].as_str() {
        Some(version) if !matches!(version, "" | "0") && version != revision.to_string() => {
            Err(ApiError::conflict(&resource.gvk.group, &resource.plural, name))
        }
        _ => Ok(()),
    }
}

/// Returns the resourceVersion of an update; where the kind may be overwritten without one, that of the stored object.
pub(super) fn take_version(resource: &Resource, old: &Value, new: &mut Value) -> Value {
    match of(new).remove("resourceVersion") {
        Some(Value::String(version)) if !version.is_empty() => version.into(),
        _ if resource.unconditional_update => old["metadata"]["resourceVersion"].clone(),
        _ => Value::from(""),
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
    if value["kind"] == "Namespace" && value["apiVersion"] == "v1" {
        value["status"]["phase"] = "Terminating".into();
    }
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

/// What `/finalize` of a namespace changes: the finalizers of its spec.
pub(super) fn keep_all_but_finalizers(old: &Value, new: &mut Value) {
    let finalizers = new["spec"]["finalizers"].take();
    *new = old.clone();
    new["spec"]["finalizers"] = finalizers;
}

/// Returns whether finalizers keep an object: those of its metadata, for a namespace also those of its spec.
pub(super) fn is_held(value: &Value) -> bool {
    let namespace = value["kind"] == "Namespace" && value["apiVersion"] == "v1";
    let own = || value["spec"]["finalizers"].as_array().is_some_and(|list| !list.is_empty());
    !finalizers(value).is_empty() || (namespace && own())
}

/// Returns whether nothing keeps a deleting object any more.
pub(super) fn is_finished(value: &Value) -> bool {
    let metadata = &value["metadata"];
    metadata.get("deletionTimestamp").is_some_and(|t| !t.is_null())
        && !is_held(value)
        && metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or_default() == 0
}
