//! Create and update.

use std::sync::Arc;

use serde_json::Value;
use tiphys_machinery::{
    apply::{manager_name, validate_manager},
    decode::{self, Decoded, FieldValidation},
    error::{ApiError, Cause},
    field::Path,
    meta,
    resource::Resource,
    validate, view,
};

use super::{
    call::Call,
    negotiate::{self, BodyFormat},
    render::Renderer,
    reply::Reply,
    service::Server,
};
use crate::registry::{Subresource, WriteOptions};

/// Reads the options of a write from the query. `kind` names them in errors: `CreateOptions`, `UpdateOptions`,
/// `PatchOptions`.
///
/// # Errors
/// 422 for values that are not supported.
pub(super) fn options(call: &Call, kind: &str) -> Result<WriteOptions, ApiError> {
    let manager = call.query.get("fieldManager");
    let mut causes = validate_manager(manager);
    let apply = call.header(http::header::CONTENT_TYPE).starts_with("application/apply-patch");
    if kind == "PatchOptions" && !apply && call.query.find("force").is_some() {
        causes.push(Path::new("force").forbidden("may not be specified for non-apply patch"));
    }
    let dry_run = dry_run(call).map_err(|cause| causes.push(cause)).unwrap_or_default();
    let given = call.query.get("fieldValidation");
    let validation = FieldValidation::from_query(given);
    if validation.is_none() {
        causes.push(Path::new("fieldValidation").unsupported(given, &["", "Ignore", "Strict", "Warn"]));
    }
    if !causes.is_empty() {
        return Err(ApiError::invalid("meta.k8s.io", kind, "", &causes));
    }
    let mut options = WriteOptions::by(manager_name(manager, call.header(http::header::USER_AGENT)));
    options.dry_run = dry_run;
    options.field_validation = validation.unwrap_or_default();
    options.force = call.query.flag("force");
    Ok(options)
}

/// Reads the parameter `dryRun`.
pub(super) fn dry_run(call: &Call) -> Result<bool, Cause> {
    let given: Vec<&str> = call.query.all("dryRun").filter(|value| !value.is_empty()).collect();
    if given.iter().any(|value| *value != "All") {
        return Err(Path::new("dryRun").unsupported(given, &["All"]));
    }
    Ok(!given.is_empty())
}

/// Decodes the body of a request as an object of a resource.
///
/// # Errors
/// 400, 415 and 422 of the decoder.
pub(super) fn body(call: &Call, target: decode::Target<'_>, validation: FieldValidation) -> Result<Decoded, ApiError> {
    match negotiate::body_format(call)? {
        BodyFormat::Json => decode::json(&call.body, target, validation),
        BodyFormat::Yaml => decode::value(negotiate::yaml(&call.body)?, Vec::new(), target, validation),
        BodyFormat::Protobuf => decode::protobuf(&call.body, target),
    }
}

/// POST: creates an object.
pub(super) fn create(server: &Server, call: &Call, resource: &Resource, namespace: &str) -> Result<Reply, ApiError> {
    let wanted = negotiate::wanted(call)?;
    let options = options(call, "CreateOptions")?;
    let Decoded { mut object, mut warnings } = body(call, resource.into(), options.field_validation)?;
    check_namespace(&mut object, resource, namespace)?;
    if !matches!(meta::resource_version(&object), "" | "0") {
        return Err(ApiError::new(500, "", "resourceVersion should not be set on objects to be created"));
    }
    let registry = &server.registry;
    let storage = storage_of(server, resource)?;
    let options = asking(resource, options);
    let object = registry.create(&storage, namespace, to_stored(resource, object), &options)?;
    warnings.extend(validate::warnings(&object.value(), resource));
    Ok(Renderer::new(resource, wanted, registry.clock()).one(201, &object).warn(&warnings))
}

/// PUT: replaces an object or a part of it.
pub(super) fn update(
    server: &Server,
    call: &Call,
    resource: &Resource,
    (namespace, name): (&str, &str),
    subresource: Subresource,
) -> Result<Reply, ApiError> {
    let wanted = negotiate::wanted(call)?;
    let options = options(call, "UpdateOptions")?;
    let Decoded { mut object, warnings } = body(call, resource.into(), options.field_validation)?;
    check_namespace(&mut object, resource, namespace)?;
    check_name(&mut object, name)?;
    let object = to_stored(resource, object);
    let registry = &server.registry;
    let storage = storage_of(server, resource)?;
    let options = asking(resource, options);
    let renderer = Renderer::new(resource, wanted, registry.clock());
    match registry.update(&storage, namespace, name, subresource, &object, &options) {
        Err(error) if error.code == 404 && resource.create_on_update && subresource == Subresource::Main => {
            let created = registry.create(&storage, namespace, object, &options)?;
            Ok(renderer.one(201, &created).warn(&warnings))
        }
        written => Ok(renderer.one(200, &*written?).warn(&warnings)),
    }
}

/// Returns the resource through which objects are written: the one in whose form they are stored, where the one
/// that is asked for shows them in another.
///
/// # Errors
/// 404 when it is not served any more.
pub(super) fn storage_of(server: &Server, resource: &Resource) -> Result<Arc<Resource>, ApiError> {
    if !view::is_converted(resource) {
        return Ok(Arc::new(resource.clone()));
    }
    Ok(server.registry.resources().require(resource)?.storage.clone())
}

/// Notes the resource that was asked for, where another one is written to.
pub(super) fn asking(resource: &Resource, options: WriteOptions) -> WriteOptions {
    let asked = view::is_converted(resource).then(|| Arc::new(resource.clone()));
    WriteOptions { asked, ..options }
}

/// Brings an object into its stored form.
pub(super) fn to_stored(resource: &Resource, object: Value) -> Value {
    if view::is_converted(resource) { view::to_stored(resource, object) } else { object }
}

/// Fills in the namespace.
///
/// # Errors
/// 400 when the object says another namespace than the URL.
pub(super) fn check_namespace(object: &mut Value, resource: &Resource, namespace: &str) -> Result<(), ApiError> {
    match object["metadata"]["namespace"].as_str() {
        Some(given) if resource.namespaced && !given.is_empty() && given != namespace => Err(other_namespace()),
        Some(given) if !given.is_empty() => Ok(()),
        _ => {
            if resource.namespaced {
                object["metadata"]["namespace"] = namespace.into();
            }
            Ok(())
        }
    }
}

/// 400: the object says another namespace than the URL.
pub(super) fn other_namespace() -> ApiError {
    ApiError::bad_request("the namespace of the provided object does not match the namespace sent on the request")
}

/// Fills in the name.
///
/// # Errors
/// 400 when the object says another name than the URL.
pub(super) fn check_name(object: &mut Value, name: &str) -> Result<(), ApiError> {
    match object["metadata"]["name"].as_str() {
        Some(given) if !given.is_empty() && given != name => Err(ApiError::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({name})"
        ))),
        Some(given) if !given.is_empty() => Ok(()),
        _ => {
            object["metadata"]["name"] = name.into();
            Ok(())
        }
    }
}
