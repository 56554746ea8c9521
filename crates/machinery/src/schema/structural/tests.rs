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

#[test]
fn structure_is_looked_at_once_keywords_are_right() {
    problems(
        &json!({"type": "object", "properties": {"a": {"$ref": "#/x"}}}),
        &["schema.properties[a].$ref: Forbidden: $ref is not supported"],
    );
}

#[test]
fn defaults_must_be_values_of_their_schema() {
    problems(
        &json!({"type": "object", "properties": {"a": {"type": "integer", "default": "x"}, "b": {"type": "object",
            "default": {"zork": 1}, "properties": {"c": {"type": "string"}}}}}),
        &[
            "schema.properties[a].default: Invalid value: \"string\":  in body must be of type integer: \"string\"",
            "schema.properties[b].default: Invalid value: {\"zork\":1}: must not have unknown fields",
        ],
    );
    problems(
        &json!({"type": "object", "properties": {"metadata": {"type": "object", "default": {}}}}),
        &["schema.properties[metadata].default: Forbidden: must not be set in top-level metadata"],
    );
}
