//! Whether a schema describes structure in one way only.

use serde_json::{Map, Value, json};

use crate::{error::Cause, field::Path};

/// Adds what keeps a schema from being structural.
pub(super) fn check(schema: &Value, at: &Path, causes: &mut Vec<Cause>) {
    node(schema, Level::Root, at, causes);
    completeness(schema, schema, at, at, causes);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

fn node(schema: &Value, level: Level, at: &Path, causes: &mut Vec<Cause>) {
    let ty = schema["type"].as_str().unwrap_or_default();
    check_type(schema, ty, level, at, causes);
    check_embedded(schema, at, causes);
    check_metadata(schema, level, at, causes);
    let int_or_string = |any_of: &Value| *any_of == json!([{"type": "integer"}, {"type": "string"}]);
    let skip =
        Skip { any_of: int_or_string(&schema["anyOf"]), first_all_of: int_or_string(&schema["allOf"][0]["anyOf"]) };
    value_validation(schema, skip, at, causes);
    if ty == "array" && !has(schema, "items") {
        causes.push(at.child("items").required("must be specified"));
    }
    if schema["items"].is_object() {
        node(&schema["items"], Level::Item, &at.child("items"), causes);
    }
    for (name, property) in properties(schema) {
        node(property, Level::Field, &at.child("properties").key(name), causes);
    }
    let additional = &schema["additionalProperties"];
    if has(schema, "additionalProperties") && level == Level::Root {
        causes.push(at.child("additionalProperties").forbidden("must not be used at the root"));
    }
    if additional.is_object() {
        node(additional, Level::Field, &at.child("additionalProperties"), causes);
    }
}

fn has(schema: &Value, name: &str) -> bool {
    schema.get(name).is_some_and(|v| !v.is_null())
}

pub(super) fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flat_map(Map::iter)
}

fn check_type(schema: &Value, ty: &str, level: Level, at: &Path, causes: &mut Vec<Cause>) {
    let at = at.child("type");
    let free = schema["x-kubernetes-int-or-string"] == true || schema["x-kubernetes-preserve-unknown-fields"] == true;
    if schema["x-kubernetes-embedded-resource"] == true && ty != "object" {
        let reason = "must be object if x-kubernetes-embedded-resource is true";
        causes.push(if ty.is_empty() { at.required(reason) } else { at.invalid(ty, reason) });
    } else if ty.is_empty() && !free {
        causes.push(at.required(match level {
            Level::Root => "must not be empty at the root",
            Level::Item => "must not be empty for specified array items",
            Level::Field => "must not be empty for specified object fields",
        }));
    }
    if level == Level::Root && !ty.is_empty() && ty != "object" {
        causes.push(at.invalid(ty, "must be object at the root"));
    }
}

fn check_embedded(schema: &Value, at: &Path, causes: &mut Vec<Cause>) {
    for name in ["x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"] {
        if schema["x-kubernetes-int-or-string"] == true && schema[name] == true {
            causes.push(at.child(name).invalid(true, "must be false if x-kubernetes-int-or-string is true"));
        }
    }
    if schema["x-kubernetes-embedded-resource"] != true {
        return;
    }
    if has(schema, "additionalProperties") {
        let reason = "must not be used if x-kubernetes-embedded-resource is set";
        causes.push(at.child("additionalProperties").forbidden(reason));
    }
    if schema["x-kubernetes-preserve-unknown-fields"] != true && properties(schema).next().is_none() {
        let reason = "must not be empty if x-kubernetes-embedded-resource is true without \
                      x-kubernetes-preserve-unknown-fields";
        causes.push(at.child("properties").required(reason));
    }
}

/// `kind`, `apiVersion` and `metadata` of the object itself are not the schema's business, but for the name.
fn check_metadata(schema: &Value, level: Level, at: &Path, causes: &mut Vec<Cause>) {
    if level != Level::Root && schema["x-kubernetes-embedded-resource"] != true {
        return;
    }
    for (name, ty) in [("kind", "string"), ("apiVersion", "string"), ("metadata", "object")] {
        if let Some(property) = schema["properties"].get(name)
            && property["type"] != ty
        {
            let given = property["type"].as_str().unwrap_or_default();
            let path = at.child("properties").key(name).child("type");
            causes.push(path.invalid(given, &format!("must be {ty}")));
        }
    }
    let Some(metadata) = schema["properties"].get("metadata").and_then(Value::as_object) else { return };
    let only_name = |key: &String| match key.as_str() {
        "type" | "default" => true,
        "properties" => metadata[key].as_object().is_some_and(|p| p.keys().all(|k| k == "name" || k == "generateName")),
        _ => false,
    };
    if level == Level::Root && !metadata.keys().all(only_name) {
        let reason = "must not specify anything other than name and generateName, but metadata is implicitly specified";
        causes.push(at.child("properties").key("metadata").forbidden(reason));
    }
}

/// Where a schema says "integer or string" in the one way in which a nested schema may name types.
#[derive(Clone, Copy, Default)]
struct Skip {
    any_of: bool,
    first_all_of: bool,
}

/// Checks the schemas under `allOf`, `anyOf`, `oneOf` and `not`.
fn value_validation(schema: &Value, skip: Skip, at: &Path, causes: &mut Vec<Cause>) {
    for junctor in ["anyOf", "allOf", "oneOf"] {
        if junctor == "anyOf" && skip.any_of {
            continue;
        }
        for (i, inner) in schema[junctor].as_array().into_iter().flatten().enumerate() {
            let any_of = junctor == "allOf" && i == 0 && skip.first_all_of;
            nested(inner, Skip { any_of, first_all_of: false }, &at.child(junctor).index(i), causes);
        }
    }
    if schema["not"].is_object() {
        nested(&schema["not"], Skip::default(), &at.child("not"), causes);
    }
    if let Some(pattern) = schema["pattern"].as_str()
        && let Err(error) = regex::Regex::new(pattern)
    {
        let error = error.to_string();
        let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
        let reason = format!("must be a valid regular expression, but isn't: error parsing regexp: {why}");
        causes.push(at.child("pattern").invalid(pattern, &reason));
    }
}

/// What a schema under a junctor may not say: it restricts values, it declares no structure.
const NOT_NESTED: [(&str, &str); 13] = [
    ("type", "must be empty to be structural"),
    ("additionalProperties", "must be undefined to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    ("x-kubernetes-preserve-unknown-fields", "must be false to be structural"),
    ("x-kubernetes-embedded-resource", "must be false to be structural"),
    ("x-kubernetes-int-or-string", "must be false to be structural"),
    ("x-kubernetes-list-map-keys", "must be empty to be structural"),
    ("x-kubernetes-list-type", "must be undefined to be structural"),
    ("x-kubernetes-map-type", "must be undefined to be structural"),
    ("x-kubernetes-validations", "must be empty to be structural"),
];

fn nested(schema: &Value, skip: Skip, at: &Path, causes: &mut Vec<Cause>) {
    value_validation(schema, skip, at, causes);
    for (name, reason) in NOT_NESTED {
        let empty = |value: &Value| match value {
            Value::Null | Value::Bool(false) => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => false,
        };
        if schema.get(name).is_some_and(|value| !empty(value)) {
            causes.push(at.child(name).forbidden(reason));
        }
    }
    if schema["items"].is_object() {
        nested(&schema["items"], Skip::default(), &at.child("items"), causes);
    }
    for (name, property) in properties(schema) {
        let path = at.child("properties").key(name);
        if name == "metadata" {
            causes.push(path.forbidden("must not be specified in a nested context"));
        }
        nested(property, Skip::default(), &path, causes);
    }
}

/// What a value validation of the root restricts must be declared; those further down are not looked at upstream.
fn completeness(validation: &Value, structure: &Value, at: &Path, structure_at: &Path, causes: &mut Vec<Cause>) {
    for junctor in ["allOf", "anyOf", "oneOf"] {
        for (i, inner) in validation[junctor].as_array().into_iter().flatten().enumerate() {
            nested_completeness(inner, structure, &at.child(junctor).index(i), structure_at, causes);
        }
    }
    if validation["not"].is_object() {
        nested_completeness(&validation["not"], structure, &at.child("not"), structure_at, causes);
    }
}

fn nested_completeness(validation: &Value, structure: &Value, at: &Path, structure_at: &Path, causes: &mut Vec<Cause>) {
    completeness(validation, structure, at, structure_at, causes);
    let mut below = |inner: &Value, declared: Option<&Value>, path: &Path, structural: &Path| match declared {
        Some(declared) => nested_completeness(inner, declared, path, structural, causes),
        None => causes.push(structural.required(&format!("because it is defined in {path}"))),
    };
    for (name, property) in properties(validation) {
        let (path, structural) = (at.child("properties").key(name), structure_at.child("properties").key(name));
        below(property, structure["properties"].get(name), &path, &structural);
    }
    if validation["items"].is_object() {
        let declared = Some(&structure["items"]).filter(|i| i.is_object());
        below(&validation["items"], declared, &at.child("items"), &structure_at.child("items"));
    }
}
