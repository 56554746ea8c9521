//! The scale of an object: how many replicas are wanted and there, and what selects them.

use serde_json::{Map, Value, json};

use crate::{
    apply::scale::{from_scale, to_scale},
    error::ApiError,
    field::Path,
    meta,
    resource::{Resource, ScalePaths},
    selector::LabelSelector,
};

/// What a custom resource without a number of replicas shows to an update, so that leaving it out can be told.
const UNSET: i64 = i32::MIN as i64;

/// Returns the `Scale` of an object, as answered to a get.
///
/// # Errors
/// 500 where a custom resource has no number of replicas, or values of the wrong type.
pub fn read_scale(resource: &Resource, object: &Value) -> Result<Value, ApiError> {
    let paths = paths(resource);
    let Some(replicas) = number(object, &paths.spec_replicas)? else {
        let path = crate::field::quote(&paths.spec_replicas);
        return Err(ApiError::internal(format!("the spec replicas field {path} does not exist")));
    };
    scale(resource, object, &paths, replicas)
}

/// Returns the `Scale` that an update or patch starts from, with the managed fields of the number of replicas.
///
/// # Errors
/// 500 for values of the wrong type.
pub fn scale_for_update(resource: &Resource, object: &Value) -> Result<Value, ApiError> {
    let paths = paths(resource);
    let replicas = number(object, &paths.spec_replicas)?.unwrap_or(UNSET);
    let mut scale = scale(resource, object, &paths, replicas)?;
    if let Some(managed) = to_scale(&object["metadata"]["managedFields"], &paths.spec_replicas) {
        scale["metadata"]["managedFields"] = managed;
    }
    Ok(scale)
}

/// Returns `object` with the number of replicas, the managed fields and the `resourceVersion` of a changed `scale`.
///
/// # Errors
/// 400 where a custom resource would still have no number of replicas, 409 for another uid, 422 for a negative number.
pub fn write_scale(resource: &Resource, object: &Value, scale: &Value) -> Result<Value, ApiError> {
    let paths = paths(resource);
    let replicas = scale["spec"]["replicas"].as_i64().unwrap_or_default();
    if replicas == UNSET {
        let path = crate::field::quote(&paths.spec_replicas);
        return Err(ApiError::bad_request(format!("the spec replicas field {path} cannot be empty")));
    }
    check(resource, object, scale, replicas)?;
    let mut new = object.clone();
    set(&mut new, &paths.spec_replicas, json!(replicas));
    let version = meta::resource_version(scale);
    if version.is_empty() {
        meta::metadata(&mut new).remove("resourceVersion");
    } else {
        meta::metadata(&mut new).insert("resourceVersion".to_owned(), json!(version));
    }
    let of = |object: &Value| object["metadata"]["managedFields"].clone();
    match from_scale(&of(object), &of(scale), &paths.spec_replicas, &resource.gvk.api_version()) {
        Some(managed) => meta::metadata(&mut new).insert("managedFields".to_owned(), managed),
        None => meta::metadata(&mut new).remove("managedFields"),
    };
    Ok(new)
}

fn check(resource: &Resource, object: &Value, scale: &Value, replicas: i64) -> Result<(), ApiError> {
    let name = meta::name(object);
    if replicas < 0 {
        let cause = Path::new("spec.replicas").invalid(replicas, "must be greater than or equal to 0");
        return Err(ApiError::invalid("autoscaling", "Scale", name, &[cause]));
    }
    let (given, actual) = (meta::uid(scale), meta::uid(object));
    if !given.is_empty() && given != actual {
        let (group, plural) = (&resource.gvk.group, format!("{}/scale", resource.plural));
        let qualified = if group.is_empty() { plural.clone() } else { format!("{plural}.{group}") };
        let message = format!(
            "Operation cannot be fulfilled on {qualified} \"{name}\": Precondition failed: UID in precondition: {given}, \
             UID in object meta: {actual}"
        );
        return Err(ApiError::new(409, "Conflict", message).about(group, &plural, name));
    }
    Ok(())
}

fn scale(resource: &Resource, object: &Value, paths: &ScalePaths, replicas: i64) -> Result<Value, ApiError> {
    let mut metadata = Map::new();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object["metadata"].get(field) {
            metadata.insert(field.to_owned(), value.clone());
        }
    }
    let spec = if replicas == 0 { json!({}) } else { json!({"replicas": replicas}) };
    let mut status = json!({"replicas": number(object, &paths.status_replicas)?.unwrap_or(0)});
    let selector = selector(resource, object, paths)?;
    if !selector.is_empty() {
        status["selector"] = json!(selector);
    }
    Ok(json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status}))
}

fn selector(resource: &Resource, object: &Value, paths: &ScalePaths) -> Result<String, ApiError> {
    if !resource.custom {
        let selector = &object["spec"]["selector"];
        if resource.gvk.kind == "ReplicationController" {
            return Ok(LabelSelector::from_map(selector).to_string());
        }
        return LabelSelector::from_object(selector).map(|s| s.to_string()).map_err(ApiError::internal);
    }
    match paths.selector.as_deref().and_then(|path| at(object, path)) {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(accessor_error(paths.selector.as_deref().unwrap_or_default(), other, "string")),
    }
}

/// The paths of a custom resource, or those that all built-in kinds with a scale share.
fn paths(resource: &Resource) -> ScalePaths {
    resource.scale_paths.clone().unwrap_or_else(|| ScalePaths {
        spec_replicas: ".spec.replicas".to_owned(),
        status_replicas: ".status.replicas".to_owned(),
        selector: None,
    })
}

fn number(object: &Value, path: &str) -> Result<Option<i64>, ApiError> {
    match at(object, path) {
        None => Ok(None),
        Some(value) => value.as_i64().map(Some).ok_or_else(|| accessor_error(path, value, "int64")),
    }
}

fn accessor_error(path: &str, value: &Value, expected: &str) -> ApiError {
    let ty = match value {
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        Value::Number(_) => "float64",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
        Value::Null => "<nil>",
    };
    ApiError::new(500, "", format!("{path} accessor error: {value} is of the type {ty}, expected {expected}"))
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('.').filter(|part| !part.is_empty())
}

fn at<'o>(object: &'o Value, path: &str) -> Option<&'o Value> {
    parts(path).try_fold(object, |node, part| node.get(part)).filter(|value| !value.is_null())
}

fn set(object: &mut Value, path: &str, value: Value) {
    let mut node = object;
    for part in parts(path) {
        if !node.is_object() {
            *node = json!({});
        }
        node = &mut node[part];
    }
    *node = value;
}
