//! What a write decides by kind, beyond defaulting: status and generation, the selector of a Job, the finalizer of a
//! Namespace, the addresses that a Service keeps.
//!
//! Metadata that is the same for every kind (uid, times, finalizers) is the registry's.

mod job;
mod pod;
mod service;

use serde_json::{Value, json};

pub use pod::{keep_all_but_ephemeral, keep_all_but_resources, qos_class};

use crate::{
    decode, defaults, meta,
    resource::{GenerationRule, Resource},
    schema::Presence,
};

/// Generation of a DaemonSet's template, which Go keeps in a field and JSON in an annotation.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

/// Makes `object` ready to be created: the status of a new object, the first generation, and what the kind adds.
///
/// Name and uid must be set. Runs after [`defaults::apply`], and restores defaults below the status.
pub fn prepare_create(object: &mut Value, resource: &Resource) {
    if resource.has_status() && !keeps_status_on_create(resource) {
        reset_status(object, resource);
    }
    // Where the kind counts nothing a given generation stays, as upstream has it.
    if resource.generation != GenerationRule::Never {
        meta::set_generation(object, 1);
    }
    if resource.custom {
        return;
    }
    match kind(resource) {
        ("", "Pod") => pod::prepare_create(object),
        ("", "Service") => service::fill_plural(object),
        ("", "Namespace") => namespace_finalizer(object),
        ("batch", "Job") => job::generate_selector(object),
        ("apps", "DaemonSet") => first_template_generation(object),
        _ => {}
    }
    defaults::apply(object, &resource.stored);
}

/// Makes `new` ready to replace `old` through the main resource: keeps the status where that is a subresource, moves the
/// generation, and does what the kind adds.
pub fn prepare_update(new: &mut Value, old: &Value, resource: &Resource) {
    if resource.has_status() {
        meta::take(new, old, "status");
    }
    if !resource.custom {
        match kind(resource) {
            ("", "Service") => service::prepare_update(new, old),
            ("", "Namespace") => take_below(new, old, "spec", "finalizers"),
            ("apps", "DaemonSet") => next_template_generation(new, old),
            _ => {}
        }
    }
    let generation = meta::generation(old) + i64::from(generation_moves(new, old, resource));
    meta::set_generation(new, generation);
}

/// Makes `new` ready to replace `old` through `/status`: everything else stays as it was.
///
/// Most built-in kinds take changes of metadata here too; custom resources do not.
pub fn prepare_status_update(new: &mut Value, old: &Value, resource: &Resource) {
    let mut kept = old.clone();
    meta::take(&mut kept, new, "status");
    if resource.custom || keeps_metadata_on_status(resource) {
        take_below(&mut kept, new, "metadata", "managedFields");
    } else {
        meta::take(&mut kept, new, "metadata");
    }
    if kind(resource) == ("apps", "Deployment") {
        take_below(&mut kept, old, "metadata", "labels");
    }
    if kind(resource) == ("", "Pod") {
        pod::prepare_status_update(&mut kept, old);
    }
    meta::set_generation(&mut kept, meta::generation(old));
    *new = kept;
}

/// Writes the `null` that the reference server shows for lists that are not `omitempty` in Go and empty.
///
/// The last step before a write: what reads objects before does not meet the `null`.
pub fn complete(object: &mut Value, resource: &Resource) {
    for (group, of, path) in NULL_LISTS {
        if resource.custom || kind(resource) != (*group, *of) {
            continue;
        }
        let Some((field, above)) = path.split_last() else { continue };
        let parent = above.iter().try_fold(&mut *object, |value, key| value.get_mut(*key));
        let Some(fields) = parent.and_then(Value::as_object_mut) else { continue };
        if fields.get(*field).and_then(Value::as_array).is_none_or(Vec::is_empty) {
            fields.insert((*field).to_owned(), Value::Null);
        }
    }
}

/// Lists that the reference server writes as `null` when they are empty: group, kind, path.
const NULL_LISTS: &[(&str, &str, &[&str])] = &[
    ("autoscaling", "HorizontalPodAutoscaler", &["status", "currentMetrics"]),
    ("rbac.authorization.k8s.io", "Role", &["rules"]),
    ("rbac.authorization.k8s.io", "ClusterRole", &["rules"]),
    ("discovery.k8s.io", "EndpointSlice", &["endpoints"]),
    ("discovery.k8s.io", "EndpointSlice", &["ports"]),
    ("storage.k8s.io", "CSINode", &["spec", "drivers"]),
    ("", "LimitRange", &["spec", "limits"]),
];

/// Returns whether the change from `old` to `new` is one that the kind counts in its generation.
#[must_use]
pub fn generation_moves(new: &Value, old: &Value, resource: &Resource) -> bool {
    let differs = |path: &[&str]| {
        let at = |object| path.iter().try_fold(object, |value: &Value, key| value.get(*key));
        let schema = path.iter().try_fold(&*resource.schema, |schema, key| schema.field(key).map(|s| &**s));
        !meta::equal(schema, at(new), at(old))
    };
    match resource.generation {
        GenerationRule::Never | GenerationRule::Fixed => false,
        GenerationRule::Spec => differs(&["spec"]),
        GenerationRule::SpecOrAnnotations => differs(&["spec"]) || differs(&["metadata", "annotations"]),
        GenerationRule::AllButMetadata => body_keys(new, old, resource).iter().any(|key| differs(&[key.as_str()])),
        GenerationRule::BodyOrLabels => {
            body_keys(new, old, resource).iter().any(|key| differs(&[key.as_str()])) || differs(&["metadata", "labels"])
        }
    }
}

/// The fields of either object that count as its body.
fn body_keys(new: &Value, old: &Value, resource: &Resource) -> Vec<String> {
    let keys = [new, old].into_iter().filter_map(Value::as_object).flat_map(serde_json::Map::keys);
    let skipped = |key: &str| match key {
        "apiVersion" | "kind" | "metadata" => true,
        "status" => resource.has_status(),
        _ => false,
    };
    keys.filter(|key| !skipped(key)).cloned().collect()
}

fn kind(resource: &Resource) -> (&str, &str) {
    (&resource.stored.group, &resource.stored.kind)
}

/// Nodes register with a status.
fn keeps_status_on_create(resource: &Resource) -> bool {
    kind(resource) == ("", "Node")
}

/// Kinds whose status endpoint leaves the metadata alone.
fn keeps_metadata_on_status(resource: &Resource) -> bool {
    let kinds = [
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("apiregistration.k8s.io", "APIService"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
        ("networking.k8s.io", "ServiceCIDR"),
        ("storage.k8s.io", "VolumeAttachment"),
    ];
    kinds.contains(&kind(resource))
}

/// Leaves the status that Go writes for an empty one, or none.
fn reset_status(object: &mut Value, resource: &Resource) {
    let Some(fields) = object.as_object_mut() else { return };
    fields.remove("status");
    let field = resource.schema.field("status").filter(|field| field.presence == Presence::Value && !resource.custom);
    if let Some(empty) = field.and_then(|field| decode::zero(field)) {
        fields.insert("status".to_owned(), empty);
    }
}

fn namespace_finalizer(object: &mut Value) {
    let finalizers = object["spec"]["finalizers"].as_array().cloned().unwrap_or_default();
    if !finalizers.iter().any(|f| f == "kubernetes") {
        object["spec"]["finalizers"] = finalizers.into_iter().chain([json!("kubernetes")]).collect();
    }
}

fn first_template_generation(object: &mut Value) {
    let given = meta::annotation(object, TEMPLATE_GENERATION).and_then(|text| text.parse::<i64>().ok());
    meta::set_annotation(object, TEMPLATE_GENERATION, &given.unwrap_or(1).max(1).to_string());
}

fn next_template_generation(new: &mut Value, old: &Value) {
    let before = meta::annotation(old, TEMPLATE_GENERATION).and_then(|text| text.parse::<i64>().ok()).unwrap_or(1);
    let moved = new["spec"]["template"] != old["spec"]["template"];
    meta::set_annotation(new, TEMPLATE_GENERATION, &(before + i64::from(moved)).to_string());
}

/// Copies `to[outer][inner] = from[outer][inner]`, or removes it.
fn take_below(to: &mut Value, from: &Value, outer: &str, inner: &str) {
    if let Some(value) = to.get_mut(outer) {
        meta::take(value, &from[outer], inner);
    }
}

#[cfg(test)]
mod tests;
