//! Merge patches between two JSON objects.

use serde_json::{Map, Value};

/// Returns the merge patch that makes `after` of `before`; `None` if they are equal. Lists are replaced whole.
#[must_use]
pub(crate) fn diff(before: &Value, after: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return (before != after).then(|| after.clone());
    };
    let mut patch = Map::new();
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, value) in new {
        match old.get(key) {
            Some(known) => patch.extend(diff(known, value).map(|change| (key.clone(), change))),
            None => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn diff_names_only_what_changes() {
        let before = json!({"a": 1, "b": {"c": [1, 2], "d": "x"}, "e": {"f": 1}});
        let after = json!({"a": 1, "b": {"c": [1], "d": "x"}, "g": true});
        assert_eq!(diff(&before, &after), Some(json!({"b": {"c": [1]}, "e": null, "g": true})));
        assert_eq!(diff(&before, &before), None);
    }
}
