//! Claims and classes of storage.

use serde_json::Value;

use super::{
    fields::{is_set, list, text},
    one_of, stays,
};
use crate::{error::Cause, field::Path, meta, names, pod_template::label_selector, quantity::Quantity};

pub(super) const MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

pub(super) fn claim(object: &Value) -> Vec<Cause> {
    claim_spec(&object["spec"], &Path::new("spec"))
}

pub(super) fn claim_spec(spec: &Value, path: &Path) -> Vec<Cause> {
    let (modes, at) = (list(spec, "accessModes"), path.child("accessModes"));
    let mut causes = Vec::new();
    if modes.is_empty() {
        causes.push(at.required("at least 1 access mode is required"));
    }
    causes.extend(label_selector(&spec["selector"], &path.child("selector")));
    let known = |mode: &&Value| mode.as_str().is_some_and(|mode| MODES.contains(&mode));
    causes.extend(modes.iter().filter(|mode| !known(mode)).map(|mode| at.unsupported(mode.clone(), &MODES)));
    let single = modes.iter().any(|mode| mode == "ReadWriteOncePod");
    if single && modes.iter().filter(known).any(|mode| mode != "ReadWriteOncePod") {
        causes.push(at.forbidden("may not use ReadWriteOncePod with other access modes"));
    }
    let at = path.child("resources").key("storage");
    match spec.pointer("/resources/requests/storage") {
        None | Some(Value::Null) => causes.push(at.required("")),
        Some(value) if Quantity::from_json(value).is_ok_and(|quantity| quantity.signum() <= 0) => {
            causes.push(at.invalid(value.clone(), "must be greater than zero"));
        }
        Some(_) => {}
    }
    let class = text(spec, "storageClassName");
    if !class.is_empty() {
        let at = path.child("storageClassName");
        causes.extend(names::dns_subdomain(class).iter().map(|why| at.invalid(class, why)));
    }
    causes.extend(one_of(spec, "volumeMode", &["Block", "Filesystem"], path));
    causes
}

/// A bound claim may ask for more storage and change its class of attributes; before, its volume may be set once.
pub(super) fn update_claim(new: &Value, old: &Value) -> Vec<Cause> {
    let mut frozen = new["spec"].clone();
    let before = &old["spec"];
    if text(before, "volumeName").is_empty() {
        meta::take(&mut frozen, before, "volumeName");
    }
    if !is_set(before, "storageClassName") {
        meta::take(&mut frozen, before, "storageClassName");
    }
    meta::take(&mut frozen, before, "volumeAttributesClassName");
    let storage = |object: &Value| Quantity::from_json(object.pointer("/spec/resources/requests/storage")?).ok();
    let mut causes = Vec::new();
    if old["status"]["phase"] == "Bound" {
        if storage(new) < storage(old) {
            let at = Path::new("spec.resources.requests.storage");
            causes.push(at.forbidden("field can not be less than status.capacity"));
        }
        meta::take(&mut frozen, before, "resources");
    }
    if !meta::equal(None, Some(&frozen), Some(before)) {
        let detail = "spec is immutable after creation except resources.requests and volumeAttributesClassName for \
                      bound claims";
        causes.push(Path::new("spec").forbidden(detail));
    }
    causes
}

pub(super) fn class(object: &Value) -> Vec<Cause> {
    let root = Path::default();
    let (provisioner, at) = (text(object, "provisioner"), root.child("provisioner"));
    let mut causes = Vec::new();
    if provisioner.is_empty() {
        causes.push(at.required(""));
    } else {
        let reasons = names::qualified_name(&provisioner.to_lowercase());
        causes.extend(reasons.iter().map(|why| at.invalid(provisioner.to_lowercase(), why)));
    }
    causes.extend(one_of(object, "reclaimPolicy", &["Delete", "Retain"], &root));
    causes.extend(one_of(object, "volumeBindingMode", &["Immediate", "WaitForFirstConsumer"], &root));
    causes
}

pub(super) fn update_class(new: &Value, old: &Value) -> Vec<Cause> {
    let fields = ["parameters", "provisioner", "reclaimPolicy"];
    let changed = fields.iter().filter(|field| !meta::equal(None, new.get(**field), old.get(**field)));
    let mut causes: Vec<Cause> =
        changed.map(|field| Path::new(*field).forbidden(&format!("updates to {field} are forbidden."))).collect();
    causes.extend(stays(new, old, &["volumeBindingMode"]));
    causes
}
