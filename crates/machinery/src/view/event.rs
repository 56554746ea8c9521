//! Events of `events.k8s.io`, which are stored as those of the core group.

use serde_json::{Value, json};

use super::rename;

/// Names in the core group and in `events.k8s.io`.
const NAMES: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

/// Fields that the core group always writes, and the newer group only if they are not empty.
const ALWAYS_IN_CORE: [&str; 2] = ["reportingComponent", "reportingInstance"];

pub(super) fn from_core(object: &mut Value) {
    let Some(fields) = object.as_object_mut() else { return };
    for field in ALWAYS_IN_CORE {
        if fields.get(field).and_then(Value::as_str).is_some_and(str::is_empty) {
            fields.remove(field);
        }
    }
    rename(fields, &NAMES);
}

pub(super) fn to_core(object: &mut Value) {
    let Some(fields) = object.as_object_mut() else { return };
    let back: Vec<(&str, &str)> = NAMES.iter().map(|(core, new)| (*new, *core)).collect();
    rename(fields, &back);
    for field in ALWAYS_IN_CORE {
        fields.entry(field).or_insert_with(|| json!(""));
    }
    for field in ["involvedObject", "source"] {
        fields.entry(field).or_insert_with(|| json!({}));
    }
}
