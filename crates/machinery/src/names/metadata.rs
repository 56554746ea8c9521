//! Validation of `metadata`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{NamePart, NameRule, dns_label, label_value, qualified_name};
use crate::{
    error::Cause,
    field::{Path, quote},
    resource::Resource,
};

const ANNOTATION_LIMIT: usize = 262_144;

/// Returns what is wrong with the metadata of a new `object`. Names must have been generated before.
#[must_use]
pub fn validate(object: &Value, resource: &Resource) -> Vec<Cause> {
    let (path, meta) = (Path::new("metadata"), &object["metadata"]);
    let text = |key: &str| meta[key].as_str().unwrap_or_default();
    let rule = NameRule::of(resource);
    let mut causes = Vec::new();
    if !text("generateName").is_empty() {
        let errors = rule.check(text("generateName"), NamePart::Prefix);
        causes.extend(errors.iter().map(|e| path.child("generateName").invalid(text("generateName"), e)));
    }
    if text("name").is_empty() {
        causes.push(path.child("name").required("name or generateName is required"));
    } else {
        let errors = rule.check(text("name"), NamePart::Whole);
        causes.extend(errors.iter().map(|e| path.child("name").invalid(text("name"), e)));
    }
    let at = path.child("namespace");
    match (resource.namespaced, text("namespace")) {
        (true, "") => causes.push(at.required("")),
        (true, namespace) => causes.extend(dns_label(namespace).iter().map(|e| at.invalid(namespace, e))),
        (false, "") => {}
        (false, _) => causes.push(at.forbidden("not allowed on this type")),
    }
    if let Some(generation) = meta["generation"].as_i64().filter(|generation| *generation < 0) {
        causes.push(path.child("generation").invalid(generation, "must be greater than or equal to 0"));
    }
    causes.extend(common(meta, &path));
    causes.extend(finalizers(&meta["finalizers"], &path.child("finalizers")));
    if checks_finalizer_names(resource) {
        causes.extend(plain_finalizers(meta, &path));
    }
    causes
}

/// Returns whether finalizers of the kind must be known or have a prefix.
fn checks_finalizer_names(resource: &Resource) -> bool {
    let lax =
        ["admissionregistration.k8s.io", "apiextensions.k8s.io", "coordination.k8s.io", "rbac.authorization.k8s.io"];
    !resource.custom && !lax.contains(&resource.gvk.group.as_str())
}

/// Refuses finalizers without a prefix, but for those of the API itself.
fn plain_finalizers(meta: &Value, path: &Path) -> Vec<Cause> {
    let detail = "name is neither a standard finalizer name nor is it fully qualified";
    let names = strings(&meta["finalizers"]).into_iter().enumerate();
    let plain = names
        .filter(|(_, name)| !name.contains('/') && !matches!(*name, "kubernetes" | "orphan" | "foregroundDeletion"));
    plain.map(|(i, name)| path.child("finalizers").index(i).invalid(name, detail)).collect()
}

/// Returns what is wrong with the metadata of `new`, which replaces `old`.
///
/// Assumes that the caller has kept what users cannot change (uid, creation and deletion times, generation). As upstream,
/// which looks once for every kind and once more in the kind's own rules, most causes come twice.
#[must_use]
pub fn validate_update(new: &Value, old: &Value, resource: &Resource) -> Vec<Cause> {
    let (path, meta) = (Path::new("metadata"), &new["metadata"]);
    let mut causes = common(meta, &path);
    causes.extend(finalizers(&meta["finalizers"], &path.child("finalizers")));
    let changes = changes(meta, &old["metadata"], &path);
    causes.extend(changes.iter().cloned());
    causes.extend(changes);
    if checks_finalizer_names(resource) {
        causes.extend(plain_finalizers(meta, &path));
    }
    causes
}

fn changes(meta: &Value, before: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    if before.get("deletionTimestamp").is_some_and(|t| !t.is_null()) {
        causes.extend(no_new_finalizers(meta, before, &path.child("finalizers")));
    }
    if meta["resourceVersion"].as_str().unwrap_or_default().is_empty() {
        causes.push(path.child("resourceVersion").invalid("", "must be specified for an update"));
    }
    for field in ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp"] {
        if !meta[field].is_null() && meta[field] != before[field] {
            causes.push(path.child(field).invalid(meta[field].clone(), "field is immutable"));
        }
    }
    causes.extend(common(meta, path));
    causes
}

/// What create and update have in common.
fn common(meta: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = labels(&meta["labels"], &path.child("labels"));
    causes.extend(annotations(&meta["annotations"], &path.child("annotations")));
    causes.extend(owner_references(&meta["ownerReferences"], &path.child("ownerReferences")));
    causes
}

/// Returns what is wrong with a map of labels.
#[must_use]
pub fn labels(labels: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (key, value) in entries(labels) {
        causes.extend(qualified_name(key).iter().map(|e| path.invalid(key.as_str(), e)));
        let value = value.as_str().unwrap_or_default();
        causes.extend(label_value(value).iter().map(|e| path.invalid(value, e)));
    }
    causes
}

/// Returns what is wrong with a map of annotations.
#[must_use]
pub fn annotations(annotations: &Value, path: &Path) -> Vec<Cause> {
    let (mut causes, mut size) = (Vec::new(), 0);
    for (key, value) in entries(annotations) {
        causes.extend(qualified_name(&key.to_lowercase()).iter().map(|e| path.invalid(key.as_str(), e)));
        size += key.len() + value.as_str().unwrap_or_default().len();
    }
    if size > ANNOTATION_LIMIT {
        causes.push(path.too_long(ANNOTATION_LIMIT));
    }
    causes
}

fn entries(map: &Value) -> impl Iterator<Item = (&String, &Value)> {
    map.as_object().into_iter().flat_map(Map::iter)
}

fn owner_references(references: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut controller: Option<String> = None;
    for reference in references.as_array().into_iter().flatten() {
        causes.extend(owner_reference(reference, path));
        if reference["controller"] != Value::Bool(true) {
            continue;
        }
        let text = |key: &str| reference[key].as_str().unwrap_or_default();
        let this = format!("{}/{}", text("kind"), text("name"));
        match &controller {
            Some(first) => {
                let detail = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {this}"
                );
                causes.push(path.invalid(references.clone(), &detail));
            }
            None => controller = Some(this),
        }
    }
    causes
}

fn owner_reference(reference: &Value, path: &Path) -> Vec<Cause> {
    let text = |key: &str| reference[key].as_str().unwrap_or_default();
    let mut causes = Vec::new();
    if text("apiVersion").rsplit('/').next().is_none_or(str::is_empty) {
        causes.push(path.child("apiVersion").invalid(text("apiVersion"), "version must not be empty"));
    }
    for key in ["kind", "name", "uid"].into_iter().filter(|key| text(key).is_empty()) {
        causes.push(path.child(key).invalid("", "must not be empty"));
    }
    if (text("apiVersion"), text("kind")) == ("v1", "Event") {
        causes.push(path.invalid(reference.clone(), "/v1, Kind=Event is disallowed from being an owner"));
    }
    causes
}

fn finalizers(finalizers: &Value, path: &Path) -> Vec<Cause> {
    let names = strings(finalizers);
    let mut causes = Vec::new();
    for name in &names {
        causes.extend(qualified_name(name).iter().map(|e| path.invalid(*name, e)));
    }
    if names.contains(&"orphan") && names.contains(&"foregroundDeletion") {
        let detail = "finalizer orphan and foregroundDeletion cannot be both set";
        causes.push(path.invalid(finalizers.clone(), detail));
    }
    causes
}

fn no_new_finalizers(meta: &Value, before: &Value, path: &Path) -> Option<Cause> {
    let old: BTreeSet<&str> = strings(&before["finalizers"]).into_iter().collect();
    let new: BTreeSet<&str> = strings(&meta["finalizers"]).into_iter().collect();
    let extra: Vec<String> = new.difference(&old).map(|f| quote(f)).collect();
    let detail = format!(
        "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
        extra.join(", ")
    );
    (!extra.is_empty()).then(|| path.forbidden(&detail))
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::builtin;

    fn config_maps() -> Resource {
        builtin().into_iter().find(|r| r.plural == "configmaps").unwrap()
    }

    #[track_caller]
    fn check(metadata: &Value, expected: &[&str]) {
        let causes = validate(&json!({"metadata": metadata}), &config_maps());
        let texts: Vec<String> = causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn new_metadata_is_checked() {
        check(&json!({"name": "a", "namespace": "n", "labels": {"a": "b"}}), &[]);
        check(&json!({"name": "a-x", "generateName": "a-", "namespace": "n"}), &[]);
        check(&json!({"namespace": "n"}), &["metadata.name: Required value: name or generateName is required"]);
        check(&json!({"name": "a"}), &["metadata.namespace: Required value"]);
        check(
            &json!({"name": "a", "namespace": "n", "finalizers": ["orphan", "foregroundDeletion"]}),
            &[
                "metadata.finalizers: Invalid value: [\"orphan\",\"foregroundDeletion\"]: finalizer orphan and foregroundDeletion cannot be both set",
            ],
        );
        check(
            &json!({"name": "a", "namespace": "n", "annotations": {"a": "x".repeat(262_144)}}),
            &["metadata.annotations: Too long: may not be more than 262144 bytes"],
        );
        check(
            &json!({"name": "a", "namespace": "n", "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": ""}]}),
            &[
                "metadata.ownerReferences.name: Invalid value: \"\": must not be empty",
                "metadata.ownerReferences.uid: Invalid value: \"\": must not be empty",
            ],
        );
    }

    #[test]
    fn one_controller_at_most() {
        let owner =
            |name: &str| json!({"apiVersion": "v1", "kind": "Pod", "name": name, "uid": "u", "controller": true});
        let object = json!({"metadata": {"name": "a", "namespace": "n", "ownerReferences": [owner("x"), owner("y")]}});
        let causes = validate(&object, &config_maps());
        assert!(causes[0].message.ends_with(
            "Only one reference can have Controller set to true. Found \"true\" in references for Pod/x and Pod/y"
        ));
    }

    #[test]
    fn a_deleting_object_takes_no_new_finalizers() {
        let old = json!({"metadata": {"name": "a", "namespace": "n", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["k/a"]}});
        let new = json!({"metadata": {"name": "a", "namespace": "n", "deletionTimestamp": "2026-01-01T00:00:00Z", "resourceVersion": "1", "finalizers": ["k/a", "x"]}});
        let causes = validate_update(&new, &old, &config_maps());
        assert_eq!(causes.iter().filter(|cause| cause.reason == "FieldValueForbidden").count(), 2);
        assert_eq!(
            causes[0].message,
            "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{\"x\"}"
        );
        assert!(validate_update(&old, &old, &config_maps())[0].message.ends_with("must be specified for an update"));
    }
}
