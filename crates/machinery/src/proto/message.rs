//! Messages by schema and field numbers.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    ProtoError,
    numbers::{self, Field, Message},
    short_name,
    wire::{self, Payload, Reader},
};
use crate::schema::{Schema, Type};

/// Returns the object in a message of the type that `schema` came from.
pub(super) fn decode(bytes: &[u8], schema: &Schema) -> Result<Value, ProtoError> {
    let mut object = Map::new();
    if let Some(message) = numbers_of(schema) {
        fill(&mut object, bytes, schema, message, 0)?;
    }
    Ok(Value::Object(object))
}

/// Returns the field numbers of the type that a node came from; `None` if they are not known.
pub(super) fn numbers_of(schema: &Schema) -> Option<&'static Message> {
    numbers::of(short_name(schema))
}

/// No built-in kind nests deeper.
const MAX_DEPTH: usize = 48;

fn fill(
    object: &mut Map<String, Value>,
    bytes: &[u8],
    schema: &Schema,
    message: &'static Message,
    depth: usize,
) -> Result<(), ProtoError> {
    if depth > MAX_DEPTH {
        return Err(ProtoError::Depth);
    }
    let mut reader = Reader::new(bytes);
    while let Some((number, payload)) = reader.field()? {
        match message.get(&number) {
            Some(Field::Named(name)) => {
                if let Some(field) = schema.properties.get(*name) {
                    set(object, name, payload, field, depth + 1)?;
                }
            }
            Some(Field::Inlined(inner)) => {
                let inlined = numbers::of(inner).ok_or(ProtoError::Tag(number))?;
                fill(object, message_bytes(payload, inner)?, schema, inlined, depth + 1)?;
            }
            // Written by a newer client: dropped, as Go does.
            None => {}
        }
    }
    Ok(())
}

/// Adds one occurrence of a field: an item, an entry, or the value.
fn set(
    object: &mut Map<String, Value>,
    name: &str,
    payload: Payload<'_>,
    field: &Schema,
    depth: usize,
) -> Result<(), ProtoError> {
    let slot = object.entry(name).or_insert(Value::Null);
    if field.ty == Type::Array {
        let items = field.items.as_deref().unwrap_or(field);
        if !slot.is_array() {
            *slot = json!([]);
        }
        let Value::Array(list) = slot else { return Ok(()) };
        return append(list, name, payload, items, depth);
    }
    if field.is_map() {
        let values = field.additional.as_deref().unwrap_or(field);
        let (key, value) = entry(message_bytes(payload, name)?, name, values, depth)?;
        if !slot.is_object() {
            *slot = json!({});
        }
        slot[key] = value;
        return Ok(());
    }
    let earlier = slot.take();
    *slot = value(payload, name, field, earlier, depth)?;
    Ok(())
}

fn append(
    list: &mut Vec<Value>,
    name: &str,
    payload: Payload<'_>,
    items: &Schema,
    depth: usize,
) -> Result<(), ProtoError> {
    if let (Type::Integer, Payload::Bytes(packed)) = (items.ty, payload) {
        let mut reader = Reader::new(packed);
        while let Some(number) = reader.packed()? {
            list.push(integer(number, items));
        }
        return Ok(());
    }
    list.push(value(payload, name, items, Value::Null, depth)?);
    Ok(())
}

/// A map is a list of messages: 1 is the key, 2 the value.
fn entry(bytes: &[u8], name: &str, values: &Schema, depth: usize) -> Result<(String, Value), ProtoError> {
    let mut reader = Reader::new(bytes);
    let (mut key, mut found) = (String::new(), Value::Null);
    while let Some((number, payload)) = reader.field()? {
        match (number, payload) {
            (1, Payload::Bytes(text)) => key = wire::text(text),
            (2, Payload::Bytes(message)) if values.ty == Type::Array => {
                found = list_message(message, name, values, depth)?
            }
            (2, payload) => found = value(payload, name, values, found, depth)?,
            _ => {}
        }
    }
    Ok((key, found))
}

/// A list as a map's value is a message around its items (`ExtraValue`); without items it is `null`, as in Go.
fn list_message(bytes: &[u8], name: &str, schema: &Schema, depth: usize) -> Result<Value, ProtoError> {
    let mut reader = Reader::new(bytes);
    let mut list = Vec::new();
    while let Some((number, payload)) = reader.field()? {
        if number == 1 {
            append(&mut list, name, payload, schema.items.as_deref().unwrap_or(schema), depth)?;
        }
    }
    Ok(if list.is_empty() { Value::Null } else { Value::Array(list) })
}

fn value(payload: Payload<'_>, name: &str, schema: &Schema, earlier: Value, depth: usize) -> Result<Value, ProtoError> {
    match (schema.ty, payload) {
        (Type::Integer, Payload::Varint(number)) => Ok(integer(number, schema)),
        (Type::Boolean, Payload::Varint(number)) => Ok(json!(number != 0)),
        (Type::Number, Payload::Fixed64(bits)) => Ok(json!(f64::from_bits(bits))),
        (Type::String, Payload::Bytes(bytes)) => string(bytes, schema),
        (Type::Quantity, Payload::Bytes(bytes)) => first_string(bytes),
        (Type::IntOrString, Payload::Bytes(bytes)) => int_or_string(bytes),
        (Type::Object | Type::Any, Payload::Bytes(bytes)) if schema.preserve_unknown => raw(bytes),
        (Type::Object, Payload::Bytes(bytes)) => {
            let mut object = if let Value::Object(object) = earlier { object } else { Map::new() };
            if let Some(message) = numbers_of(schema) {
                fill(&mut object, bytes, schema, message, depth)?;
            }
            Ok(Value::Object(object))
        }
        _ => Err(ProtoError::WireType { field: name.to_owned(), wire: payload.wire_type() }),
    }
}

fn message_bytes<'a>(payload: Payload<'a>, name: &str) -> Result<&'a [u8], ProtoError> {
    match payload {
        Payload::Bytes(bytes) => Ok(bytes),
        other => Err(ProtoError::WireType { field: name.to_owned(), wire: other.wire_type() }),
    }
}

/// A varint is the two's complement of a signed number; 32-bit fields keep their low half, as Go does.
fn integer(number: u64, schema: &Schema) -> Value {
    let narrow = schema.format.as_deref() == Some("int32");
    if narrow { json!(number as i32) } else { json!(number as i64) }
}

fn string(bytes: &[u8], schema: &Schema) -> Result<Value, ProtoError> {
    match (schema.format.as_deref(), schema.type_name.as_deref()) {
        (Some("byte"), _) => Ok(json!(STANDARD.encode(bytes))),
        (Some("date-time"), Some(name)) => time(bytes, name.ends_with("MicroTime")),
        _ => Ok(json!(wire::text(bytes))),
    }
}

/// `Time` and `MicroTime` are seconds and nanoseconds; an empty message is no time.
fn time(bytes: &[u8], micro: bool) -> Result<Value, ProtoError> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let mut reader = Reader::new(bytes);
    let (mut seconds, mut nanos) = (0_i64, 0_i32);
    while let Some(field) = reader.field()? {
        match field {
            (1, Payload::Varint(number)) => seconds = number as i64,
            (2, Payload::Varint(number)) => nanos = number as i32,
            _ => {}
        }
    }
    let Ok(at) = Timestamp::new(seconds, if micro { nanos } else { 0 }) else { return Ok(Value::Null) };
    Ok(json!(if micro { format!("{at:.6}") } else { format!("{at:.0}") }))
}

/// `Quantity` is a message with the text as its only field.
fn first_string(bytes: &[u8]) -> Result<Value, ProtoError> {
    let mut reader = Reader::new(bytes);
    let mut text = "0".to_owned();
    while let Some(field) = reader.field()? {
        if let (1, Payload::Bytes(bytes)) = field {
            text = wire::text(bytes);
        }
    }
    Ok(json!(text))
}

/// `IntOrString`: the type (1 is text), the number, the text.
fn int_or_string(bytes: &[u8]) -> Result<Value, ProtoError> {
    let mut reader = Reader::new(bytes);
    let (mut is_text, mut number, mut text) = (false, 0_i32, String::new());
    while let Some(field) = reader.field()? {
        match field {
            (1, Payload::Varint(kind)) => is_text = kind == 1,
            (2, Payload::Varint(value)) => number = value as i32,
            (3, Payload::Bytes(bytes)) => text = wire::text(bytes),
            _ => {}
        }
    }
    Ok(if is_text { json!(text) } else { json!(number) })
}

/// `RawExtension` and `FieldsV1` carry JSON text.
fn raw(bytes: &[u8]) -> Result<Value, ProtoError> {
    let mut reader = Reader::new(bytes);
    let mut found = Value::Null;
    while let Some(field) = reader.field()? {
        if let (1, Payload::Bytes(json)) = field
            && !json.is_empty()
        {
            found = crate::decode::document(json).map_err(|e| ProtoError::Json(e.to_string()))?.value;
        }
    }
    Ok(found)
}
