//! The scale subresource: the replica count of whatever has one.

use http::Method;
use serde_json::{Value, json};
use tiphys_machinery::{
    apply, decode,
    error::{ApiError, Cause},
    meta,
    resource::{Gvk, Resource, ScalePaths},
    schema,
    selector::LabelSelector,
};

use super::{call::Call, negotiate, patch::Patch, reply::Reply, service::Server, write};
use crate::registry::Subresource;

/// Answers a request for `/scale`.
pub(super) fn handle(
    server: &Server,
    call: &Call,
    resource: &Resource,
    (namespace, name): (&str, &str),
) -> Result<Reply, ApiError> {
    let media = negotiate::wanted(call)?.media;
    let paths = resource.scale_paths.clone().unwrap_or_else(builtin_paths);
    if call.method == Method::GET {
        let object = server.registry.get(resource, namespace, name)?.value();
        return Ok(Reply::value(200, media, &scale_of(&object, resource, &paths, false)?));
    }
    let options = write::options(call, "UpdateOptions")?;
    let edit = Edit::of(call, resource, options.field_validation)?;
    let object = server.registry.try_modify(resource, namespace, name, Subresource::Scale, &options, |object| {
        let scale = edit.apply(scale_of(object, resource, &paths, true)?)?;
        check(&scale, object, resource, name)?;
        set(object, &paths.spec_replicas, scale["spec"]["replicas"].as_i64().unwrap_or_default());
        Ok(())
    })?;
    Ok(Reply::value(200, media, &scale_of(&object.value(), resource, &paths, false)?))
}

fn builtin_paths() -> ScalePaths {
    ScalePaths {
        spec_replicas: ".spec.replicas".to_owned(),
        status_replicas: ".status.replicas".to_owned(),
        selector: None,
    }
}

/// What a request does to the scale.
enum Edit {
    Replace(Value),
    Patch(Patch),
}

impl Edit {
    fn of(call: &Call, resource: &Resource, validation: decode::FieldValidation) -> Result<Self, ApiError> {
        if call.method == Method::PATCH {
            return Patch::of(call, resource).map(Self::Patch);
        }
        let gvk = Gvk::new("autoscaling", "v1", "Scale");
        let nothing = schema::Schema::any();
        let schema = schema::builtin("autoscaling/v1", "Scale");
        let target = decode::Target { gvk: &gvk, schema: schema.as_deref().unwrap_or(&nothing), custom: false };
        write::body(call, target, validation).map(|decoded| Self::Replace(decoded.object))
    }

    fn apply(&self, scale: Value) -> Result<Value, ApiError> {
        match self {
            Self::Replace(new) => Ok(new.clone()),
            Self::Patch(patch) => patch.scale(scale),
        }
    }
}

fn check(scale: &Value, object: &Value, resource: &Resource, name: &str) -> Result<(), ApiError> {
    let revision = meta::resource_version(scale);
    if !matches!(revision, "" | "0") && revision != meta::resource_version(object) {
        return Err(ApiError::conflict(&resource.gvk.group, &resource.plural, name));
    }
    let replicas = &scale["spec"]["replicas"];
    if replicas.as_i64().unwrap_or_default() < 0 {
        let message = format!("Invalid value: {replicas}: must be greater than or equal to 0");
        let cause = Cause { reason: "FieldValueInvalid", message, field: "spec.replicas".to_owned() };
        return Err(ApiError::invalid("autoscaling", "Scale", name, &[cause]));
    }
    Ok(())
}

/// Returns the `Scale` of an object.
fn scale_of(object: &Value, resource: &Resource, paths: &ScalePaths, lenient: bool) -> Result<Value, ApiError> {
    let replicas = at(object, &paths.spec_replicas).and_then(Value::as_i64);
    if replicas.is_none() && resource.custom && !lenient {
        let message = format!("the spec replicas field \"{}\" does not exist", paths.spec_replicas);
        return Err(ApiError::internal(message));
    }
    let mut metadata = json!({});
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object["metadata"].get(field) {
            metadata[field] = value.clone();
        }
    }
    if let Some(managed) = apply::scale::to_scale(object, &paths.spec_replicas) {
        metadata["managedFields"] = managed;
    }
    let mut status =
        json!({"replicas": at(object, &paths.status_replicas).and_then(Value::as_i64).unwrap_or_default()});
    if let Some(selector) = selector_of(object, resource, paths) {
        status["selector"] = selector.into();
    }
    let mut spec = json!({});
    if let Some(replicas) = replicas.filter(|replicas| *replicas != 0) {
        spec["replicas"] = replicas.into();
    }
    Ok(json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status}))
}

fn selector_of(object: &Value, resource: &Resource, paths: &ScalePaths) -> Option<String> {
    if resource.custom {
        return at(object, paths.selector.as_deref()?)?.as_str().map(str::to_owned);
    }
    let selector = &object["spec"]["selector"];
    if resource.gvk.kind == "ReplicationController" {
        return Some(LabelSelector::from_map(selector).to_string());
    }
    LabelSelector::from_object(selector).ok().map(|selector| selector.to_string())
}

/// Returns what is at a path such as `.spec.replicas`.
fn at<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    object.pointer(&path.replace('.', "/"))
}

fn set(object: &mut Value, path: &str, replicas: i64) {
    let mut node = object;
    for part in path.split('.').filter(|part| !part.is_empty()) {
        if !node.is_object() {
            *node = json!({});
        }
        node = &mut node[part];
    }
    *node = replicas.into();
}
