//! Events, which both groups share. Those made through `events.k8s.io` are checked more strictly.

use serde_json::{Value, json};

use super::{
    fields::{int, is_set, text},
    stays,
};
use crate::{error::Cause, field::Path, meta, names};

/// Longest values: of `reportingInstance`, `action` and `reason`, and of the note.
const MOST_WORD: usize = 128;
const MOST_NOTE: usize = 1024;

pub(super) fn create(object: &Value, group: &str) -> Vec<Cause> {
    let mut causes = legacy(object, group);
    if group.is_empty() {
        return causes;
    }
    causes.extend(series(object));
    let root = Path::default();
    if !object["eventTime"].is_string() {
        causes.push(root.child("eventTime").required(""));
    }
    let kind = text(object, "type");
    if !matches!(kind, "Normal" | "Warning") {
        causes.push(root.child("type").invalid("", &format!("has invalid value: {kind}")));
    }
    for field in ["firstTimestamp", "lastTimestamp"] {
        if is_set(object, field) {
            causes.push(root.child(field).invalid("", "needs to be unset"));
        }
    }
    if int(object, "count") != 0 {
        causes.push(root.child("count").invalid("", "needs to be unset"));
    }
    let source = &object["source"];
    if !text(source, "component").is_empty() || !text(source, "host").is_empty() {
        causes.push(root.child("source").invalid("", "needs to be unset"));
    }
    causes
}

fn series(object: &Value) -> Vec<Cause> {
    let (series, path) = (&object["series"], Path::new("series"));
    let mut causes = Vec::new();
    if series.is_object() && int(series, "count") < 2 {
        causes.push(path.child("count").invalid("", "should be at least 2"));
    }
    if series.is_object() && !series["lastObservedTime"].is_string() {
        causes.push(path.child("lastObservedTime").required(""));
    }
    causes
}

/// What holds in both groups.
fn legacy(object: &Value, group: &str) -> Vec<Cause> {
    let (own, involved) = (meta::namespace(object), text(&object["involvedObject"], "namespace"));
    let new_form = object["eventTime"].is_string();
    let fits = match (new_form, involved) {
        (false, "") => matches!(own, "" | "default"),
        (false, involved) => own == involved,
        (true, "") => matches!(own, "default" | "kube-system"),
        (true, _) => true,
    };
    let mut causes = Vec::new();
    if !fits {
        let at = Path::new("involvedObject.namespace");
        causes.push(at.invalid(involved, "does not match event.namespace"));
    }
    if new_form {
        causes.extend(new_fields(object, group));
    }
    causes
}

fn new_fields(object: &Value, group: &str) -> Vec<Cause> {
    let root = Path::default();
    let reporter = root.child(if group.is_empty() { "reportingComponent" } else { "reportingController" });
    let controller = text(object, "reportingComponent");
    let mut causes = Vec::new();
    if controller.is_empty() {
        causes.push(reporter.required(""));
    }
    causes.extend(names::qualified_name(controller).iter().map(|why| reporter.invalid(controller, why)));
    for field in ["reportingInstance", "action", "reason"] {
        let (given, at) = (text(object, field), root.child(field));
        if given.is_empty() {
            causes.push(at.required(""));
        } else if given.len() > MOST_WORD {
            causes.push(at.invalid("", &format!("can have at most {MOST_WORD} characters")));
        }
    }
    if text(object, "message").len() > MOST_NOTE {
        causes.push(root.child("message").invalid("", &format!("can have at most {MOST_NOTE} characters")));
    }
    causes
}

/// Fields that an update through `events.k8s.io` may not change; upstream looks at one twice.
const FIXED: [&str; 14] = [
    "involvedObject",
    "reason",
    "message",
    "source",
    "firstTimestamp",
    "lastTimestamp",
    "count",
    "reason",
    "type",
    "eventTime",
    "action",
    "related",
    "reportingComponent",
    "reportingInstance",
];

pub(super) fn update(new: &Value, old: &Value, group: &str) -> Vec<Cause> {
    let mut causes = legacy(new, group);
    if group.is_empty() {
        return causes;
    }
    if new.get("series").unwrap_or(&json!(null)) != old.get("series").unwrap_or(&json!(null)) {
        causes.extend(series(new));
    }
    causes.extend(FIXED.iter().flat_map(|field| stays(new, old, &[field])));
    causes
}
