//! Volumes and claims.

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

pub(super) fn class(object: &mut Fields) {
    pointer(object, "reclaimPolicy", "Delete");
    pointer(object, "volumeBindingMode", "Immediate");
}
