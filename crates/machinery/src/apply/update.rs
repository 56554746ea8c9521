//! Ownership after a create, an update or any patch but apply.

use serde_json::{Map, Value};

use super::{
    WriteRequest,
    compare::{Comparison, compare},
    managed::{Entry, Incoming, ManagedFields, ManagerId, Operation},
    ownership::{covers, touches},
    reshape::reconcile,
    tracking::without_untracked,
};
use crate::schema::{Presence, Schema, Type};

/// Sets `metadata.managedFields` of `new`, which a create (`live` is `None`) or update is about to write.
///
/// Fields that the write adds or changes go to the manager and leave everybody else; removed fields leave everybody. If
/// nothing changes the entries stay as they are. An object whose entries were wiped is not tracked until it is applied.
/// The entries in the body count as [`Incoming`] tells, unless the write goes to a subresource.
///
/// To be called on the decoded and defaulted object, before admission and before the server resets or allocates
/// fields: what those write belongs to nobody.
pub fn update_managed(request: &WriteRequest<'_>, live: Option<&Value>, new: &mut Value) {
    let body =
        new.pointer_mut("/metadata").and_then(Value::as_object_mut).and_then(|meta| meta.remove("managedFields"));
    let mut managed = base(request, live, body);
    if !(managed.is_empty() && live.is_some()) {
        let empty;
        let old = match live {
            Some(live) => live,
            None => {
                empty = absent_object(request);
                &empty
            }
        };
        hand_over(request, request.id(Operation::Update), &mut managed, &changes(request, old, new));
    }
    set_managed(new, managed);
}

/// Writes the entries into an object, or removes the field if there are none.
pub(super) fn set_managed(object: &mut Value, managed: ManagedFields) {
    let Some(list) = managed.encode() else { return };
    if let Some(object) = object.as_object_mut() {
        let metadata = object.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.insert("managedFields".to_owned(), list);
        }
    }
}

/// What counts of the differences between two objects.
pub(super) fn changes(request: &WriteRequest<'_>, old: &Value, new: &Value) -> Comparison {
    compare(request.schema, old, new)
        .map(|set| if set.is_empty() { set } else { request.tracked.filter(without_untracked(&set)) })
}

/// The object before it was created: a built-in kind has its fields held by value, a custom resource has none.
pub(super) fn absent_object(request: &WriteRequest<'_>) -> Value {
    if request.custom { Value::Object(Map::new()) } else { zero(request.schema) }
}

/// Gives changed fields to one updater and takes them, and removed ones, from everybody else.
pub(super) fn hand_over(request: &WriteRequest<'_>, id: ManagerId, managed: &mut ManagedFields, changes: &Comparison) {
    if changes.is_same() {
        return;
    }
    let gained = changes.added.union(&changes.modified);
    let lost = gained.union(&changes.removed);
    let known = managed.get(&id).is_some();
    for entry in managed.entries_mut() {
        let own = entry.id == id && !gained.is_empty();
        // The common case: values change, owners do not.
        let same_owner = own
            && entry.undecoded().is_some_and(|fields| covers(fields, &gained) && !touches(fields, &changes.removed));
        let concerned = own || entry.undecoded().is_none_or(|fields| touches(fields, &lost));
        if concerned && !same_owner {
            let set = entry.set();
            let left = reconcile(request.schema, &set).unwrap_or(set).difference(&lost);
            entry.set_fields(if own { left.union(&gained) } else { left });
        }
        if own {
            entry.touch(request.now);
        }
    }
    managed.drop_empty();
    if !gained.is_empty() && !known {
        let mut entry = Entry::new(id, &request.api_version(), gained);
        entry.touch(request.now);
        managed.put(entry);
    }
    managed.cap_updaters();
}

/// The entries to go on from.
fn base(request: &WriteRequest<'_>, live: Option<&Value>, body: Option<Value>) -> ManagedFields {
    let of_live = || live.and_then(|live| live.pointer("/metadata/managedFields"));
    let trusted = || of_live().map(|list| ManagedFields::trusted(list.clone())).unwrap_or_default();
    if !request.subresource.is_empty() {
        return trusted();
    }
    match (Incoming::of(body.as_ref()), body) {
        (Incoming::Wipe, _) => ManagedFields::default(),
        (Incoming::Body, Some(list)) if Some(&list) == of_live() => ManagedFields::trusted(list),
        (Incoming::Body, Some(list)) => match ManagedFields::decode(&list) {
            Ok(managed) if !managed.is_empty() => managed,
            _ => trusted(),
        },
        _ => trusted(),
    }
}

/// The zero value of a type, as Go writes it: fields held by value, and `null` for lists that must be there.
fn zero(schema: &Schema) -> Value {
    let mut object = Map::new();
    for (name, field) in &schema.properties {
        let required_list = field.ty == Type::Array && schema.required.contains(name);
        let value = match (field.presence, field.ty) {
            _ if required_list => Value::Null,
            (Presence::Value, Type::Object) => zero(field),
            (Presence::Value, _) => field.default.clone().unwrap_or_default(),
            _ => continue,
        };
        object.insert(name.clone(), value);
    }
    Value::Object(object)
}
