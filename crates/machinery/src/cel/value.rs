//! Values.

use std::{cmp::Ordering, collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::EvalError;
use crate::{
    quantity::Quantity,
    schema::{ListType, Schema, Type},
};

/// A value of an expression. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Val {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    Uint(u64),
    /// A floating-point number.
    Double(f64),
    /// Text.
    Text(Arc<str>),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// A list; the flag says that order does not matter (sets and list maps of a schema).
    List(Arc<Vec<Val>>, bool),
    /// A map or an object.
    Map(Arc<BTreeMap<String, Val>>),
    /// A point in time.
    Time(Timestamp),
    /// A span of time.
    Duration(SignedDuration),
    /// A resource quantity.
    Quantity(Arc<Quantity>),
    /// A value that may be absent.
    Optional(Option<Arc<Val>>),
    /// The name of a type.
    Type(&'static str),
}

impl Val {
    /// Returns a text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// Returns a list whose order matters.
    #[must_use]
    pub fn list(items: Vec<Val>) -> Self {
        Self::List(Arc::new(items), false)
    }

    /// Returns a JSON value as its schema lets rules see it: times, durations and bytes by `format`, sets and list maps
    /// without order, names escaped.
    #[must_use]
    pub fn from_json(value: &Value, schema: Option<&Schema>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(b) => Self::Bool(*b),
            Value::Number(n) => match (n.as_i64(), schema.map(|s| s.ty)) {
                (Some(i), Some(Type::Number)) => Self::Double(i as f64),
                (Some(i), _) => Self::Int(i),
                (None, _) => Self::Double(n.as_f64().unwrap_or_default()),
            },
            Value::String(text) => formatted(text, schema),
            Value::Array(items) => {
                let below = schema.and_then(|s| s.items.as_deref());
                let unordered = schema.is_some_and(|s| s.list != ListType::Atomic);
                Self::List(Arc::new(items.iter().map(|item| Self::from_json(item, below)).collect()), unordered)
            }
            Value::Object(fields) => {
                let entry = |(name, value): (&String, &Value)| {
                    let declared = schema.and_then(|s| s.properties.get(name));
                    let below = declared.or_else(|| schema.and_then(|s| s.additional.as_ref()));
                    (name.clone(), Self::from_json(value, below.map(AsRef::as_ref)))
                };
                Self::Map(Arc::new(fields.iter().map(entry).collect()))
            }
        }
    }

    /// Returns the truth value.
    ///
    /// # Errors
    /// Fails for anything but a boolean.
    pub fn truth(&self) -> Result<bool, EvalError> {
        if let Self::Bool(b) = self { Ok(*b) } else { Err(EvalError::Overload) }
    }

    /// Returns the name of the value's type.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Text(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::List(..) => "list",
            Self::Map(_) => "map",
            Self::Time(_) => "google.protobuf.Timestamp",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Quantity(_) => "kubernetes.Quantity",
            Self::Optional(_) => "optional_type",
            Self::Type(_) => "type",
        }
    }

    /// Returns whether two values are equal; numbers of different types compare by value.
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::List(a, loose_a), Self::List(b, loose_b)) => {
                a.len() == b.len()
                    && if *loose_a || *loose_b {
                        a.iter().all(|item| count(a, item) == count(b, item))
                    } else {
                        a.iter().zip(b.iter()).all(|(x, y)| x.equals(y))
                    }
            }
            (Self::Map(a), Self::Map(b)) => {
                a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| value.equals(other)))
            }
            (Self::Optional(a), Self::Optional(b)) => match (a, b) {
                (Some(a), Some(b)) => a.equals(b),
                (None, None) => true,
                _ => false,
            },
            (Self::Type(a), Self::Type(b)) => a == b,
            _ => self.compare(other) == Some(Ordering::Equal),
        }
    }

    /// Returns the order of two values; `None` if they have none.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Uint(a), Self::Uint(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Uint(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            (Self::Uint(a), Self::Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(b),
            (Self::Double(a), Self::Int(b)) => a.partial_cmp(&(*b as f64)),
            (Self::Int(a), Self::Double(b)) => (*a as f64).partial_cmp(b),
            (Self::Double(a), Self::Uint(b)) => a.partial_cmp(&(*b as f64)),
            (Self::Uint(a), Self::Double(b)) => (*a as f64).partial_cmp(b),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Bytes(a), Self::Bytes(b)) => Some(a.cmp(b)),
            (Self::Time(a), Self::Time(b)) => Some(a.cmp(b)),
            (Self::Duration(a), Self::Duration(b)) => Some(a.cmp(b)),
            (Self::Quantity(a), Self::Quantity(b)) => Some(a.as_ref().cmp(b.as_ref())),
            _ => None,
        }
    }
}

fn count(items: &[Val], wanted: &Val) -> usize {
    items.iter().filter(|item| item.equals(wanted)).count()
}

fn formatted(text: &str, schema: Option<&Schema>) -> Val {
    let parsed = match schema.and_then(|s| s.format.as_deref()) {
        Some("date-time") => text.parse().ok().map(Val::Time),
        Some("date") => format!("{text}T00:00:00Z").parse().ok().map(Val::Time),
        Some("duration") => super::time::duration(text).map(Val::Duration),
        Some("byte") => {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.decode(text).ok().map(|bytes| Val::Bytes(bytes.into()))
        }
        _ => None,
    };
    parsed.unwrap_or_else(|| Val::text(text))
}

/// Returns the name of a field as expressions spell it, turned back: `__dash__` is `-`, `__namespace__` is `namespace`.
pub(super) fn unescaped(name: &str) -> String {
    if !name.contains("__") {
        return name.to_owned();
    }
    if let Some(word) = name.strip_prefix("__").and_then(|n| n.strip_suffix("__"))
        && super::lexer::RESERVED.contains(&word)
    {
        return word.to_owned();
    }
    let mut out = name.to_owned();
    for (escaped, sign) in [("__dot__", "."), ("__dash__", "-"), ("__slash__", "/"), ("__underscores__", "__")] {
        out = out.replace(escaped, sign);
    }
    out
}
