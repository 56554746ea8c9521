//! Sets without duplicates, list maps without duplicate keys.

use serde_json::{Map, Value};

use super::super::{ListType, Schema};
use crate::{error::Cause, field::Path};

/// Returns a cause for each item that occurs a second time.
pub(super) fn duplicates(value: &Value, schema: &Schema) -> Vec<Cause> {
    let mut causes = Vec::new();
    walk(value, schema, &Path::default(), &mut causes);
    causes
}

fn walk(value: &Value, schema: &Schema, path: &Path, causes: &mut Vec<Cause>) {
    match value {
        Value::Object(fields) => {
            for (name, child) in fields {
                if let Some(declared) = schema.properties.get(name).filter(|d| d.type_name.is_none()) {
                    walk(child, declared, &path.child(name), causes);
                } else if let Some(values) = &schema.additional {
                    walk(child, values, &path.key(name), causes);
                }
            }
        }
        Value::Array(items) => list(items, schema, path, causes),
        _ => {}
    }
}

fn list(items: &[Value], schema: &Schema, path: &Path, causes: &mut Vec<Cause>) {
    match &schema.list {
        ListType::Atomic => {}
        ListType::Set => second_occurrences(items, path, causes),
        ListType::Map(keys) => {
            let odd = items.iter().position(|item| !item.is_object() && !item.is_null());
            if let Some(i) = odd {
                let reason = "must be an object for an array of list-type map";
                causes.push(path.index(i).invalid(items[i].clone(), reason));
            } else {
                let identities: Vec<Value> = items.iter().map(|item| identity(item, keys)).collect();
                second_occurrences(&identities, path, causes);
            }
        }
    }
    if let Some(schema) = &schema.items {
        for (i, item) in items.iter().enumerate() {
            walk(item, schema, &path.index(i), causes);
        }
    }
}

fn identity(item: &Value, keys: &[String]) -> Value {
    let given = keys.iter().filter_map(|key| item.get(key).map(|value| (key.clone(), value.clone())));
    Value::Object(given.collect::<Map<_, _>>())
}

/// Names each value once, where it occurs for the second time.
fn second_occurrences(items: &[Value], path: &Path, causes: &mut Vec<Cause>) {
    for (i, item) in items.iter().enumerate() {
        if items[..i].iter().filter(|earlier| *earlier == item).count() == 1 {
            causes.push(path.index(i).duplicate(item.clone()));
        }
    }
}
