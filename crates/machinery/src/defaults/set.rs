//! Filling fields of JSON objects the way Go code fills typed ones.

use serde_json::{Map, Value, json};

/// The fields of a JSON object.
pub(crate) type Fields = Map<String, Value>;

/// Sets a text that is missing or empty.
pub(crate) fn text(fields: &mut Fields, name: &str, value: &str) {
    if fields.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
        fields.insert(name.to_owned(), json!(value));
    }
}

/// Sets a number that is missing or zero.
pub(crate) fn number(fields: &mut Fields, name: &str, value: i64) {
    if fields.get(name).and_then(Value::as_i64).unwrap_or(0) == 0 {
        fields.insert(name.to_owned(), json!(value));
    }
}

/// Sets a field that is missing.
pub(crate) fn pointer(fields: &mut Fields, name: &str, value: impl Into<Value>) {
    if !has(fields, name) {
        fields.insert(name.to_owned(), value.into());
    }
}

/// Returns whether a field has a value.
pub(crate) fn has(fields: &Fields, name: &str) -> bool {
    fields.get(name).is_some_and(|value| !value.is_null())
}

/// Returns a text, empty if missing.
pub(crate) fn get<'f>(fields: &'f Fields, name: &str) -> &'f str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Changes the object in a field, if there is one.
pub(crate) fn within(fields: &mut Fields, name: &str, change: impl FnOnce(&mut Fields)) {
    if let Some(inner) = fields.get_mut(name).and_then(Value::as_object_mut) {
        change(inner);
    }
}

/// Changes the object in a field, which is made first if missing.
pub(crate) fn made(fields: &mut Fields, name: &str, change: impl FnOnce(&mut Fields)) {
    pointer(fields, name, json!({}));
    within(fields, name, change);
}

/// Changes each object of the list in a field.
pub(crate) fn items(fields: &mut Fields, name: &str, change: impl Fn(&mut Fields)) {
    let items = fields.get_mut(name).and_then(Value::as_array_mut);
    items.into_iter().flatten().filter_map(Value::as_object_mut).for_each(change);
}
