//! Volumes and claims.

use serde_json::{Value, json};

use super::set::{Fields, made, pointer, text, within};

pub(super) fn volume(object: &mut Fields) {
    super::spec(object, |spec| {
        text(spec, "persistentVolumeReclaimPolicy", "Retain");
        pointer(spec, "volumeMode", "Filesystem");
        within(spec, "hostPath", |path| pointer(path, "type", ""));
    });
    made(object, "status", |status| text(status, "phase", "Pending"));
}

pub(super) fn claim(object: &mut Fields) {
    super::spec(object, |spec| pointer(spec, "volumeMode", "Filesystem"));
    made(object, "status", |status| text(status, "phase", "Pending"));
}

pub(super) fn driver(object: &mut Fields) {
    super::spec(object, |spec| {
        pointer(spec, "attachRequired", true);
        for field in ["podInfoOnMount", "storageCapacity", "requiresRepublish", "seLinuxMount"] {
            pointer(spec, field, false);
        }
        pointer(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType");
        if spec.get("volumeLifecycleModes").and_then(Value::as_array).is_none_or(Vec::is_empty) {
            spec.insert("volumeLifecycleModes".to_owned(), json!(["Persistent"]));
        }
    });
}

pub(super) fn class(object: &mut Fields) {
    pointer(object, "reclaimPolicy", "Delete");
    pointer(object, "volumeBindingMode", "Immediate");
}
