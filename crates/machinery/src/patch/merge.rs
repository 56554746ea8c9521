//! JSON merge patch, RFC 7386.

use serde_json::{Map, Value};

use super::json::json_kind;
use crate::error::ApiError;

/// Returns `document` after `patch`: objects merge, `null` deletes, everything else replaces.
///
/// As upstream does, `null` members of objects inside a list of the patch disappear too where the list replaces
/// something that is not an object.
///
/// # Errors
/// 400 when `patch` is not an object.
pub fn apply(mut document: Value, patch: &Value) -> Result<Value, ApiError> {
    let Value::Object(members) = patch else {
        return Err(ApiError::bad_request(format!(
            "error decoding patch: json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            json_kind(patch)
        )));
    };
    if !document.is_object() {
        document = Value::Object(Map::new());
    }
    if let Value::Object(map) = &mut document {
        merge(map, members);
    }
    Ok(document)
}

/// Returns the smallest merge patch that turns `from` into `to`.
///
/// A `null` inside `to` cannot be expressed (it would delete); lists are replaced whole.
///
/// ```
/// use serde_json::json;
/// use tiphys_machinery::patch::create_merge_patch;
///
/// let patch = create_merge_patch(&json!({"a": 1, "b": {"c": 2, "d": 3}}), &json!({"b": {"c": 2, "d": 4}}));
/// assert_eq!(patch, json!({"a": null, "b": {"d": 4}}));
/// ```
#[must_use]
pub fn create(from: &Value, to: &Value) -> Value {
    match (from, to) {
        (Value::Object(from), Value::Object(to)) => Value::Object(create_members(from, to)),
        _ => to.clone(),
    }
}

/// Returns the merge patch that brings `current` to `modified`: what the two differ in, and `null` for what `original`,
/// the configuration applied before, still had. Fields that only `current` has stay.
///
/// This is what client-side apply sends for custom resources; see [`super::strategic::create_three_way`] for others.
#[must_use]
pub fn create_three_way(original: &Value, modified: &Value, current: &Value) -> Value {
    match (original, modified, current) {
        (_, Value::Object(modified), Value::Object(current)) => {
            Value::Object(three_way_members(original, modified, current))
        }
        _ => modified.clone(),
    }
}

fn three_way_members(
    original: &Value,
    modified: &Map<String, Value>,
    current: &Map<String, Value>,
) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, new) in modified {
        let before = original.get(key).unwrap_or(&Value::Null);
        match (current.get(key), new) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                let members = three_way_members(before, new, old);
                if !members.is_empty() {
                    patch.insert(key.clone(), Value::Object(members));
                }
            }
            (Some(old), _) if old == new => {}
            // A `null` cannot be set: it removes what was applied before, and nothing else.
            (None, Value::Null) => {}
            (Some(_), Value::Null) if before.is_null() => {}
            _ => {
                patch.insert(key.clone(), new.clone());
            }
        }
    }
    for key in original.as_object().into_iter().flat_map(Map::keys).filter(|key| !modified.contains_key(*key)) {
        if current.contains_key(key) {
            patch.insert(key.clone(), Value::Null);
        }
    }
    patch
}

fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (key, new) in patch {
        if new.is_null() {
            target.remove(key);
            continue;
        }
        match (target.get_mut(key), new) {
            (Some(Value::Object(old)), Value::Object(members)) => merge(old, members),
            (Some(Value::Object(_)), _) => {
                target.insert(key.clone(), new.clone());
            }
            _ => {
                target.insert(key.clone(), without_nulls(new));
            }
        }
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), without_nulls(v))).collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

fn create_members(from: &Map<String, Value>, to: &Map<String, Value>) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, new) in to {
        match (from.get(key), new) {
            (Some(old), _) if old == new => {}
            (Some(Value::Object(old)), Value::Object(new)) => {
                patch.insert(key.clone(), Value::Object(create_members(old, new)));
            }
            _ => {
                patch.insert(key.clone(), new.clone());
            }
        }
    }
    for key in from.keys().filter(|key| !to.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    patch
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_examples_of_the_standard_hold() {
        for (document, patch, wanted) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
            (json!({"a": [1]}), json!({"a": [{"b": null, "c": 1}]}), json!({"a": [{"c": 1}]})),
        ] {
            assert_eq!(apply(document, &patch).unwrap(), wanted, "{patch}");
        }
    }

    #[test]
    fn only_an_object_is_a_patch() {
        let error = apply(json!({}), &json!([])).unwrap_err();
        assert_eq!((error.code, error.reason), (400, "BadRequest"));
    }

    #[test]
    fn three_documents_tell_what_was_dropped_from_what_others_added() {
        let none = json!({"labels": null});
        assert_eq!(create_three_way(&none, &none, &json!({"labels": {"a": "b"}})), json!({}));
        let original = json!({"a": 1, "gone": 1, "m": {"x": 1, "gone": 1}});
        let modified = json!({"a": 2, "m": {"x": 1}, "new": {"y": 1}});
        let current = json!({"a": 1, "gone": 1, "m": {"x": 1, "gone": 1, "theirs": 1}, "theirs": 1});
        let patch = create_three_way(&original, &modified, &current);
        assert_eq!(patch, json!({"a": 2, "gone": null, "m": {"gone": null}, "new": {"y": 1}}));
        let merged = apply(current, &patch).unwrap();
        assert_eq!(merged, json!({"a": 2, "m": {"x": 1, "theirs": 1}, "new": {"y": 1}, "theirs": 1}));
        assert_eq!(create_three_way(&modified, &modified, &merged), json!({}));
    }

    #[test]
    fn a_created_patch_leads_to_the_target() {
        for (from, to) in [
            (json!({"a": {"b": 1, "c": 2}, "l": [1]}), json!({"a": {"c": 3}, "l": [1, 2], "n": {}})),
            (json!({"a": 1}), json!({"a": {"b": 1}})),
            (json!({"a": {"b": 1}}), json!({"a": {}})),
        ] {
            let patch = create(&from, &to);
            assert_eq!(apply(from.clone(), &patch).unwrap(), to, "{patch}");
        }
        assert_eq!(create(&json!({"a": {"b": 1}}), &json!({"a": {"b": 1}})), json!({}));
    }
}
