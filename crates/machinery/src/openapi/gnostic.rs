//! An OpenAPI v2 document as the protobuf message `openapi.v2.Document` of gnostic.

use serde_json::{Map, Value};

use super::writer::Writer;

/// Returns a document made by [`super::v2`] as protobuf.
#[must_use]
pub fn to_protobuf(document: &Value) -> Vec<u8> {
    let mut out = Writer::default();
    out.text(1, text(document, "swagger"));
    out.message(2, info(&document["info"]));
    out.message(8, named_list(2, &document["paths"], path_item));
    out.message(9, named_list(1, &document["definitions"], schema));
    for requirement in items(document, "security") {
        out.message(12, named_list(1, requirement, |_| Writer::default()));
    }
    out.message(13, named_list(1, &document["securityDefinitions"], security));
    out.into_bytes()
}

fn info(value: &Value) -> Writer {
    let mut out = Writer::default();
    out.text(1, text(value, "title"));
    out.text(2, text(value, "version"));
    out
}

/// `SecurityDefinitionsItem` holding an `ApiKeySecurity`.
fn security(value: &Value) -> Writer {
    let mut key = Writer::default();
    for (number, name) in [(1, "type"), (2, "name"), (3, "in"), (4, "description")] {
        key.text(number, text(value, name));
    }
    wrap(2, key)
}

fn path_item(value: &Value) -> Writer {
    let mut out = Writer::default();
    for (number, method) in [(2, "get"), (3, "put"), (4, "post"), (5, "delete"), (8, "patch")] {
        if let Some(value) = value.get(method) {
            out.message(number, operation(value));
        }
    }
    for value in items(value, "parameters") {
        out.message(9, wrap(1, parameter(value)));
    }
    out
}

fn operation(value: &Value) -> Writer {
    let mut out = Writer::default();
    for tag in items(value, "tags").iter().filter_map(Value::as_str) {
        out.item(1, tag);
    }
    out.text(3, text(value, "description"));
    out.text(5, text(value, "operationId"));
    for media_type in items(value, "consumes").iter().filter_map(Value::as_str) {
        out.item(7, media_type);
    }
    for value in items(value, "parameters") {
        out.message(8, wrap(1, parameter(value)));
    }
    out.message(9, named_list(1, &value["responses"], |r| wrap(1, response(r))));
    extensions(13, value, &mut out);
    out
}

fn response(value: &Value) -> Writer {
    let mut out = Writer::default();
    out.text(1, text(value, "description"));
    if let Some(value) = value.get("schema") {
        out.message(2, wrap(1, schema(value)));
    }
    out
}

/// `Parameter`: a body, or one of the other places. Query and path number their fields differently from the fifth on.
fn parameter(value: &Value) -> Writer {
    let mut out = Writer::default();
    if text(value, "in") == "body" {
        out.text(1, text(value, "description"));
        out.text(2, text(value, "name"));
        out.text(3, text(value, "in"));
        out.flag(4, value["required"] == true);
        out.message(5, schema(&value["schema"]));
        return wrap(1, out);
    }
    let query = text(value, "in") == "query";
    let shift = u32::from(query);
    out.flag(1, value["required"] == true);
    out.text(2, text(value, "in"));
    out.text(3, text(value, "description"));
    out.text(4, text(value, "name"));
    out.text(5 + shift, text(value, "type"));
    out.text(6 + shift, text(value, "format"));
    out.flag(19 + shift, value["uniqueItems"] == true);
    wrap(2, wrap(if query { 3 } else { 4 }, out))
}

fn schema(value: &Value) -> Writer {
    let mut out = Writer::default();
    for (number, name) in [(1, "$ref"), (2, "format"), (3, "title"), (4, "description"), (13, "pattern")] {
        out.text(number, text(value, name));
    }
    if let Some(default) = value.get("default") {
        out.message(5, any(default));
    }
    for (number, name) in [(6, "multipleOf"), (7, "maximum"), (9, "minimum")] {
        out.double(number, value[name].as_f64().unwrap_or_default());
    }
    for (number, name) in [(8, "exclusiveMaximum"), (10, "exclusiveMinimum"), (16, "uniqueItems")] {
        out.flag(number, value[name] == true);
    }
    const LENGTHS: [(u32, &str); 6] = [
        (11, "maxLength"),
        (12, "minLength"),
        (14, "maxItems"),
        (15, "minItems"),
        (17, "maxProperties"),
        (18, "minProperties"),
    ];
    for (number, name) in LENGTHS {
        out.integer(number, value[name].as_i64().unwrap_or_default());
    }
    for required in items(value, "required").iter().filter_map(Value::as_str) {
        out.item(19, required);
    }
    for allowed in items(value, "enum") {
        out.message(20, any(allowed));
    }
    composite(value, &mut out);
    extensions(31, value, &mut out);
    out
}

/// What a schema holds of other schemas.
fn composite(value: &Value, out: &mut Writer) {
    match &value["additionalProperties"] {
        Value::Bool(allowed) => {
            let mut flag = Writer::default();
            flag.flag(2, *allowed);
            out.message(21, flag);
        }
        Value::Object(_) => out.message(21, wrap(1, schema(&value["additionalProperties"]))),
        _ => {}
    }
    if let Some(ty) = value["type"].as_str() {
        let mut types = Writer::default();
        types.item(1, ty);
        out.message(22, types);
    }
    if let Some(items) = value.get("items") {
        out.message(23, wrap(1, schema(items)));
    }
    for part in items(value, "allOf") {
        out.message(24, schema(part));
    }
    if let Some(properties) = value.get("properties") {
        out.message(25, named_list(1, properties, schema));
    }
}

/// `Any`: only its YAML is read, and JSON is YAML.
fn any(value: &Value) -> Writer {
    let mut out = Writer::default();
    out.item(2, &value.to_string());
    out
}

fn extensions(number: u32, value: &Value, out: &mut Writer) {
    for (name, value) in value.as_object().into_iter().flat_map(Map::iter).filter(|(name, _)| name.starts_with("x-")) {
        out.message(number, named(name, any(value)));
    }
}

/// A message whose field `number` lists an object's entries as `Named…` messages.
fn named_list(number: u32, object: &Value, each: impl Fn(&Value) -> Writer) -> Writer {
    let mut out = Writer::default();
    for (name, value) in object.as_object().into_iter().flat_map(Map::iter) {
        out.message(number, named(name, each(value)));
    }
    out
}

fn named(name: &str, value: Writer) -> Writer {
    let mut out = Writer::default();
    out.item(1, name);
    out.message(2, value);
    out
}

fn wrap(number: u32, inner: Writer) -> Writer {
    let mut out = Writer::default();
    out.message(number, inner);
    out
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}
