//! Whether a value fits its schema, as far as structured merge cares: declared fields, kinds of values, keys of items.

use std::{collections::BTreeSet, fmt};

use serde_json::Value;

use super::{
    element::PathElement,
    typing::{Form, ListAtom, MapAtom, Scalar, TypeRef},
};
use crate::{go_text, schema::Schema};

/// The ways in which a value does not fit, with upstream's texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misfits(Vec<(String, String)>);

/// Checks a whole configuration. Live objects may hold several items with one key, configurations may not.
pub(super) fn validate(schema: &Schema, value: &Value) -> Result<(), Misfits> {
    let mut check = Check { path: Vec::new(), found: Vec::new() };
    check.node(TypeRef::root(schema), value);
    if check.found.is_empty() { Ok(()) } else { Err(Misfits(check.found)) }
}

impl fmt::Display for Misfits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |(path, text): &(String, String)| {
            if path.is_empty() { text.clone() } else { format!("{path}: {text}") }
        };
        match self.0.as_slice() {
            [one] => write!(f, "{}", line(one)),
            many => {
                let lines: Vec<_> = many.iter().map(|one| format!("\n  {}", line(one))).collect();
                write!(f, "errors:{}", lines.concat())
            }
        }
    }
}

struct Check {
    path: Vec<PathElement>,
    found: Vec<(String, String)>,
}

impl Check {
    fn node(&mut self, ty: TypeRef<'_>, value: &Value) {
        let atom = ty.atom();
        match (atom.form(Some(value)), atom.map, atom.scalar, atom.list) {
            _ if value.is_null() => {}
            (Form::Map, Some(map), ..) => self.map(&map, value),
            (Form::Scalar, _, Some(scalar), _) => self.scalar(scalar, value),
            (.., Some(list)) => self.list(&list, value),
            _ => {}
        }
    }

    fn map(&mut self, map: &MapAtom<'_>, value: &Value) {
        let Value::Object(fields) = value else {
            return self.report(format!("expected map, got &{{{}}}", go_text::plain(value)));
        };
        for (key, value) in fields {
            self.path.push(PathElement::field(key));
            match map.field(key) {
                Some(ty) => self.node(ty, value),
                None => self.report("field not declared in schema".to_owned()),
            }
            self.path.pop();
            if map.field(key).is_none() {
                return;
            }
        }
    }

    fn list(&mut self, list: &ListAtom<'_>, value: &Value) {
        let Value::Array(items) = value else {
            return self.report(format!("expected list, got &{{{}}}", go_text::plain(value)));
        };
        let mut seen = BTreeSet::new();
        for (at, item) in items.iter().enumerate() {
            let element = if list.is_atomic() {
                PathElement::Index(i64::try_from(at).unwrap_or(i64::MAX))
            } else {
                match list.element(item) {
                    Ok(element) => element,
                    // Without an identity nothing deeper can be named.
                    Err(text) => return self.report(format!("element {at}: {text}")),
                }
            };
            if !list.is_atomic() && !seen.insert(element.clone()) {
                self.report(format!("duplicate entries for key {element}"));
            }
            self.path.push(element);
            self.node(list.items, item);
            self.path.pop();
        }
    }

    fn scalar(&mut self, scalar: Scalar, value: &Value) {
        let text = match (scalar, value) {
            (Scalar::Numeric, Value::Number(_))
            | (Scalar::String, Value::String(_))
            | (Scalar::Boolean, Value::Bool(_))
            | (Scalar::Untyped, Value::Number(_) | Value::String(_) | Value::Bool(_)) => return,
            (Scalar::Numeric, other) => {
                format!("expected numeric (int or float), got {}", go_text::type_name(other))
            }
            (Scalar::String, other) => {
                format!("expected string, got &value.valueUnstructured{{Value:{}}}", go_text::syntax(other))
            }
            (Scalar::Boolean, other) => format!("expected boolean, got &{{{}}}", go_text::plain(other)),
            (Scalar::Untyped, other) => format!("expected any scalar, got &{{{}}}", go_text::plain(other)),
        };
        self.report(text);
    }

    fn report(&mut self, text: String) {
        self.found.push((super::set::path_text(&self.path), text));
    }
}
