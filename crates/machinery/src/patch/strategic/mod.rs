//! Strategic merge patch: a merge patch that knows from the schema which lists merge by key.
//!
//! | directive | meaning |
//! | --- | --- |
//! | `"$patch": "delete"` | empties a map; deletes the list item with the same key |
//! | `"$patch": "replace"` | the map, or the whole list, is taken from the patch |
//! | `"$retainKeys": [..]` | keys of the live map that are not listed go |
//! | `"$deleteFromPrimitiveList/f": [..]` | these values leave the list `f` |
//! | `"$setElementOrder/f": [..]` | the order of the merged list `f` |
//!
//! [`create()`] and [`create_three_way`] make patches by comparing documents.

mod create;
mod list;

pub use create::{create, create_three_way};
use serde_json::{Map, Value};

use super::unprocessable;
use crate::{error::ApiError, go_text, schema::Schema};

type Object = Map<String, Value>;

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList";
const SET_ORDER: &str = "$setElementOrder";

/// Returns `document` after `patch`, lists merging as `schema` says.
///
/// Where the schema knows nothing about a field, maps merge and lists are replaced.
///
/// # Errors
/// 400 when the patch is no object or one of its directives is malformed, 422 for lists of lists, 500 without a reason
/// for what upstream does not classify (an item without its merge key, an unknown directive), with upstream's texts.
pub fn apply(document: Value, patch: Value, schema: &Schema) -> Result<Value, ApiError> {
    let Value::Object(patch) = patch else {
        return Err(ApiError::bad_request(format!(
            "json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            super::json::json_kind(&patch)
        )));
    };
    let live = match document {
        Value::Object(map) => map,
        _ => Object::new(),
    };
    merge_map(live, patch, Some(schema)).map(Value::Object).map_err(ApiError::from)
}

/// Why a strategic merge patch cannot be applied; the texts are upstream's.
#[derive(Debug, thiserror::Error, PartialEq)]
pub(crate) enum StrategicError {
    #[error("invalid patch format of primitive list")]
    BadDeleteList,
    #[error("invalid patch format of retainKeys")]
    BadRetainKeys,
    #[error("invalid patch format of setElementOrder list")]
    BadOrderList,
    #[error("lists of lists are not supported")]
    ListOfLists,
    #[error("map: {item} does not contain declared merge key: {key}")]
    NoMergeKey { item: String, key: String },
    #[error("unknown patch type: {directive} in map: {map}")]
    UnknownDirective { directive: String, map: String },
    #[error("merging lists cannot yet be specified in the patch")]
    MergeInList,
    #[error("cannot merge lists without merge key for {0}")]
    NoKeyInSchema(String),
    #[error("list element types are not identical: {0}")]
    MixedItems(String),
    #[error("expected a {expected}, but received a {got}")]
    WrongType { expected: &'static str, got: &'static str },
    #[error("The order in patch list:\n{patch}\n doesn't match $setElementOrder list:\n{order}\n")]
    OrderMismatch { patch: String, order: String },
}

impl From<StrategicError> for ApiError {
    fn from(error: StrategicError) -> Self {
        match error {
            StrategicError::BadDeleteList | StrategicError::BadRetainKeys | StrategicError::BadOrderList => {
                Self::bad_request(error.to_string())
            }
            StrategicError::ListOfLists => unprocessable(),
            _ => Self::new(500, "", error.to_string()),
        }
    }
}

fn merge_map(mut live: Object, mut patch: Object, schema: Option<&Schema>) -> Result<Object, StrategicError> {
    if let Some(directive) = patch.get(DIRECTIVE) {
        return match directive.as_str() {
            Some("replace") => {
                patch.remove(DIRECTIVE);
                Ok(patch)
            }
            Some("delete") => Ok(Object::new()),
            _ => Err(unknown_directive(directive, &patch)),
        };
    }
    retain_keys(&mut live, &mut patch)?;
    list::merge_ordered(&mut live, &mut patch, schema)?;
    // Deletions first, whatever the order of the keys.
    let (deletions, changes): (Vec<_>, Vec<_>) = patch.into_iter().partition(|(key, _)| key.starts_with(DELETE_FROM));
    for (key, values) in deletions {
        let field = directive_field(&key).ok_or(StrategicError::BadDeleteList)?;
        delete_from(&mut live, field, &values, schema)?;
    }
    for (key, new) in changes {
        merge_field(&mut live, key, new, schema)?;
    }
    Ok(live)
}

/// Merges one field; `null` deletes.
fn merge_field(live: &mut Object, key: String, new: Value, schema: Option<&Schema>) -> Result<(), StrategicError> {
    if new.is_null() {
        live.remove(&key);
        return Ok(());
    }
    let field = child(schema, &key);
    let merged = match (live.get_mut(&key).map(Value::take), new) {
        (Some(Value::Object(old)), Value::Object(new)) if !field.is_some_and(|f| f.strategy.replace) => {
            Some(Value::Object(merge_map(old, new, field)?))
        }
        (Some(Value::Array(old)), Value::Array(new)) if field.is_some_and(|f| f.strategy.merge) => {
            Some(Value::Array(list::merge(old, new, field)?))
        }
        (Some(Value::Object(_)), new @ Value::Object(_)) | (Some(Value::Array(_)), new @ Value::Array(_)) => Some(new),
        (_, mut new) => {
            discard_nulls(&mut new);
            without_directives(new)
        }
    };
    match merged {
        Some(value) => live.insert(key, value),
        None => live.remove(&key),
    };
    Ok(())
}

fn delete_from(live: &mut Object, field: &str, values: &Value, schema: Option<&Schema>) -> Result<(), StrategicError> {
    match (live.get_mut(field), values) {
        (_, Value::Null) => {
            live.remove(field);
        }
        (Some(Value::Array(items)), Value::Array(gone)) if !(items.is_empty() && gone.is_empty()) => {
            list::check_items(items, gone)?;
            if items.first().or(gone.first()).is_some_and(Value::is_object) {
                let merged = list::merge(std::mem::take(items), gone.clone(), child(schema, field))?;
                *items = merged;
            } else {
                items.retain(|item| !gone.contains(item));
            }
        }
        _ => {}
    }
    Ok(())
}

/// `$retainKeys` lists what may stay; the patch may not set anything else.
fn retain_keys(live: &mut Object, patch: &mut Object) -> Result<(), StrategicError> {
    let Some(keys) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    let Value::Array(keys) = keys else { return Err(StrategicError::BadRetainKeys) };
    let kept = |key: &str| keys.iter().any(|k| k.as_str() == Some(key));
    let allowed = |key: &str| key.starts_with(DELETE_FROM) || key.starts_with(SET_ORDER) || kept(key);
    if patch.iter().any(|(key, value)| !value.is_null() && !allowed(key)) {
        return Err(StrategicError::BadRetainKeys);
    }
    live.retain(|key, _| kept(key));
    Ok(())
}

/// The schema of a field, or of the values of a map.
fn child<'a>(schema: Option<&'a Schema>, key: &str) -> Option<&'a Schema> {
    let schema = schema?;
    schema.properties.get(key).or(schema.additional.as_ref()).map(AsRef::as_ref)
}

/// What follows the slash of `$setElementOrder/containers`.
fn directive_field(key: &str) -> Option<&str> {
    key.split_once('/').filter(|(prefix, _)| *prefix == DELETE_FROM || *prefix == SET_ORDER).map(|(_, field)| field)
}

fn unknown_directive(directive: &Value, map: &Object) -> StrategicError {
    StrategicError::UnknownDirective { directive: go_text::plain(directive), map: go_text::plain_map(map) }
}

/// A value taken whole from the patch loses its `null` members, at any depth.
fn discard_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, v| !v.is_null());
            map.values_mut().for_each(discard_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(discard_nulls),
        _ => {}
    }
}

/// Drops maps with a directive, at any depth; `None` when nothing remains.
fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) if map.contains_key(DIRECTIVE) => None,
        Value::Object(map) => {
            Some(Value::Object(map.into_iter().filter_map(|(k, v)| Some((k, without_directives(v)?))).collect()))
        }
        Value::Array(items) => Some(Value::Array(items.into_iter().filter_map(without_directives).collect())),
        other => Some(other),
    }
}

#[cfg(test)]
mod tests;
