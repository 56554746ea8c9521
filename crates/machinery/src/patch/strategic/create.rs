//! The two-way comparison: the strategic merge patch between two documents.

use serde_json::{Value, json};

use super::{DELETE_FROM, DIRECTIVE, Object, RETAIN_KEYS, SET_ORDER, child};
use crate::{go_text, schema::Schema};

/// Returns the strategic merge patch that turns `from` into `to`, an empty object if they are equal.
///
/// Mirrors what `kubectl apply` computes for built-in kinds: changed fields, `null` for removed ones, `$patch: delete`
/// items and `$deleteFromPrimitiveList` for merged lists, `$setElementOrder` where a merged list changes, and
/// `$retainKeys` where the schema asks for it.
#[must_use]
pub fn create(from: &Value, to: &Value, schema: &Schema) -> Value {
    match (from, to) {
        (Value::Object(from), Value::Object(to)) => Value::Object(diff_map(from, to, Some(schema), false)),
        _ => to.clone(),
    }
}

fn diff_map(from: &Object, to: &Object, schema: Option<&Schema>, retain_keys: bool) -> Object {
    let mut patch = Object::new();
    for (key, new) in to {
        match from.get(key) {
            Some(old) if old == new => {}
            Some(old) => diff_field(&mut patch, key, old, new, child(schema, key)),
            None => {
                patch.insert(key.clone(), new.clone());
            }
        }
    }
    let removed: Vec<&String> = from.keys().filter(|key| !to.contains_key(*key)).collect();
    for key in &removed {
        patch.insert((*key).clone(), Value::Null);
    }
    if retain_keys && !patch.is_empty() {
        let mut kept: Vec<&String> = to.iter().filter(|(_, v)| !v.is_null()).map(|(k, _)| k).collect();
        kept.sort();
        if !kept.is_empty() {
            patch.insert(RETAIN_KEYS.to_owned(), json!(kept));
        }
    }
    patch
}

fn diff_field(patch: &mut Object, key: &str, old: &Value, new: &Value, field: Option<&Schema>) {
    let strategy = field.map(|f| &f.strategy);
    match (old, new) {
        (Value::Object(old), Value::Object(new)) if !strategy.is_some_and(|s| s.replace) => {
            let members = diff_map(old, new, field, strategy.is_some_and(|s| s.retain_keys));
            if !members.is_empty() {
                patch.insert(key.to_owned(), Value::Object(members));
            }
        }
        (Value::Array(old), Value::Array(new)) if strategy.is_some_and(|s| s.merge) && !old.is_empty() => {
            match strategy.and_then(|s| s.merge_key.as_deref()) {
                Some(merge_key) => diff_items(patch, key, (old, new), merge_key, field),
                None => diff_scalars(patch, key, old, new),
            }
        }
        _ => {
            patch.insert(key.to_owned(), new.clone());
        }
    }
}

fn diff_items(
    patch: &mut Object,
    key: &str,
    (old, new): (&[Value], &[Value]),
    merge_key: &str,
    field: Option<&Schema>,
) {
    let retain = field.is_some_and(|f| f.strategy.retain_keys);
    let item_schema = field.and_then(|f| f.items.as_deref());
    let same = |a: &Value, b: &Value| a.get(merge_key) == b.get(merge_key);
    let mut items = Vec::new();
    for item in new {
        match (old.iter().find(|o| same(o, item)), item) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                let mut members = diff_map(old, new, item_schema, retain);
                if !members.is_empty() {
                    members.insert(merge_key.to_owned(), item[merge_key].clone());
                    items.push(Value::Object(members));
                }
            }
            _ => items.push(item.clone()),
        }
    }
    let mut gone: Vec<&Value> = old.iter().filter(|o| !new.iter().any(|n| same(o, n))).map(|o| &o[merge_key]).collect();
    gone.sort_by_key(|value| go_text::plain(value));
    items.extend(gone.into_iter().map(|value| json!({merge_key: value, DIRECTIVE: "delete"})));
    let reordered = old.len() != new.len() || !old.iter().zip(new).all(|(a, b)| same(a, b));
    if !items.is_empty() || reordered {
        let order: Vec<Value> = new.iter().map(|item| json!({merge_key: item[merge_key]})).collect();
        if !order.is_empty() {
            patch.insert(format!("{SET_ORDER}/{key}"), Value::Array(order));
        }
    }
    if !items.is_empty() {
        patch.insert(key.to_owned(), Value::Array(items));
    }
}

fn diff_scalars(patch: &mut Object, key: &str, old: &[Value], new: &[Value]) {
    let added: Vec<&Value> = new.iter().filter(|v| !old.contains(v)).collect();
    let mut removed: Vec<&Value> = old.iter().filter(|v| !new.contains(v)).collect();
    removed.sort_by_key(|value| go_text::plain(value));
    if !added.is_empty() {
        patch.insert(key.to_owned(), json!(added));
    }
    if !removed.is_empty() {
        patch.insert(format!("{DELETE_FROM}/{key}"), json!(removed));
    }
    if !new.is_empty() {
        patch.insert(format!("{SET_ORDER}/{key}"), json!(new));
    }
}
