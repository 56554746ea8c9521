//! One object, several views: versions of its kind, its metadata alone, its scale.
//!
//! Objects are stored in one form (see [`Resource::stored`]): events as those of the core group, autoscalers as
//! `autoscaling/v2`. Any other version is a view of that.

mod autoscaler;
mod event;
mod scale;

use serde_json::{Map, Value, json};

pub use scale::{read_scale, scale_for_update, write_scale};

use crate::resource::Resource;

/// Returns a stored object as the version `resource` shows it, with `apiVersion` and `kind`.
#[must_use]
pub fn in_version(resource: &Resource, stored: &Value) -> Value {
    let mut object = stored.clone();
    match (resource.gvk.group.as_str(), resource.gvk.version.as_str(), resource.gvk.kind.as_str()) {
        ("events.k8s.io", _, "Event") => event::from_core(&mut object),
        ("autoscaling", "v1", "HorizontalPodAutoscaler") => autoscaler::to_v1(&mut object),
        _ => {}
    }
    set_head(&mut object, &resource.gvk.api_version(), &resource.gvk.kind);
    object
}

/// Returns an object of the version `resource` in its stored form, with that form's `apiVersion` and `kind`.
#[must_use]
pub fn to_stored(resource: &Resource, mut object: Value) -> Value {
    match (resource.gvk.group.as_str(), resource.gvk.version.as_str(), resource.gvk.kind.as_str()) {
        ("events.k8s.io", _, "Event") => event::to_core(&mut object),
        ("autoscaling", "v1", "HorizontalPodAutoscaler") => autoscaler::from_v1(&mut object),
        _ => {}
    }
    set_head(&mut object, &resource.stored.api_version(), &resource.stored.kind);
    object
}

/// Returns whether `resource` shows objects in another form than the stored one.
#[must_use]
pub fn is_converted(resource: &Resource) -> bool {
    resource.gvk != resource.stored && !resource.custom
}

/// Returns the `PartialObjectMetadata` of an object; `version` is `v1` or `v1beta1`.
#[must_use]
pub fn partial(object: &Value, version: &str) -> Value {
    let metadata = object.get("metadata").cloned().unwrap_or_else(|| json!({}));
    Value::Object(Map::from_iter([
        ("kind".to_owned(), json!("PartialObjectMetadata")),
        ("apiVersion".to_owned(), json!(format!("meta.k8s.io/{version}"))),
        ("metadata".to_owned(), metadata),
    ]))
}

/// Returns the `PartialObjectMetadataList` of objects; `metadata` is the list's own.
pub fn partial_list<'v>(metadata: &Value, objects: impl IntoIterator<Item = &'v Value>, version: &str) -> Value {
    let items: Vec<Value> = objects.into_iter().map(|object| partial(object, version)).collect();
    Value::Object(Map::from_iter([
        ("kind".to_owned(), json!("PartialObjectMetadataList")),
        ("apiVersion".to_owned(), json!(format!("meta.k8s.io/{version}"))),
        ("metadata".to_owned(), metadata.clone()),
        ("items".to_owned(), Value::Array(items)),
    ]))
}

fn set_head(object: &mut Value, api_version: &str, kind: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert("apiVersion".to_owned(), json!(api_version));
        fields.insert("kind".to_owned(), json!(kind));
    }
}

/// Gives fields other names; those that are missing stay missing.
fn rename(fields: &mut Map<String, Value>, names: &[(&str, &str)]) {
    let taken: Vec<(&str, Value)> = names.iter().filter_map(|(from, to)| Some((*to, fields.remove(*from)?))).collect();
    for (to, value) in taken {
        fields.insert(to.to_owned(), value);
    }
}

#[cfg(test)]
mod tests;
