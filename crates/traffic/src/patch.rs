//! The difference of an object as a change.

use serde_json::{Value, json};
use tiphys_machinery::{meta, patch::create_merge_patch};

use crate::{
    fault::Router,
    objects::ObjectId,
    outcome::{Act, Aspect, Change},
};

/// Returns the merge patch from `before` to `after`, bound to the version of `before`; nothing if they are equal.
pub(crate) fn difference(
    router: Router,
    aspect: Aspect,
    id: &ObjectId,
    before: &Value,
    after: &Value,
) -> Option<Change> {
    if is_same(before, after) {
        return None;
    }
    let patch = bound(create_merge_patch(before, after), before);
    Some(Change::new(router, aspect, id.clone(), Act::Patch { patch }))
}

/// Returns whether two values are the same to a server, which drops nulls.
pub(crate) fn is_same(before: &Value, after: &Value) -> bool {
    before == after || without_nulls(before) == without_nulls(after)
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(_, member)| !member.is_null());
            Value::Object(kept.map(|(key, member)| (key.clone(), without_nulls(member))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

/// Binds a merge patch to the version and identity of an object.
pub(crate) fn bound(mut patch: Value, object: &Value) -> Value {
    for (field, value) in [("resourceVersion", meta::resource_version(object)), ("uid", meta::uid(object))] {
        if !value.is_empty() && patch.is_object() {
            patch["metadata"][field] = json!(value);
        }
    }
    patch
}
