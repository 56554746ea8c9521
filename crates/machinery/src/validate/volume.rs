//! Volumes, and the kinds of storage drivers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    fields::{list, text},
    one_of, stays,
    storage::MODES,
};
use crate::{error::Cause, field::Path, meta, names, quantity::Quantity};

pub(super) fn volume(object: &Value) -> Vec<Cause> {
    let (spec, path) = (&object["spec"], Path::new("spec"));
    let (modes, at) = (list(spec, "accessModes"), path.child("accessModes"));
    let mut causes = Vec::new();
    if modes.is_empty() {
        causes.push(at.required(""));
    }
    let unknown = modes.iter().filter(|mode| !mode.as_str().is_some_and(|mode| MODES.contains(&mode)));
    causes.extend(unknown.map(|mode| at.unsupported(mode.clone(), &MODES)));
    causes.extend(capacity(&spec["capacity"], &path.child("capacity")));
    causes.extend(one_of(spec, "persistentVolumeReclaimPolicy", &["Delete", "Recycle", "Retain"], &path));
    causes.extend(source(spec, &path));
    let class = text(spec, "storageClassName");
    if !class.is_empty() {
        let at = path.child("storageClassName");
        causes.extend(names::dns_subdomain(class).iter().map(|why| at.invalid(class, why)));
    }
    causes.extend(one_of(spec, "volumeMode", &["Block", "Filesystem"], &path));
    causes
}

fn capacity(capacity: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    let amounts = capacity.as_object().filter(|amounts| !amounts.is_empty());
    if amounts.is_none() {
        causes.push(path.required(""));
    }
    if amounts.is_none_or(|amounts| amounts.len() > 1 || !amounts.contains_key("storage")) {
        causes.push(path.unsupported(capacity.clone(), &["storage"]));
    }
    for (name, amount) in amounts.into_iter().flatten() {
        if Quantity::from_json(amount).is_ok_and(|amount| amount.signum() <= 0) {
            causes.push(path.key(name).invalid(amount.clone(), "must be greater than zero"));
        }
    }
    causes
}

/// The fields that say what a volume is.
const SOURCES: [&str; 22] = [
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "csi",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "glusterfs",
    "hostPath",
    "iscsi",
    "local",
    "nfs",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
    "vsphereVolume",
];

fn source(spec: &Value, path: &Path) -> Vec<Cause> {
    let given: Vec<&str> = SOURCES.into_iter().filter(|name| spec[name].is_object()).collect();
    if given.is_empty() {
        return vec![path.required("must specify a volume type")];
    }
    let mut causes: Vec<Cause> =
        given[1..].iter().map(|name| path.child(name).forbidden("may not specify more than 1 volume type")).collect();
    if given[0] == "hostPath" {
        let (folder, at) = (text(&spec["hostPath"], "path"), path.child("hostPath").child("path"));
        if folder.is_empty() {
            causes.push(at.required(""));
        } else if folder.split('/').any(|part| part == "..") {
            causes.push(at.invalid(folder, "must not contain '..'"));
        }
    }
    causes
}

pub(super) fn driver(object: &Value) -> Vec<Cause> {
    let path = Path::new("spec");
    let policies = ["File", "None", "ReadWriteOnceWithFSType"];
    let mut causes: Vec<Cause> = one_of(&object["spec"], "fsGroupPolicy", &policies, &path).into_iter().collect();
    let modes = list(&object["spec"], "volumeLifecycleModes").iter();
    let known = ["Ephemeral", "Persistent"];
    let unknown = modes.filter(|mode| !mode.as_str().is_some_and(|mode| known.contains(&mode)));
    causes.extend(unknown.map(|mode| path.child("volumeLifecycleModes").unsupported(mode.clone(), &known)));
    causes
}

pub(super) fn update_driver(new: &Value, old: &Value) -> Vec<Cause> {
    ["attachRequired", "volumeLifecycleModes"].iter().flat_map(|field| stays(new, old, &["spec", field])).collect()
}

pub(super) fn node(object: &Value) -> Vec<Cause> {
    let path = Path::new("spec.drivers");
    let mut seen = BTreeSet::new();
    let mut causes = Vec::new();
    for (i, driver) in list(&object["spec"], "drivers").iter().enumerate() {
        let (at, name, id) = (path.index(i), text(driver, "name"), text(driver, "nodeID"));
        if name.is_empty() {
            causes.push(at.child("name").required(""));
        } else {
            causes.extend(
                names::dns_subdomain(&name.to_lowercase()).iter().map(|why| at.child("name").invalid(name, why)),
            );
        }
        if id.is_empty() {
            causes.push(at.child("nodeID").required(""));
        } else if id.len() > 256 {
            causes.push(at.child("nodeID").invalid(id, "must be 256 characters or less"));
        }
        if !seen.insert(name) {
            causes.push(at.child("name").duplicate(name));
        }
    }
    causes
}

pub(super) fn update_node(new: &Value, old: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for before in list(&old["spec"], "drivers") {
        let same = list(&new["spec"], "drivers").iter().find(|driver| driver["name"] == before["name"]);
        if let Some(driver) = same.filter(|driver| !meta::equal(None, Some(driver), Some(before))) {
            causes.push(Path::new("spec.drivers").invalid(driver.clone(), "field is immutable"));
        }
    }
    causes
}

pub(super) fn attachment(object: &Value) -> Vec<Cause> {
    let (spec, path) = (&object["spec"], Path::new("spec"));
    let (attacher, node) = (text(spec, "attacher"), text(spec, "nodeName"));
    let mut causes = Vec::new();
    if attacher.is_empty() {
        causes.push(path.child("attacher").required(""));
    }
    let source = &spec["source"];
    let (inline, volume) = (&source["inlineVolumeSpec"], &source["persistentVolumeName"]);
    let at = path.child("source");
    match (inline.is_null(), volume.is_null()) {
        (true, true) => {
            causes.push(at.required("must specify exactly one of inlineVolumeSpec and persistentVolumeName"))
        }
        (false, false) => {
            let detail = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
            causes.push(at.forbidden(detail));
        }
        (true, false) if volume == &json!("") => {
            causes.push(at.child("persistentVolumeName").required("must specify non empty persistentVolumeName"));
        }
        _ => {}
    }
    causes.extend(names::dns_subdomain(node).iter().map(|why| path.child("nodeName").invalid(node, why)));
    // Upstream looks at the attacher once more, as at the name of a driver.
    let at = path.child("attacher");
    if attacher.is_empty() {
        causes.push(at.required(""));
    }
    causes.extend(names::dns_subdomain(&attacher.to_lowercase()).iter().map(|why| at.invalid(attacher, why)));
    causes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(causes: &[Cause], expected: &[&str]) {
        let texts: Vec<String> = causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn volumes_are_checked() {
        let good = json!({"spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}});
        check(&volume(&good), &[]);
        check(
            &volume(&json!({"spec": {"accessModes": ["ReadWriteOnce"], "hostPath": {"path": "../x"}, "nfs": {}}})),
            &[
                "spec.capacity: Required value",
                "spec.capacity: Unsupported value: null: supported values: \"storage\"",
                "spec.nfs: Forbidden: may not specify more than 1 volume type",
                "spec.hostPath.path: Invalid value: \"../x\": must not contain '..'",
            ],
        );
    }

    #[test]
    fn drivers_of_a_node_are_named_once() {
        let drivers = json!({"spec": {"drivers": [{"name": "d", "nodeID": ""}, {"name": "d", "nodeID": "n"}]}});
        check(
            &node(&drivers),
            &["spec.drivers[0].nodeID: Required value", "spec.drivers[1].name: Duplicate value: \"d\""],
        );
    }
}
