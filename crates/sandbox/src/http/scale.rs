//! The scale subresource: the replica count of whatever has one.

use http::Method;
use serde_json::Value;
use tiphys_machinery::{
    decode,
    error::ApiError,
    meta,
    resource::{Gvk, Resource},
    schema, view,
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
    if call.method == Method::GET {
        let object = server.registry.get(resource, namespace, name)?.value();
        return Ok(Reply::value(200, media, &view::read_scale(resource, &object)?));
    }
    let options = write::options(call, "UpdateOptions")?;
    let edit = Edit::of(call, resource, options.field_validation)?;
    let object = server.registry.try_modify(resource, namespace, name, Subresource::Scale, &options, |object| {
        let scale = edit.apply(view::scale_for_update(resource, object)?)?;
        let revision = meta::resource_version(&scale);
        if !matches!(revision, "" | "0") && revision != meta::resource_version(object) {
            return Err(ApiError::conflict(&resource.gvk.group, &resource.plural, name));
        }
        let mut next = view::write_scale(resource, object, &scale)?;
        // The registry notes who owns the number; a client need not send this back.
        meta::take(&mut next["metadata"], &object["metadata"], "managedFields");
        *object = next;
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
