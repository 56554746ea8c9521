//! What server-side apply would make of the live object.

use serde_json::Value;
use tiphys_machinery::{
    apply::{ApplyRequest, OnConflict, Tracked, WriteRequest, apply, misfits},
    meta,
};

use super::{
    Diff, DiffError, DiffOptions, LAST_APPLIED,
    client::{NoDefaults, scheme_defaults},
    gvk,
};

pub(super) fn diff(target: &Value, live: Value, manager: &str, options: &DiffOptions<'_>) -> Result<Diff, DiffError> {
    let gvk = gvk(target);
    let schema = (options.types)(&gvk)
        .ok_or_else(|| DiffError::ResolveType(meta::api_version(target).to_owned(), gvk.kind.clone()))?;
    if let Some(misfits) = misfits(&schema, &live) {
        return Err(DiffError::LiveMisfits(misfits));
    }
    let write = WriteRequest {
        gvk: &gvk,
        schema: &schema,
        subresource: "",
        manager,
        now: options.now,
        tracked: Tracked::except(&[]),
    };
    let request = ApplyRequest { write, on_conflict: OnConflict::Take };
    let applied = apply(&request, Some(&live), target).map_err(|error| DiffError::Merge(error.into()))?;
    let mut predicted = applied.object;
    // Who owns what is no difference.
    if let Some(metadata) = predicted["metadata"].as_object_mut() {
        match live["metadata"].get("managedFields") {
            Some(managed) => drop(metadata.insert("managedFields".to_owned(), managed.clone())),
            None => drop(metadata.remove("managedFields")),
        }
    }
    put_nulls(&mut predicted, target, |_| true);
    put_nulls(&mut predicted, &live, |path| target.pointer(path).is_none());
    if predicted == live {
        return Ok(Diff::of(live.clone(), live));
    }
    Ok(Diff::of(defaulted(live)?, defaulted(predicted)?))
}

/// A `null` is a value of its own when fields are merged, though no server would keep it.
fn put_nulls(into: &mut Value, from: &Value, is_wanted: impl Fn(&str) -> bool + Copy) {
    fn put(into: &mut Value, from: &Value, path: &str, is_wanted: impl Fn(&str) -> bool + Copy) {
        let (Value::Object(into), Value::Object(from)) = (into, from) else { return };
        for (key, value) in from {
            let path = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
            match into.get_mut(key) {
                Some(child) => put(child, value, &path, is_wanted),
                None if value.is_null() && is_wanted(&path) => drop(into.insert(key.clone(), Value::Null)),
                None => {}
            }
        }
    }
    put(into, from, "", is_wanted);
}

fn defaulted(mut object: Value) -> Result<Value, DiffError> {
    if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
    match scheme_defaults(&mut object) {
        Ok(()) | Err(NoDefaults::UnknownKind) => Ok(object),
        Err(NoDefaults::Malformed(what)) => Err(DiffError::Default(what)),
    }
}
