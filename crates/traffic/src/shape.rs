//! Reading and changing JSON whose shape somebody else decides.

use serde_json::{Map, Value};

/// A field that is not what a router can work with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: expected {wanted}, found {found}")]
pub struct ShapeError {
    /// The field, from the root of the object.
    pub path: String,
    /// What it should be.
    pub wanted: &'static str,
    /// What it is.
    pub found: &'static str,
}

impl ShapeError {
    pub(crate) fn new(path: impl Into<String>, wanted: &'static str, found: &Value) -> Self {
        Self { path: path.into(), wanted, found: kind(found) }
    }

    /// Returns the error with the path of the parent before its own.
    pub(crate) fn below(mut self, parent: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.path = format!("{parent}{dot}{}", self.path);
        self
    }
}

/// Returns the kind of a JSON value in words.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Returns the list at `path`; absent and `null` are the empty list.
pub(crate) fn list<'o>(object: &'o Value, path: &str) -> Result<&'o [Value], ShapeError> {
    match at(object, path)? {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(other) => Err(ShapeError::new(path, "a list", other)),
    }
}

/// Returns the list at `path` to change it; `None` where it is absent or `null`.
pub(crate) fn list_mut<'o>(object: &'o mut Value, path: &str) -> Result<Option<&'o mut Vec<Value>>, ShapeError> {
    at(object, path)?;
    let value = path.split('.').try_fold(object, |value, field| value.get_mut(field));
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items)),
        Some(other) => Err(ShapeError::new(path, "a list", other)),
    }
}

/// Returns the text at `path`; absent and `null` are the empty text.
pub(crate) fn text<'o>(object: &'o Value, path: &str) -> Result<&'o str, ShapeError> {
    match at(object, path)? {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(ShapeError::new(path, "a text", other)),
    }
}

/// Returns the object at `path` to change it, made where it is absent or `null`.
pub(crate) fn object_mut<'o>(object: &'o mut Value, path: &str) -> Result<&'o mut Map<String, Value>, ShapeError> {
    at(object, path)?;
    let mut value = object;
    for field in path.split('.') {
        let members = members(value, path)?;
        value = members.entry(field).or_insert(Value::Null);
        if value.is_null() {
            *value = Value::Object(Map::new());
        }
    }
    members(value, path)
}

fn members<'o>(value: &'o mut Value, path: &str) -> Result<&'o mut Map<String, Value>, ShapeError> {
    let found = kind(value);
    value.as_object_mut().ok_or_else(|| ShapeError { path: path.to_owned(), wanted: "an object", found })
}

/// Walks down dotted fields. What is on the way must be an object, absent or `null`.
fn at<'o>(object: &'o Value, path: &str) -> Result<Option<&'o Value>, ShapeError> {
    let mut value = object;
    let mut walked = 0;
    for field in path.split('.') {
        match value {
            Value::Null => return Ok(None),
            Value::Object(members) => match members.get(field) {
                None => return Ok(None),
                Some(next) => value = next,
            },
            other => {
                let parent = path.get(..walked).unwrap_or_default().trim_end_matches('.');
                return Err(ShapeError::new(parent, "an object", other));
            }
        }
        walked += field.len() + 1;
    }
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_name_the_field_that_is_wrong() {
        let object = json!({"spec": {"http": 5, "tls": [], "host": "a", "rules": null}});
        let message = |result: Result<&[Value], ShapeError>| result.unwrap_err().to_string();
        assert_eq!(message(list(&object, "spec.http")), "spec.http: expected a list, found a number");
        assert_eq!(message(list(&object, "spec.host.more")), "spec.host: expected an object, found a text");
        assert_eq!(list(&object, "spec.rules").unwrap().len(), 0);
        assert_eq!(list(&object, "spec.none.deep").unwrap().len(), 0);
        assert_eq!(text(&object, "spec.host").unwrap(), "a");
        assert!(list_mut(&mut object.clone(), "spec.http").is_err());
        assert_eq!(list_mut(&mut object.clone(), "spec.rules").unwrap(), None);
    }

    #[test]
    fn objects_are_made_where_they_are_missing_only() {
        let mut object = json!({"metadata": {"annotations": null}, "spec": 1});
        object_mut(&mut object, "metadata.annotations").unwrap().insert("a".to_owned(), json!("b"));
        assert_eq!(object, json!({"metadata": {"annotations": {"a": "b"}}, "spec": 1}));
        let error = object_mut(&mut object, "spec.rules").unwrap_err();
        assert_eq!(error.to_string(), "spec: expected an object, found a number");
    }
}
