//! Reading and changing objects held as JSON: metadata, owners, finalizers, conditions, equality.

use serde_json::{Map, Value, json};

use crate::{
    quantity::Quantity,
    schema::{Presence, Schema, Type},
};

mod conditions;

pub use conditions::{condition, condition_status, is_condition_true, remove_condition, set_condition};

/// Returns `metadata.name`, empty if missing.
#[must_use]
pub fn name(object: &Value) -> &str {
    text(object, "name")
}

/// Returns `metadata.namespace`, empty for cluster-scoped objects.
#[must_use]
pub fn namespace(object: &Value) -> &str {
    text(object, "namespace")
}

/// Returns `metadata.uid`, empty if missing.
#[must_use]
pub fn uid(object: &Value) -> &str {
    text(object, "uid")
}

/// Returns `metadata.resourceVersion`, empty if missing.
#[must_use]
pub fn resource_version(object: &Value) -> &str {
    text(object, "resourceVersion")
}

/// Returns `metadata.generation`, 0 if missing.
#[must_use]
pub fn generation(object: &Value) -> i64 {
    object["metadata"]["generation"].as_i64().unwrap_or_default()
}

/// Returns `kind`, empty if missing.
#[must_use]
pub fn kind(object: &Value) -> &str {
    object["kind"].as_str().unwrap_or_default()
}

/// Returns `apiVersion`, empty if missing.
#[must_use]
pub fn api_version(object: &Value) -> &str {
    object["apiVersion"].as_str().unwrap_or_default()
}

/// Returns the value of a label.
#[must_use]
pub fn label<'o>(object: &'o Value, key: &str) -> Option<&'o str> {
    object["metadata"]["labels"].get(key)?.as_str()
}

/// Returns the value of an annotation.
#[must_use]
pub fn annotation<'o>(object: &'o Value, key: &str) -> Option<&'o str> {
    object["metadata"]["annotations"].get(key)?.as_str()
}

/// Returns whether deletion has begun.
#[must_use]
pub fn is_deleting(object: &Value) -> bool {
    object["metadata"].get("deletionTimestamp").is_some_and(|at| !at.is_null())
}

/// Returns the owner references.
#[must_use]
pub fn owners(object: &Value) -> &[Value] {
    object["metadata"]["ownerReferences"].as_array().map_or(&[], Vec::as_slice)
}

/// Returns the owner reference of the controller.
#[must_use]
pub fn controller(object: &Value) -> Option<&Value> {
    owners(object).iter().find(|owner| owner["controller"] == true)
}

/// Returns whether the object with `uid` controls `object`.
#[must_use]
pub fn is_controlled_by(object: &Value, uid: &str) -> bool {
    controller(object).is_some_and(|owner| owner["uid"] == uid)
}

/// Returns an owner reference to `owner` that makes it the controller and lets it wait for the dependent.
#[must_use]
pub fn controller_reference(owner: &Value) -> Value {
    json!({
        "apiVersion": api_version(owner), "kind": kind(owner), "name": name(owner), "uid": uid(owner),
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// Returns the finalizers.
pub fn finalizers(object: &Value) -> impl Iterator<Item = &str> {
    object["metadata"]["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Adds a finalizer that is missing; returns whether that changed anything.
pub fn add_finalizer(object: &mut Value, finalizer: &str) -> bool {
    if finalizers(object).any(|f| f == finalizer) {
        return false;
    }
    let list = metadata(object).entry("finalizers").or_insert_with(|| json!([]));
    if let Some(list) = list.as_array_mut() {
        list.push(json!(finalizer));
    }
    true
}

/// Removes a finalizer; returns whether that changed anything. An empty list is left out.
pub fn remove_finalizer(object: &mut Value, finalizer: &str) -> bool {
    let kept: Vec<Value> = finalizers(object).filter(|f| *f != finalizer).map(Value::from).collect();
    let changed = kept.len() != finalizers(object).count();
    if kept.is_empty() {
        metadata(object).remove("finalizers");
    } else {
        metadata(object).insert("finalizers".to_owned(), Value::Array(kept));
    }
    changed
}

/// Sets a label.
pub fn set_label(object: &mut Value, key: &str, value: &str) {
    set_entry(object, "labels", key, value);
}

/// Sets an annotation.
pub fn set_annotation(object: &mut Value, key: &str, value: &str) {
    set_entry(object, "annotations", key, value);
}

/// Removes an annotation; an empty map is left out.
pub fn remove_annotation(object: &mut Value, key: &str) {
    let metadata = metadata(object);
    let Some(map) = metadata.get_mut("annotations").and_then(Value::as_object_mut) else { return };
    map.remove(key);
    if map.is_empty() {
        metadata.remove("annotations");
    }
}

/// Sets `metadata.generation`; 0 leaves it out.
pub fn set_generation(object: &mut Value, generation: i64) {
    if generation == 0 {
        metadata(object).remove("generation");
    } else {
        metadata(object).insert("generation".to_owned(), json!(generation));
    }
}

/// Returns the metadata, which is made if missing.
///
/// # Panics
/// Never: whatever is no object is replaced by one first.
pub fn metadata(object: &mut Value) -> &mut Map<String, Value> {
    map_at(map_of(object), "metadata")
}

/// Copies a field from one object to another; a field that is missing there is removed.
pub fn take(to: &mut Value, from: &Value, field: &str) {
    let Some(to) = to.as_object_mut() else { return };
    match from.get(field) {
        Some(value) => to.insert(field.to_owned(), value.clone()),
        None => to.remove(field),
    };
}

/// Returns whether two values mean the same: `null`, empty and missing are one where the schema says that Go does not
/// tell them apart, and quantities compare by value. Without a schema only `null` counts as missing.
#[must_use]
pub fn equal(schema: Option<&Schema>, a: Option<&Value>, b: Option<&Value>) -> bool {
    let present = |value: Option<&Value>| value.is_some_and(|v| !v.is_null());
    match (a, b) {
        (Some(a), Some(b)) if a == b => true,
        (Some(a), Some(b)) if !a.is_null() && !b.is_null() => equal_values(schema, a, b),
        (Some(value), other) | (other, Some(value)) if !present(other) => {
            value.is_null() || schema.is_some_and(|schema| counts_as_missing(schema, value))
        }
        _ => a.is_none() && b.is_none(),
    }
}

fn equal_values(schema: Option<&Schema>, a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let field = |key: &str| schema.and_then(|schema| schema.field(key)).map(|s| &**s);
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            keys.into_iter().all(|key| equal(field(key), a.get(key), b.get(key)))
        }
        (Value::Array(a), Value::Array(b)) => {
            let items = schema.and_then(|schema| schema.items.as_deref());
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(items, Some(a), Some(b)))
        }
        (a, b) if schema.is_some_and(|schema| schema.ty == Type::Quantity) => {
            matches!((Quantity::from_json(a), Quantity::from_json(b)), (Ok(a), Ok(b)) if a == b)
        }
        (a, b) => a == b,
    }
}

/// Whether Go holds this value in a field just as it holds nothing.
fn counts_as_missing(schema: &Schema, value: &Value) -> bool {
    if schema.presence == Presence::Pointer {
        return false;
    }
    match value {
        Value::Object(fields) if schema.is_map() => fields.is_empty(),
        // A struct that is not held by value is a pointer.
        Value::Object(_) if schema.presence != Presence::Value => false,
        Value::Object(fields) => fields.iter().all(|(key, value)| {
            schema.properties.get(key).is_some_and(|field| value.is_null() || counts_as_missing(field, value))
        }),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(given) => !given,
        Value::Null => true,
    }
}

fn text<'o>(object: &'o Value, field: &str) -> &'o str {
    object["metadata"][field].as_str().unwrap_or_default()
}

fn set_entry(object: &mut Value, map: &str, key: &str, value: &str) {
    map_at(metadata(object), map).insert(key.to_owned(), json!(value));
}

fn map_at<'m>(fields: &'m mut Map<String, Value>, key: &str) -> &'m mut Map<String, Value> {
    map_of(fields.entry(key).or_insert(Value::Null))
}

fn map_of(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(fields) => fields,
        _ => unreachable!("made an object above"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_follows_go() {
        let deployment = crate::schema::builtin("apps/v1", "Deployment").unwrap();
        let spec = deployment.field("spec").unwrap();
        #[track_caller]
        fn check(schema: &Schema, a: &Value, b: &Value, same: bool) {
            assert_eq!(equal(Some(schema), Some(a), Some(b)), same, "{a} {b}");
            assert_eq!(equal(Some(schema), Some(b), Some(a)), same, "{b} {a}");
        }
        let limits = |memory: &str| json!({"template": {"spec": {"containers": [{"resources": {"limits": {"memory": memory}}}]}}});
        check(spec, &limits("1Gi"), &limits("1073741824"), true);
        check(spec, &limits("1Gi"), &limits("1G"), false);
        check(spec, &json!({"template": {"metadata": {"labels": {}}}}), &json!({"template": {}}), true);
        check(spec, &json!({"template": {"spec": {"affinity": {}}}}), &json!({"template": {"spec": {}}}), false);
        check(spec, &json!({"replicas": 0}), &json!({}), false);
        check(spec, &json!({"minReadySeconds": 0}), &json!({}), true);
        check(spec, &json!({"paused": null}), &json!({}), true);
        assert!(equal(None, Some(&json!({"a": null})), Some(&json!({}))));
        assert!(!equal(None, Some(&json!({"a": {}})), Some(&json!({}))));
    }

    #[test]
    fn metadata_is_made_where_missing() {
        let mut object = json!({});
        set_label(&mut object, "a", "b");
        set_annotation(&mut object, "c", "d");
        assert!(add_finalizer(&mut object, "f") && !add_finalizer(&mut object, "f"));
        assert_eq!((label(&object, "a"), annotation(&object, "c")), (Some("b"), Some("d")));
        remove_annotation(&mut object, "c");
        assert!(remove_finalizer(&mut object, "f") && !remove_finalizer(&mut object, "f"));
        set_generation(&mut object, 3);
        assert_eq!(object, json!({"metadata": {"labels": {"a": "b"}, "generation": 3}}));
    }

    #[test]
    fn the_controller_is_one_of_the_owners() {
        let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "r", "uid": "u"}});
        let pod = json!({"metadata": {"ownerReferences": [{"uid": "x"}, controller_reference(&owner)]}});
        assert!(is_controlled_by(&pod, "u") && !is_controlled_by(&pod, "x"));
        assert_eq!(controller(&pod).unwrap()["name"], "r");
    }
}
