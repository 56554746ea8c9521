//! `FieldsV1`: the JSON form of a set, as it stands in `metadata.managedFields[].fieldsV1`.

use serde_json::{Map, Value};

use super::{
    element::{ElementError, PathElement},
    set::{Node, Set},
};

/// Why a value is no `FieldsV1`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FieldsError {
    /// A node is neither an object nor `null`.
    #[error("expected an object at {0:?}")]
    NotAnObject(String),
    /// A key is no path element.
    #[error("parsing key as path element")]
    BadElement(#[source] ElementError),
}

impl Set {
    /// Reads a set; elements of unknown kinds are skipped.
    ///
    /// # Errors
    /// See [`FieldsError`].
    pub fn from_fields_v1(value: &Value) -> Result<Self, FieldsError> {
        Ok(read(value, "")?.0)
    }

    /// Returns the JSON form: `{"f:a":{".":{},"f:b":{}}}`.
    #[must_use]
    pub fn to_fields_v1(&self) -> Value {
        Value::Object(self.nodes().iter().map(|node| (node.element.serialize(), node_value(node))).collect())
    }

    /// Returns the JSON text in structured-merge-diff's order of elements, which differs from the order of their texts
    /// (port 80 before port 443).
    #[must_use]
    pub fn to_fields_v1_text(&self) -> String {
        let mut text = String::from("{");
        print(self, false, &mut text);
        text.push('}');
        text
    }
}

/// Returns what is below, and whether the node itself is a member: it is if it says so or if nothing is below.
fn read(value: &Value, at: &str) -> Result<(Set, bool), FieldsError> {
    let empty = Map::new();
    let map = match value {
        Value::Object(map) => map,
        Value::Null => &empty,
        _ => return Err(FieldsError::NotAnObject(at.to_owned())),
    };
    let (mut set, mut member) = (Set::new(), false);
    for (key, value) in map {
        if key == "." {
            member = true;
            continue;
        }
        let element = match PathElement::parse(key) {
            Ok(element) => element,
            Err(ElementError::UnknownKind) => continue,
            Err(error) => return Err(FieldsError::BadElement(error)),
        };
        let (below, is_member) = read(value, key)?;
        set.push(element, is_member, below);
    }
    let member = member || set.is_empty();
    Ok((set, member))
}

fn node_value(node: &Node) -> Value {
    let mut value = node.below.to_fields_v1();
    if let Value::Object(map) = &mut value
        && node.member
        && !map.is_empty()
    {
        map.insert(".".to_owned(), Value::Object(Map::new()));
    }
    value
}

fn print(set: &Set, with_self: bool, text: &mut String) {
    let mut separator = "";
    if with_self && !set.is_empty() {
        text.push_str("\".\":{}");
        separator = ",";
    }
    for node in set.nodes() {
        text.push_str(separator);
        separator = ",";
        text.push_str(&Value::from(node.element.serialize()).to_string());
        text.push_str(":{");
        print(&node.below, node.member, text);
        text.push('}');
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sets_survive_the_round_trip_in_upstreams_order() {
        for text in [
            "{}",
            r#"{"f:data":{"f:ca.crt":{}}}"#,
            r#"{"f:data":{".":{},"f:ca.crt":{}}}"#,
            r#"{"f:metadata":{"f:finalizers":{".":{},"v:\"a/b\"":{}}},"f:spec":{"f:ports":{".":{},"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{}},"k:{\"port\":443,\"protocol\":\"TCP\"}":{}}}}"#,
            r#"{"f:l":{"i:0":{},"i:10":{}}}"#,
        ] {
            let set = Set::from_fields_v1(&serde_json::from_str(text).unwrap()).unwrap();
            assert_eq!(set.to_fields_v1_text(), text);
            assert_eq!(Set::from_fields_v1(&set.to_fields_v1()).unwrap(), set);
        }
    }

    #[test]
    fn unknown_elements_are_skipped_and_malformed_ones_refused() {
        let set = Set::from_fields_v1(&json!({"x:new": {}, "f:a": {"z:new": {}}})).unwrap();
        assert_eq!(set, Set::of_fields(&[&["a"]]));
        assert!(matches!(Set::from_fields_v1(&json!({"a": {}})), Err(FieldsError::BadElement(_))));
        assert!(matches!(Set::from_fields_v1(&json!({"f:a": 1})), Err(FieldsError::NotAnObject(_))));
    }
}
