//! Reading status fields.

use serde_json::Value;

/// Returns a number, 0 where there is none.
pub(super) fn count(parent: &Value, field: &str) -> i64 {
    parent[field].as_i64().unwrap_or_default()
}

/// Returns a text, empty where there is none.
pub(super) fn text<'v>(parent: &'v Value, field: &str) -> &'v str {
    parent[field].as_str().unwrap_or_default()
}

/// Returns the conditions of an object.
pub(super) fn conditions(object: &Value) -> impl Iterator<Item = &Value> {
    object["status"]["conditions"].as_array().into_iter().flatten()
}

/// Returns the first condition of a type.
pub(super) fn condition<'v>(object: &'v Value, name: &str) -> Option<&'v Value> {
    conditions(object).find(|condition| condition["type"] == name)
}
