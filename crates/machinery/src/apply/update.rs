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

/// Sets `metadata.managedFields` of `new`, which a create (`live` is `None`) or update is about to write.
///
/// Fields that the write adds or changes go to the manager and leave everybody else; removed fields leave everybody. If
/// nothing changes the entries stay as they are. An object whose entries were wiped is not tracked until it is applied.
/// The entries in the body count as `Incoming` tells, unless the write goes to a subresource.
///
/// To be called on the decoded and defaulted object, before admission and before the server resets or allocates
/// fields: what those write belongs to nobody.
pub fn update_managed(request: &WriteRequest<'_>, live: Option<&Value>, new: &mut Value) {
    let body = take_managed(new);
    let empty = Value::Object(Map::new());
    let changes = changes(request, live.unwrap_or(&empty), new);
    let of_live = live.and_then(|live| live.pointer("/metadata/managedFields"));
    let unedited = match Incoming::of(body.as_ref()) {
        Incoming::Live => true,
        Incoming::Body => body.as_ref() == of_live,
        Incoming::Wipe => false,
    };
    if changes.is_same() && (unedited || !request.subresource.is_empty()) {
        return put_managed(new, body.filter(|body| Some(body) == of_live).or_else(|| of_live.cloned()));
    }
    let mut managed = base(request, of_live, body);
    if !(managed.is_empty() && live.is_some()) {
        hand_over(request, request.id(Operation::Update), &mut managed, &changes);
    }
    put_managed(new, managed.encode());
}

fn take_managed(object: &mut Value) -> Option<Value> {
    object.get_mut("metadata")?.as_object_mut()?.remove("managedFields")
}

/// Writes the entries into an object, if there are any.
pub(super) fn put_managed(object: &mut Value, list: Option<Value>) {
    let (Some(object), Some(list)) = (object.as_object_mut(), list) else { return };
    let metadata = object.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert("managedFields".to_owned(), list);
    }
}

/// What counts of the differences between two objects.
pub(super) fn changes(request: &WriteRequest<'_>, old: &Value, new: &Value) -> Comparison {
    compare(request.schema, old, new)
        .map(|set| if set.is_empty() { set } else { request.tracked.filter(without_untracked(&set)) })
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
fn base(request: &WriteRequest<'_>, of_live: Option<&Value>, body: Option<Value>) -> ManagedFields {
    let trusted = || of_live.map(|list| ManagedFields::trusted(list.clone())).unwrap_or_default();
    if !request.subresource.is_empty() {
        return trusted();
    }
    match (Incoming::of(body.as_ref()), body) {
        (Incoming::Wipe, _) => ManagedFields::default(),
        (Incoming::Body, Some(list)) if Some(&list) == of_live => ManagedFields::trusted(list),
        (Incoming::Body, Some(list)) => match ManagedFields::decode(&list) {
            Ok(managed) if !managed.is_empty() => managed,
            _ => trusted(),
        },
        _ => trusted(),
    }
}
