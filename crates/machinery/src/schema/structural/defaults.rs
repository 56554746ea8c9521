//! Defaults must be values that their own schema accepts.

use serde_json::Value;

use super::{
    super::{from_openapi, prune, validate},
    structure::properties,
};
use crate::{error::Cause, field::Path};

/// Adds what is wrong with the defaults below a schema. Those of `metadata`, `kind` and `apiVersion` are not looked at.
pub(super) fn check(schema: &Value, at: &Path, causes: &mut Vec<Cause>) {
    node(schema, true, at, causes);
}

fn node(schema: &Value, is_object: bool, at: &Path, causes: &mut Vec<Cause>) {
    if let Some(default) = schema.get("default").filter(|d| !d.is_null()) {
        value(default, schema, &at.child("default"), causes);
    }
    if schema["items"].is_object() {
        node(&schema["items"], false, &at.child("items"), causes);
    }
    let embedded = is_object || schema["x-kubernetes-embedded-resource"] == true;
    for (name, property) in properties(schema) {
        if !embedded || !matches!(name.as_str(), "metadata" | "kind" | "apiVersion") {
            node(property, false, &at.child("properties").key(name), causes);
        }
    }
}

fn value(default: &Value, schema: &Value, at: &Path, causes: &mut Vec<Cause>) {
    let schema = from_openapi(schema);
    let mut pruned = default.clone();
    prune(&mut pruned, &schema);
    if pruned != *default {
        causes.push(at.invalid(default.clone(), "must not have unknown fields"));
    }
    for mut cause in validate(default, None, &schema) {
        cause.field = if cause.field == "<nil>" { at.to_string() } else { at.child(&cause.field).to_string() };
        causes.push(cause);
    }
}
