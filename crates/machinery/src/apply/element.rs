//! One step of a field path.

use std::{cmp::Ordering, fmt};

use serde_json::{Map, Value};

use crate::go_text;

/// Selects a child of a node: a field of a map, or an item of a list.
///
/// Ordered as structured-merge-diff orders: fields, keys, values, indices.
#[derive(Debug, Clone)]
pub enum PathElement {
    /// A field of a map: `f:name`.
    Field(Box<str>),
    /// The item of a list map with these key fields, sorted by name: `k:{"name":"a"}`.
    Key(Box<[(Box<str>, Value)]>),
    /// A member of a set: `v:"a"`.
    Value(Value),
    /// An item by position: `i:3`.
    Index(i64),
}

/// Why a text is no path element.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ElementError {
    /// Neither `f:`, `k:`, `v:` nor `i:`: elements of kinds that do not exist yet are skipped by readers.
    #[error("unknown path element type")]
    UnknownKind,
    /// No colon after the first letter.
    #[error("missing colon: {0}")]
    MissingColon(String),
    /// What follows the colon does not parse.
    #[error("malformed path element: {0}")]
    Malformed(String),
}

impl PathElement {
    /// Returns the element of a field.
    #[must_use]
    pub fn field(name: &str) -> Self {
        Self::Field(name.into())
    }

    /// Returns the element of a list map item, from its key fields in any order.
    #[must_use]
    pub fn key(fields: impl IntoIterator<Item = (Box<str>, Value)>) -> Self {
        let mut fields: Vec<_> = fields.into_iter().collect();
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        Self::Key(fields.into())
    }

    /// Parses `f:name`, `k:{..}`, `v:..` or `i:3`.
    ///
    /// # Errors
    /// See [`ElementError`].
    pub fn parse(text: &str) -> Result<Self, ElementError> {
        let malformed = || ElementError::Malformed(text.to_owned());
        let (Some(kind), Some(rest)) = (text.get(..2), text.get(2..)) else {
            return Err(ElementError::MissingColon(text.to_owned()));
        };
        match kind {
            "f:" => Ok(Self::field(rest)),
            "v:" => serde_json::from_str(rest).map(Self::Value).map_err(|_| malformed()),
            "k:" => {
                let fields: Map<String, Value> = serde_json::from_str(rest).map_err(|_| malformed())?;
                Ok(Self::key(fields.into_iter().map(|(k, v)| (k.into(), v))))
            }
            "i:" => rest.parse().map(Self::Index).map_err(|_| malformed()),
            _ if kind.ends_with(':') => Err(ElementError::UnknownKind),
            _ => Err(ElementError::MissingColon(text.to_owned())),
        }
    }

    /// Returns the text that [`PathElement::parse`] reads.
    #[must_use]
    pub fn serialize(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(fields) => {
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(k, v)| format!("{}:{}", json_text(&Value::from(k.as_ref())), json_text(v)))
                    .collect();
                format!("k:{{{}}}", fields.join(","))
            }
            Self::Value(value) => format!("v:{}", json_text(value)),
            Self::Index(index) => format!("i:{index}"),
        }
    }
}

/// Compact JSON as Go's encoder writes it: `<`, `>` and `&` escaped.
fn json_text(value: &Value) -> String {
    let text = value.to_string();
    if text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return text
            .replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026")
            .replace('\u{2028}', "\\u2028")
            .replace('\u{2029}', "\\u2029");
    }
    text
}

/// The form of conflict messages: `.spec`, `[name="a"]`, `[="x"]`, `[0]`.
impl fmt::Display for PathElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(fields) => {
                let fields: Vec<_> = fields.iter().map(|(k, v)| format!("{k}={}", printed(v))).collect();
                write!(f, "[{}]", fields.join(","))
            }
            Self::Value(value) => write!(f, "[={}]", printed(value)),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

fn printed(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => go_text::number(n),
        Value::String(s) => go_text::quoted(s),
        Value::Array(items) => format!("[{}]", items.iter().map(printed).collect::<Vec<_>>().join(",")),
        Value::Object(map) => map.iter().map(|(k, v)| format!("{k}={}", printed(v))).collect(),
    }
}

impl Ord for PathElement {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Field(a), Self::Field(b)) => a.cmp(b),
            (Self::Key(a), Self::Key(b)) => cmp_keys(a, b),
            (Self::Value(a), Self::Value(b)) => cmp_values(a, b),
            (Self::Index(a), Self::Index(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PathElement {
    fn rank(&self) -> u8 {
        match self {
            Self::Field(_) => 0,
            Self::Key(_) => 1,
            Self::Value(_) => 2,
            Self::Index(_) => 3,
        }
    }
}

impl PartialOrd for PathElement {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for PathElement {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for PathElement {}

fn cmp_keys(a: &[(Box<str>, Value)], b: &[(Box<str>, Value)]) -> Ordering {
    for ((name_a, value_a), (name_b, value_b)) in a.iter().zip(b) {
        let order = name_a.cmp(name_b).then_with(|| cmp_values(value_a, value_b));
        if order != Ordering::Equal {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

/// A total order of JSON values; numbers compare by value, so that `1` equals `1.0`.
pub(super) fn cmp_values(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
        },
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => cmp_lists(a, b),
        (Value::Object(a), Value::Object(b)) => cmp_maps(a, b),
        _ => kind_rank(a).cmp(&kind_rank(b)),
    }
}

/// Whether two values are the same to structured merge; numbers compare by value.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || cmp_values(a, b) == Ordering::Equal,
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

fn kind_rank(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    }
}

fn cmp_lists(a: &[Value], b: &[Value]) -> Ordering {
    let first = a.iter().zip(b).map(|(a, b)| cmp_values(a, b)).find(|order| *order != Ordering::Equal);
    first.unwrap_or_else(|| a.len().cmp(&b.len()))
}

fn cmp_maps(a: &Map<String, Value>, b: &Map<String, Value>) -> Ordering {
    let sorted = |map: &Map<String, Value>| {
        let mut fields: Vec<(Box<str>, Value)> = map.iter().map(|(k, v)| (k.as_str().into(), v.clone())).collect();
        fields.sort_by(|x, y| x.0.cmp(&y.0));
        fields
    };
    cmp_keys(&sorted(a), &sorted(b))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn elements_print_parse_and_display() {
        for (text, shown) in [
            ("f:spec", ".spec"),
            ("f:a/b:c", ".a/b:c"),
            (r#"k:{"containerPort":80,"protocol":"TCP"}"#, r#"[containerPort=80,protocol="TCP"]"#),
            (r#"v:"x""#, r#"[="x"]"#),
            ("v:1", "[=1]"),
            ("i:3", "[3]"),
            (r#"v:"a\u003cb""#, r#"[="a<b"]"#),
        ] {
            let element = PathElement::parse(text).unwrap();
            assert_eq!(element.serialize(), text);
            assert_eq!(element.to_string(), shown);
        }
        assert_eq!(PathElement::parse("q:1"), Err(ElementError::UnknownKind));
        assert!(matches!(PathElement::parse("spec"), Err(ElementError::MissingColon(_))));
        assert!(matches!(PathElement::parse("i:x"), Err(ElementError::Malformed(_))));
        assert!(matches!(PathElement::parse("k:[]"), Err(ElementError::Malformed(_))));
    }

    #[test]
    fn the_order_is_fields_keys_values_indices() {
        let key = |port: i64| PathElement::key([("port".into(), json!(port))]);
        let ordered = [
            PathElement::field("a"),
            PathElement::field("b"),
            key(80),
            key(443),
            PathElement::Value(json!(2)),
            PathElement::Value(json!("1")),
            PathElement::Value(json!(true)),
            PathElement::Index(0),
        ];
        assert!(ordered.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(PathElement::Value(json!(1)), PathElement::Value(json!(1.0)));
    }
}
