//! What an object goes through before it is written: decoding, defaults, admission, validation, managed fields.

use serde_json::Value;
use tiphys_machinery::{error::ApiError, resource::Resource};

use super::{Registry, Subresource, WriteOptions, metadata};

impl Registry {
    /// Makes a decoded object ready to be created.
    pub(super) fn prepare_create(
        &self,
        resource: &Resource,
        value: &mut Value,
        _options: &WriteOptions,
    ) -> Result<(), ApiError> {
        if resource.has_status()
            && let Some(map) = value.as_object_mut()
        {
            map.remove("status");
        }
        metadata::begin(value, self.new_uid(), self.now(), resource.generation);
        Ok(())
    }

    /// Makes the new state of an object ready to replace the old one.
    pub(super) fn prepare_update(
        &self,
        resource: &Resource,
        subresource: Subresource,
        old: &Value,
        new: &mut Value,
        _options: &WriteOptions,
    ) -> Result<(), ApiError> {
        metadata::keep_server_fields(old, new);
        metadata::check_finalizers(resource, old, new)?;
        restrict(resource, subresource, old, new);
        metadata::bump_generation(resource, old, new);
        Ok(())
    }
}

/// Keeps what the addressed part of the object may not touch.
fn restrict(resource: &Resource, subresource: Subresource, old: &Value, new: &mut Value) {
    match subresource {
        Subresource::Main if resource.has_status() => take(new, old, "status"),
        Subresource::Status => {
            let mut kept = old.clone();
            take(&mut kept, new, "status");
            if !resource.custom {
                take(&mut kept, new, "metadata");
            }
            *new = kept;
        }
        _ => {}
    }
}

fn take(to: &mut Value, from: &Value, field: &str) {
    if let Some(map) = to.as_object_mut() {
        match from.get(field) {
            Some(value) => map.insert(field.to_owned(), value.clone()),
            None => map.remove(field),
        };
    }
}
