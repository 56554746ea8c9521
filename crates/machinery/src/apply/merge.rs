//! Merging an applied configuration into a live object, and taking fields out again.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{
    element::PathElement,
    set::Set,
    typing::{ListAtom, MapAtom, TypeRef},
};
use crate::schema::{Presence, Schema};

/// Merges `config` into `live`: maps and sets grow, list map items merge by key, everything else is replaced.
///
/// Nothing is removed; `null` in the configuration makes a scalar `null`. Items that the configuration mentions come in
/// its order, others stay near their neighbours.
pub fn merge(schema: &Schema, live: &mut Value, config: &Value) {
    merge_node(TypeRef::root(schema), live, config);
}

/// Removes the fields and items of `gone` from `value`; a map or list that gets empty becomes `null`.
pub fn remove(schema: &Schema, value: &mut Value, gone: &Set) {
    if !gone.is_empty() {
        remove_node(TypeRef::root(schema), value, gone);
    }
}

/// Removes `null` where the schema declares a field that cannot be `null`: merging and removing leave it behind.
pub(super) fn drop_nulls(schema: &Schema, value: &mut Value, builtin: bool) {
    match value {
        Value::Object(fields) => fields.retain(|key, value| {
            let Some(field) = schema.field(key) else { return true };
            drop_nulls(field, value, builtin);
            // Decoding makes the zero value of a null in a map of a built-in kind.
            let entry = builtin && schema.is_map();
            entry || field.nullable || field.presence == Presence::Value || !value.is_null()
        }),
        Value::Array(items) => {
            if let Some(schema) = &schema.items {
                items.iter_mut().for_each(|item| drop_nulls(schema, item, builtin));
            }
        }
        _ => {}
    }
}

fn merge_node(ty: TypeRef<'_>, live: &mut Value, config: &Value) {
    let atom = ty.atom();
    let form = atom.form(Some(config));
    match (atom.as_map(form), atom.as_list(form)) {
        (Some(map), _) if !map.atomic && (has_fields(live) || has_fields(config)) => merge_maps(&map, live, config),
        (_, Some(list)) if !list.is_atomic() && (has_items(live) || has_items(config)) => {
            merge_lists(&list, live, config);
        }
        _ => *live = config.clone(),
    }
}

fn has_fields(value: &Value) -> bool {
    value.as_object().is_some_and(|map| !map.is_empty())
}

fn has_items(value: &Value) -> bool {
    value.as_array().is_some_and(|list| !list.is_empty())
}

fn merge_maps(map: &MapAtom<'_>, live: &mut Value, config: &Value) {
    if !live.is_object() {
        *live = Value::Object(Map::new());
    }
    let (Value::Object(live), Value::Object(config)) = (live, config) else { return };
    for (key, new) in config {
        match live.get_mut(key) {
            Some(old) => merge_node(map.field(key).unwrap_or(TypeRef::Deduced), old, new),
            None => {
                live.insert(key.clone(), new.clone());
            }
        }
    }
}

fn merge_lists(list: &ListAtom<'_>, live: &mut Value, config: &Value) {
    let Value::Array(new) = config else { return };
    let old = match live.take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    let identified = |items: Vec<Value>| -> Vec<(PathElement, Value)> {
        items.into_iter().filter_map(|item| Some((list.element(&item).ok()?, item))).collect()
    };
    let lists = Lists::new(list, identified(old), identified(new.clone()));
    *live = Value::Array(lists.interleave());
}

/// Two identified lists on the way to one.
struct Lists<'a, 'b> {
    list: &'a ListAtom<'b>,
    old: Vec<(PathElement, Value)>,
    new: Vec<(PathElement, Value)>,
    /// Live items by key; `None` where several have the key: those do not merge.
    old_by_key: BTreeMap<PathElement, Option<Value>>,
    new_keys: BTreeSet<PathElement>,
    merged: BTreeSet<PathElement>,
    out: Vec<Value>,
}

impl<'a, 'b> Lists<'a, 'b> {
    fn new(list: &'a ListAtom<'b>, old: Vec<(PathElement, Value)>, new: Vec<(PathElement, Value)>) -> Self {
        let mut old_by_key: BTreeMap<PathElement, Option<Value>> = BTreeMap::new();
        for (key, item) in &old {
            old_by_key.entry(key.clone()).and_modify(|item| *item = None).or_insert_with(|| Some(item.clone()));
        }
        let new_keys = new.iter().map(|(key, _)| key.clone()).collect();
        Self { list, old, new, old_by_key, new_keys, merged: BTreeSet::new(), out: Vec::new() }
    }

    /// Both lists are walked together: shared items in the order of the configuration, live items that come before the
    /// next shared one first.
    fn interleave(mut self) -> Vec<Value> {
        let shared: Vec<PathElement> =
            self.new.iter().map(|(key, _)| key).filter(|key| self.old_by_key.contains_key(key)).cloned().collect();
        let mut shared = shared.into_iter();
        let mut next_shared = shared.next();
        let (mut l, mut r) = (0, 0);
        while l < self.old.len() || r < self.new.len() {
            if l < self.old.len() && r < self.new.len() {
                let key = &self.old[l].0;
                if *key == self.new[r].0 {
                    self.push_new(r);
                    (l, r) = (l + 1, r + 1);
                    next_shared = shared.next();
                    continue;
                }
                if self.new_keys.contains(key) && next_shared.as_ref().is_some_and(|next| next != key) {
                    l += 1;
                    continue;
                }
            }
            if l < self.old.len() {
                if !self.new_keys.contains(&self.old[l].0) {
                    self.out.push(std::mem::take(&mut self.old[l].1));
                    l += 1;
                    continue;
                }
                if self.merged.contains(&self.old[l].0) {
                    l += 1;
                }
            }
            if r < self.new.len() {
                if next_shared.as_ref() == Some(&self.new[r].0) {
                    next_shared = shared.next();
                }
                self.push_new(r);
                r += 1;
            }
        }
        self.out
    }

    fn push_new(&mut self, at: usize) {
        let (key, new) = &self.new[at];
        self.merged.insert(key.clone());
        let item = match self.old_by_key.get_mut(key) {
            Some(Some(old)) => {
                let mut item = old.clone();
                merge_node(self.list.items, &mut item, new);
                item
            }
            _ => new.clone(),
        };
        self.out.push(item);
    }
}

fn remove_node(ty: TypeRef<'_>, value: &mut Value, gone: &Set) {
    let atom = ty.atom();
    let form = atom.form(Some(value));
    match (atom.as_map(form), atom.as_list(form), &mut *value) {
        (Some(map), _, Value::Object(fields)) if !map.atomic => {
            remove_fields(&map, fields, gone);
            if fields.is_empty() {
                *value = Value::Null;
            }
        }
        (_, Some(list), Value::Array(items)) if !list.is_atomic() => {
            remove_items(&list, items, gone);
            if items.is_empty() {
                *value = Value::Null;
            }
        }
        (None, None, _) => {}
        _ => *value = Value::Null,
    }
}

fn remove_fields(map: &MapAtom<'_>, fields: &mut Map<String, Value>, gone: &Set) {
    for node in gone.nodes() {
        let PathElement::Field(key) = &node.element else { continue };
        if node.member {
            fields.remove(key.as_ref());
        } else if let Some(value) = fields.get_mut(key.as_ref()) {
            remove_node(map.field(key).unwrap_or(TypeRef::Deduced), value, &node.below);
        }
    }
}

fn remove_items(list: &ListAtom<'_>, items: &mut Vec<Value>, gone: &Set) {
    items.retain_mut(|item| {
        let Some(node) = list.element(item).ok().and_then(|element| gone.get(&element)) else { return true };
        if !node.member {
            remove_node(list.items, item, &node.below);
        }
        !node.member
    });
}
