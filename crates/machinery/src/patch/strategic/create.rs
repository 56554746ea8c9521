//! Comparisons: the strategic merge patch between two documents, and the one that `kubectl apply` makes of three.

use serde_json::{Value, json};

use super::{DELETE_FROM, DIRECTIVE, Object, RETAIN_KEYS, SET_ORDER, child};
use crate::{go_text, schema::Schema};

/// Returns the strategic merge patch that turns `from` into `to`, an empty object if they are equal.
///
/// Changed fields, `null` for removed ones, `$patch: delete` items and `$deleteFromPrimitiveList` for merged lists,
/// `$setElementOrder` where a merged list changes, and `$retainKeys` where the schema asks for it.
#[must_use]
pub fn create(from: &Value, to: &Value, schema: &Schema) -> Value {
    diff(from, to, schema, Want { additions: true, deletions: true })
}

/// Returns the strategic merge patch that brings `current` to `modified`: what the two differ in, and the removal of
/// what `original`, the configuration applied before, still had. Fields that only `current` has stay.
///
/// This is what client-side apply sends for built-in kinds; see [`crate::patch::merge::create_three_way`] for others.
#[must_use]
pub fn create_three_way(original: &Value, modified: &Value, current: &Value, schema: &Schema) -> Value {
    let changes = diff(current, modified, schema, Want { additions: true, deletions: false });
    let removals = diff(original, modified, schema, Want { additions: false, deletions: true });
    match (removals, changes) {
        (Value::Object(removals), Value::Object(changes)) => Value::Object(join_maps(removals, changes, Some(schema))),
        (_, changes) => changes,
    }
}

/// Which differences go into the patch.
#[derive(Clone, Copy)]
struct Want {
    additions: bool,
    deletions: bool,
}

fn diff(from: &Value, to: &Value, schema: &Schema, want: Want) -> Value {
    match (from, to) {
        (Value::Object(from), Value::Object(to)) => Value::Object(diff_map(from, to, Some(schema), (false, want))),
        _ => to.clone(),
    }
}

fn diff_map(from: &Object, to: &Object, schema: Option<&Schema>, (retain_keys, want): (bool, Want)) -> Object {
    let mut patch = Object::new();
    for (key, new) in to {
        match from.get(key) {
            Some(old) if old == new => {}
            Some(old) => diff_field(&mut patch, (key, old, new), child(schema, key), want),
            None if want.additions => {
                patch.insert(key.clone(), new.clone());
            }
            None => {}
        }
    }
    let removed = || from.keys().filter(|key| !to.contains_key(*key));
    if want.deletions {
        patch.extend(removed().map(|key| (key.clone(), Value::Null)));
    }
    if retain_keys && (!patch.is_empty() || removed().next().is_some()) {
        let mut kept: Vec<&String> = to.iter().filter(|(_, v)| !v.is_null()).map(|(k, _)| k).collect();
        kept.sort();
        if !kept.is_empty() {
            patch.insert(RETAIN_KEYS.to_owned(), json!(kept));
        }
    }
    patch
}

fn diff_field(patch: &mut Object, (key, old, new): (&str, &Value, &Value), field: Option<&Schema>, want: Want) {
    let strategy = field.map(|f| &f.strategy);
    match (old, new) {
        (Value::Object(old), Value::Object(new)) if !strategy.is_some_and(|s| s.replace) => {
            let members = diff_map(old, new, field, (strategy.is_some_and(|s| s.retain_keys), want));
            if !members.is_empty() {
                patch.insert(key.to_owned(), Value::Object(members));
            }
        }
        (Value::Array(old), Value::Array(new)) if strategy.is_some_and(|s| s.merge) && !old.is_empty() => {
            match strategy.and_then(|s| s.merge_key.as_deref()) {
                Some(merge_key) => diff_items(patch, (key, old, new), (merge_key, field), want),
                None => diff_scalars(patch, (key, old, new), want),
            }
        }
        _ if want.additions => {
            patch.insert(key.to_owned(), new.clone());
        }
        _ => {}
    }
}

fn diff_items(
    patch: &mut Object,
    (key, old, new): (&str, &[Value], &[Value]),
    (merge_key, field): (&str, Option<&Schema>),
    want: Want,
) {
    let same = |a: &Value, b: &Value| a.get(merge_key) == b.get(merge_key);
    let mut items = changed_items((old, new), (merge_key, field), want);
    if want.deletions {
        let mut gone: Vec<&Value> =
            old.iter().filter(|o| !new.iter().any(|n| same(o, n))).map(|o| &o[merge_key]).collect();
        gone.sort_by_key(|value| go_text::plain(value));
        items.extend(gone.into_iter().map(|value| json!({merge_key: value, DIRECTIVE: "delete"})));
    }
    let reordered = old.len() != new.len() || !old.iter().zip(new).all(|(a, b)| same(a, b));
    if (!items.is_empty() || (want.additions && reordered)) && !new.is_empty() {
        let order: Vec<Value> = new.iter().map(|item| json!({merge_key: item[merge_key]})).collect();
        patch.insert(format!("{SET_ORDER}/{key}"), Value::Array(order));
    }
    if !items.is_empty() {
        patch.insert(key.to_owned(), Value::Array(items));
    }
}

fn changed_items(
    (old, new): (&[Value], &[Value]),
    (merge_key, field): (&str, Option<&Schema>),
    want: Want,
) -> Vec<Value> {
    let retain_keys = field.is_some_and(|f| f.strategy.retain_keys);
    let item_schema = field.and_then(|f| f.items.as_deref());
    let mut items = Vec::new();
    for (at, item) in new.iter().enumerate() {
        let same = |other: &&Value| other.get(merge_key) == item.get(merge_key);
        // Of items that share a key (ports that differ by protocol alone) the first is the first, and so on.
        let before = old.iter().filter(same).take(new[..=at].iter().filter(same).count()).last();
        match (before, item) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                let mut members = diff_map(old, new, item_schema, (retain_keys, want));
                if !members.is_empty() {
                    members.insert(merge_key.to_owned(), item[merge_key].clone());
                    items.push(Value::Object(members));
                }
            }
            _ if want.additions => items.push(item.clone()),
            _ => {}
        }
    }
    items
}

fn diff_scalars(patch: &mut Object, (key, old, new): (&str, &[Value], &[Value]), want: Want) {
    let added: Vec<&Value> = new.iter().filter(|v| want.additions && !old.contains(v)).collect();
    let mut removed: Vec<&Value> = old.iter().filter(|v| want.deletions && !new.contains(v)).collect();
    removed.sort_by_key(|value| go_text::plain(value));
    if (want.additions || !removed.is_empty()) && !new.is_empty() {
        patch.insert(format!("{SET_ORDER}/{key}"), json!(new));
    }
    if !added.is_empty() {
        patch.insert(key.to_owned(), json!(added));
    }
    if !removed.is_empty() {
        patch.insert(format!("{DELETE_FROM}/{key}"), json!(removed));
    }
}

/// One patch out of removals and changes, which never speak of the same leaf.
fn join_maps(mut removals: Object, changes: Object, schema: Option<&Schema>) -> Object {
    for (key, change) in changes {
        let field = child(schema, &key);
        let joined = match (removals.remove(&key), change) {
            (Some(Value::Object(a)), Value::Object(b)) => Value::Object(join_maps(a, b, field)),
            (Some(Value::Array(a)), Value::Array(b)) if !key.starts_with('$') => {
                let order = removals.get(&format!("{SET_ORDER}/{key}")).and_then(Value::as_array).cloned();
                Value::Array(join_lists(a, b, field, &order.unwrap_or_default()))
            }
            (_, change) => change,
        };
        removals.insert(key, joined);
    }
    removals
}

/// Items in the order of the merged list, deletions last.
fn join_lists(removals: Vec<Value>, changes: Vec<Value>, field: Option<&Schema>, order: &[Value]) -> Vec<Value> {
    let Some(key) = field.and_then(|f| f.strategy.merge_key.as_deref()) else { return changes };
    let item_schema = field.and_then(|f| f.items.as_deref());
    let mut joined = removals;
    for change in changes {
        match (joined.iter_mut().find(|item| item.get(key) == change.get(key)), change) {
            (Some(Value::Object(item)), Value::Object(change)) => {
                *item = join_maps(std::mem::take(item), change, item_schema);
            }
            (_, change) => joined.push(change),
        }
    }
    joined.sort_by_key(|item| order.iter().position(|o| o.get(key) == item.get(key)).unwrap_or(usize::MAX));
    joined
}
