//! How cells are written.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{meta, selector::LabelSelector, time};

/// What stands for nothing.
pub(super) const NONE: &str = "<none>";

/// The object's name.
pub(super) fn name(object: &Value) -> Value {
    json!(meta::name(object))
}

/// The object's age.
pub(super) fn age(object: &Value, now: Timestamp) -> Value {
    json!(time::age(&object["metadata"]["creationTimestamp"], now))
}

/// A text below `path` (a JSON pointer), empty if missing.
pub(super) fn text<'o>(object: &'o Value, path: &str) -> &'o str {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// A text below `path`, or `otherwise` if missing or empty.
pub(super) fn text_or<'o>(object: &'o Value, path: &str, otherwise: &'o str) -> &'o str {
    let text = text(object, path);
    if text.is_empty() { otherwise } else { text }
}

/// A number below `path`, 0 if missing.
pub(super) fn number(object: &Value, path: &str) -> i64 {
    object.pointer(path).and_then(Value::as_i64).unwrap_or_default()
}

/// A list below `path`, empty if missing.
pub(super) fn list<'o>(object: &'o Value, path: &str) -> &'o [Value] {
    object.pointer(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A number of entries below `path`, of a list or a map.
pub(super) fn count(object: &Value, path: &str) -> usize {
    match object.pointer(path) {
        Some(Value::Array(items)) => items.len(),
        Some(Value::Object(fields)) => fields.len(),
        _ => 0,
    }
}

/// An integer, quantity or percentage as text; `otherwise` if missing.
pub(super) fn plain(value: Option<&Value>, otherwise: &str) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => otherwise.to_owned(),
        Some(other) => other.to_string(),
    }
}

/// `a,b` of one field of each item.
pub(super) fn joined(items: &[Value], field: &str) -> String {
    items.iter().map(|item| item[field].as_str().unwrap_or_default()).collect::<Vec<_>>().join(",")
}

/// Names and images of the containers of a pod template.
pub(super) fn containers(template: &Value) -> [Value; 2] {
    let containers = list(template, "/spec/containers");
    [json!(joined(containers, "name")), json!(joined(containers, "image"))]
}

/// A map of labels as `a=b,c=d`.
pub(super) fn labels(labels: &Value) -> Value {
    let text = LabelSelector::from_map(labels).to_string();
    json!(if text.is_empty() { NONE } else { &text })
}

/// A label selector object as text.
pub(super) fn selector(selector: &Value) -> Value {
    match LabelSelector::from_object(selector).map(|s| s.to_string()) {
        Ok(text) if text.is_empty() => json!(NONE),
        Ok(text) => json!(text),
        Err(_) => json!("<error>"),
    }
}

/// The first `limit` entries of a list, and how many more there are.
pub(super) fn shortened(items: &[String], limit: usize, separator: &str) -> String {
    if items.len() <= limit {
        return items.join(separator);
    }
    format!("{} + {} more...", items[..limit].join(separator), items.len() - limit)
}
