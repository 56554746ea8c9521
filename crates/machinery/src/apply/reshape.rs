//! Sets seen through a schema: fields that count as owned with their children, and sets written under another schema.

use super::{
    element::PathElement,
    set::{Node, Set},
    typing::{Form, TypeRef},
};
use crate::schema::Schema;

/// Returns the set with every declared field that has members below it, too: sets of configurations leave those out,
/// and pruning must see them.
pub(super) fn with_named_fields(schema: &Schema, set: &Set) -> Set {
    named(Some(TypeRef::root(schema)), set)
}

/// Returns the set as it would be had the schema always been this one: what lies below a map or list that is atomic now
/// becomes that map or list. `None` when nothing changes.
pub(super) fn reconcile(schema: &Schema, set: &Set) -> Option<Set> {
    let (set, changed) = reconciled(TypeRef::root(schema), set);
    changed.then_some(set)
}

fn named(ty: Option<TypeRef<'_>>, set: &Set) -> Set {
    let atom = ty.map(TypeRef::atom);
    let map = atom.and_then(|atom| atom.map);
    let items = atom.and_then(|atom| atom.list).map(|list| list.items);
    let mut out = Set::new();
    for Node { element, member, below } in set.nodes() {
        let (child, is_declared) = match element {
            PathElement::Field(name) => {
                let declared = map.and_then(|map| map.declared(name));
                (map.and_then(|map| map.field(name)), declared.is_some())
            }
            PathElement::Key(_) => (items, false),
            _ => (None, false),
        };
        out.push(element.clone(), *member || (is_declared && !below.is_empty()), named(child, below));
    }
    out
}

fn reconciled(ty: TypeRef<'_>, set: &Set) -> (Set, bool) {
    let atom = ty.atom();
    let mut out = Set::new();
    let mut changed = false;
    for Node { element, member, below } in set.nodes() {
        let child = match (element, atom.form(None)) {
            (PathElement::Field(name), Form::Map) => atom.map.and_then(|map| map.field(name)),
            (_, Form::List) => atom.list.map(|list| list.items),
            _ => None,
        };
        let Some(child) = child.filter(|_| !below.is_empty()) else {
            out.push(element.clone(), *member, below.clone());
            continue;
        };
        if is_atomic(child) {
            changed = true;
            out.push(element.clone(), true, Set::new());
        } else {
            let (below, below_changed) = reconciled(child, below);
            changed |= below_changed;
            out.push(element.clone(), *member, below);
        }
    }
    (out, changed)
}

/// Whether a node with members below it must be one value now.
fn is_atomic(ty: TypeRef<'_>) -> bool {
    let atom = ty.atom();
    match atom.form(None) {
        Form::Map => !matches!(ty, TypeRef::Deduced) && atom.map.is_some_and(|map| map.atomic),
        Form::List => atom.list.is_some_and(|list| list.is_atomic()),
        Form::Scalar => false,
    }
}
