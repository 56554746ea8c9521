//! What the API demands of a CustomResourceDefinition's schema before it accepts it.

use serde_json::{Map, Value};

use crate::{error::Cause, field::Path};

/// Returns what keeps `schema` from being the structural schema of a version, sorted by text as upstream does; empty if
/// nothing does. `at` is where the schema is, such as `spec.versions[0].schema.openAPIV3Schema`.
#[must_use]
pub fn check(schema: &Value, at: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    node(schema, Level::Root, at, &mut causes);
    nested_of(schema, Some(schema), at, at, Level::Root, &mut causes);
    causes.sort_by(|a, b| (&a.field, &a.message).cmp(&(&b.field, &b.message)));
    causes.dedup();
    causes
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

fn node(schema: &Value, level: Level, at: &Path, causes: &mut Vec<Cause>) {
    let object = schema.as_object();
    let has = |name: &str| object.is_some_and(|o| o.get(name).is_some_and(|v| !v.is_null()));
    let ty = schema["type"].as_str().unwrap_or_default();
    check_type(schema, ty, level, at, causes);
    forbidden_keywords(schema, at, causes);
    check_list(schema, ty, at, causes);
    check_map(schema, ty, at, causes);
    check_embedded(schema, ty, at, causes);
    check_metadata(schema, level, at, causes);
    if let Some(pattern) = schema["pattern"].as_str()
        && let Err(error) = regex::Regex::new(pattern)
    {
        let reason = format!("must be a valid regular expression, but isn't: {error}");
        causes.push(at.child("pattern").invalid(pattern, &reason));
    }
    if ty == "array" && !has("items") {
        causes.push(at.child("items").required("must be specified"));
    }
    if schema["items"].is_object() {
        node(&schema["items"], Level::Item, &at.child("items"), causes);
    }
    for (name, property) in properties(schema) {
        if level == Level::Root && name == "metadata" {
            continue;
        }
        node(property, Level::Field, &at.child("properties").key(name), causes);
    }
    if has("additionalProperties") {
        let below = at.child("additionalProperties");
        if level == Level::Root {
            causes.push(below.forbidden("must not be used at the root"));
        }
        if schema["additionalProperties"].is_object() {
            node(&schema["additionalProperties"], Level::Field, &below, causes);
        }
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
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
    const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
    if !ty.is_empty() && !TYPES.contains(&ty) {
        causes.push(at.unsupported(ty, &TYPES));
    }
}

/// Keywords of JSON Schema that the API refuses anywhere.
fn forbidden_keywords(schema: &Value, at: &Path, causes: &mut Vec<Cause>) {
    for name in ["definitions", "dependencies", "id", "patternProperties", "additionalItems", "$ref"] {
        if schema.get(name).is_some_and(|v| !v.is_null()) {
            causes.push(at.child(name).forbidden(&format!("{name} is not supported")));
        }
    }
    if schema["uniqueItems"] == true {
        let reason = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        causes.push(at.child("uniqueItems").forbidden(reason));
    }
    let additional = &schema["additionalProperties"];
    if !additional.is_null() && properties(schema).next().is_some() && *additional != Value::Bool(false) {
        causes.push(
            at.child("additionalProperties").forbidden("additionalProperties and properties are mutual exclusive"),
        );
    }
    if *additional == Value::Bool(false) {
        causes.push(at.child("additionalProperties").forbidden("additionalProperties cannot be set to false"));
    }
    if schema["x-kubernetes-preserve-unknown-fields"] == false {
        causes.push(at.child("x-kubernetes-preserve-unknown-fields").invalid(false, "must be true or undefined"));
    }
    if schema["x-kubernetes-int-or-string"] == true {
        for name in ["x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"] {
            if schema[name] == true {
                causes.push(at.child(name).invalid(true, "must be false if x-kubernetes-int-or-string is true"));
            }
        }
    }
}

fn check_list(schema: &Value, ty: &str, at: &Path, causes: &mut Vec<Cause>) {
    let keys: Vec<&str> =
        schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let list = schema["x-kubernetes-list-type"].as_str();
    let key_path = at.child("x-kubernetes-list-map-keys");
    if list.is_some() && ty != "array" {
        let reason = "must be array if x-kubernetes-list-type is specified";
        let at = at.child("type");
        causes.push(if ty.is_empty() { at.required(reason) } else { at.invalid(ty, reason) });
    }
    if let Some(other) = list.filter(|l| !matches!(*l, "atomic" | "set" | "map")) {
        causes.push(at.child("x-kubernetes-list-type").unsupported(other, &["atomic", "set", "map"]));
    }
    if !keys.is_empty() && list != Some("map") {
        let reason = "must be map if x-kubernetes-list-map-keys is non-empty";
        let at = at.child("x-kubernetes-list-type");
        causes.push(list.map_or_else(|| at.required(reason), |l| at.invalid(l, reason)));
    }
    if list != Some("map") {
        return;
    }
    if keys.is_empty() {
        causes.push(key_path.required("must not be empty if x-kubernetes-list-type is map"));
    }
    if !schema["items"].is_object() {
        causes.push(at.child("items").required("must have a schema if x-kubernetes-list-type is map"));
        return;
    }
    let item_type = schema["items"]["type"].as_str().unwrap_or_default();
    if item_type != "object" {
        let reason = "must be object if parent array's x-kubernetes-list-type is map";
        causes.push(at.child("items").child("type").invalid(item_type, reason));
    }
    check_keys(schema, &keys, at, causes);
}

fn check_keys(schema: &Value, keys: &[&str], at: &Path, causes: &mut Vec<Cause>) {
    let items = &schema["items"];
    let key_path = at.child("x-kubernetes-list-map-keys");
    for (i, &key) in keys.iter().enumerate() {
        match items["properties"].get(key) {
            None => causes.push(key_path.invalid(keys.to_vec(), "entries must all be names of item properties")),
            Some(property) if matches!(property["type"].as_str(), Some("array" | "object")) => {
                let reason = "must be a scalar type if parent array's x-kubernetes-list-type is map";
                let ty = items["type"].as_str().unwrap_or_default();
                causes.push(at.child("items").child("properties").key(key).child("type").invalid(ty, reason));
            }
            Some(property) => {
                let required = items["required"].as_array().is_some_and(|r| r.iter().any(|n| n == key));
                if !required && property["default"].is_null() {
                    let reason = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a \
                                  required property";
                    causes.push(at.child("items").child("properties").key(key).child("default").required(reason));
                }
            }
        }
        if keys[..i].contains(&key) {
            causes.push(key_path.invalid(keys.to_vec(), "must not contain duplicate entries"));
        }
    }
}

fn check_map(schema: &Value, ty: &str, at: &Path, causes: &mut Vec<Cause>) {
    let Some(map) = schema["x-kubernetes-map-type"].as_str() else { return };
    if ty != "object" {
        let reason = "must be object if x-kubernetes-map-type is specified";
        let at = at.child("type");
        causes.push(if ty.is_empty() { at.required(reason) } else { at.invalid(ty, reason) });
    }
    if !matches!(map, "atomic" | "granular") {
        causes.push(at.child("x-kubernetes-map-type").unsupported(map, &["atomic", "granular"]));
    }
}

fn check_embedded(schema: &Value, ty: &str, at: &Path, causes: &mut Vec<Cause>) {
    if schema["x-kubernetes-embedded-resource"] != true || ty != "object" {
        return;
    }
    if !schema["additionalProperties"].is_null() {
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

/// Checks the schemas under `allOf`, `anyOf`, `oneOf` and `not` of a node, and of the nodes below it.
fn nested_of(
    schema: &Value,
    structure: Option<&Value>,
    at: &Path,
    structure_at: &Path,
    level: Level,
    causes: &mut Vec<Cause>,
) {
    let int_or_string = int_or_string_any_of(&schema["anyOf"]);
    for junctor in ["allOf", "anyOf", "oneOf"] {
        if junctor == "anyOf" && int_or_string {
            continue;
        }
        for (i, nested) in schema[junctor].as_array().into_iter().flatten().enumerate() {
            let path = at.child(junctor).index(i);
            if junctor == "allOf" && i == 0 && int_or_string_any_of(&nested["anyOf"]) {
                continue;
            }
            value_validation(nested, structure, &path, structure_at, level, causes);
        }
    }
    if schema["not"].is_object() {
        value_validation(&schema["not"], structure, &at.child("not"), structure_at, level, causes);
    }
    if !std::ptr::eq(schema, structure.unwrap_or(&Value::Null)) {
        return;
    }
    for (name, property) in properties(schema) {
        let path = at.child("properties").key(name);
        nested_of(property, Some(property), &path, &path, Level::Field, causes);
    }
    for name in ["items", "additionalProperties"] {
        if schema[name].is_object() {
            let path = at.child(name);
            nested_of(&schema[name], Some(&schema[name]), &path, &path, Level::Item, causes);
        }
    }
}

/// `anyOf: [{type: integer}, {type: string}]`, the one place where a nested schema may name a type.
fn int_or_string_any_of(any_of: &Value) -> bool {
    *any_of == serde_json::json!([{"type": "integer"}, {"type": "string"}])
}

/// A schema under a junctor may restrict values, not declare structure.
fn value_validation(
    nested: &Value,
    structure: Option<&Value>,
    at: &Path,
    structure_at: &Path,
    level: Level,
    causes: &mut Vec<Cause>,
) {
    const MUST_BE: [(&str, &str); 12] = [
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
    ];
    for (name, reason) in MUST_BE {
        if nested.get(name).is_some_and(|v| !matches!(v, Value::Null | Value::Bool(false))) {
            causes.push(at.child(name).forbidden(reason));
        }
    }
    if nested["x-kubernetes-validations"].as_array().is_some_and(|l| !l.is_empty()) {
        causes.push(at.child("x-kubernetes-validations").forbidden("must be empty to be structural"));
    }
    if nested["properties"].get("metadata").is_some() {
        let reason = "must not be specified in a nested context";
        causes.push(at.child("properties").key("metadata").forbidden(reason));
    }
    for (name, property) in properties(nested) {
        let (path, structural) = (at.child("properties").key(name), structure_at.child("properties").key(name));
        match structure.and_then(|s| s["properties"].get(name)) {
            Some(declared) => value_validation(property, Some(declared), &path, &structural, Level::Field, causes),
            None => causes.push(structural.required(&format!("because it is defined in {path}"))),
        }
    }
    if nested["items"].is_object() {
        let (path, structural) = (at.child("items"), structure_at.child("items"));
        match structure.map(|s| &s["items"]).filter(|i| i.is_object()) {
            Some(declared) => value_validation(&nested["items"], Some(declared), &path, &structural, level, causes),
            None => causes.push(structural.required(&format!("because it is defined in {path}"))),
        }
    }
    nested_of(nested, structure, at, structure_at, level, causes);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn problems(schema: &Value, expected: &[&str]) {
        let texts: Vec<String> =
            check(schema, &Path::new("schema")).iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn a_structural_schema_passes() {
        problems(
            &json!({"type": "object", "properties": {
                "metadata": {"type": "object", "properties": {"name": {"type": "string", "pattern": "^a"}}},
                "spec": {"type": "object", "oneOf": [{"required": ["a"]}, {"properties": {"b": {"minimum": 1}}}],
                    "properties": {"a": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]},
                        "b": {"type": "integer"}, "free": {"x-kubernetes-preserve-unknown-fields": true}}}}}),
            &[],
        );
    }

    #[test]
    fn what_is_not_structural_is_named() {
        for (schema, expected) in [
            (json!({}), "schema.type: Required value: must not be empty at the root"),
            (
                json!({"type": "object", "properties": {"a": {}}}),
                "schema.properties[a].type: Required value: must not be empty for specified object fields",
            ),
            (
                json!({"type": "object", "properties": {"a": {"type": "array", "items": {}}}}),
                "schema.properties[a].items.type: Required value: must not be empty for specified array items",
            ),
            (
                json!({"type": "object", "properties": {"a": {"type": "array"}}}),
                "schema.properties[a].items: Required value: must be specified",
            ),
            (
                json!({"type": "object", "properties": {"metadata": {"type": "object", "properties": {"labels": {"type": "object"}}}}}),
                "schema.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but \
                 metadata is implicitly specified",
            ),
            (
                json!({"type": "object", "properties": {"a": {"type": "string"}}, "anyOf": [{"properties": {"b": {"minLength": 1}}}]}),
                "schema.properties[b]: Required value: because it is defined in schema.anyOf[0].properties[b]",
            ),
            (
                json!({"type": "object", "properties": {"a": {"type": "string", "not": {"type": "integer"}}}}),
                "schema.properties[a].not.type: Forbidden: must be empty to be structural",
            ),
            (
                json!({"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {"type": "string"}},
                    "additionalProperties": {"type": "string"}}}}),
                "schema.properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive",
            ),
            (
                json!({"type": "object", "properties": {"a": {"type": "array", "uniqueItems": true, "items": {"type": "string"}}}}),
                "schema.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime \
                 complexity becomes quadratic",
            ),
            (
                json!({"type": "object", "properties": {"a": {"type": "array", "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["k"], "items": {"type": "object"}}}}),
                "schema.properties[a].x-kubernetes-list-map-keys: Invalid value: [\"k\"]: entries must all be names of item \
                 properties",
            ),
        ] {
            problems(&schema, &[expected]);
        }
    }
}
