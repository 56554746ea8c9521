//! Owner references: made, given to orphans and taken away again.

use std::sync::Arc;

use serde_json::{Value, json};
use tiphys_machinery::error::ApiError;

use super::context::{Context, Writer, gone_is_fine};
use super::view::{Key, Meta, Pod};

const PODS: (&str, &str) = ("", "pods");

/// Returns the reference by which an object controls its dependents.
pub(crate) fn controller_ref(api_version: &str, kind: &str, meta: &Meta) -> Value {
    json!({
        "apiVersion": api_version, "kind": kind, "name": meta.name, "uid": meta.uid,
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// Gives an orphan to an owner, unless another controller was faster.
///
/// # Errors
/// Whatever the write returned.
pub(crate) fn adopt(writer: Writer<'_>, of: (&str, &str), key: &Key, owner: &Value) -> Result<(), ApiError> {
    writer.modify(of, key, |object| {
        let references = references(object);
        if !references.iter().any(|reference| reference["controller"] == true) {
            references.push(owner.clone());
        }
    })?;
    Ok(())
}

/// Releases pods that no longer match and adopts orphans that do. Returns the owner's pods, or nothing if something was
/// written, so that the owner is looked at again. Pods that do not `count` are left alone.
///
/// # Errors
/// Whatever a write returned.
pub(crate) fn claim(
    owner: &Meta,
    kind: &str,
    matches: impl Fn(&Pod) -> bool,
    counts: impl Fn(&Pod) -> bool,
    context: &Context<'_>,
) -> Result<Option<Vec<Arc<Pod>>>, ApiError> {
    let mut written = false;
    let mut owned = Vec::new();
    for pod in context.cache.pods.of_controller(&owner.uid).filter(|pod| counts(pod)) {
        if matches(pod) {
            owned.push(pod.clone());
        } else {
            release(context.writer(), PODS, &pod.key, &[owner.uid.as_str()])?;
            written = true;
        }
    }
    if !owner.is_deleting() {
        let namespace: Arc<str> = owner.namespace.as_str().into();
        let orphans = context.cache.pods.orphans(&namespace);
        for orphan in orphans.filter(|pod| counts(pod) && !pod.deleting && matches(pod)) {
            adopt(context.writer(), PODS, &orphan.key, &controller_ref("apps/v1", kind, owner))?;
            written = true;
        }
    }
    Ok((!written).then_some(owned))
}

/// Takes the references to these owners away.
///
/// # Errors
/// Whatever the write returned; an object that is gone is no error.
pub(crate) fn release(writer: Writer<'_>, of: (&str, &str), key: &Key, owners: &[&str]) -> Result<(), ApiError> {
    let written = writer.modify(of, key, |object| {
        let references = references(object);
        references.retain(|reference| !owners.iter().any(|uid| reference["uid"] == *uid));
        if references.is_empty() {
            object["metadata"].as_object_mut().map(|metadata| metadata.remove("ownerReferences"));
        }
    });
    gone_is_fine(written)
}

fn references(object: &mut Value) -> &mut Vec<Value> {
    let references = &mut object["metadata"]["ownerReferences"];
    if !references.is_array() {
        *references = json!([]);
    }
    match references {
        Value::Array(list) => list,
        _ => unreachable!("it was made a list just before"),
    }
}

/// Returns whether a creation was refused because the namespace ends: nothing to tell and nothing to repeat.
pub(crate) fn namespace_ends(error: &ApiError) -> bool {
    let causes = error.details["causes"].as_array();
    causes.into_iter().flatten().any(|cause| cause["reason"] == "NamespaceTerminating")
}
