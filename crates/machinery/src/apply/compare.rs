//! What changed between two values: the fields added, modified and removed.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    element::{PathElement, same},
    set::Set,
    typing::{ListAtom, MapAtom, TypeRef},
};
use crate::schema::Schema;

/// The differences between two objects. No path is in more than one of the sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Fields that only the first object has.
    pub removed: Set,
    /// Fields that both have, with different values.
    pub modified: Set,
    /// Fields that only the second object has.
    pub added: Set,
}

/// Compares two objects of a schema; `null` and empty containers differ from absent ones.
///
/// A field that a built-in kind always writes (held by value in Go) is there in any object whose parent is: a create
/// does not add `spec.strategy`, and gives it no owner.
///
/// Items of sets and list maps are matched by their key, items without one are left out. Several items with one key
/// count as one value.
#[must_use]
pub fn compare(schema: &Schema, from: &Value, to: &Value) -> Comparison {
    let changes = compare_node(TypeRef::root(schema), Some(from), Some(to));
    Comparison { removed: changes.removed.below, modified: changes.modified.below, added: changes.added.below }
}

impl Comparison {
    /// Returns whether nothing differs.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.removed.is_empty() && self.modified.is_empty() && self.added.is_empty()
    }

    /// Applies a function to each of the sets.
    #[must_use]
    pub(super) fn map(self, f: impl Fn(Set) -> Set) -> Self {
        Self { removed: f(self.removed), modified: f(self.modified), added: f(self.added) }
    }
}

/// The changes of one node, without the path that leads to it.
#[derive(Default)]
struct Changes {
    removed: Part,
    modified: Part,
    added: Part,
}

#[derive(Default)]
struct Part {
    /// The node itself changed.
    member: bool,
    below: Set,
}

impl Changes {
    fn take(&mut self, element: impl Fn() -> PathElement, child: Self) {
        for (mine, theirs) in
            [(&mut self.removed, child.removed), (&mut self.modified, child.modified), (&mut self.added, child.added)]
        {
            if theirs.member || !theirs.below.is_empty() {
                mine.below.push(element(), theirs.member, theirs.below);
            }
        }
    }

    fn merge(&mut self, other: Self) {
        for (mine, theirs) in
            [(&mut self.removed, other.removed), (&mut self.modified, other.modified), (&mut self.added, other.added)]
        {
            mine.member |= theirs.member;
            if mine.below.is_empty() {
                mine.below = theirs.below;
            } else if !theirs.below.is_empty() {
                mine.below = mine.below.union(&theirs.below);
            }
        }
    }
}

fn compare_node(ty: TypeRef<'_>, from: Option<&Value>, to: Option<&Value>) -> Changes {
    let atom = ty.atom();
    let (old, new) = (atom.form(from), atom.form(to));
    let mut changes = Changes::default();
    let form = match (from, to) {
        (_, None) => old,
        (None, _) => new,
        (Some(_), Some(_)) => {
            if old != new {
                compare_form(atom.as_map(old), atom.as_list(old), from, to, &mut changes);
            }
            new
        }
    };
    let leaf = compare_form(atom.as_map(form), atom.as_list(form), from, to, &mut changes);
    if !leaf {
        changes.added.member |= from.is_none();
        changes.removed.member |= to.is_none();
    }
    changes
}

/// Returns whether the node was compared as one value.
fn compare_form(
    map: Option<MapAtom<'_>>,
    list: Option<ListAtom<'_>>,
    from: Option<&Value>,
    to: Option<&Value>,
    out: &mut Changes,
) -> bool {
    if let Some(map) = map {
        let (old, new) = (from.and_then(Value::as_object), to.and_then(Value::as_object));
        let empty = old.is_none_or(Map::is_empty) && new.is_none_or(Map::is_empty);
        if !map.atomic && !empty {
            out.merge(compare_maps(&map, old, new));
            return false;
        }
    } else if let Some(list) = list {
        let (old, new) = (as_items(from), as_items(to));
        if !(list.is_atomic() || old.is_empty() && new.is_empty()) {
            out.merge(compare_lists(&list, old, new));
            return false;
        }
    }
    match (from, to) {
        (None, _) => out.added.member = true,
        (_, None) => out.removed.member = true,
        (Some(a), Some(b)) => out.modified.member |= !same(a, b),
    }
    true
}

fn as_items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn compare_maps(map: &MapAtom<'_>, old: Option<&Map<String, Value>>, new: Option<&Map<String, Value>>) -> Changes {
    let mut changes = Changes::default();
    let both = old.is_some() && new.is_some();
    let mut visit = |key: &str, old: Option<&Value>, new: Option<&Value>| {
        // Most fields are equal, and equal leaves need no type. Maps are not compared here: each level would do it again.
        if !old.is_some_and(Value::is_object) && old == new {
            return;
        }
        let ty = map.field(key).unwrap_or(TypeRef::Deduced);
        let old = old.or_else(|| ty.implied().filter(|_| both));
        let new = new.or_else(|| ty.implied().filter(|_| both));
        changes.take(|| PathElement::field(key), compare_node(ty, old, new));
    };
    for (key, old) in old.into_iter().flatten() {
        visit(key, Some(old), new.and_then(|new| new.get(key)));
    }
    for (key, new) in new.into_iter().flatten() {
        if old.is_none_or(|old| !old.contains_key(key)) {
            visit(key, None, Some(new));
        }
    }
    changes
}

fn compare_lists(list: &ListAtom<'_>, old: &[Value], new: &[Value]) -> Changes {
    let mut changes = Changes::default();
    if old == new {
        return changes;
    }
    let (before, after) = (by_element(list, old), by_element(list, new));
    for (element, old) in &before {
        let new = after.get(element).map(Vec::as_slice).unwrap_or_default();
        changes.take(|| element.clone(), compare_items(list, old, new));
    }
    for (element, new) in after.iter().filter(|(element, _)| !before.contains_key(element)) {
        changes.take(|| element.clone(), compare_items(list, &[], new));
    }
    changes
}

fn by_element<'a>(list: &ListAtom<'_>, items: &'a [Value]) -> BTreeMap<PathElement, Vec<&'a Value>> {
    let mut map: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for item in items {
        if let Ok(element) = list.element(item) {
            map.entry(element).or_default().push(item);
        }
    }
    map
}

/// Compares the items with one key. More than one on a side is one value, which only the key marks.
fn compare_items(list: &ListAtom<'_>, old: &[&Value], new: &[&Value]) -> Changes {
    match (old, new) {
        ([_, _, ..], [_, _, ..]) => {
            let equal = old.len() == new.len() && old.iter().zip(new).all(|(a, b)| same(a, b));
            Changes { modified: Part { member: !equal, below: Set::new() }, ..Changes::default() }
        }
        ([_, _, ..], new) => {
            let mut changes = new.first().map(|new| compare_node(list.items, None, Some(new))).unwrap_or_default();
            changes.removed.member = true;
            changes
        }
        (old, [_, _, ..]) => {
            let mut changes = old.first().map(|old| compare_node(list.items, Some(old), None)).unwrap_or_default();
            changes.added.member = true;
            changes
        }
        (old, new) => compare_node(list.items, old.first().copied(), new.first().copied()),
    }
}
