//! Which fields of an object are written.

use serde_json::{Map, Value, json};

use crate::schema::{Presence, Schema, Type};

/// Drops what Go would not write from the fields of an object, and adds what it always writes.
pub(super) fn settle(schema: &Schema, object: &mut Map<String, Value>) {
    object.retain(|name, value| match schema.properties.get(name) {
        Some(field) => !is_dropped(field, value),
        None => true,
    });
    for (name, field) in &schema.properties {
        if field.presence == Presence::Value
            && !object.contains_key(name)
            && let Some(zero) = zero(field)
        {
            object.insert(name.clone(), zero);
        }
    }
}

/// Returns what stands for a `null` inside a list or map: the zero value of the Go type.
pub(super) fn element(schema: Option<&Schema>, value: Value) -> Value {
    if value.is_null() { schema.and_then(zero).unwrap_or(value) } else { value }
}

fn is_dropped(field: &Schema, value: &Value) -> bool {
    value.is_null() || (field.presence == Presence::Omitted && is_zero(field, value))
}

fn is_zero(field: &Schema, value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty() && field.ty == Type::String,
        Value::Number(number) => field.ty != Type::IntOrString && number.as_f64() == Some(0.0),
        Value::Bool(given) => !given,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty() && field.is_map(),
        Value::Null => true,
    }
}

/// The zero value as Go writes it; `None` where that is `null` for a list or map, which stays unwritten.
pub(crate) fn zero(schema: &Schema) -> Option<Value> {
    match schema.ty {
        Type::String if matches!(schema.format.as_deref(), Some("date-time" | "byte")) => Some(Value::Null),
        Type::String => Some(json!("")),
        Type::Integer | Type::Number | Type::IntOrString => Some(json!(0)),
        Type::Boolean => Some(json!(false)),
        Type::Quantity => Some(json!("0")),
        Type::Object if !schema.is_map() && !schema.preserve_unknown => {
            let mut object = Map::new();
            settle(schema, &mut object);
            Some(Value::Object(object))
        }
        Type::Object | Type::Array | Type::Any => None,
    }
}
