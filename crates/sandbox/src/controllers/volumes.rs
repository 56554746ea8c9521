//! Claims get a volume of their own at once, as with a provisioner that is always ready; the volume goes with the claim.

use serde_json::{Value, json};
use tiphys_machinery::error::ApiError;

use super::cache::{Cache, Marks, Update, key_of};
use super::context::{Context, Controller, gone_is_fine};
use super::view::Key;
use crate::registry::DeleteOptions;
use crate::store::Change;

const CLAIMS: (&str, &str) = ("", "persistentvolumeclaims");
const VOLUMES: (&str, &str) = ("", "persistentvolumes");

/// Binds claims. Its keys are those of claims.
#[derive(Debug, Default)]
pub(crate) struct Volumes;

impl Controller for Volumes {
    fn name(&self) -> &'static str {
        "persistentvolume-binder"
    }

    fn on_change(&mut self, change: &Change, _: &Update, _: &Cache, marks: &mut Marks) {
        if change.resource.group_plural() == CLAIMS {
            marks.insert(key_of(change.object()));
        }
    }

    fn reconcile(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), ApiError> {
        let claims = context.writer().resource(CLAIMS.0, CLAIMS.1)?;
        let Ok(object) = context.registry.get(&claims, &key.namespace, &key.name) else { return reclaim(key, context) };
        let claim = object.value();
        if claim["status"]["phase"] == "Bound" || object.is_deleting() {
            return Ok(());
        }
        let name = match claim["spec"]["volumeName"].as_str().filter(|name| !name.is_empty()) {
            Some(name) => name.to_owned(),
            None => provision(&claim, key, context)?,
        };
        bind(&claim, key, &name, context)
    }
}

/// Creates a volume for a claim and returns its name.
fn provision(claim: &Value, key: &Key, context: &Context<'_>) -> Result<String, ApiError> {
    let uid = claim["metadata"]["uid"].as_str().unwrap_or_default();
    let name = format!("pvc-{uid}");
    let spec = &claim["spec"];
    let mut volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": "sandbox.tiphys.dev"}},
        "spec": {
            "accessModes": spec["accessModes"],
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": &*key.name,
                "namespace": &*key.namespace, "uid": uid},
            "hostPath": {"path": format!("/sandbox/{name}"), "type": ""},
            "persistentVolumeReclaimPolicy": "Delete",
        },
    });
    if let Some(class) = spec["storageClassName"].as_str() {
        volume["spec"]["storageClassName"] = class.into();
    }
    match context.writer().create(VOLUMES, "", volume) {
        Err(error) if error.reason != "AlreadyExists" => return Err(error),
        _ => {}
    }
    context.writer().modify(CLAIMS, key, |claim| claim["spec"]["volumeName"] = name.as_str().into())?;
    Ok(name)
}

fn bind(claim: &Value, key: &Key, volume: &str, context: &Context<'_>) -> Result<(), ApiError> {
    let volumes = context.writer().resource(VOLUMES.0, VOLUMES.1)?;
    let Ok(stored) = context.registry.get(&volumes, "", volume) else { return Ok(()) };
    let capacity = stored.value()["spec"]["capacity"].clone();
    let modes = claim["spec"]["accessModes"].clone();
    gone_is_fine(context.writer().modify_status(VOLUMES, &Key::new("", volume), |volume| {
        volume["status"]["phase"] = "Bound".into();
    }))?;
    gone_is_fine(context.writer().modify_status(CLAIMS, key, |claim| {
        claim["status"] = json!({"phase": "Bound", "accessModes": modes, "capacity": capacity});
    }))
}

/// Deletes the volume of a claim that is gone, unless it is to be kept.
fn reclaim(key: &Key, context: &Context<'_>) -> Result<(), ApiError> {
    let volumes = context.writer().resource(VOLUMES.0, VOLUMES.1)?;
    for object in context.registry.list(&volumes, None) {
        let volume = object.value();
        let reference = &volume["spec"]["claimRef"];
        if reference["name"] != *key.name || reference["namespace"] != *key.namespace {
            continue;
        }
        let key = key_of(&object);
        if volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete" {
            context.writer().delete(VOLUMES, &key, &DeleteOptions::background())?;
        } else {
            gone_is_fine(context.writer().modify_status(VOLUMES, &key, |volume| {
                volume["status"]["phase"] = "Released".into();
            }))?;
        }
    }
    Ok(())
}
