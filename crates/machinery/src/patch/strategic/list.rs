//! Merging lists: by key, as sets of scalars, and their order.

use serde_json::Value;

use super::{
    DIRECTIVE, Object, SET_ORDER, StrategicError, child, directive_field, discard_nulls, merge_map, unknown_directive,
    without_directives,
};
use crate::{go_text, schema::Schema};

/// Merges two lists whose schema says `merge`: items of the patch replace or extend items of `live` with the same key.
///
/// Order: items of the patch keep the order of the patch, the others the live order; where both are known to the live
/// list, the live order decides how they interleave, and new items come as early as that allows (so a container that is
/// patched in comes first, as upstream has it).
pub(super) fn merge(live: Vec<Value>, patch: Vec<Value>, field: Option<&Schema>) -> Result<Vec<Value>, StrategicError> {
    if live.is_empty() && patch.is_empty() {
        return Ok(live);
    }
    let maps = check_items(&live, &patch)? == Kind::Object;
    let key = merge_key(field);
    let (order, patch, merged) = if maps {
        let key = key.ok_or_else(|| StrategicError::NoKeyInSchema(type_name(field)))?;
        let (live, patch) = run_item_directives(live, patch, key)?;
        let merged = merge_items(live.clone(), &patch, key, field)?;
        (live, patch, merged)
    } else {
        let merged = union(&live, &patch);
        (live, patch, merged)
    };
    let (own, others) = partition(merged, &patch, key)?;
    Ok(interleave(sorted(others, &order, key), sorted(own, &patch, key), &order, key))
}

/// Applies every `$setElementOrder/<field>` of the patch together with the patch of that field, and takes both out.
pub(super) fn merge_ordered(
    live: &mut Object,
    patch: &mut Object,
    schema: Option<&Schema>,
) -> Result<(), StrategicError> {
    let directives: Vec<String> = patch.keys().filter(|key| key.starts_with(SET_ORDER)).cloned().collect();
    for directive in directives {
        let order = patch.remove(&directive).unwrap_or_default();
        let name = directive_field(&directive).ok_or(StrategicError::BadOrderList)?;
        let order = into_list(order)?;
        let own = patch.remove(name).map(into_list).transpose()?;
        let old = live.get(name).cloned().map(into_list).transpose()?;
        if let Some(merged) = merge_in_order(old, own, &order, child(schema, name))? {
            live.insert(name.to_owned(), Value::Array(merged));
        }
    }
    Ok(())
}

/// Refuses lists of lists and lists whose items differ in kind; returns the kind.
pub(super) fn check_items(a: &[Value], b: &[Value]) -> Result<Kind, StrategicError> {
    let mut kinds = a.iter().chain(b).map(Kind::of);
    let first = kinds.next().unwrap_or(Kind::Scalar("<nil>"));
    if first == Kind::List {
        return Err(StrategicError::ListOfLists);
    }
    if kinds.all(|kind| kind == first) {
        return Ok(first);
    }
    Err(StrategicError::MixedItems(format!("[{} {}]", go_text::plain_list(a), go_text::plain_list(b))))
}

/// What an item is, as far as merging cares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Object,
    List,
    Scalar(&'static str),
}

impl Kind {
    fn of(value: &Value) -> Self {
        match value {
            Value::Object(_) => Self::Object,
            Value::Array(_) => Self::List,
            scalar => Self::Scalar(go_text::type_name(scalar)),
        }
    }
}

fn merge_in_order(
    old: Option<Vec<Value>>,
    own: Option<Vec<Value>>,
    order: &[Value],
    field: Option<&Schema>,
) -> Result<Option<Vec<Value>>, StrategicError> {
    let key = merge_key(field);
    check_order(own.as_deref().unwrap_or_default(), order, key)?;
    let live_order = old.clone().unwrap_or_default();
    let merged = match (old, own) {
        (None, None) => return Ok(None),
        (Some(old), None) => old,
        (None, Some(own)) => own.into_iter().filter_map(without_directives).collect(),
        (Some(old), Some(own)) if field.is_some_and(|f| f.strategy.merge) => merge(old, own, field)?,
        (Some(_), Some(own)) => own,
    };
    let (own, others) = partition(merged, order, key)?;
    Ok(Some(interleave(sorted(others, &live_order, key), sorted(own, order, key), &live_order, key)))
}

/// Every item of the patch that is not a deletion must be in the order list, in the same order.
fn check_order(patch: &[Value], order: &[Value], key: Option<&str>) -> Result<(), StrategicError> {
    if order.is_empty() || patch.is_empty() {
        return Ok(());
    }
    // Deletions are left out beforehand, other directives only while there is an order to compare with.
    let is_deletion = |item: &&Value| item.get(DIRECTIVE).is_some_and(|d| d == "delete");
    let mut items = patch.iter().filter(|item| !is_deletion(item)).peekable();
    for wanted in order {
        while items.next_if(|item| item.get(DIRECTIVE).is_some()).is_some() {}
        let Some(item) = items.peek() else { break };
        if identity(item, key)? == identity(wanted, key)? {
            items.next();
        }
    }
    if items.next().is_none() {
        return Ok(());
    }
    Err(StrategicError::OrderMismatch { patch: go_text::plain_list(patch), order: go_text::plain_list(order) })
}

/// Carries out `$patch` items; what is left of the patch has none.
fn run_item_directives(
    mut live: Vec<Value>,
    patch: Vec<Value>,
    key: &str,
) -> Result<(Vec<Value>, Vec<Value>), StrategicError> {
    let mut plain = Vec::with_capacity(patch.len());
    let mut replace = false;
    for item in patch {
        let Some(directive) = item.get(DIRECTIVE) else {
            plain.push(item);
            continue;
        };
        match directive.as_str() {
            Some("delete") => {
                let gone = identity(&item, Some(key))?;
                live.retain(|old| old.get(key) != Some(gone));
            }
            Some("replace") => replace = true,
            Some("merge") => return Err(StrategicError::MergeInList),
            _ => {
                return Err(item.as_object().map_or(StrategicError::BadOrderList, |m| unknown_directive(directive, m)));
            }
        }
    }
    Ok(if replace { (plain, Vec::new()) } else { (live, plain) })
}

fn merge_items(
    mut live: Vec<Value>,
    patch: &[Value],
    key: &str,
    field: Option<&Schema>,
) -> Result<Vec<Value>, StrategicError> {
    let item_schema = field.and_then(|f| f.items.as_deref());
    for item in patch {
        let wanted = identity(item, Some(key))?;
        let found = live.iter_mut().find(|old| old.get(key) == Some(wanted));
        match (found, item) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                *old = merge_map(std::mem::take(old), new.clone(), item_schema)?;
            }
            _ => {
                let mut item = item.clone();
                discard_nulls(&mut item);
                live.push(item);
            }
        }
    }
    Ok(live)
}

fn union(live: &[Value], patch: &[Value]) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::with_capacity(live.len() + patch.len());
    for value in live.iter().chain(patch) {
        if !all.contains(value) {
            all.push(value.clone());
        }
    }
    all
}

/// Splits into what `by` names and the rest.
fn partition(items: Vec<Value>, by: &[Value], key: Option<&str>) -> Result<(Vec<Value>, Vec<Value>), StrategicError> {
    if let Some(item) = items.iter().find(|item| key.is_some() && identity(item, key).is_err()) {
        return Err(identity(item, key).err().unwrap_or(StrategicError::BadOrderList));
    }
    Ok(items.into_iter().partition(|item| position(by, item, key).is_some()))
}

fn sorted(mut items: Vec<Value>, order: &[Value], key: Option<&str>) -> Vec<Value> {
    items.sort_by_key(|item| position(order, item, key));
    items
}

/// Puts each item of `others` before the first item of `own` that follows it in the live order.
fn interleave(others: Vec<Value>, own: Vec<Value>, live_order: &[Value], key: Option<&str>) -> Vec<Value> {
    let mut all = Vec::with_capacity(others.len() + own.len());
    let mut others = others.into_iter().peekable();
    for item in own {
        let at = position(live_order, &item, key);
        while let Some(other) = others
            .next_if(|other| at.is_some_and(|at| position(live_order, other, key).is_some_and(|before| before < at)))
        {
            all.push(other);
        }
        all.push(item);
    }
    all.extend(others);
    all
}

fn position(list: &[Value], item: &Value, key: Option<&str>) -> Option<usize> {
    list.iter().position(|other| match key {
        Some(key) => other.get(key) == item.get(key),
        None => other == item,
    })
}

/// What tells an item apart: the value of its merge key, or the item itself.
fn identity<'a>(item: &'a Value, key: Option<&str>) -> Result<&'a Value, StrategicError> {
    let Some(key) = key else { return Ok(item) };
    let Value::Object(map) = item else {
        return Err(StrategicError::WrongType { expected: "map[string]interface {}", got: go_text::type_name(item) });
    };
    map.get(key).ok_or_else(|| StrategicError::NoMergeKey { item: go_text::plain_map(map), key: key.to_owned() })
}

fn merge_key(field: Option<&Schema>) -> Option<&str> {
    field.and_then(|f| f.strategy.merge_key.as_deref())
}

fn type_name(field: Option<&Schema>) -> String {
    field.and_then(|f| f.items.as_deref()).map_or("struct", |_| "struct").to_owned()
}

fn into_list(value: Value) -> Result<Vec<Value>, StrategicError> {
    match value {
        Value::Array(items) => Ok(items),
        other => Err(StrategicError::WrongType { expected: "[]interface {}", got: go_text::type_name(&other) }),
    }
}
