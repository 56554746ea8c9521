//! DELETE: one object or many.

use serde_json::{Value, json};
use tiphys_machinery::{decode, error::ApiError, field::Path, resource::Resource};

use super::{
    call::{Call, Query},
    negotiate,
    render::{ListMeta, Renderer},
    reply::Reply,
    selection::Selection,
    service::Server,
    write,
};
use crate::registry::{DeleteOptions, Deleted, Propagation};

/// Deletes one object.
pub(super) fn delete(
    server: &Server,
    call: &Call,
    resource: &Resource,
    (namespace, name): (&str, &str),
) -> Result<Reply, ApiError> {
    let wanted = negotiate::wanted(call)?;
    let options = options(call)?;
    let deleted = server.registry.delete(resource, namespace, name, &options)?;
    let warnings = warnings(resource, &options);
    if deleted.removed && !resource.deletion.answers_object {
        return Ok(Reply::value(200, wanted.media, &success(resource, &deleted)).warn(&warnings));
    }
    let status = if !deleted.removed && options.orphan_dependents == Some(false) { 202 } else { 200 };
    Ok(Renderer::new(resource, wanted, server.registry.clock()).one(status, &deleted.object).warn(&warnings))
}

/// Jobs leave their pods behind unless told otherwise, which surprises people.
fn warnings(resource: &Resource, options: &DeleteOptions) -> Vec<String> {
    let told = options.propagation.is_some() || options.orphan_dependents.is_some();
    if told || (resource.gvk.group.as_str(), resource.gvk.kind.as_str()) != ("batch", "Job") {
        return Vec::new();
    }
    let text = "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove \
                them or set propagationPolicy=Orphan to suppress this warning";
    vec![text.to_owned()]
}

/// Deletes the selected objects of a namespace, and answers with them.
pub(super) fn delete_collection(
    server: &Server,
    call: &Call,
    resource: &Resource,
    namespace: Option<&str>,
) -> Result<Reply, ApiError> {
    let wanted = negotiate::wanted(call)?;
    let options = options(call)?;
    let selection = Selection::of(&call.query, resource, namespace)?;
    let objects = server.registry.list(resource, namespace);
    let selected = objects.iter().filter(|object| selection.matches(object));
    let mut deleted = Vec::new();
    let mut failure = None;
    for object in selected {
        match server.registry.delete(resource, object.namespace(), object.name(), &options) {
            // As it was found, whatever holds it.
            Ok(_) => deleted.push(object.clone()),
            // Gone meanwhile: what was asked for.
            Err(error) if error.code == 404 => {}
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    if let Some(error) = failure {
        return Err(error);
    }
    let meta = ListMeta { revision: server.registry.revision(), ..ListMeta::default() };
    let renderer = Renderer::new(resource, wanted, server.registry.clock());
    let reply = renderer.list(deleted.iter().map(AsRef::as_ref), &meta)?;
    Ok(reply.warn(&warnings(resource, &options)))
}

/// Returns the `Status` of a deletion that is complete.
fn success(resource: &Resource, deleted: &Deleted) -> Value {
    let mut details = json!({
        "name": deleted.object.name(),
        "kind": resource.plural,
        "uid": deleted.object.uid().as_ref(),
    });
    if !resource.gvk.group.is_empty() {
        details["group"] = resource.gvk.group.as_str().into();
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

/// Reads the options of a deletion: from the body, or from the query where the body is empty.
fn options(call: &Call) -> Result<DeleteOptions, ApiError> {
    let body = body_options(call)?;
    let mut options = if body.as_object().is_none_or(|map| map.is_empty()) {
        query_options(&call.query)?
    } else {
        from_value(&body)?
    };
    options.dry_run |=
        write::dry_run(call).map_err(|cause| ApiError::invalid("meta.k8s.io", "DeleteOptions", "", &[cause]))?;
    Ok(options)
}

fn body_options(call: &Call) -> Result<Value, ApiError> {
    if call.header(http::header::CONTENT_TYPE).contains("yaml") {
        return decode::delete_options(negotiate::yaml(&call.body)?.to_string().as_bytes());
    }
    decode::delete_options(&call.body)
}

/// Reads a `DeleteOptions` object.
///
/// # Errors
/// 422 for a policy that does not exist.
pub(super) fn from_value(value: &Value) -> Result<DeleteOptions, ApiError> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let dry_run = value["dryRun"].as_array().is_some_and(|stages| stages.iter().any(|stage| stage == "All"));
    Ok(DeleteOptions {
        grace_period_seconds: value["gracePeriodSeconds"].as_i64(),
        propagation: propagation(value["propagationPolicy"].as_str().unwrap_or_default())?,
        orphan_dependents: value["orphanDependents"].as_bool(),
        uid: text(&value["preconditions"]["uid"]),
        resource_version: text(&value["preconditions"]["resourceVersion"]),
        dry_run,
    })
}

fn query_options(query: &Query) -> Result<DeleteOptions, ApiError> {
    Ok(DeleteOptions {
        grace_period_seconds: query.number("gracePeriodSeconds")?,
        propagation: propagation(query.get("propagationPolicy"))?,
        orphan_dependents: query.find("orphanDependents").map(|_| query.flag("orphanDependents")),
        ..DeleteOptions::default()
    })
}

fn propagation(text: &str) -> Result<Option<Propagation>, ApiError> {
    match text {
        "" => Ok(None),
        "Orphan" => Ok(Some(Propagation::Orphan)),
        "Background" => Ok(Some(Propagation::Background)),
        "Foreground" => Ok(Some(Propagation::Foreground)),
        other => {
            let supported = ["Foreground", "Background", "Orphan", "nil"];
            let cause = Path::new("propagationPolicy").unsupported(other, &supported);
            Err(ApiError::invalid("meta.k8s.io", "DeleteOptions", "", &[cause]))
        }
    }
}
