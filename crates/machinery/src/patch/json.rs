//! JSON patch, RFC 6902, with the extensions of the library that a kube-apiserver uses: negative list indices, a `test`
//! for `null` that a missing member passes, and a `replace` that adds a missing member.

use serde_json::{Map, Value, json};

use super::unprocessable;
use crate::error::{ApiError, Cause};

/// How many operations one patch may have.
pub const MAX_OPERATIONS: usize = 10_000;

/// Returns `document` after the operations of `patch`, in order.
///
/// # Errors
/// 400 when `patch` is not a list, 413 when it has more than [`MAX_OPERATIONS`], 422 when an operation does not apply;
/// then `details.causes` name it.
pub fn apply(mut document: Value, patch: &Value) -> Result<Value, ApiError> {
    let Value::Array(operations) = patch else {
        return Err(ApiError::bad_request(format!(
            "error decoding patch: json: cannot unmarshal {} into Go value of type []handlers.jsonPatchOp",
            json_kind(patch)
        )));
    };
    if operations.len() > MAX_OPERATIONS {
        let message =
            format!("The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {}", operations.len());
        return Err(ApiError::new(413, "RequestEntityTooLarge", format!("Request entity is too large: {message}")));
    }
    for (index, operation) in operations.iter().enumerate() {
        run(&mut document, operation).map_err(|failed| failed.into_error(index, operation))?;
    }
    Ok(document)
}

/// Returns the operations that turn `from` into `to`: `remove`, `add` and `replace` only, in the order in which they
/// apply.
#[must_use]
pub fn create(from: &Value, to: &Value) -> Value {
    let mut operations = Vec::new();
    diff(&mut String::new(), from, to, &mut operations);
    Value::Array(operations)
}

/// The word of Go's JSON decoder for a value.
pub(super) fn json_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Why one operation did not apply.
#[derive(Debug, thiserror::Error, PartialEq)]
enum Failure {
    #[error("unknown operation {0:?}")]
    UnknownOperation(String),
    #[error("missing member {0:?}")]
    MissingMember(&'static str),
    #[error("path {0:?} does not begin with a slash")]
    BadPointer(String),
    #[error("nothing at {0:?}")]
    Missing(String),
    #[error("bad index {0:?} in a list of {1}")]
    BadIndex(String, usize),
    #[error("test failed: value differs")]
    TestFailed,
    #[error("a value cannot move into itself")]
    MoveIntoItself,
}

impl Failure {
    fn into_error(self, index: usize, operation: &Value) -> ApiError {
        let text = |key: &str| operation.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let cause = Cause {
            reason: "UnexpectedServerResponse",
            message: format!("operation {index} ({}): {self}", text("op")),
            field: text("path"),
        };
        let mut error = unprocessable();
        error.details = json!({"causes": [cause.to_value()]});
        error
    }
}

fn run(document: &mut Value, operation: &Value) -> Result<(), Failure> {
    let text = |key| operation.get(key).and_then(Value::as_str).ok_or(Failure::MissingMember(key));
    let value = || operation.get("value").cloned().ok_or(Failure::MissingMember("value"));
    let path = Pointer::parse(text("path")?)?;
    match text("op")? {
        "add" => add(document, &path, value()?),
        "remove" => remove(document, &path).map(drop),
        "replace" => replace(document, &path, value()?),
        "move" => {
            let from = Pointer::parse(text("from")?)?;
            if path.0.len() > from.0.len() && path.0.starts_with(&from.0) {
                return Err(Failure::MoveIntoItself);
            }
            let moved = remove(document, &from)?;
            add(document, &path, moved)
        }
        "copy" => {
            let copied = Pointer::find(&Pointer::parse(text("from")?)?.0, document)?.clone();
            add(document, &path, copied)
        }
        "test" => test(document, &path, operation.get("value").unwrap_or(&Value::Null)),
        other => Err(Failure::UnknownOperation(other.to_owned())),
    }
}

fn add(document: &mut Value, path: &Pointer, value: Value) -> Result<(), Failure> {
    let Some((last, parent)) = path.0.split_last() else {
        *document = value;
        return Ok(());
    };
    match step_all(document, parent)? {
        Value::Object(map) => {
            map.insert(last.clone(), value);
        }
        Value::Array(list) => {
            let at = if last == "-" { list.len() } else { index(last, list.len() + 1)? };
            if at > list.len() {
                return Err(Failure::BadIndex(last.clone(), list.len()));
            }
            list.insert(at, value);
        }
        _ => return Err(Failure::Missing(last.clone())),
    }
    Ok(())
}

fn remove(document: &mut Value, path: &Pointer) -> Result<Value, Failure> {
    let Some((last, parent)) = path.0.split_last() else { return Ok(document.take()) };
    let missing = || Failure::Missing(last.clone());
    match step_all(document, parent)? {
        Value::Object(map) => map.remove(last).ok_or_else(missing),
        Value::Array(list) => {
            let at = existing(last, list.len())?;
            Ok(list.remove(at))
        }
        _ => Err(missing()),
    }
}

/// A missing member of an object is added, as upstream has it.
fn replace(document: &mut Value, path: &Pointer, value: Value) -> Result<(), Failure> {
    let Some((last, parent)) = path.0.split_last() else {
        *document = value;
        return Ok(());
    };
    match step_all(document, parent)? {
        Value::Object(map) => {
            map.insert(last.clone(), value);
        }
        parent => *step_all(parent, std::slice::from_ref(last))? = value,
    }
    Ok(())
}

/// Only the last member may be missing.
fn test(document: &Value, path: &Pointer, wanted: &Value) -> Result<(), Failure> {
    let found = match path.0.split_last() {
        Some((last, parent)) => match Pointer::find(parent, document)? {
            Value::Object(map) => map.get(last).unwrap_or(&Value::Null),
            parent => Pointer::find(std::slice::from_ref(last), parent)?,
        },
        None => document,
    };
    if found == wanted { Ok(()) } else { Err(Failure::TestFailed) }
}

/// A JSON pointer, RFC 6901, unescaped.
#[derive(PartialEq)]
struct Pointer(Vec<String>);

impl Pointer {
    fn parse(text: &str) -> Result<Self, Failure> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let Some(rest) = text.strip_prefix('/') else { return Err(Failure::BadPointer(text.to_owned())) };
        Ok(Self(rest.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect()))
    }

    fn find<'a>(parts: &[String], document: &'a Value) -> Result<&'a Value, Failure> {
        parts.iter().try_fold(document, |value, part| match value {
            Value::Object(map) => map.get(part).ok_or_else(|| Failure::Missing(part.clone())),
            Value::Array(list) => Ok(&list[existing(part, list.len())?]),
            _ => Err(Failure::Missing(part.clone())),
        })
    }
}

fn step_all<'a>(document: &'a mut Value, parts: &[String]) -> Result<&'a mut Value, Failure> {
    parts.iter().try_fold(document, |value, part| match value {
        Value::Object(map) => map.get_mut(part).ok_or_else(|| Failure::Missing(part.clone())),
        Value::Array(list) => {
            let at = existing(part, list.len())?;
            Ok(&mut list[at])
        }
        _ => Err(Failure::Missing(part.clone())),
    })
}

/// The index of an item that is there.
fn existing(part: &str, len: usize) -> Result<usize, Failure> {
    let at = index(part, len)?;
    if at < len { Ok(at) } else { Err(Failure::BadIndex(part.to_owned(), len)) }
}

/// Negative indices count from the end.
fn index(part: &str, len: usize) -> Result<usize, Failure> {
    let bad = || Failure::BadIndex(part.to_owned(), len);
    let number: i64 = part.parse().map_err(|_| bad())?;
    let from_end = if number < 0 { i64::try_from(len).map_err(|_| bad())? } else { 0 };
    usize::try_from(number + from_end).map_err(|_| bad())
}

fn diff(path: &mut String, from: &Value, to: &Value, out: &mut Vec<Value>) {
    match (from, to) {
        (Value::Object(a), Value::Object(b)) => diff_objects(path, a, b, out),
        (Value::Array(a), Value::Array(b)) => diff_lists(path, a, b, out),
        _ if from == to => {}
        _ => out.push(json!({"op": "replace", "path": path, "value": to})),
    }
}

fn diff_objects(path: &mut String, from: &Map<String, Value>, to: &Map<String, Value>, out: &mut Vec<Value>) {
    for (key, old) in from {
        at(path, &key.replace('~', "~0").replace('/', "~1"), |path| match to.get(key) {
            Some(new) => diff(path, old, new, out),
            None => out.push(json!({"op": "remove", "path": path})),
        });
    }
    for (key, new) in to {
        if !from.contains_key(key) {
            at(path, &key.replace('~', "~0").replace('/', "~1"), |path| {
                out.push(json!({"op": "add", "path": path, "value": new}));
            });
        }
    }
}

/// Items are compared by position; what is left over is removed from the end or appended.
fn diff_lists(path: &mut String, from: &[Value], to: &[Value], out: &mut Vec<Value>) {
    for (i, (old, new)) in from.iter().zip(to).enumerate() {
        at(path, &i.to_string(), |path| diff(path, old, new, out));
    }
    for i in (to.len()..from.len()).rev() {
        at(path, &i.to_string(), |path| out.push(json!({"op": "remove", "path": path})));
    }
    for new in to.iter().skip(from.len()) {
        at(path, "-", |path| out.push(json!({"op": "add", "path": path, "value": new})));
    }
}

fn at(path: &mut String, part: &str, then: impl FnOnce(&mut String)) {
    let len = path.len();
    path.push('/');
    path.push_str(part);
    then(path);
    path.truncate(len);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, document: Value, patch: &Value, wanted: Result<Value, &str>) {
        let got = apply(document, patch);
        match (got, wanted) {
            (Ok(got), Ok(wanted)) => assert_eq!(got, wanted, "{name}"),
            (Err(got), Err(wanted)) => {
                assert_eq!(got.code, 422, "{name}");
                assert_eq!(got.reason, "Invalid", "{name}");
                assert_eq!(got.message, "the server rejected our request due to an error in our request", "{name}");
                let cause = got.details["causes"][0]["message"].as_str().unwrap_or_default();
                assert!(cause.contains(wanted), "{name}: {cause}");
            }
            (got, wanted) => panic!("{name}: {got:?} instead of {wanted:?}"),
        }
    }

    #[test]
    fn operations_follow_the_standard_and_upstreams_extensions() {
        let doc = || json!({"a": {"b": 1}, "l": [1, 2, 3], "x/y": {"~": 0}});
        for (name, patch, wanted) in [
            (
                "add a member",
                json!([{"op": "add", "path": "/a/c", "value": 2}]),
                json!({"a": {"b": 1, "c": 2}, "l": [1, 2, 3], "x/y": {"~": 0}}),
            ),
            (
                "insert and append",
                json!([{"op": "add", "path": "/l/1", "value": 9}, {"op": "add", "path": "/l/-", "value": 8}]),
                json!({"a": {"b": 1}, "l": [1, 9, 2, 3, 8], "x/y": {"~": 0}}),
            ),
            (
                "negative index",
                json!([{"op": "remove", "path": "/l/-1"}]),
                json!({"a": {"b": 1}, "l": [1, 2], "x/y": {"~": 0}}),
            ),
            (
                "escapes",
                json!([{"op": "replace", "path": "/x~1y/~0", "value": 5}]),
                json!({"a": {"b": 1}, "l": [1, 2, 3], "x/y": {"~": 5}}),
            ),
            (
                "move and copy",
                json!([{"op": "move", "from": "/a/b", "path": "/n"}, {"op": "copy", "from": "/l/0", "path": "/l/-"}]),
                json!({"a": {}, "n": 1, "l": [1, 2, 3, 1], "x/y": {"~": 0}}),
            ),
            (
                "tests that hold",
                json!([{"op": "test", "path": "/a", "value": {"b": 1}}, {"op": "test", "path": "/zz", "value": null}]),
                doc(),
            ),
        ] {
            check(name, doc(), &patch, Ok(wanted));
        }
    }

    #[test]
    fn what_does_not_apply_is_unprocessable_and_named() {
        let doc = || json!({"metadata": {}, "l": [1]});
        for (name, patch, wanted) in [
            (
                "missing annotations map",
                json!([{"op": "add", "path": "/metadata/annotations/a", "value": "b"}]),
                "operation 0 (add): nothing at \"annotations\"",
            ),
            ("test differs", json!([{"op": "test", "path": "/l", "value": []}]), "test failed"),
            ("test below nothing", json!([{"op": "test", "path": "/q/x", "value": null}]), "nothing at \"q\""),
            ("remove nothing", json!([{"op": "remove", "path": "/q"}]), "nothing at \"q\""),
            ("replace below nothing", json!([{"op": "replace", "path": "/q/x", "value": 1}]), "nothing at \"q\""),
            ("index beyond the end", json!([{"op": "add", "path": "/l/3", "value": 1}]), "bad index \"3\""),
            ("no number", json!([{"op": "remove", "path": "/l/x"}]), "bad index \"x\""),
            ("unknown operation", json!([{"op": "frob", "path": "/l"}]), "unknown operation"),
            ("no value", json!([{"op": "add", "path": "/l"}]), "missing member \"value\""),
            (
                "second one named",
                json!([{"op": "test", "path": "/l/0", "value": 1}, {"op": "remove", "path": "/l/1"}]),
                "operation 1",
            ),
        ] {
            check(name, doc(), &patch, Err(wanted));
        }
    }

    #[test]
    fn a_patch_must_be_a_list_of_bounded_length() {
        let error = apply(json!({}), &json!({})).unwrap_err();
        assert_eq!(error.code, 400);
        assert_eq!(
            error.message,
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
        );
        let many = vec![json!({"op": "test", "path": "", "value": {}}); MAX_OPERATIONS + 1];
        assert_eq!(apply(json!({}), &Value::Array(many)).unwrap_err().code, 413);
    }

    #[test]
    fn a_created_patch_leads_to_the_target() {
        for (from, to) in [
            (json!({"a": 1, "b/c": [1, 2, 3]}), json!({"b/c": [1, 5], "d": {"e": null}})),
            (json!({"l": []}), json!({"l": [1, {"x": 1}]})),
            (json!([1]), json!({"a": 1})),
        ] {
            let patch = create(&from, &to);
            assert_eq!(apply(from.clone(), &patch).unwrap(), to, "{patch}");
            assert_eq!(create(&to, &to), json!([]));
        }
    }
}
