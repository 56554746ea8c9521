//! The fields that a value mentions: what an applied configuration owns.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    element::PathElement,
    set::Set,
    typing::{Form, ListAtom, MapAtom, TypeRef},
};
use crate::schema::Schema;

/// Returns every leaf and every list item that `value` mentions.
///
/// Maps with declared fields are not members themselves, entries of free maps and items are; an atomic list or map is
/// one member; an empty set or list map is none.
#[must_use]
pub fn from_value(schema: &Schema, value: &Value) -> Set {
    node(TypeRef::root(schema), value).1
}

/// Returns whether the node is a member by itself, and what is below.
fn node(ty: TypeRef<'_>, value: &Value) -> (bool, Set) {
    let atom = ty.atom();
    match (atom.form(Some(value)), atom.map, atom.list) {
        (Form::Map, Some(map), _) if !map.atomic => (false, fields(&map, value.as_object())),
        (Form::List, _, Some(list)) if !list.is_atomic() => (false, items(&list, value.as_array())),
        _ => (true, Set::new()),
    }
}

fn fields(map: &MapAtom<'_>, value: Option<&Map<String, Value>>) -> Set {
    let mut set = Set::new();
    for (key, value) in value.into_iter().flatten() {
        let declared = map.declared(key);
        let (leaf, below) = node(declared.or_else(|| map.field(key)).unwrap_or(TypeRef::Deduced), value);
        let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
        set.push(PathElement::field(key), leaf || empty || declared.is_none(), below);
    }
    set
}

/// Items that share a key are one member without anything below.
fn items(list: &ListAtom<'_>, value: Option<&Vec<Value>>) -> Set {
    let mut set = Set::new();
    let (mut seen, mut twice) = (BTreeSet::new(), BTreeSet::new());
    let items: Vec<_> = value.into_iter().flatten().filter_map(|item| Some((list.element(item).ok()?, item))).collect();
    for (element, _) in &items {
        if !seen.insert(element) {
            twice.insert(element);
        }
    }
    for (element, item) in &items {
        let below = if twice.contains(element) { Set::new() } else { node(list.items, item).1 };
        set.push(element.clone(), true, below);
    }
    set
}
