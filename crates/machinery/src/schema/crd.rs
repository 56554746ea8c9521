//! From the `openAPIV3Schema` of a CustomResourceDefinition to a [`Schema`].

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use super::{CelRule, ListType, Pattern, Rules, Schema, Type, builtin_type};

/// Returns the schema of a custom resource from `spec.versions[].schema.openAPIV3Schema`, with `apiVersion`, `kind` and
/// `metadata` as every object has them. Without a schema everything is kept.
///
/// Whether the schema is structural is another question: [`super::structural::check`].
#[must_use]
pub fn from_crd(open_api: Option<&Value>) -> Schema {
    let mut root = open_api.map_or_else(|| Schema { ty: Type::Object, ..Schema::any() }, from_openapi);
    root.ty = Type::Object;
    root.nullable = false;
    root.embedded_resource = true;
    add_type_meta(&mut root);
    root
}

/// Returns the node for one JSON schema of a CustomResourceDefinition, with everything below it.
#[must_use]
pub fn from_openapi(json: &Value) -> Schema {
    let flag = |name: &str| json[name].as_bool().unwrap_or_default();
    let mut schema = Schema {
        ty: node_type(json),
        nullable: flag("nullable"),
        preserve_unknown: flag("x-kubernetes-preserve-unknown-fields"),
        embedded_resource: flag("x-kubernetes-embedded-resource"),
        atomic_map: json["x-kubernetes-map-type"] == "atomic",
        list: list_type(json),
        items: json["items"].as_object().map(|_| Arc::new(from_openapi(&json["items"]))),
        additional: additional(json),
        default: json.get("default").filter(|d| !d.is_null()).cloned(),
        required: strings(&json["required"]),
        description: json["description"].as_str().map(Into::into),
        format: json["format"].as_str().filter(|f| !f.is_empty()).map(Into::into),
        rules: rules(json),
        ..Schema::default()
    };
    for (name, property) in json["properties"].as_object().into_iter().flatten() {
        schema.properties.insert(name.clone(), Arc::new(from_openapi(property)));
    }
    if schema.embedded_resource {
        add_type_meta(&mut schema);
    }
    schema
}

/// `metadata` may restrict the name and no more: those rules are laid over the built-in type.
fn add_type_meta(schema: &mut Schema) {
    let given = schema.properties.remove("metadata");
    let mut metadata = builtin_type("meta.v1.ObjectMeta").map_or_else(Schema::default, |m| Schema::clone(&m));
    for name in ["name", "generateName"] {
        let rules = given.as_ref().and_then(|m| m.properties.get(name)).and_then(|n| n.rules.clone());
        if let (Some(rules), Some(built_in)) = (rules, metadata.properties.get(name)) {
            let field = Schema { rules: Some(rules), ..Schema::clone(built_in) };
            metadata.properties.insert(name.to_owned(), Arc::new(field));
        }
    }
    let text = Arc::new(Schema { ty: Type::String, ..Schema::default() });
    schema.properties.insert("metadata".to_owned(), Arc::new(metadata));
    for name in ["apiVersion", "kind"] {
        schema.properties.entry(name.to_owned()).or_insert_with(|| Arc::clone(&text));
    }
}

fn node_type(json: &Value) -> Type {
    if json["x-kubernetes-int-or-string"] == true {
        return Type::IntOrString;
    }
    match json["type"].as_str().unwrap_or_default() {
        "object" => Type::Object,
        "array" => Type::Array,
        "string" => Type::String,
        "integer" => Type::Integer,
        "number" => Type::Number,
        "boolean" => Type::Boolean,
        _ => Type::Any,
    }
}

fn list_type(json: &Value) -> ListType {
    match json["x-kubernetes-list-type"].as_str() {
        Some("set") => ListType::Set,
        Some("map") => ListType::Map(strings(&json["x-kubernetes-list-map-keys"])),
        _ => ListType::Atomic,
    }
}

/// `additionalProperties: true` keeps the keys and, as upstream, nothing below them.
fn additional(json: &Value) -> Option<Arc<Schema>> {
    match &json["additionalProperties"] {
        Value::Bool(true) => Some(Arc::new(Schema { nullable: true, ..Schema::default() })),
        Value::Object(_) => Some(Arc::new(from_openapi(&json["additionalProperties"]))),
        _ => None,
    }
}

fn rules(json: &Value) -> Option<Box<Rules>> {
    let object = json.as_object()?;
    let limit = |name: &str| object.get(name).and_then(Value::as_u64);
    let list = |name: &str| {
        object.get(name).and_then(Value::as_array).map(|l| l.iter().map(from_openapi).collect()).unwrap_or_default()
    };
    let values = |name: &str| object.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let rules = Rules {
        one_of_values: values("enum"),
        pattern: object.get("pattern").and_then(Value::as_str).filter(|p| !p.is_empty()).map(Pattern::new),
        minimum: bound(object, "minimum", "exclusiveMinimum"),
        maximum: bound(object, "maximum", "exclusiveMaximum"),
        multiple_of: object.get("multipleOf").and_then(Value::as_f64),
        length: (limit("minLength"), limit("maxLength")),
        items: (limit("minItems"), limit("maxItems")),
        properties: (limit("minProperties"), limit("maxProperties")),
        unique_items: object.get("uniqueItems") == Some(&Value::Bool(true)),
        all_of: list("allOf"),
        any_of: list("anyOf"),
        one_of: list("oneOf"),
        not: object.get("not").filter(|n| n.is_object()).map(from_openapi),
        cel: values("x-kubernetes-validations").into_iter().map(CelRule::new).collect(),
    };
    (rules != Rules::default()).then(|| Box::new(rules))
}

fn bound(object: &Map<String, Value>, limit: &str, exclusive: &str) -> Option<(f64, bool)> {
    let value = object.get(limit)?.as_f64()?;
    Some((value, object.get(exclusive) == Some(&Value::Bool(true))))
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

/// Returns the `format`s that the schema names and that validation does not know, each once, sorted: creating the
/// definition succeeds with a warning for each.
#[must_use]
pub fn unrecognized_formats(open_api: &Value) -> Vec<String> {
    let mut found = BTreeMap::new();
    collect_formats(open_api, &mut found);
    found.into_keys().collect()
}

fn collect_formats(json: &Value, found: &mut BTreeMap<String, ()>) {
    if let Some(format) = json["format"].as_str().filter(|f| !f.is_empty())
        && json["type"] == "string"
        && !super::format::is_known(format)
    {
        found.insert(format.to_owned(), ());
    }
    json["properties"].as_object().into_iter().flatten().for_each(|(_, p)| collect_formats(p, found));
    for name in ["items", "additionalProperties", "not"] {
        if json[name].is_object() {
            collect_formats(&json[name], found);
        }
    }
    for name in ["allOf", "anyOf", "oneOf"] {
        json[name].as_array().into_iter().flatten().for_each(|p| collect_formats(p, found));
    }
}
