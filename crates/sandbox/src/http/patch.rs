//! PATCH: JSON patch, merge patch, strategic merge patch, server-side apply.

use serde_json::Value;
use tiphys_machinery::{
    decode,
    error::{ApiError, Cause},
    patch,
    resource::Resource,
};

use super::{call::Call, negotiate, render::Renderer, reply::Reply, service::Server, write};
use crate::registry::{PatchKind, Subresource};

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
}

fn unsupported(resource: &Resource) -> ApiError {
    let strategic = if resource.custom { "" } else { ", application/strategic-merge-patch+json" };
    let message = format!(
        "the body of the request was in an unknown format - accepted media types include: \
         application/json-patch+json, application/merge-patch+json{strategic}, application/apply-patch+yaml"
    );
    ApiError::new(415, "UnsupportedMediaType", message)
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
    let (written, warnings) = server.registry.patch(resource, at, subresource, (kind, &value), &options)?;
    let status = if written.created { 201 } else { 200 };
    Ok(Renderer::new(resource, wanted, server.registry.clock()).one(status, &written.object).warn(&warnings))
}

/// Fills in name and namespace of a configuration.
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
    write::check_namespace(config, resource, namespace)?;
    write::check_name(config, name)?;
    if resource.namespaced {
        config["metadata"]["namespace"] = namespace.into();
    }
    Ok(())
}
