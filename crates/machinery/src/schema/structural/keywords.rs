//! Keywords: which are refused, and which need others beside them.

use serde_json::Value;

use super::structure::properties;
use crate::{error::Cause, field::Path};

/// Adds what is wrong with the keywords of a schema and of everything below it.
pub(super) fn check(schema: &Value, at: &Path, causes: &mut Vec<Cause>) {
    node(schema, &Place { root: true, ..Place::default() }, at, causes);
}

/// Returns whether there is a keyword anywhere that structural schemas do not have.
pub(super) fn any_unsupported(schema: &Value) -> bool {
    let here = UNSUPPORTED.iter().any(|name| is_set(schema, name)) || schema["items"].is_array();
    let unclear = schema["x-kubernetes-preserve-unknown-fields"] == false;
    here || unclear || children(schema, &Path::default()).into_iter().any(|child| any_unsupported(child.schema))
}

const UNSUPPORTED: [&str; 6] = ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"];

fn is_set(schema: &Value, name: &str) -> bool {
    schema.get(name).is_some_and(|value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(fields) => !fields.is_empty() || name == "additionalItems",
        _ => true,
    })
}

/// Any value is a default, also an empty one.
fn has_default(schema: &Value) -> bool {
    schema.get("default").is_some_and(|default| !default.is_null())
}

/// Where a schema stands.
#[derive(Default, Clone)]
struct Place {
    root: bool,
    /// Within `metadata`, `apiVersion` or `kind` of an object.
    inside_meta: bool,
    /// Why there may be no default.
    no_default: Option<String>,
}

impl Place {
    /// Returns where a child of `schema` stands that stands here itself.
    fn below(&self, schema: &Value, child: &Child<'_>) -> Self {
        let mut below = Self { root: false, ..self.clone() };
        if child.values && self.inside_meta {
            below.no_default = Some("inside additionalProperties applying to object metadata".to_owned());
        }
        let is_object = self.root || schema["x-kubernetes-embedded-resource"] == true;
        if let Some(name @ ("metadata" | "kind" | "apiVersion")) = child.property
            && is_object
        {
            below.inside_meta = true;
            if self.root {
                below.no_default = Some(format!("in top-level {name}"));
            }
        }
        below
    }
}

/// A schema directly below another one.
struct Child<'a> {
    path: Path,
    schema: &'a Value,
    /// The name of the field that it describes.
    property: Option<&'a str>,
    /// Whether it is that of a map's values.
    values: bool,
}

fn children<'a>(schema: &'a Value, at: &Path) -> Vec<Child<'a>> {
    let plain = |path: Path, schema: &'a Value| Child { path, schema, property: None, values: false };
    let mut found = Vec::new();
    for (name, property) in properties(schema) {
        found.push(Child { property: Some(name), ..plain(at.child("properties").key(name), property) });
    }
    for name in ["additionalProperties", "not", "items"] {
        if schema[name].is_object() {
            found.push(Child { values: name == "additionalProperties", ..plain(at.child(name), &schema[name]) });
        }
    }
    for name in ["allOf", "oneOf", "anyOf"] {
        let list = schema[name].as_array().into_iter().flatten().enumerate();
        found.extend(list.map(|(i, inner)| plain(at.child(name).index(i), inner)));
    }
    for (name, inner) in schema["definitions"].as_object().into_iter().flatten() {
        found.push(plain(at.child("definitions").key(name), inner));
    }
    found
}

fn node(schema: &Value, place: &Place, at: &Path, causes: &mut Vec<Cause>) {
    refused(schema, place, at, causes);
    list(schema, at, causes);
    list_items(schema, at, causes);
    map(schema, at, causes);
    rules(schema, at, causes);
    for child in children(schema, at) {
        node(child.schema, &place.below(schema, &child), &child.path, causes);
    }
}

fn text<'a>(schema: &'a Value, name: &str) -> &'a str {
    schema[name].as_str().unwrap_or_default()
}

/// A type that must be another because of some keyword.
fn wrong_type(schema: &Value, at: &Path, reason: &str) -> Cause {
    let (ty, at) = (text(schema, "type"), at.child("type"));
    if ty.is_empty() { at.required(reason) } else { at.invalid(ty, reason) }
}

fn refused(schema: &Value, place: &Place, at: &Path, causes: &mut Vec<Cause>) {
    const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
    let ty = text(schema, "type");
    if !ty.is_empty() && !TYPES.contains(&ty) {
        causes.push(at.child("type").unsupported(ty, &TYPES));
    }
    for name in UNSUPPORTED.iter().filter(|name| is_set(schema, name)) {
        causes.push(at.child(name).forbidden(&format!("{name} is not supported")));
    }
    if schema["items"].as_array().is_some_and(|items| !items.is_empty()) {
        causes.push(at.child("items").forbidden("items must be a schema object and not an array"));
    }
    if let Some(reason) = place.no_default.as_ref().filter(|_| has_default(schema)) {
        causes.push(at.child("default").forbidden(&format!("must not be set {reason}")));
    }
    if place.inside_meta && schema["x-kubernetes-embedded-resource"] == true {
        let reason = "must not be used inside of resource meta";
        causes.push(at.child("x-kubernetes-embedded-resource").forbidden(reason));
    }
    if schema["uniqueItems"] == true {
        let reason = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        causes.push(at.child("uniqueItems").forbidden(reason));
    }
    let restricting = matches!(schema["additionalProperties"], Value::Object(_) | Value::Bool(false));
    if restricting && properties(schema).next().is_some() {
        let reason = "additionalProperties and properties are mutual exclusive";
        causes.push(at.child("additionalProperties").forbidden(reason));
    }
    if schema["x-kubernetes-preserve-unknown-fields"] == false {
        causes.push(at.child("x-kubernetes-preserve-unknown-fields").invalid(false, "must be true or undefined"));
    }
}

fn list(schema: &Value, at: &Path, causes: &mut Vec<Cause>) {
    let list = schema["x-kubernetes-list-type"].as_str();
    let keys = keys(schema);
    let at_list = at.child("x-kubernetes-list-type");
    if list.is_some() && text(schema, "type") != "array" {
        causes.push(wrong_type(schema, at, "must be array if x-kubernetes-list-type is specified"));
    } else if list == Some("set") {
        set_items(&schema["items"], &at.child("items"), causes);
    }
    if let Some(other) = list.filter(|l| !matches!(*l, "atomic" | "set" | "map")) {
        causes.push(at_list.unsupported(other, &["atomic", "set", "map"]));
    }
    if !keys.is_empty() && list != Some("map") {
        let reason = "must be map if x-kubernetes-list-map-keys is non-empty";
        causes.push(list.map_or_else(|| at_list.required(reason), |l| at_list.invalid(l, reason)));
    }
    if list != Some("map") {
        return;
    }
    let at_keys = at.child("x-kubernetes-list-map-keys");
    if keys.is_empty() {
        causes.push(at_keys.required("must not be empty if x-kubernetes-list-type is map"));
    }
    let items = &schema["items"];
    if items.is_null() {
        causes.push(at.child("items").required("must have a schema if x-kubernetes-list-type is map"));
    } else if text(items, "type") != "object" {
        let reason = "must be object if parent array's x-kubernetes-list-type is map";
        causes.push(at.child("items").child("type").invalid(text(items, "type"), reason));
    } else {
        map_keys(items, &keys, at, causes);
    }
}

fn keys(schema: &Value) -> Vec<&str> {
    schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What a set holds must compare as one value.
fn set_items(items: &Value, at: &Path, causes: &mut Vec<Cause>) {
    let reason = "must be atomic as item of a list with x-kubernetes-list-type=set";
    let list = items["x-kubernetes-list-type"].clone();
    let loose_list = text(items, "type") == "array" && !list.is_null() && list != "atomic";
    let loose_map = text(items, "type") == "object" && items["x-kubernetes-map-type"] != "atomic";
    if loose_list {
        causes.push(at.child("x-kubernetes-list-type").invalid(list, reason));
    } else if loose_map {
        causes.push(at.child("x-kubernetes-map-type").invalid(list, reason));
    }
}

fn map_keys(items: &Value, keys: &[&str], at: &Path, causes: &mut Vec<Cause>) {
    let at_keys = at.child("x-kubernetes-list-map-keys");
    for (i, &key) in keys.iter().enumerate() {
        match items["properties"].get(key) {
            None => causes.push(at_keys.invalid(keys.to_vec(), "entries must all be names of item properties")),
            Some(property) if matches!(text(property, "type"), "array" | "object") => {
                let reason = "must be a scalar type if parent array's x-kubernetes-list-type is map";
                let path = at.child("items").child("properties").key(key).child("type");
                causes.push(path.invalid(text(items, "type"), reason));
            }
            Some(_) => {}
        }
        if keys[..i].contains(&key) {
            causes.push(at_keys.invalid(keys.to_vec(), "must not contain duplicate entries"));
        }
    }
}

fn list_items(schema: &Value, at: &Path, causes: &mut Vec<Cause>) {
    let items = &schema["items"];
    let list @ ("set" | "map") = text(schema, "x-kubernetes-list-type") else { return };
    if !items.is_object() {
        return;
    }
    let at_items = at.child("items");
    if items["nullable"] == true {
        let reason = format!("cannot be nullable when x-kubernetes-list-type is {list}");
        causes.push(at_items.child("nullable").forbidden(&reason));
    }
    if list == "set" {
        return;
    }
    for key in keys(schema) {
        let Some(property) = items["properties"].get(key) else { continue };
        let path = at_items.child("properties").key(key);
        let required = items["required"].as_array().is_some_and(|r| r.iter().any(|name| name == key));
        if !required && !has_default(property) {
            let reason = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required \
                          property";
            causes.push(path.child("default").required(reason));
        }
        if property["nullable"] == true {
            let reason = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
            causes.push(path.child("nullable").forbidden(reason));
        }
    }
}

fn map(schema: &Value, at: &Path, causes: &mut Vec<Cause>) {
    let Some(map) = schema["x-kubernetes-map-type"].as_str() else { return };
    if text(schema, "type") != "object" {
        causes.push(wrong_type(schema, at, "must be object if x-kubernetes-map-type is specified"));
    }
    if !matches!(map, "atomic" | "granular") {
        causes.push(at.child("x-kubernetes-map-type").unsupported(map, &["atomic", "granular"]));
    }
}

/// The texts of the rules; what they say is looked at when they are compiled.
fn rules(schema: &Value, at: &Path, causes: &mut Vec<Cause>) {
    const REASONS: [&str; 4] =
        ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
    let list = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
    for (i, rule) in list.enumerate() {
        let at = at.child("x-kubernetes-validations").index(i);
        let (text, message) = (text(rule, "rule").trim(), text(rule, "message"));
        let lines = |text: &str| text.contains(['\n', '\r']);
        if text.is_empty() {
            causes.push(at.child("rule").required("rule is not specified"));
        } else if !message.is_empty() && message.trim().is_empty() {
            causes.push(at.child("message").invalid(message, "must be non-empty if specified"));
        } else if lines(message.trim()) {
            causes.push(at.child("message").invalid(message, "must not contain line breaks"));
        } else if lines(text) && message.trim().is_empty() {
            causes.push(at.child("message").required("message must be specified if rule contains line breaks"));
        }
        if rule["messageExpression"].as_str().is_some_and(|e| !e.is_empty() && e.trim().is_empty()) {
            causes.push(at.child("messageExpression").required("messageExpression must be non-empty if specified"));
        }
        if let Some(reason) = rule["reason"].as_str().filter(|r| !REASONS.contains(r)) {
            causes.push(at.child("reason").unsupported(reason, &REASONS));
        }
        let field = rule["fieldPath"].as_str().unwrap_or_default();
        if !field.is_empty() && field.trim().is_empty() {
            causes.push(at.child("fieldPath").invalid(field, "must be non-empty if specified"));
        }
        if lines(field) {
            causes.push(at.child("fieldPath").invalid(field, "must not contain line breaks"));
        }
    }
}
