//! Writes JSON byte by byte as Go's encoder does for a typed object.

use k8s_openapi::jiff::{Timestamp, fmt::strtime};
use serde_json::{Map, Value};
use tiphys_machinery::quantity::{self, Quantity};

use super::table::{Field, Table, Type};

/// How `metadata.creationTimestamp` without a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Not at all: with the libraries of Kubernetes 1.34 and later.
    Present,
    /// As `null`: with older ones.
    Old,
    /// For comparison only: also without empty lists, and quantities by value.
    Comparable,
}

/// Returns `value` as Go writes it as the struct `name`; unknown fields vanish.
pub(crate) fn write_struct(name: &str, value: &Value, form: Form) -> String {
    let mut writer = Writer { out: String::new(), form };
    writer.object(name, Some(value));
    writer.out
}

/// Returns `value` as Go writes it as a list of the struct `name`; `null` for an empty one.
pub(crate) fn write_list(name: &'static str, value: &Value) -> String {
    let mut writer = Writer { out: String::new(), form: Form::Present };
    match value.as_array().filter(|items| !items.is_empty()) {
        Some(items) => writer.list(&Type::Struct(name), items),
        None => writer.out.push_str("null"),
    }
    writer.out
}

struct Writer {
    out: String,
    form: Form,
}

impl Writer {
    fn object(&mut self, name: &str, value: Option<&Value>) {
        self.out.push('{');
        let mut first = true;
        for field in Table::get().fields(name) {
            let value = value.and_then(|value| value.get(field.name));
            let value = if matches!(field.ty, Type::Raw) { value } else { value.filter(|value| !value.is_null()) };
            if self.is_omitted(field, value) {
                continue;
            }
            if !first {
                self.out.push(',');
            }
            first = false;
            self.string(field.name);
            self.out.push(':');
            self.value(&field.ty, value);
        }
        self.out.push('}');
    }

    fn is_omitted(&self, field: &Field, value: Option<&Value>) -> bool {
        let empty = match &field.ty {
            // A struct that is no pointer is never empty for Go.
            Type::Struct(_) | Type::Quantity | Type::IntOrString => return false,
            Type::Time => return value.is_none() && self.form != Form::Old,
            Type::Pointer(_) | Type::Raw => value.is_none(),
            Type::String => value.and_then(Value::as_str).is_none_or(str::is_empty),
            Type::Int => value.and_then(Value::as_i64).unwrap_or(0) == 0,
            Type::Bool => !value.and_then(Value::as_bool).unwrap_or(false),
            Type::List(_) => value.and_then(Value::as_array).is_none_or(Vec::is_empty),
            Type::Map(_) => value.and_then(Value::as_object).is_none_or(Map::is_empty),
        };
        empty && (!field.always || self.form == Form::Comparable)
    }

    /// Writes a value; one of the wrong type is the empty value, as for Go's decoder.
    fn value(&mut self, ty: &Type, value: Option<&Value>) {
        match ty {
            Type::String => self.string(value.and_then(Value::as_str).unwrap_or_default()),
            Type::Int => self.out.push_str(&value.and_then(Value::as_i64).unwrap_or(0).to_string()),
            Type::Bool => self.out.push_str(&value.and_then(Value::as_bool).unwrap_or(false).to_string()),
            Type::Time => self.time(value),
            Type::Quantity => self.quantity(value),
            Type::IntOrString => match value {
                Some(Value::String(text)) => self.string(text),
                other => self.value(&Type::Int, other),
            },
            Type::Raw => self.raw(value.unwrap_or(&Value::Null)),
            Type::Struct(name) => self.object(name, value),
            Type::Pointer(inner) => match value {
                Some(value) => self.value(inner, Some(value)),
                None => self.out.push_str("null"),
            },
            Type::List(inner) => match value.and_then(Value::as_array) {
                Some(items) => self.list(inner, items),
                None => self.out.push_str("null"),
            },
            Type::Map(inner) => match value.and_then(Value::as_object) {
                Some(entries) => self.map(entries, |writer, entry| writer.value(inner, Some(entry))),
                None => self.out.push_str("null"),
            },
        }
    }

    fn list(&mut self, ty: &Type, items: &[Value]) {
        self.out.push('[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            self.value(ty, Some(item));
        }
        self.out.push(']');
    }

    fn map(&mut self, entries: &Map<String, Value>, mut write: impl FnMut(&mut Self, &Value)) {
        let mut sorted: Vec<_> = entries.iter().collect();
        sorted.sort_by_key(|(key, _)| *key);
        self.out.push('{');
        for (index, (key, entry)) in sorted.into_iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            self.string(key);
            self.out.push(':');
            write(self, entry);
        }
        self.out.push('}');
    }

    fn time(&mut self, value: Option<&Value>) {
        let time = value.and_then(Value::as_str).and_then(|text| text.parse::<Timestamp>().ok());
        match time.and_then(|time| strtime::format("%Y-%m-%dT%H:%M:%SZ", time).ok()) {
            Some(text) => self.string(&text),
            None => self.out.push_str("null"),
        }
    }

    fn quantity(&mut self, value: Option<&Value>) {
        let quantity = value.and_then(|value| Quantity::from_json(value).ok()).unwrap_or_default();
        let text = if self.form == Form::Comparable { quantity.value_text() } else { quantity.to_string() };
        self.string(&text);
    }

    fn raw(&mut self, value: &Value) {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(value) => self.out.push_str(&value.to_string()),
            Value::Number(number) => self.out.push_str(&quantity::number_text(number)),
            Value::String(text) => self.string(text),
            Value::Array(items) => self.list(&Type::Raw, items),
            Value::Object(entries) => self.map(entries, |writer, entry| writer.raw(entry)),
        }
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => self.escape(c),
                c if c < ' ' => self.escape(c),
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    fn escape(&mut self, c: char) {
        self.out.push_str(&format!("\\u{:04x}", u32::from(c)));
    }
}
