//! Structural schemas of Kubernetes' own types, without their documentation (it would make the definitions too large for
//! `kubectl apply`).

use serde_json::{Map, Value, json};
use tiphys_machinery::schema::{ListType, Schema, Type, builtin_type, short_type_name};

/// What a quantity looks like.
const QUANTITY: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";

/// Returns the schema of the type `name`, for instance `io.k8s.api.core.v1.PodTemplateSpec`.
pub(super) fn schema(name: &str) -> Value {
    match short_type_name(name) {
        "meta.v1.Time" => json!({"type": "string", "format": "date-time"}),
        short if short.ends_with("IntOrString") => json!({"x-kubernetes-int-or-string": true}),
        short => builtin_type(short).map_or_else(
            || json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
            |schema| node(&schema),
        ),
    }
}

/// Returns the schema of the metadata of a template: labels and annotations, nothing else is kept.
pub(super) fn template_metadata() -> Value {
    let texts = json!({"type": "object", "additionalProperties": {"type": "string"}});
    json!({"type": "object", "properties": {"labels": texts, "annotations": texts}})
}

fn node(schema: &Schema) -> Value {
    let mut out = Map::new();
    let mut put = |keyword: &str, value: Value| {
        out.insert(keyword.to_owned(), value);
    };
    match schema.ty {
        Type::Object => put("type", json!("object")),
        Type::Array => put("type", json!("array")),
        Type::String => put("type", json!("string")),
        Type::Integer => put("type", json!("integer")),
        Type::Number => put("type", json!("number")),
        Type::Boolean => put("type", json!("boolean")),
        Type::IntOrString => put("x-kubernetes-int-or-string", json!(true)),
        Type::Quantity => {
            put("x-kubernetes-int-or-string", json!(true));
            put("pattern", json!(QUANTITY));
        }
        Type::Any => put("x-kubernetes-preserve-unknown-fields", json!(true)),
    }
    if let Some(format) = schema.format.as_ref().filter(|_| schema.ty != Type::Quantity) {
        put("format", json!(**format));
    }
    if schema.atomic_map {
        put("x-kubernetes-map-type", json!("atomic"));
    }
    match &schema.list {
        ListType::Atomic => {}
        ListType::Set => put("x-kubernetes-list-type", json!("set")),
        ListType::Map(keys) => {
            put("x-kubernetes-list-type", json!("map"));
            put("x-kubernetes-list-map-keys", json!(keys));
        }
    }
    if let Some(items) = &schema.items {
        put("items", node(items));
    }
    if let Some(values) = &schema.additional {
        put("additionalProperties", node(values));
    }
    let required: Vec<&String> = schema.required.iter().filter(|field| !is_named(schema, field)).collect();
    if !required.is_empty() {
        put("required", json!(required));
    }
    if !schema.properties.is_empty() {
        let fields =
            schema.properties.iter().map(|(name, field)| (name.clone(), property(field, !required.contains(&name))));
        put("properties", Value::Object(fields.collect()));
    }
    let mut out = Value::Object(out);
    refine(schema.type_name.as_deref().unwrap_or_default(), &mut out);
    out
}

/// A field; only one that may be missing has a default.
fn property(schema: &Schema, may_be_missing: bool) -> Value {
    let mut out = node(schema);
    if let Some(default) = schema.default.as_ref().filter(|_| may_be_missing) {
        out["default"] = default.clone();
    }
    out
}

/// Whether `field` is the name of a reference, which may be missing for the sake of old clients.
fn is_named(schema: &Schema, field: &str) -> bool {
    const REFERENCES: [&str; 7] = [
        "core.v1.ConfigMapEnvSource",
        "core.v1.ConfigMapKeySelector",
        "core.v1.ConfigMapProjection",
        "core.v1.LocalObjectReference",
        "core.v1.SecretEnvSource",
        "core.v1.SecretKeySelector",
        "core.v1.SecretProjection",
    ];
    let name = schema.type_name.as_deref().map(short_type_name);
    field == "name" && name.is_some_and(|name| REFERENCES.contains(&name))
}

/// Opens what upstream's definitions leave open.
fn refine(name: &str, out: &mut Value) {
    let keep_all = json!({"x-kubernetes-preserve-unknown-fields": true});
    match short_type_name(name) {
        "core.v1.PodTemplateSpec" => out["properties"]["metadata"] = template_metadata(),
        "core.v1.PodSpec" => out["properties"]["volumes"] = keep_all,
        "core.v1.ConfigMapEnvSource" | "core.v1.SecretEnvSource" => out["x-kubernetes-map-type"] = json!("atomic"),
        "core.v1.Container" | "core.v1.EphemeralContainer" => {
            for field in ["limits", "requests"] {
                out["properties"]["resources"]["properties"][field] = keep_all.clone();
            }
        }
        _ => {}
    }
}
