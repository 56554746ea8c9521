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
/// Times of the new entries are those of the scale's.
#[must_use]
pub fn from_scale(parent: &Value, scale: &Value, replicas: &str, api_version: &str) -> Option<Value> {
    let path = dot_path(replicas);
    let owned = replicas_of_scale().paths();
    let mut own = Set::new();
    own.insert(&path);
    let scale = ManagedFields::decode(scale).unwrap_or_default();
    let mut parent = ManagedFields::decode(parent).unwrap_or_default();
    let holds = |entry: &&Entry| owned.iter().all(|path| entry.set().has(path));
    let kept: Vec<ManagerId> =
        scale.entries().iter().filter(holds).map(|entry| versioned(&entry.id, api_version)).collect();
    for entry in parent.entries_mut() {
        if !kept.contains(&versioned(&entry.id, api_version)) {
            let set = entry.set().difference(&own);
            entry.set_fields(set);
        }
    }
    parent.drop_empty();
    for entry in scale.entries().iter().filter(holds) {
        let id = versioned(&entry.id, api_version);
        if !parent.entries().iter().any(|old| versioned(&old.id, api_version) == id && old.set().has(&path)) {
            let mut entry = moved(entry, api_version, &own);
            if let Some(old) = parent.get(&entry.id) {
                entry.set_fields(old.set().union(&own));
            }
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
