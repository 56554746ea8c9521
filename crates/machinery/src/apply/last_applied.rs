//! The annotation in which client-side apply keeps its last configuration: `kubectl apply --server-side` on an object
//! that was applied by the client before must not conflict with itself, and keeps the annotation fresh.

use serde_json::{Map, Value};

use super::{WriteRequest, compare::compare, from_value::from_value, managed::Conflicts, set::Set, validate::validate};

/// The annotation.
const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The manager for whom the annotation counts.
const MANAGER: &str = "kubectl";

/// Annotations larger than this are refused by the API.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// Returns the conflicts that remain when fields of the last client-side configuration may be taken, as far as they
/// still have its values.
pub(super) fn without_allowed(write: &WriteRequest<'_>, live: &Value, conflicts: Conflicts) -> Conflicts {
    let Some(allowed) = allowed(write, live) else { return conflicts };
    let left = conflicts.0.into_iter().map(|(id, set)| (id, set.difference(&allowed)));
    Conflicts(left.filter(|(_, set)| !set.is_empty()).collect())
}

/// Writes the applied configuration into the annotation if the object has it.
pub(super) fn refresh(write: &WriteRequest<'_>, object: &mut Value, config: &Value) {
    if write.manager != MANAGER || annotation(object).is_none() {
        return;
    }
    let mut config = config.clone();
    if let Some(annotations) = config.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(ANNOTATION);
    }
    let text = format!("{config}\n");
    if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.insert(ANNOTATION.to_owned(), Value::String(text));
        if size(annotations) > MAX_ANNOTATIONS {
            annotations.remove(ANNOTATION);
        }
    }
}

fn annotation(object: &Value) -> Option<&str> {
    object.pointer("/metadata/annotations")?.get(ANNOTATION)?.as_str().filter(|text| !text.is_empty())
}

fn allowed(write: &WriteRequest<'_>, live: &Value) -> Option<Set> {
    if write.manager != MANAGER {
        return None;
    }
    let last: Value = serde_json::from_str(annotation(live)?).ok()?;
    if last.get("apiVersion")?.as_str()? != write.api_version() {
        return None;
    }
    validate(write.schema, &last).ok()?;
    let changed = compare(write.schema, &last, live);
    let kept = from_value(write.schema, &last);
    Some(kept.difference(&changed.modified).difference(&changed.added).difference(&changed.removed))
}

fn size(annotations: &Map<String, Value>) -> usize {
    annotations.iter().map(|(key, value)| key.len() + value.as_str().map_or(0, str::len)).sum()
}
