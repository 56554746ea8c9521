//! Roles and their bindings.

use serde_json::Value;

use super::fields::{is_set, list, text};
use crate::{
    error::Cause,
    field::Path,
    meta,
    names::{self, NamePart},
    pod_template::label_selector,
};

const GROUP: &str = "rbac.authorization.k8s.io";

pub(super) fn rbac(object: &Value, kind: &str) -> Vec<Cause> {
    match kind {
        "Role" | "ClusterRole" => role(object, kind),
        "RoleBinding" | "ClusterRoleBinding" => binding(object, kind),
        _ => Vec::new(),
    }
}

fn role(object: &Value, kind: &str) -> Vec<Cause> {
    let rules = list(object, "rules").iter().enumerate();
    let mut causes: Vec<Cause> =
        rules.flat_map(|(i, given)| rule(given, kind == "Role", &Path::new("rules").index(i))).collect();
    if is_set(object, "aggregationRule") {
        let path = Path::new("aggregationRule.clusterRoleSelectors");
        let selectors = list(&object["aggregationRule"], "clusterRoleSelectors");
        if selectors.is_empty() {
            let detail = "at least one clusterRoleSelector required if aggregationRule is non-nil";
            causes.push(path.required(detail));
        }
        causes.extend(selectors.iter().enumerate().flat_map(|(i, given)| label_selector(given, &path.index(i))));
    }
    causes
}

fn rule(rule: &Value, namespaced: bool, path: &Path) -> Vec<Cause> {
    let empty = |field: &str| list(rule, field).is_empty();
    let mut causes = Vec::new();
    if empty("verbs") {
        causes.push(path.child("verbs").required("verbs must contain at least one value"));
    }
    if !empty("nonResourceURLs") {
        let (urls, at) = (&rule["nonResourceURLs"], path.child("nonResourceURLs"));
        if namespaced {
            causes.push(at.invalid(urls.clone(), "namespaced rules cannot apply to non-resource URLs"));
        }
        if !(empty("apiGroups") && empty("resources") && empty("resourceNames")) {
            let detail = "rules cannot apply to both regular resources and non-resource URLs";
            causes.push(at.invalid(urls.clone(), detail));
        }
        return causes;
    }
    if empty("apiGroups") {
        causes.push(path.child("apiGroups").required("resource rules must supply at least one api group"));
    }
    if empty("resources") {
        causes.push(path.child("resources").required("resource rules must supply at least one resource"));
    }
    causes
}

fn binding(object: &Value, kind: &str) -> Vec<Cause> {
    let (reference, path) = (&object["roleRef"], Path::new("roleRef"));
    let mut causes = Vec::new();
    if text(reference, "apiGroup") != GROUP {
        causes.push(path.child("apiGroup").unsupported(text(reference, "apiGroup"), &[GROUP]));
    }
    let roles: &[&str] = if kind == "RoleBinding" { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    if !roles.contains(&text(reference, "kind")) {
        causes.push(path.child("kind").unsupported(text(reference, "kind"), roles));
    }
    let (name, at) = (text(reference, "name"), path.child("name"));
    if name.is_empty() {
        causes.push(at.required(""));
    } else {
        causes.extend(names::path_segment(name, NamePart::Whole).iter().map(|why| at.invalid(name, why)));
    }
    let namespaced = kind == "RoleBinding";
    let subjects = list(object, "subjects").iter().enumerate();
    causes.extend(subjects.flat_map(|(i, given)| subject(given, namespaced, &Path::new("subjects").index(i))));
    causes
}

fn subject(subject: &Value, namespaced: bool, path: &Path) -> Vec<Cause> {
    let (name, group) = (text(subject, "name"), text(subject, "apiGroup"));
    let mut causes = Vec::new();
    if name.is_empty() {
        causes.push(path.child("name").required(""));
    }
    match text(subject, "kind") {
        "ServiceAccount" => {
            if !name.is_empty() {
                causes.extend(names::dns_subdomain(name).iter().map(|why| path.child("name").invalid(name, why)));
            }
            if !group.is_empty() {
                causes.push(path.child("apiGroup").unsupported(group, &[""]));
            }
            if !namespaced && text(subject, "namespace").is_empty() {
                causes.push(path.child("namespace").required(""));
            }
        }
        "User" | "Group" => {
            if group != GROUP {
                causes.push(path.child("apiGroup").unsupported(group, &[GROUP]));
            }
        }
        other => causes.push(path.child("kind").unsupported(other, &["ServiceAccount", "User", "Group"])),
    }
    causes
}

pub(super) fn update_binding(new: &Value, old: &Value) -> Vec<Cause> {
    let (reference, before) = (&new["roleRef"], &old["roleRef"]);
    if meta::equal(None, Some(reference), Some(before)) {
        return Vec::new();
    }
    // Upstream shows the names that the fields have in Go.
    let shown = format!(
        "{{\"APIGroup\":{},\"Kind\":{},\"Name\":{}}}",
        reference["apiGroup"], reference["kind"], reference["name"]
    );
    vec![Path::new("roleRef").invalid_shown(&shown, "cannot change roleRef")]
}
