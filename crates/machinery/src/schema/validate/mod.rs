//! Validation of custom resources against their schema, with the messages of the reference server.

mod lists;
mod node;
mod rules;
mod scale;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use self::{rules::unsupported_rules, scale::validate_scale};
use super::{ListType, Schema};
use crate::{error::Cause, field::Path};

/// Returns what is wrong with a custom resource; empty if nothing is.
///
/// On an update `old` is the object as stored: what an update leaves as it was is not validated again, so that a
/// stricter schema does not block unrelated changes. Names and labels in `metadata` are not looked at. The rules under
/// `x-kubernetes-validations` are asked last, and only if nothing is wrong that would mislead them.
#[must_use]
pub fn validate(value: &Value, old: Option<&Value>, schema: &Schema) -> Vec<Cause> {
    let mut causes = node::validate(value, old, schema);
    embedded(value, schema, &Path::default(), true, &mut causes);
    let ratchet = old.is_some_and(|old| !lists::duplicates(old, schema).is_empty());
    if !ratchet {
        causes.extend(lists::duplicates(value, schema));
    }
    if !rules::any(schema) {
        return causes;
    }
    if causes.iter().any(|c| MISLEADING.contains(&c.reason)) {
        let text = "some validation rules were not checked because the object was invalid; correct the existing errors \
                    to complete validation";
        causes.push(Path::default().invalid(Value::Null, text));
    } else {
        causes.extend(rules::check(value, old, schema));
    }
    causes
}

/// Where the shape itself is wrong, rules would fail for no reason of their own.
const MISLEADING: [&str; 5] =
    ["FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid"];

/// Finds in the old list the item that stands for the one at `index`: by keys in a list map, else none.
fn correlated<'a>(schema: &Schema, item: &Value, old: Option<&'a Value>) -> Option<&'a Value> {
    let ListType::Map(keys) = &schema.list else { return None };
    old?.as_array()?.iter().find(|other| keys.iter().all(|key| other.get(key) == item.get(key)))
}

/// Embedded resources must say what they are.
fn embedded(value: &Value, schema: &Schema, path: &Path, root: bool, causes: &mut Vec<Cause>) {
    match value {
        Value::Object(fields) => {
            if schema.embedded_resource && !root {
                for name in ["apiVersion", "kind"] {
                    match fields.get(name) {
                        None => causes.push(path.child(name).required("")),
                        Some(Value::String(text)) if text.is_empty() => {
                            causes.push(path.child(name).invalid("", "must not be empty"));
                        }
                        _ => {}
                    }
                }
            }
            for (name, child) in fields {
                if let Some(declared) = schema.properties.get(name) {
                    embedded(child, declared, &path.child(name), false, causes);
                } else if let Some(values) = &schema.additional {
                    embedded(child, values, &path.key(name), false, causes);
                }
            }
        }
        Value::Array(items) => {
            let Some(schema) = &schema.items else { return };
            for (i, item) in items.iter().enumerate() {
                embedded(item, schema, &path.index(i), false, causes);
            }
        }
        _ => {}
    }
}
