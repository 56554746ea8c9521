//! Patches and server-side apply.

use serde_json::Value;
use tiphys_machinery::{
    apply::{ApplyRequest, OnConflict, WriteRequest, apply},
    decode::{self, Target},
    error::ApiError,
    field::Path,
    patch::{json, merge, strategic},
    resource::Resource,
};

use super::{Registry, Subresource, WriteOptions, Written, metadata};

/// Which kind of patch a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchKind {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// Strategic merge, for built-in kinds only.
    Strategic,
    /// Server-side apply.
    Apply,
}

impl Registry {
    /// Patches an object; an apply of a missing object creates it.
    ///
    /// The patch is computed again when another writer was faster, so that it never conflicts unless it carries a
    /// `metadata.resourceVersion`.
    ///
    /// # Errors
    /// `NotFound`, `Invalid`, `Conflict`, `BadRequest` where the patch cannot be applied.
    pub fn patch(
        &self,
        resource: &Resource,
        (namespace, name): (&str, &str),
        subresource: Subresource,
        (kind, patch): (PatchKind, &Value),
        options: &WriteOptions,
    ) -> Result<(Written, Vec<String>), ApiError> {
        if kind == PatchKind::Apply {
            return self.apply(resource, (namespace, name), subresource, patch, options).map(|w| (w, Vec::new()));
        }
        let mut warnings = Vec::new();
        let object = self.rewrite(resource, namespace, name, subresource, options, &mut |current, old| {
            let patched = patched(resource, kind, patch, old.clone())?;
            let shown = patched.clone();
            let decoded = decode::value(patched, Vec::new(), Target::from(resource), options.field_validation)
                .map_err(|error| unreadable(resource, &shown, error))?;
            check_identity(resource, name, current.revision(), old, &decoded.object)?;
            warnings = decoded.warnings;
            Ok(decoded.object)
        })?;
        Ok((Written { object, created: false }, warnings))
    }

    fn apply(
        &self,
        resource: &Resource,
        (namespace, name): (&str, &str),
        subresource: Subresource,
        config: &Value,
        options: &WriteOptions,
    ) -> Result<Written, ApiError> {
        let on_conflict = if options.force { OnConflict::Take } else { OnConflict::Refuse };
        let write = WriteRequest::new(resource, subresource.name(), &options.manager, self.now());
        let request = ApplyRequest { write, on_conflict };
        let decoded = |object: Value| {
            decode::value(object, Vec::new(), Target::from(resource), decode::FieldValidation::Ignore).map(|d| d.object)
        };
        let options = WriteOptions { applied: true, ..options.clone() };
        loop {
            let updated = self.rewrite(resource, namespace, name, subresource, &options, &mut |current, old| {
                check_identity(resource, name, current.revision(), old, config)?;
                let applied = apply(&request, Some(old), config)?;
                if applied.changed { decoded(applied.object) } else { Ok(old.clone()) }
            });
            match updated {
                Err(error) if error.code == 404 && subresource == Subresource::Main => {}
                done => return done.map(|object| Written { object, created: false }),
            }
            if let Some(uid) = config["metadata"]["uid"].as_str() {
                let (group, plural) = (&resource.gvk.group, &resource.plural);
                let dot = if group.is_empty() { "" } else { "." };
                let message = format!(
                    "Operation cannot be fulfilled on {plural}{dot}{group} \"{name}\": uid mismatch: the provided object \
                     specified uid {uid}, and no existing object was found"
                );
                return Err(ApiError::new(409, "Conflict", message).about(&resource.gvk.group, &resource.plural, name));
            }
            let applied = apply(&request, None, config)?;
            match self.create(resource, namespace, decoded(applied.object)?, &options) {
                Err(error) if error.reason == "AlreadyExists" => {}
                done => return done.map(|object| Written { object, created: true }),
            }
        }
    }
}

fn patched(resource: &Resource, kind: PatchKind, patch: &Value, document: Value) -> Result<Value, ApiError> {
    match kind {
        PatchKind::Json => json::apply(document, patch),
        PatchKind::Merge => merge::apply(document, patch),
        PatchKind::Strategic if resource.custom => Err(ApiError::unsupported_media_type(
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        )),
        PatchKind::Strategic => strategic::apply(document, patch.clone(), &resource.schema),
        PatchKind::Apply => Ok(document),
    }
}

/// The 422 for what a patch makes that is no object of the kind: it shows the whole and says why.
pub(crate) fn unreadable(resource: &Resource, patched: &Value, error: ApiError) -> ApiError {
    let lead = format!("cannot be handled as a {}: ", resource.gvk.kind);
    let Some((_, why)) = error.message.split_once(&lead).filter(|_| error.code == 400) else { return error };
    ApiError::invalid("", "", "", &[Path::new("patch").invalid(patched.to_string(), why)])
}

/// A patch may not make another object of it, and a resourceVersion in it is a precondition.
fn check_identity(resource: &Resource, name: &str, revision: u64, old: &Value, new: &Value) -> Result<(), ApiError> {
    let written = new["metadata"]["name"].as_str().unwrap_or_default();
    if written != name {
        let message = format!("the name of the object ({written}) does not match the name on the URL ({name})");
        return Err(ApiError::bad_request(message));
    }
    let namespace = &new["metadata"]["namespace"];
    if !namespace.is_null() && *namespace != old["metadata"]["namespace"] {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(ApiError::bad_request(message));
    }
    metadata::check_revision(resource, name, revision, new)
}
