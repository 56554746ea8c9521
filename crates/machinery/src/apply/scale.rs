//! Ownership of the replica count, seen through the `scale` subresource.

use serde_json::Value;

use super::{
    element::PathElement,
    managed::{Entry, ManagedFields, ManagerId, Operation},
    set::{Path, Set},
};

/// Version of the kind `Scale`.
const SCALE: &str = "autoscaling/v1";

/// Returns the `managedFields` of the `Scale` of an object: an entry for each manager of the replica count, which lies
/// at `replicas` (dot path such as `.spec.replicas`) in the object. `None` when nobody owns it.
#[must_use]
pub fn to_scale(parent: &Value, replicas: &str) -> Option<Value> {
    let path = dot_path(replicas);
    let mut scale = ManagedFields::default();
    for entry in ManagedFields::decode(parent).ok()?.entries().iter().filter(|entry| entry.set().has(&path)) {
        scale.put(moved(entry, SCALE, &replicas_of_scale()));
    }
    scale.encode()
}

/// Returns the `managedFields` of the object after its `Scale` was written with the entries `scale`: managers that lost
/// the replica count there lose it here, new ones get an entry.
///
/// As upstream has it, a new entry carries no time.
#[must_use]
pub fn from_scale(parent: &Value, scale: &Value, replicas: &str, api_version: &str) -> Option<Value> {
    let mut own = Set::new();
    own.insert(&dot_path(replicas));
    let mut parent = ManagedFields::decode(parent).unwrap_or_default();
    let scale = ManagedFields::decode(scale).unwrap_or_default();
    let owners: Vec<&Entry> =
        scale.entries().iter().filter(|entry| replicas_of_scale().is_subset(&entry.set())).collect();
    let keeps = |id: &ManagerId| owners.iter().any(|owner| versioned(&owner.id, api_version) == *id);
    for entry in parent.entries_mut().filter(|entry| !keeps(&versioned(&entry.id, api_version))) {
        let set = entry.set().difference(&own);
        entry.set_fields(set);
    }
    parent.drop_empty();
    for owner in owners {
        let mut entry = moved(owner, api_version, &own);
        entry.time = None;
        if !parent.get(&entry.id).is_some_and(|old| own.is_subset(&old.set())) {
            parent.put(entry);
        }
    }
    parent.encode()
}

fn replicas_of_scale() -> Set {
    Set::of_fields(&[&["spec", "replicas"]])
}

fn dot_path(path: &str) -> Path {
    path.split('.').filter(|part| !part.is_empty()).map(PathElement::field).collect()
}

/// The same manager, whatever version it wrote.
fn versioned(id: &ManagerId, api_version: &str) -> ManagerId {
    ManagerId::new(&id.manager, id.operation, api_version, &id.subresource)
}

fn moved(entry: &Entry, api_version: &str, set: &Set) -> Entry {
    let id = match entry.id.operation {
        Operation::Apply => entry.id.clone(),
        Operation::Update => versioned(&entry.id, api_version),
    };
    let mut moved = Entry::new(id, api_version, set.clone());
    moved.time.clone_from(&entry.time);
    moved
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(manager: &str, operation: &str, version: &str, fields: &Value) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": version, "time": "2026-01-01T00:00:00Z",
            "fieldsType": "FieldsV1", "fieldsV1": fields})
    }

    #[test]
    fn the_scale_shows_the_owners_of_the_replica_count() {
        let parent = json!([
            entry("me", "Apply", "apps/v1", &json!({"f:spec": {"f:replicas": {}, "f:paused": {}}})),
            entry("other", "Update", "apps/v1", &json!({"f:spec": {"f:paused": {}}})),
        ]);
        assert_eq!(
            to_scale(&parent, ".spec.replicas"),
            Some(json!([entry("me", "Apply", "autoscaling/v1", &json!({"f:spec": {"f:replicas": {}}}))]))
        );
        assert_eq!(to_scale(&Value::Null, ".spec.replicas"), None);
    }

    #[test]
    fn a_written_scale_moves_the_replica_count() {
        let replicas = json!({"f:spec": {"f:replicas": {}}});
        let parent = json!([
            entry("a", "Apply", "apps/v1", &json!({"f:spec": {"f:replicas": {}, "f:paused": {}}})),
            entry("b", "Apply", "apps/v1", &replicas),
            entry("u", "Update", "apps/v1", &replicas),
        ]);
        let mut scaler = entry("scaler", "Update", "autoscaling/v1", &replicas);
        scaler["subresource"] = json!("scale");
        let moved = from_scale(&parent, &json!([scaler]), ".spec.replicas", "apps/v1");
        scaler["apiVersion"] = json!("apps/v1");
        scaler.as_object_mut().unwrap().remove("time");
        assert_eq!(moved, Some(json!([entry("a", "Apply", "apps/v1", &json!({"f:spec": {"f:paused": {}}})), scaler])));

        let scale = to_scale(&parent, ".spec.replicas").unwrap();
        assert_eq!(from_scale(&parent, &scale, ".spec.replicas", "apps/v1"), Some(parent));
    }
}
