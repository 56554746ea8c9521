//! Which fields of a write count for ownership.

use std::sync::OnceLock;

use super::{element::PathElement, set::Set};
use crate::resource::{Gvk, Resource};

/// The fields that a write through one endpoint can change; the rest the server resets, so nobody comes to own it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Tracked {
    /// Everything.
    #[default]
    All,
    /// Everything but these fields and what is below them.
    Except(Set),
    /// Only what is below these paths, where `*` stands for any element.
    Only(Vec<Vec<&'static str>>),
}

impl Tracked {
    /// Returns what a write to `subresource` (empty: the main resource) of a resource can change.
    #[must_use]
    pub fn of(resource: &Resource, subresource: &str) -> Self {
        match subresource {
            "" if resource.has_status() => Self::except(&[&["status"]]),
            "" => Self::All,
            "status" => status(&resource.gvk, resource.custom),
            "finalize" => Self::except(&[&["status"]]),
            "ephemeralcontainers" => Self::Only(vec![vec!["spec", "ephemeralContainers"]]),
            "resize" => Self::Only(vec![
                vec!["spec", "containers", "*", "resources"],
                vec!["spec", "containers", "*", "resizePolicy"],
                vec!["spec", "initContainers", "*", "resources"],
                vec!["spec", "initContainers", "*", "resizePolicy"],
            ]),
            _ => Self::All,
        }
    }

    /// Returns everything but these paths of fields.
    #[must_use]
    pub fn except(paths: &[&[&str]]) -> Self {
        Self::Except(Set::of_fields(paths))
    }

    /// Returns the part of `set` that counts.
    #[must_use]
    pub fn filter(&self, set: Set) -> Set {
        match self {
            Self::All => set,
            Self::Except(reset) => set.recursive_difference(reset),
            Self::Only(patterns) => {
                let patterns: Vec<&[&str]> = patterns.iter().map(Vec::as_slice).collect();
                included(&set, &patterns)
            }
        }
    }
}

/// Removes what is never tracked: type, identity and what the server writes into the metadata.
pub(super) fn without_untracked(set: &Set) -> Set {
    static UNTRACKED: OnceLock<Set> = OnceLock::new();
    let untracked = UNTRACKED.get_or_init(|| {
        let mut set = Set::of_fields(&[&["apiVersion"], &["kind"], &["metadata"]]);
        for name in [
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "clusterName",
            "generation",
            "managedFields",
            "resourceVersion",
        ] {
            set.insert(&[PathElement::field("metadata"), PathElement::field(name)]);
        }
        set
    });
    set.difference(untracked)
}

/// What the status endpoint of a kind keeps of the old object.
fn status(gvk: &Gvk, custom: bool) -> Tracked {
    let all_metadata: &[&[&str]] = &[&["spec"], &["metadata"]];
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        _ if custom => Tracked::except(&[&["spec"]]),
        ("", "Pod") => {
            Tracked::except(&[&["spec"], &["metadata", "deletionTimestamp"], &["metadata", "ownerReferences"]])
        }
        ("apps", "Deployment") => Tracked::except(&[&["spec"], &["metadata", "labels"]]),
        ("storage.k8s.io", "VolumeAttachment")
        | ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy")
        | ("apiextensions.k8s.io", "CustomResourceDefinition")
        | ("apiregistration.k8s.io", "APIService") => Tracked::except(all_metadata),
        _ => Tracked::except(&[&["spec"]]),
    }
}

/// The part of a set below one of the patterns; what a pattern names is included itself.
fn included(set: &Set, patterns: &[&[&str]]) -> Set {
    let mut out = Set::new();
    for node in set.nodes() {
        let rest: Vec<&[&str]> = patterns
            .iter()
            .filter_map(|pattern| pattern.split_first())
            .filter(|(first, _)| matches(first, &node.element))
            .map(|(_, rest)| rest)
            .collect();
        if rest.is_empty() {
            continue;
        }
        if rest.iter().any(|rest| rest.is_empty()) {
            out.push(node.element.clone(), node.member, node.below.clone());
        } else {
            out.push(node.element.clone(), node.member, included(&node.below, &rest));
        }
    }
    out
}

fn matches(pattern: &str, element: &PathElement) -> bool {
    pattern == "*" || matches!(element, PathElement::Field(name) if name.as_ref() == pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keeps_what_is_below_its_patterns() {
        let fields = serde_json::json!({
            "f:metadata": {"f:labels": {"f:a": {}}},
            "f:spec": {"f:containers": {"k:{\"name\":\"a\"}": {".": {}, "f:image": {}, "f:resources": {".": {}, "f:limits": {}}}}},
        });
        let set = Set::from_fields_v1(&fields).unwrap();
        let tracked = Tracked::Only(vec![vec!["spec", "containers", "*", "resources"]]);
        assert_eq!(
            tracked.filter(set).to_fields_v1(),
            serde_json::json!({"f:spec": {"f:containers": {"k:{\"name\":\"a\"}": {".": {}, "f:resources": {".": {}, "f:limits": {}}}}}})
        );
    }

    #[test]
    fn identity_and_server_written_metadata_are_never_tracked() {
        let set = Set::of_fields(&[&["kind"], &["metadata"], &["metadata", "uid"], &["metadata", "labels"]]);
        assert_eq!(without_untracked(&set), Set::of_fields(&[&["metadata", "labels"]]));
    }
}
