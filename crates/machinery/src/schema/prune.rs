//! What a custom resource loses on its way into the store.

use serde_json::Value;

use super::Schema;

/// Removes the fields that the schema of a custom resource does not know; returns their paths, sorted.
///
/// `apiVersion`, `kind` and `metadata` of the object and of embedded resources stay as they are. A node that preserves
/// unknown fields keeps its own unknown children; known children are pruned by their own schemas.
pub fn prune(value: &mut Value, schema: &Schema) -> Vec<String> {
    let mut pruned = Vec::new();
    prune_node(value, Some(schema), false, "", &mut pruned);
    pruned.sort();
    pruned
}

/// Removes `null`s where the schema neither allows them nor has a default to put there.
pub fn drop_nulls(value: &mut Value, schema: Option<&Schema>) {
    match value {
        Value::Object(fields) => {
            let below = |name: &String| schema.and_then(|s| s.field(name)).map(AsRef::as_ref);
            fields.retain(|name, v| !(v.is_null() && below(name).is_some_and(|s| !s.nullable && s.default.is_none())));
            fields.iter_mut().for_each(|(name, v)| drop_nulls(v, below(name)));
        }
        Value::Array(items) => {
            let below = schema.and_then(|s| s.items.as_deref());
            items.iter_mut().for_each(|v| drop_nulls(v, below));
        }
        _ => {}
    }
}

/// The fields that every object has, whatever its schema says.
fn is_type_meta(name: &str) -> bool {
    matches!(name, "apiVersion" | "kind" | "metadata")
}

/// `inside` a list that preserves unknown fields, items keep theirs too.
fn prune_node(value: &mut Value, schema: Option<&Schema>, inside: bool, path: &str, pruned: &mut Vec<String>) {
    let keeps_unknown = inside || schema.is_some_and(|s| s.preserve_unknown);
    match value {
        Value::Object(fields) => fields.retain(|name, child| {
            if schema.is_some_and(|s| s.embedded_resource) && is_type_meta(name) {
                return true;
            }
            let below = join(path, name);
            match schema.and_then(|s| declared(s, name)) {
                Some(declared) => {
                    prune_node(child, Some(declared), false, &below, pruned);
                    true
                }
                None if keeps_unknown => true,
                None => {
                    pruned.push(below);
                    false
                }
            }
        }),
        Value::Array(items) => {
            let below = schema.and_then(|s| s.items.as_deref());
            if keeps_unknown && below.is_none() {
                return;
            }
            for (i, item) in items.iter_mut().enumerate() {
                prune_node(item, below, keeps_unknown, &format!("{path}[{i}]"), pruned);
            }
        }
        _ => {}
    }
}

fn declared<'a>(schema: &'a Schema, name: &str) -> Option<&'a Schema> {
    schema.field(name).map(AsRef::as_ref)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{from_crd, from_openapi},
        *,
    };

    #[track_caller]
    fn check(schema: &Value, value: Value, expected: &Value, pruned: &[&str]) {
        let mut value = value;
        let paths = prune(&mut value, &from_openapi(schema));
        assert_eq!(&value, expected);
        assert_eq!(paths, pruned);
    }

    #[test]
    fn unknown_fields_go_and_are_named() {
        let schema = json!({"type": "object", "properties": {
            "spec": {"type": "object", "properties": {"a": {"type": "string"},
                "list": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "integer"}}}}}},
            "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"k": {"type": "string"}}}},
        }});
        check(
            &schema,
            json!({"spec": {"a": "1", "b": 2, "list": [{"x": 1}, {"y": 2}]}, "map": {"m": {"k": "v", "z": 1}}, "zork": 1}),
            &json!({"spec": {"a": "1", "list": [{"x": 1}, {}]}, "map": {"m": {"k": "v"}}}),
            &["map.m.z", "spec.b", "spec.list[1].y", "zork"],
        );
    }

    #[test]
    fn preserving_stops_pruning_for_direct_unknown_children_only() {
        let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {
            "known": {"type": "object", "properties": {"a": {"type": "string"}}}}});
        check(
            &schema,
            json!({"free": {"x": {"y": 1}}, "known": {"a": "", "b": 1}}),
            &json!({"free": {"x": {"y": 1}}, "known": {"a": ""}}),
            &["known.b"],
        );
    }

    #[test]
    fn metadata_stays_at_the_root_and_in_embedded_resources() {
        let schema = from_crd(Some(&json!({"type": "object", "properties": {"template": {
            "type": "object", "x-kubernetes-embedded-resource": true, "properties": {"spec": {"type": "object"}}}}})));
        let mut value = json!({"apiVersion": "g/v1", "kind": "K", "metadata": {"name": "n", "odd": 1},
            "template": {"kind": "Pod", "metadata": {"labels": {}}, "spec": {"x": 1}, "y": 1}});
        assert_eq!(prune(&mut value, &schema), ["template.spec.x", "template.y"]);
        assert_eq!(value["metadata"]["odd"], 1);
        assert_eq!(value["template"], json!({"kind": "Pod", "metadata": {"labels": {}}, "spec": {}}));
    }

    #[test]
    fn nulls_go_where_nothing_allows_them() {
        let schema = from_openapi(&json!({"type": "object", "properties": {
            "plain": {"type": "string"}, "nullable": {"type": "string", "nullable": true},
            "defaulted": {"type": "string", "default": "d"}}}));
        let mut value = json!({"plain": null, "nullable": null, "defaulted": null});
        drop_nulls(&mut value, Some(&schema));
        assert_eq!(value, json!({"nullable": null, "defaulted": null}));
    }
}
