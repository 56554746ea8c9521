//! PATCH: JSON patch, merge patch, strategic merge patch, server-side apply.

use serde_json::Value;
use tiphys_machinery::{
    decode,
    error::{ApiError, Cause},
    meta, patch,
    resource::Resource,
    view,
};

use super::{call::Call, negotiate, render::Renderer, reply::Reply, service::Server, write};
use crate::registry::{PatchKind, Subresource, WriteOptions, Written};

/// A patch as the body gives it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Patch {
    kind: PatchKind,
    value: Value,
}

impl Patch {
    /// # Errors
    /// 415 for another content type, or a strategic patch of a custom resource; 400 for a body that cannot be read.
    pub(super) fn of(call: &Call, resource: &Resource) -> Result<Self, ApiError> {
        let content_type = call.header(http::header::CONTENT_TYPE);
        let kind = match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => PatchKind::Json,
            "application/merge-patch+json" => PatchKind::Merge,
            "application/strategic-merge-patch+json" if !resource.custom => PatchKind::Strategic,
            "application/apply-patch+yaml" => PatchKind::Apply,
            _ => return Err(unsupported(resource)),
        };
        let value = if kind == PatchKind::Apply {
            negotiate::yaml(&call.body)?
        } else {
            decode::document(&call.body).map_err(|error| ApiError::bad_request(error.to_string()))?.value
        };
        Ok(Self { kind, value })
    }

    /// Returns the configuration, if this is an apply.
    pub(super) fn applied(&self) -> Option<&Value> {
        (self.kind == PatchKind::Apply).then_some(&self.value)
    }

    /// Returns a `Scale` after the patch: it has no lists, so that a strategic patch is a merge patch.
    ///
    /// # Errors
    /// When the patch does not fit.
    pub(super) fn scale(&self, scale: Value) -> Result<Value, ApiError> {
        match self.kind {
            PatchKind::Json => patch::json::apply(scale, &self.value),
            PatchKind::Merge | PatchKind::Strategic | PatchKind::Apply => patch::merge::apply(scale, &self.value),
        }
    }

    fn apply(&self, object: Value, resource: &Resource) -> Result<Value, ApiError> {
        match self.kind {
            PatchKind::Strategic => patch::strategic::apply(object, self.value.clone(), &resource.schema),
            PatchKind::Json | PatchKind::Merge | PatchKind::Apply => self.scale(object),
        }
    }
}

fn unsupported(resource: &Resource) -> ApiError {
    if resource.custom {
        return ApiError::unsupported_media_type(
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        );
    }
    ApiError::new(415, "UnsupportedMediaType", "415: Unsupported Media Type")
}

/// Patches an object or a part of it.
pub(super) fn patch(
    server: &Server,
    call: &Call,
    resource: &Resource,
    at: (&str, &str),
    subresource: Subresource,
) -> Result<Reply, ApiError> {
    let wanted = negotiate::wanted(call)?;
    let Patch { kind, mut value } = Patch::of(call, resource)?;
    let options = write::options(call, "PatchOptions")?;
    if kind == PatchKind::Apply {
        complete_config(call, resource, at, &mut value)?;
    }
    let (written, warnings) = if view::is_converted(resource) {
        patch_converted(server, resource, at, subresource, &Patch { kind, value }, &options)?
    } else {
        server.registry.patch(resource, at, subresource, (kind, &value), &options)?
    };
    let status = if written.created { 201 } else { 200 };
    Ok(Renderer::new(resource, wanted, server.registry.clock()).one(status, &written.object).warn(&warnings))
}

/// Patches an object that is stored in another form than the one that the patch is of.
fn patch_converted(
    server: &Server,
    resource: &Resource,
    (namespace, name): (&str, &str),
    subresource: Subresource,
    patch: &Patch,
    options: &WriteOptions,
) -> Result<(Written, Vec<String>), ApiError> {
    let storage = write::storage_of(server, resource)?;
    let options = &write::asking(resource, options.clone());
    if patch.kind == PatchKind::Apply {
        let config = view::to_stored(resource, patch.value.clone());
        return server.registry.patch(&storage, (namespace, name), subresource, (patch.kind, &config), options);
    }
    let mut warnings = Vec::new();
    let object = server.registry.try_modify(&storage, namespace, name, subresource, options, |stored| {
        let revision = meta::resource_version(stored).to_owned();
        let patched = patch.apply(view::in_version(resource, stored), resource)?;
        let mut decoded = decode::value(patched, Vec::new(), resource.into(), options.field_validation)?;
        write::check_namespace(&mut decoded.object, resource, namespace)?;
        write::check_name(&mut decoded.object, name)?;
        if !["", "0", revision.as_str()].contains(&meta::resource_version(&decoded.object)) {
            return Err(ApiError::conflict(&resource.gvk.group, &resource.plural, name));
        }
        *stored = view::to_stored(resource, decoded.object);
        warnings = decoded.warnings;
        Ok(())
    })?;
    Ok((Written { object, created: false }, warnings))
}

/// Checks the configuration of an apply.
///
/// # Errors
/// 422 for an apply that does not say who applies, 400 where the configuration is of another object.
fn complete_config(
    call: &Call,
    resource: &Resource,
    (namespace, name): (&str, &str),
    config: &mut Value,
) -> Result<(), ApiError> {
    if call.query.get("fieldManager").is_empty() {
        let message = "Required value: is required for apply patch".to_owned();
        let cause = Cause { reason: "FieldValueRequired", message, field: "fieldManager".to_owned() };
        return Err(ApiError::invalid("meta.k8s.io", "PatchOptions", "", &[cause]));
    }
    if !config.is_object() {
        return Err(ApiError::bad_request("error decoding YAML: the configuration is not an object"));
    }
    let given = config["metadata"]["namespace"].as_str().unwrap_or_default();
    if resource.namespaced && !given.is_empty() && given != namespace {
        return Err(write::other_namespace());
    }
    if config["metadata"]["name"].as_str().unwrap_or_default().is_empty() {
        let message = format!("the name of the object ({name} based on URL) was undeterminable: name must be provided");
        return Err(ApiError::bad_request(message));
    }
    write::check_name(config, name)?;
    Ok(())
}
