//! Structural schemas of our own types.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::kubernetes;

/// What the types mark required fields with.
const REQUIRED: &str = "x-required";

/// Returns the schema of a kind.
pub(super) fn of_kind<T: JsonSchema>() -> Value {
    let mut generator = SchemaGenerator::default();
    let root = generator.subschema_for::<T>().to_value();
    let builder = Builder { definitions: generator.take_definitions(false) };
    let mut schema = builder.node(&root);
    let own = json!({"type": "string"});
    schema["properties"]["apiVersion"] = own.clone();
    schema["properties"]["kind"] = own;
    schema["properties"]["metadata"] = json!({"type": "object"});
    schema
}

struct Builder {
    definitions: Map<String, Value>,
}

impl Builder {
    /// Turns a JSON schema into a structural one: references are followed, `null` is no alternative, what is not known
    /// keeps everything.
    fn node(&self, json: &Value) -> Value {
        let mut schema = if let Some(name) = json["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            self.named(name)
        } else if let Some(alternatives) = json["anyOf"].as_array() {
            let other = alternatives.iter().find(|alternative| alternative["type"] != "null");
            other.map_or_else(anything, |other| self.node(other))
        } else {
            self.plain(json)
        };
        if let Some(text) = json.get("description") {
            schema["description"] = text.clone();
        }
        schema
    }

    fn named(&self, name: &str) -> Value {
        if name.starts_with("io.k8s.") {
            return kubernetes::schema(name);
        }
        let mut schema = self.definitions.get(name).map_or_else(anything, |definition| self.node(definition));
        refine(name, &mut schema);
        schema
    }

    fn plain(&self, json: &Value) -> Value {
        let ty = match &json["type"] {
            Value::Array(types) => types.iter().find(|ty| **ty != "null").cloned().unwrap_or_default(),
            ty => ty.clone(),
        };
        if ty.is_null() {
            return anything();
        }
        let mut schema = json!({"type": ty});
        if let Some(format) = json.get("format") {
            schema["format"] = format.clone();
        }
        if let Some(items) = json.get("items") {
            schema["items"] = self.node(items);
        }
        match json.get("additionalProperties") {
            Some(Value::Bool(true)) => return anything(),
            Some(values @ Value::Object(_)) => schema["additionalProperties"] = self.node(values),
            _ => {}
        }
        if let Some(properties) = json["properties"].as_object() {
            let required: Vec<&String> =
                properties.iter().filter(|(_, property)| property[REQUIRED] == true).map(|(name, _)| name).collect();
            if !required.is_empty() {
                schema["required"] = json!(required);
            }
            let properties = properties.iter().map(|(name, property)| (name.clone(), self.node(property)));
            schema["properties"] = Value::Object(properties.collect());
        }
        schema
    }
}

/// An object of any form.
fn anything() -> Value {
    json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

/// Adds what the Rust types do not say.
fn refine(name: &str, schema: &mut Value) {
    match name {
        "RolloutSpec" => {
            let rule = json!([{"rule": "self == oldSelf", "message": ".spec.selector is immutable"}]);
            schema["properties"]["selector"]["x-kubernetes-validations"] = rule;
        }
        "DatadogMetric" => {
            let fields = &mut schema["properties"];
            fields["apiVersion"]["enum"] = json!(["v1", "v2"]);
            fields["apiVersion"]["default"] = json!("v1");
            fields["interval"]["default"] = json!("5m");
            fields["requestTimeout"]["default"] = json!("10s");
            fields["aggregator"]["enum"] =
                json!(["avg", "min", "max", "sum", "last", "percentile", "mean", "l2norm", "area"]);
        }
        "SyncSource" => {
            let path = &mut schema["properties"]["path"];
            path["minLength"] = json!(1);
            path["pattern"] = json!(r"^.{2,}|[^./]$");
        }
        "AppProjectSpec" => schema["properties"]["description"]["maxLength"] = json!(255),
        "JobMetric" => schema["properties"]["metadata"] = kubernetes::template_metadata(),
        _ => {}
    }
}
