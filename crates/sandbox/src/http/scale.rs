//! The scale subresource: the replica count of whatever has one.

use http::Method;
use serde_json::Value;
use tiphys_machinery::{
    apply::{self, ApplyRequest, OnConflict, WriteRequest},
    decode::{self, FieldValidation},
    error::ApiError,
    meta,
    resource::{Gvk, Resource},
    schema, view,
};

use super::{call::Call, negotiate, patch::Patch, reply::Reply, service::Server, write};
use crate::registry::{Subresource, WriteOptions};

/// Answers a request for `/scale`.
pub(super) fn handle(
    server: &Server,
    call: &Call,
    resource: &Resource,
    (namespace, name): (&str, &str),
) -> Result<Reply, ApiError> {
    let media = negotiate::wanted(call)?.media;
    if call.method == Method::GET {
        let object = server.registry.get(resource, namespace, name)?.value();
        return Ok(Reply::value(200, media, &view::read_scale(resource, &object)?));
    }
    let options = write::options(call, if call.method == Method::PATCH { "PatchOptions" } else { "UpdateOptions" })?;
    let edit = Edit::of(call, resource, name, options.field_validation)?;
    let kind = scale_resource();
    let owner = options.manager.clone();
    let request = WriteRequest::new(&kind, "scale", &owner, server.registry.now());
    let options = WriteOptions { applied: true, ..options };
    let object = server.registry.try_modify(resource, namespace, name, Subresource::Scale, &options, |object| {
        let live = view::scale_for_update(resource, object)?;
        let scale = edit.apply(&live, &request, options.force)?;
        let revision = meta::resource_version(&scale);
        if !matches!(revision, "" | "0") && revision != meta::resource_version(object) {
            return Err(ApiError::conflict(&resource.gvk.group, &resource.plural, name));
        }
        *object = view::write_scale(resource, object, &scale)?;
        Ok(())
    })?;
    Ok(Reply::value(200, media, &view::read_scale(resource, &object.value())?))
}

/// What a request does to the scale.
enum Edit {
    Replace(Value),
    Patch(Patch),
}

impl Edit {
    fn of(call: &Call, resource: &Resource, name: &str, validation: FieldValidation) -> Result<Self, ApiError> {
        if call.method == Method::PATCH {
            return Patch::of(call, resource).map(Self::Patch);
        }
        let gvk = Gvk::new("autoscaling", "v1", "Scale");
        let nothing = schema::Schema::any();
        let schema = schema::builtin("autoscaling/v1", "Scale");
        let target = decode::Target { gvk: &gvk, schema: schema.as_deref().unwrap_or(&nothing), custom: false };
        let mut scale = write::body(call, target, validation)?.object;
        write::check_name(&mut scale, name)?;
        Ok(Self::Replace(scale))
    }

    /// Returns the next scale, with the managed fields of whom its number belongs to.
    fn apply(&self, live: &Value, request: &WriteRequest<'_>, force: bool) -> Result<Value, ApiError> {
        let mut scale = match self {
            Self::Replace(new) => new.clone(),
            Self::Patch(patch) => match patch.applied() {
                Some(config) => {
                    let on_conflict = if force { OnConflict::Take } else { OnConflict::Refuse };
                    let request = ApplyRequest { write: request.clone(), on_conflict };
                    return apply::apply(&request, Some(live), config).map(|applied| applied.object);
                }
                None => patch.scale(live.clone())?,
            },
        };
        apply::update_managed(request, Some(live), &mut scale);
        Ok(scale)
    }
}

/// The kind that the subresource shows.
fn scale_resource() -> Resource {
    let mut kind = Resource::new(Gvk::new("autoscaling", "v1", "Scale"), "scales");
    if let Some(schema) = schema::builtin("autoscaling/v1", "Scale") {
        kind.schema = schema;
    }
    kind
}
