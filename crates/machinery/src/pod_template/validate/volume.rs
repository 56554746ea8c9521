//! Volumes and mounts.

use std::collections::BTreeSet;

use serde_json::Value;

use super::fields::{is_set, list, text};
use crate::{error::Cause, field::Path, names};

/// Sources of a volume in the order in which they are looked at.
const SOURCES: [&str; 30] = [
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
    "csi",
    "ephemeral",
    "image",
];

/// Returns what is wrong with the volumes, and the names of those that are right.
pub(super) fn volumes<'t>(spec: &'t Value, path: &Path) -> (Vec<Cause>, BTreeSet<&'t str>) {
    let mut causes = Vec::new();
    let mut known = BTreeSet::new();
    for (i, volume) in list(spec, "volumes").iter().enumerate() {
        let at = path.index(i);
        let name = text(volume, "name");
        let mut found = source(volume, &at);
        if name.is_empty() {
            found.push(at.child("name").required(""));
        } else {
            found.extend(names::dns_label(name).iter().map(|why| at.child("name").invalid(name, why)));
        }
        if known.contains(name) {
            found.push(at.child("name").duplicate(name));
        }
        if found.is_empty() {
            known.insert(name);
        }
        causes.extend(found);
    }
    (causes, known)
}

fn source(volume: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut found = false;
    for source in SOURCES.into_iter().filter(|source| is_set(volume, source)) {
        if found {
            causes.push(path.child(source).forbidden("may not specify more than 1 volume type"));
        } else {
            causes.extend(details(source, &volume[source], &path.child(source)));
        }
        found = true;
    }
    if !found {
        causes.push(path.required("must specify a volume type"));
    }
    causes
}

fn details(source: &str, value: &Value, path: &Path) -> Vec<Cause> {
    match source {
        "hostPath" => match text(value, "path") {
            "" => vec![path.child("path").required("")],
            folder => no_backsteps(folder, &path.child("path")).into_iter().collect(),
        },
        "secret" => files(value, "secretName", path),
        "configMap" => files(value, "name", path),
        "persistentVolumeClaim" => needed(value, "claimName", path).into_iter().collect(),
        "nfs" => {
            let mut causes: Vec<Cause> =
                ["server", "path"].iter().filter_map(|field| needed(value, field, path)).collect();
            if !text(value, "path").starts_with('/') {
                causes.push(path.child("path").invalid(text(value, "path"), "must be an absolute path"));
            }
            causes
        }
        "downwardAPI" | "projected" => mode(value, "defaultMode", path).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn files(value: &Value, name: &str, path: &Path) -> Vec<Cause> {
    let mut causes: Vec<Cause> = needed(value, name, path).into_iter().collect();
    causes.extend(mode(value, "defaultMode", path));
    for (i, item) in list(value, "items").iter().enumerate() {
        let at = path.child("items").index(i);
        causes.extend(["key", "path"].iter().filter_map(|field| needed(item, field, &at)));
        let target = text(item, "path");
        causes.extend(descending(target, &at.child("path")));
        if target.starts_with("..") && !target.starts_with("../") {
            causes.push(at.child("path").invalid(target, "must not start with '..'"));
        }
        causes.extend(mode(item, "mode", &at));
    }
    causes
}

fn needed(value: &Value, field: &str, path: &Path) -> Option<Cause> {
    text(value, field).is_empty().then(|| path.child(field).required(""))
}

fn mode(value: &Value, field: &str, path: &Path) -> Option<Cause> {
    let mode = value[field].as_i64().filter(|mode| !(0..=0o777).contains(mode))?;
    let detail = "must be a number between 0 and 0777 (octal), both inclusive";
    Some(path.child(field).invalid(mode, detail))
}

pub(super) fn mounts(container: &Value, volumes: &BTreeSet<&str>, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut seen = BTreeSet::new();
    for (i, mount) in list(container, "volumeMounts").iter().enumerate() {
        let at = path.index(i);
        let (name, folder) = (text(mount, "name"), text(mount, "mountPath"));
        causes.extend(needed(mount, "name", &at));
        if !volumes.contains(name) {
            causes.push(at.child("name").not_found(name));
        }
        causes.extend(needed(mount, "mountPath", &at));
        if !seen.insert(folder) {
            causes.push(at.child("mountPath").invalid(folder, "must be unique"));
        }
        // These two are reported at the list, as upstream does.
        let (sub, expression) = (text(mount, "subPath"), text(mount, "subPathExpr"));
        causes.extend(descending(sub, &path.child("subPath")));
        if !sub.is_empty() && !expression.is_empty() {
            let detail = "subPathExpr and subPath are mutually exclusive";
            causes.push(at.child("subPathExpr").invalid(expression, detail));
        }
        causes.extend(descending(expression, &path.child("subPathExpr")));
    }
    causes
}

fn descending(target: &str, path: &Path) -> Vec<Cause> {
    let absolute = target.starts_with('/').then(|| path.invalid(target, "must be a relative path"));
    absolute.into_iter().chain(no_backsteps(target, path)).collect()
}

fn no_backsteps(target: &str, path: &Path) -> Option<Cause> {
    target.split('/').any(|part| part == "..").then(|| path.invalid(target, "must not contain '..'"))
}
