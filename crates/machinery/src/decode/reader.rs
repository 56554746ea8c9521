//! One pass over a document in its own order: types, unknown and duplicate fields, normal form.

use std::{collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{
    error::{self, DecodeError},
    presence,
    scalar::{self, Mismatch},
};
use crate::schema::{Schema, Type};

/// What a pass found.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Unknown and duplicate fields in order of discovery; no more than upstream lists.
    pub(super) problems: Vec<String>,
    /// The first value of a wrong type, as Go says it.
    pub(super) failure: Option<String>,
}

/// Reads JSON text; without a schema anything goes and only duplicates are found.
pub(super) fn from_json(body: &[u8], schema: Option<&Schema>) -> Result<(Value, Report), DecodeError> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let mut pass = Pass::new(schema);
    let value = Node { schema, pass: &mut pass }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|e| error::syntax(&e, body))?;
    Ok((value, pass.report))
}

/// Reads a value as if it were text with sorted keys.
pub(super) fn from_value(value: Value, schema: Option<&Schema>) -> Result<(Value, Report), DecodeError> {
    let mut pass = Pass::new(schema);
    let value = Node { schema, pass: &mut pass }.deserialize(value).map_err(|e| error::syntax(&e, b""))?;
    Ok((value, pass.report))
}

/// Deeper documents are refused: what walks a value later on may recurse.
const MAX_DEPTH: usize = 256;
/// As many problems as upstream gathers.
const MAX_PROBLEMS: usize = 100;

enum Step {
    Field(String),
    /// The key of a map; Go's type errors leave it out.
    Key(String),
    Index(usize),
}

struct Pass {
    report: Report,
    seen: HashSet<String>,
    path: Vec<Step>,
    /// Name of the innermost Go struct with the number of steps up to and including its field.
    structs: Vec<String>,
    ended: bool,
}

impl Pass {
    fn new(schema: Option<&Schema>) -> Self {
        let root = schema.and_then(struct_name);
        Self {
            report: Report::default(),
            seen: HashSet::new(),
            path: Vec::new(),
            structs: root.into_iter().collect(),
            ended: false,
        }
    }

    fn problem(&mut self, what: &str, field: &str) {
        if self.report.problems.len() >= MAX_PROBLEMS {
            return;
        }
        let mut path = self.strict_path();
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(field);
        let text = format!("{what} {path:?}");
        if self.seen.insert(text.clone()) {
            self.report.problems.push(text);
        }
    }

    fn strict_path(&self) -> String {
        let mut text = String::new();
        for step in &self.path {
            match step {
                Step::Index(index) => text.push_str(&format!("[{index}]")),
                Step::Field(name) | Step::Key(name) => {
                    if !text.is_empty() {
                        text.push('.');
                    }
                    text.push_str(name);
                }
            }
        }
        text
    }

    /// Go goes on after a wrong type and reports the first, but ends at once when a type that reads itself refuses.
    fn fail(&mut self, schema: &Schema, mismatch: Mismatch) {
        let ends = scalar::reads_itself(schema);
        if self.ended || (self.report.failure.is_some() && !ends) {
            return;
        }
        self.ended = ends;
        self.report.failure = Some(match mismatch {
            Mismatch::Text(text) => text,
            Mismatch::Type { given, wanted } => {
                let fields: Vec<&str> = self
                    .path
                    .iter()
                    .filter_map(|step| if let Step::Field(name) = step { Some(name.as_str()) } else { None })
                    .collect();
                match self.structs.last() {
                    Some(owner) if !fields.is_empty() => format!(
                        "json: cannot unmarshal {given} into Go struct field {owner}.{} of type {wanted}",
                        fields.join(".")
                    ),
                    _ => format!("json: cannot unmarshal {given} into Go value of type {wanted}"),
                }
            }
        });
    }
}

fn struct_name(schema: &Schema) -> Option<String> {
    let name = schema.type_name.as_deref()?;
    name.rsplit('.').next().map(str::to_owned)
}

/// Reads one value.
struct Node<'a> {
    schema: Option<&'a Schema>,
    pass: &'a mut Pass,
}

impl<'a> Node<'a> {
    fn scalar(self, value: Value) -> Value {
        let Some(schema) = self.schema else { return value };
        scalar::coerce(schema, value).unwrap_or_else(|mismatch| {
            self.pass.fail(schema, mismatch);
            Value::Null
        })
    }

    fn check_depth<E: serde::de::Error>(&self) -> Result<(), E> {
        if self.pass.path.len() >= MAX_DEPTH { Err(E::custom(error::TOO_DEEP)) } else { Ok(()) }
    }

    /// The schema for what is below: none where everything is kept as it is.
    fn inner(&self) -> Option<&'a Schema> {
        self.schema.filter(|s| s.ty != Type::Any && !(s.preserve_unknown && s.properties.is_empty()))
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(self.scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(self.scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(self.scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        match self.inner().map(|s| s.ty) {
            None | Some(Type::Number) => Ok(self.scalar(scalar::number(value))),
            Some(_) => Ok(self.scalar(value.into())),
        }
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(self.scalar(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(self.scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        self.check_depth::<A::Error>()?;
        let schema = self.inner();
        if let Some(schema) = schema.filter(|s| s.ty != Type::Array) {
            let mismatch = refuse(schema, &Value::Array(Vec::new()));
            while list.next_element::<IgnoredAny>()?.is_some() {}
            self.pass.fail(schema, mismatch);
            return Ok(Value::Null);
        }
        let items = schema.and_then(|s| s.items.as_deref());
        let mut values = Vec::new();
        let pass = self.pass;
        loop {
            pass.path.push(Step::Index(values.len()));
            let next = list.next_element_seed(Node { schema: items, pass: &mut *pass })?;
            pass.path.pop();
            let Some(value) = next else { return Ok(Value::Array(values)) };
            values.push(presence::element(items, value));
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        self.check_depth::<A::Error>()?;
        let schema = self.inner();
        if let Some(schema) = schema.filter(|s| s.ty != Type::Object) {
            let mismatch = refuse(schema, &Value::Object(Map::new()));
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            self.pass.fail(schema, mismatch);
            return Ok(Value::Null);
        }
        match schema {
            None => free_object(map, self.pass),
            Some(schema) if schema.is_map() => typed_map(map, schema, self.pass),
            Some(schema) => object(map, schema, self.pass),
        }
    }
}

/// The types that read themselves have words of their own for an object or a list.
fn refuse(schema: &Schema, value: &Value) -> Mismatch {
    match scalar::coerce(schema, value.clone()) {
        Err(mismatch) => mismatch,
        Ok(_) => scalar::mismatch(schema, value),
    }
}

fn free_object<'de, A: MapAccess<'de>>(mut map: A, pass: &mut Pass) -> Result<Value, A::Error> {
    let mut object = Map::new();
    while let Some(key) = map.next_key::<String>()? {
        if object.contains_key(&key) {
            pass.problem("duplicate field", &key);
        }
        pass.path.push(Step::Field(key.clone()));
        let value = map.next_value_seed(Node { schema: None, pass: &mut *pass })?;
        pass.path.pop();
        object.insert(key, value);
    }
    Ok(Value::Object(object))
}

fn typed_map<'de, A: MapAccess<'de>>(mut map: A, schema: &Schema, pass: &mut Pass) -> Result<Value, A::Error> {
    let values = schema.additional.as_deref();
    let mut object = Map::new();
    while let Some(key) = map.next_key::<String>()? {
        if object.contains_key(&key) {
            pass.problem("duplicate field", &key);
        }
        pass.path.push(Step::Key(key.clone()));
        let value = map.next_value_seed(Node { schema: values, pass: &mut *pass })?;
        pass.path.pop();
        object.insert(key, presence::element(values, value));
    }
    Ok(Value::Object(object))
}

fn object<'de, A: MapAccess<'de>>(mut map: A, schema: &Schema, pass: &mut Pass) -> Result<Value, A::Error> {
    let mut object = Map::new();
    let owner = struct_name(schema).or_else(|| pass.structs.last().cloned()).unwrap_or_default();
    pass.structs.push(owner);
    while let Some(key) = map.next_key::<String>()? {
        let Some(field) = schema.properties.get(&key) else {
            pass.problem("unknown field", &key);
            map.next_value::<IgnoredAny>()?;
            continue;
        };
        if object.contains_key(&key) {
            pass.problem("duplicate field", &key);
        }
        pass.path.push(Step::Field(key.clone()));
        let value = map.next_value_seed(Node { schema: Some(field), pass: &mut *pass })?;
        pass.path.pop();
        object.insert(key, value);
    }
    pass.structs.pop();
    presence::settle(schema, &mut object);
    Ok(Value::Object(object))
}
