//! Documents of a YAML stream that know the line of each field.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

/// A document.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// What it says.
    pub(super) value: Value,
    lines: BTreeMap<String, usize>,
}

/// A text that is no YAML.
#[derive(Debug)]
pub(super) struct Wrong {
    /// The line; 0 where it is not known.
    pub(super) line: usize,
    /// What is wrong.
    pub(super) message: String,
}

/// Returns the documents of a YAML stream (JSON is YAML too); those that say nothing are left out, lists are opened.
///
/// # Errors
///
/// If the text is no YAML.
pub(super) fn documents(text: &str) -> Result<Vec<Document>, Wrong> {
    let roots: Vec<Spanned<Node>> = serde_saphyr::from_multiple(text).map_err(|error| {
        let line = error.location().map_or(0, |location| usize::try_from(location.line()).unwrap_or(0));
        let message = error.to_string();
        Wrong { line, message: message.lines().next().unwrap_or_default().trim().to_owned() }
    })?;
    let mut documents = Vec::new();
    for root in roots {
        open(root, &mut documents);
    }
    Ok(documents)
}

/// A `List` is as many documents as it has items.
fn open(root: Spanned<Node>, documents: &mut Vec<Document>) {
    let is_list = |fields: &[(Spanned<String>, Spanned<Node>)]| {
        let kind = fields.iter().find(|(key, _)| key.value == "kind");
        kind.is_some_and(|(_, value)| matches!(&value.value, Node::Leaf(Value::String(kind)) if kind == "List"))
    };
    match root.value {
        Node::Leaf(Value::Null) => {}
        Node::Object(fields) if is_list(&fields) => {
            let items = fields.into_iter().find(|(key, _)| key.value == "items");
            if let Some(Node::List(items)) = items.map(|(_, items)| items.value) {
                items.into_iter().for_each(|item| open(item, documents));
            }
        }
        value => {
            let mut lines = BTreeMap::new();
            let value = plain(value, "", &mut lines);
            lines.insert(String::new(), line_of(&root.referenced));
            documents.push(Document { value, lines });
        }
    }
}

fn line_of(location: &serde_saphyr::Location) -> usize {
    usize::try_from(location.line()).unwrap_or(0)
}

/// Returns the value without lines, which go to `lines` by path.
fn plain(node: Node, path: &str, lines: &mut BTreeMap<String, usize>) -> Value {
    match node {
        Node::Leaf(value) => value,
        Node::List(items) => {
            let items = items.into_iter().enumerate().map(|(index, item)| {
                let path = format!("{path}[{index}]");
                lines.insert(path.clone(), line_of(&item.referenced));
                plain(item.value, &path, lines)
            });
            Value::Array(items.collect())
        }
        Node::Object(fields) => {
            let fields = fields.into_iter().map(|(key, value)| {
                let path = if path.is_empty() { key.value.clone() } else { format!("{path}.{}", key.value) };
                lines.insert(path.clone(), line_of(&key.referenced).max(1));
                (key.value, plain(value.value, &path, lines))
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}

impl Document {
    /// Returns the line of a field, or of the nearest one around it that is there.
    ///
    /// Paths of validation lack the strategy's name: `spec.strategy.maxSurge` is that of the canary.
    pub(super) fn line(&self, field: &str) -> usize {
        let below = field.strip_prefix("spec.strategy.");
        let full = below
            .into_iter()
            .flat_map(|rest| ["canary", "blueGreen"].map(|strategy| format!("spec.strategy.{strategy}.{rest}")));
        let exact = std::iter::once(field.to_owned()).chain(full).find_map(|path| self.lines.get(&path));
        let mut path = field;
        let mut found = exact.copied();
        while found.is_none() && !path.is_empty() {
            path = path.rfind(['.', '[']).map_or("", |end| &path[..end]);
            found = self.lines.get(path).copied();
        }
        found.unwrap_or(0)
    }
}

/// A value with the place of everything in it.
#[derive(Debug)]
enum Node {
    Leaf(Value),
    List(Vec<Spanned<Node>>),
    Object(Vec<(Spanned<String>, Spanned<Node>)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Leaf(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Leaf(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Leaf(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Leaf(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            fields.push(entry);
        }
        Ok(Node::Object(fields))
    }
}
