//! The paths of a custom resource's scale subresource.

use serde_json::Value;

use crate::{error::Cause, field::Path, resource::ScalePaths};

/// Returns what is wrong with the replicas and the selector at the paths of the scale subresource.
#[must_use]
pub fn validate_scale(object: &Value, paths: &ScalePaths) -> Vec<Cause> {
    let mut causes = Vec::new();
    for path in [&paths.spec_replicas, &paths.status_replicas] {
        causes.extend(replicas(object, path));
    }
    if let Some(path) = &paths.selector {
        match lookup(object, path) {
            Ok(Some(value)) if !value.is_string() => {
                causes.push(Path::new(path).invalid("", &wrong(path, value, "string")))
            }
            Err(reason) => causes.push(Path::new(path).invalid("", &reason)),
            Ok(_) => {}
        }
    }
    causes
}

fn replicas(object: &Value, path: &str) -> Option<Cause> {
    let at = Path::new(path);
    let value = match lookup(object, path) {
        Ok(value) => value?,
        Err(reason) => return Some(at.invalid(0, &reason)),
    };
    match value.as_i64() {
        None => Some(at.invalid(0, &wrong(path, value, "int64"))),
        Some(n) if n < 0 => Some(at.invalid(n, "should be a non-negative integer")),
        Some(n) if n > i64::from(i32::MAX) => {
            Some(at.invalid(n, &format!("should be less than or equal to {}", i32::MAX)))
        }
        Some(_) => None,
    }
}

/// Follows a path like `.spec.replicas`; a field on the way that is no object is an error.
fn lookup<'a>(object: &'a Value, path: &str) -> Result<Option<&'a Value>, String> {
    let mut value = object;
    let mut walked = String::new();
    for name in path.trim_start_matches('.').split('.') {
        let Some(fields) = value.as_object() else { return Err(wrong(path, value, "map[string]interface{}")) };
        walked.push('.');
        walked.push_str(name);
        match fields.get(name) {
            Some(next) => value = next,
            None => return Ok(None),
        }
    }
    Ok(Some(value))
}

fn wrong(path: &str, value: &Value, expected: &str) -> String {
    let (text, ty) = match value {
        Value::Null => ("<nil>".to_owned(), "<nil>"),
        Value::Bool(b) => (b.to_string(), "bool"),
        Value::Number(n) => (n.to_string(), if n.is_f64() { "float64" } else { "int64" }),
        Value::String(s) => (s.clone(), "string"),
        Value::Array(_) => (value.to_string(), "[]interface {}"),
        Value::Object(_) => (value.to_string(), "map[string]interface {}"),
    };
    format!("{path} accessor error: {text} is of the type {ty}, expected {expected}")
}
