//! The rules that hold for the metadata of every kind (`spec/sandbox.md` section 4).

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tiphys_machinery::{
    error::ApiError,
    field::{self, Path},
    meta,
    resource::Resource,
};

use crate::object::Object;

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
    for field in ["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion"] {
        metadata.remove(field);
    }
    metadata.insert("uid".into(), uid.into());
    metadata.insert("creationTimestamp".into(), stamp(now).into());
}

/// # Errors
/// `Conflict` when the object names another resourceVersion than the stored one's; 500 when that is no number.
pub(super) fn check_revision(resource: &Resource, name: &str, revision: u64, new: &Value) -> Result<(), ApiError> {
    match new["metadata"]["resourceVersion"].as_str() {
        Some(version) if !matches!(version, "" | "0") && version != revision.to_string() => {
            if version.parse::<u64>().is_err() {
                let message = format!("strconv.ParseUint: parsing {}: invalid syntax", field::quote(version));
                return Err(ApiError::new(500, "", message));
            }
            Err(ApiError::conflict(&resource.gvk.group, &resource.plural, name))
        }
        _ => Ok(()),
    }
}

/// # Errors
/// `Conflict` when the object names another uid than the stored one's.
pub(super) fn check_uid(resource: &Resource, current: &Object, new: &Value) -> Result<(), ApiError> {
    let wanted = match new["metadata"]["uid"].as_str() {
        Some(uid) if !uid.is_empty() && *uid != **current.uid() => uid,
        _ => return Ok(()),
    };
    let (group, plural) = (&resource.gvk.group, &resource.plural);
    let dot = if group.is_empty() { "" } else { "." };
    let message = format!(
        "Operation cannot be fulfilled on {plural}{dot}{group} \"{}\": StorageError: invalid object, Code: 4, Key: \
         /registry/{}/{}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {wanted}, UID \
         in object meta: {}",
        current.name(),
        resource.storage_prefix(),
        current.key(),
        current.uid()
    );
    Err(ApiError::new(409, "Conflict", message).about(group, plural, current.name()))
}

/// Returns the resourceVersion of an update; where the kind may be overwritten without one, that of the stored object.
///
/// # Errors
/// 422 where the kind may not.
pub(super) fn take_version(resource: &Resource, old: &Value, new: &mut Value) -> Result<Value, ApiError> {
    match of(new).remove("resourceVersion") {
        Some(Value::String(version)) if !matches!(version.as_str(), "" | "0") => Ok(version.into()),
        _ if resource.unconditional_update => Ok(old["metadata"]["resourceVersion"].clone()),
        _ => {
            let cause = Path::new("metadata.resourceVersion").invalid(0, "must be specified for an update");
            let name = old["metadata"]["name"].as_str().unwrap_or_default();
            Err(ApiError::invalid(&resource.gvk.group, &resource.plural, name, &[cause]))
        }
    }
}

/// Puts back what an update may not change, and removes what it may not set.
pub(super) fn keep_server_fields(old: &Value, new: &mut Value) {
    let metadata = of(new);
    metadata.remove("selfLink");
    metadata.remove("resourceVersion");
    let other_uid = metadata.get("uid").filter(|uid| uid.as_str().is_some_and(|uid| !uid.is_empty())).cloned();
    for field in SERVER_FIELDS.into_iter().chain(["generation"]) {
        match old["metadata"].get(field) {
            Some(value) => metadata.insert(field.into(), value.clone()),
            None => metadata.remove(field),
        };
    }
    // Another uid is left for validation to refuse.
    if let Some(uid) = other_uid {
        metadata.insert("uid".into(), uid);
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
    if value["kind"] == "Namespace" && value["apiVersion"] == "v1" {
        value["status"]["phase"] = "Terminating".into();
    } else {
        of(value).insert("deletionGracePeriodSeconds".into(), grace.into());
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

/// What `/finalize` of a namespace leaves as it is: the status.
pub(super) fn keep_status(old: &Value, new: &mut Value) {
    meta::take(new, old, "status");
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
