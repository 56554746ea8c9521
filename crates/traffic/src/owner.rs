//! Ownership of objects that routers create.

use serde_json::{Value, json};
use tiphys_api::Rollout;
use tiphys_machinery::meta;

/// Returns the owner reference that makes the Rollout the controller of an object.
pub(crate) fn reference(rollout: &Rollout) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "name": rollout.metadata.name, "uid": rollout.metadata.uid,
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// Returns whether the Rollout controls an object.
pub(crate) fn controls(rollout: &Rollout, object: &Value) -> bool {
    rollout.metadata.uid.as_deref().is_some_and(|uid| !uid.is_empty() && meta::is_controlled_by(object, uid))
}
