//! Server-side apply.

use serde_json::{Map, Value};

use super::{
    WriteRequest,
    from_value::from_value,
    last_applied,
    managed::{Conflicts, Entry, ManagedFields, ManagerId, Operation},
    merge::{drop_nulls, merge, remove},
    reshape::{reconcile, with_named_fields},
    set::Set,
    tracking::without_untracked,
    update::{changes, hand_over, put_managed},
    validate::validate,
};
use crate::{error::ApiError, schema::Schema};

/// An apply.
#[derive(Debug, Clone)]
pub struct ApplyRequest<'a> {
    /// Who writes what kind of object, and when.
    pub write: WriteRequest<'a>,
    /// What happens to fields that others own with another value.
    pub on_conflict: OnConflict,
}

/// What happens to fields that others own with another value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// The apply is refused.
    Refuse,
    /// The applier takes them (`force=true`).
    Take,
}

/// What an apply makes of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// The next object, with its `managedFields`; not yet defaulted or normalised.
    pub object: Value,
    /// Whether it differs from the live one. If not it equals the live one to the byte, and nothing need be written.
    /// After defaulting, [`super::revert_times`] asks again.
    pub changed: bool,
}

/// Applies `config` to `live` (`None`: the object does not exist).
///
/// # Errors
/// 400 if the configuration has another kind or version or `managedFields`; 409 with one cause a field for conflicts;
/// 500 without a reason if it does not fit the schema (an unknown field, a wrong type, two items with one key).
pub fn apply(request: &ApplyRequest<'_>, live: Option<&Value>, config: &Value) -> Result<Applied, ApiError> {
    check_config(&request.write, config)?;
    let absent = Value::Object(Map::new());
    let object = live.unwrap_or(&absent);
    let managed = decode(object)?;
    let outcome = match run(&request.write, object, config, managed.clone(), request.on_conflict) {
        Err(conflicts) => {
            let left = last_applied::without_allowed(&request.write, object, conflicts);
            if !left.0.is_empty() {
                return Err(left.into_error());
            }
            run(&request.write, object, config, managed, OnConflict::Take).map_err(Conflicts::into_error)?
        }
        Ok(outcome) => outcome,
    };
    let mut next = outcome.object;
    last_applied::refresh(&request.write, &mut next, config);
    Ok(finish(live, next, outcome.managed))
}

/// The merged object without its entries, and the entries.
struct Outcome {
    object: Value,
    managed: ManagedFields,
}

fn check_config(write: &WriteRequest<'_>, config: &Value) -> Result<(), ApiError> {
    let text = |pointer| config.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (version, kind) = (text("/apiVersion"), text("/kind"));
    if version != write.api_version() || kind != write.gvk.kind {
        return Err(ApiError::bad_request(format!("invalid object type: {}", gvk_text(version, kind))));
    }
    if config.pointer("/metadata/managedFields").is_some_and(|list| !list.is_null()) {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    validate(write.schema, config).map_err(|misfits| {
        let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
        let message =
            format!("failed to create typed patch object ({namespace}/{name}; {}): {misfits}", gvk_text(version, kind));
        ApiError::new(500, "", message)
    })
}

/// `apps/v1, Kind=Deployment`; the core group leaves the part before the slash empty.
fn gvk_text(api_version: &str, kind: &str) -> String {
    let slash = if api_version.contains('/') { "" } else { "/" };
    format!("{slash}{api_version}, Kind={kind}")
}

fn decode(live: &Value) -> Result<ManagedFields, ApiError> {
    let list = live.pointer("/metadata/managedFields").unwrap_or(&Value::Null);
    ManagedFields::decode(list)
        .map_err(|error| ApiError::new(500, "", format!("failed to decode managed fields: {error}")))
}

fn run(
    write: &WriteRequest<'_>,
    live: &Value,
    config: &Value,
    mut managed: ManagedFields,
    on_conflict: OnConflict,
) -> Result<Outcome, Conflicts> {
    if managed.is_empty() {
        let id = ManagerId { manager: BEFORE_FIRST_APPLY.to_owned(), ..write.id(Operation::Update) };
        hand_over(write, id, &mut managed, &changes(write, &Value::Object(Map::new()), live));
    }
    for entry in managed.entries_mut() {
        if let Some(set) = reconcile(write.schema, &entry.set()) {
            entry.set_fields(set);
        }
    }
    let mut object = live.clone();
    merge(write.schema, &mut object, config);

    let id = write.id(Operation::Apply);
    let last = managed.take(&id);
    let mentioned = write.tracked.filter(from_value(write.schema, config));
    let mut entry = Entry::new(id.clone(), &write.api_version(), mentioned.clone());
    entry.time = last.as_ref().and_then(|last| last.time.clone());
    managed.put(entry);
    if let Some(last) = last.map(|last| last.set()).filter(|last| !last.is_subset(&mentioned)) {
        prune(write.schema, &mut object, &managed, &last);
    }
    take_from_others(write, live, &object, &mut managed, on_conflict)?;

    let noop = object == *live;
    for entry in managed.entries_mut().filter(|entry| entry.id == id) {
        entry.set_fields(without_untracked(&entry.set()));
        if !noop {
            entry.touch(write.now);
        }
    }
    managed.drop_empty();
    drop_nulls(write.schema, &mut object, write.schema.type_name.is_some());
    if let Some(metadata) = object.pointer_mut("/metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    Ok(Outcome { object, managed })
}

/// The manager of what was there before anybody tracked fields.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// Removes what `last` held and no manager, the applier included, holds any more.
fn prune(schema: &Schema, merged: &mut Value, managed: &ManagedFields, last: &Set) {
    let fields = |value: &Value| with_named_fields(schema, &from_value(schema, value));
    let last = with_named_fields(schema, last);
    let owned = managed.entries().iter().fold(Set::new(), |all, entry| all.union(&entry.set()));
    let owned = with_named_fields(schema, &owned);
    let all = fields(merged);

    let mut pruned = merged.clone();
    remove(schema, &mut pruned, &last);
    // Back come the fields that somebody owns.
    let mut pruned_but_owned = merged.clone();
    remove(schema, &mut pruned_but_owned, &all.difference(&fields(&pruned).union(&owned)));
    // And those that nobody owns, but neither did the applier.
    remove(schema, merged, &all.difference(&fields(&pruned_but_owned)).intersection(&last));
}

/// Changed and removed fields leave the other managers, unless one of them objects.
fn take_from_others(
    write: &WriteRequest<'_>,
    live: &Value,
    new: &Value,
    managed: &mut ManagedFields,
    on_conflict: OnConflict,
) -> Result<(), Conflicts> {
    let changes = changes(write, live, new);
    let id = write.id(Operation::Apply);
    let gained = changes.added.union(&changes.modified);
    let mut conflicts = Conflicts::default();
    for entry in managed.entries_mut().filter(|entry| entry.id != id) {
        let set = entry.set();
        let contested = set.intersection(&gained);
        entry.set_fields(set.difference(&contested).difference(&changes.removed));
        if !contested.is_empty() {
            conflicts.0.push((entry.id.clone(), contested));
        }
    }
    if on_conflict == OnConflict::Refuse && !conflicts.0.is_empty() {
        conflicts.0.sort_by(|a, b| a.0.cmp(&b.0));
        return Err(conflicts);
    }
    managed.drop_empty();
    Ok(())
}

fn finish(live: Option<&Value>, mut object: Value, managed: ManagedFields) -> Applied {
    put_managed(&mut object, managed.encode());
    let changed = live.is_none_or(|live| !super::revert_times(live, &mut object));
    Applied { object, changed }
}
