//! What the API server refuses in objects of built-in kinds, in its words.
//!
//! Metadata is checked by [`crate::names`], pod templates by [`crate::pod_template`], custom resources by their schema.
//! Objects are in their stored form and have their defaults. Not covered: time zones of
//! CronJobs, admission policies, and numbers in a status beyond their sign.

mod access;
mod config;
mod definition;
mod event;
mod ingress;
mod job;
mod limit_range;
mod network;
mod node;
mod numbers;
mod pod;
mod scaling;
mod service;
mod storage;
mod volume;
mod webhook;
mod workload;

use serde_json::Value;

pub(crate) use crate::pod_template::fields;
use crate::{error::Cause, field::Path, meta, resource::Resource};

/// Returns what is wrong with a new object.
#[must_use]
pub fn create(object: &Value, resource: &Resource) -> Vec<Cause> {
    match kind(resource) {
        ("", "Pod") => pod::create(object),
        ("batch", "CronJob") => job::create_cron_job(object),
        ("", "Event") => event::create(object, &resource.gvk.group),
        ("networking.k8s.io", "Ingress") => ingress::create(object),
        ("apps", "ControllerRevision") => workload::create_revision(object),
        ("", "PersistentVolumeClaim") => storage::claim(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition::create(object),
        ("", "Node") => node::create(object),
        _ => always(object, resource, None),
    }
}

/// Returns what is to be warned of in a new object.
#[must_use]
pub fn warnings(object: &Value, resource: &Resource) -> Vec<String> {
    let template = |at: &str| crate::pod_template::warnings(&object["spec"]["template"], &Path::new(at));
    match kind(resource) {
        ("", "Pod") => crate::pod_template::warnings(object, &Path::default()),
        ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")
        | ("batch", "Job")
        | ("", "ReplicationController") => template("spec.template"),
        ("batch", "CronJob") => {
            let template = &object["spec"]["jobTemplate"]["spec"]["template"];
            crate::pod_template::warnings(template, &Path::new("spec.jobTemplate.spec.template"))
        }
        ("", "PodTemplate") => crate::pod_template::warnings(&object["template"], &Path::new("template")),
        _ => Vec::new(),
    }
}

/// Returns what is wrong with `new`, which replaces `old` through the main resource.
#[must_use]
pub fn update(new: &Value, old: &Value, resource: &Resource) -> Vec<Cause> {
    if kind(resource) == ("discovery.k8s.io", "EndpointSlice") && new["addressType"] != old["addressType"] {
        // Upstream looks no further.
        return stays(new, old, &["addressType"]);
    }
    // Upstream looks at the selector of a DaemonSet before all else, at that of others last.
    let mut causes = if kind(resource) == ("apps", "DaemonSet") { selector_stays(new, old) } else { Vec::new() };
    causes.extend(always(new, resource, Some(old)));
    causes.extend(match kind(resource) {
        ("", "Pod") => pod::update(new, old),
        ("", "Service") => service::update(new, old),
        ("", "Secret") => config::update_secret(new, old),
        ("", "ConfigMap") => config::update_config_map(new, old),
        ("", "Event") => event::update(new, old, &resource.gvk.group),
        ("", "PersistentVolumeClaim") => storage::update_claim(new, old),
        ("apps", "Deployment" | "ReplicaSet") => selector_stays(new, old),
        ("apps", "StatefulSet") => workload::update_stateful_set(new, old),
        ("apps", "ControllerRevision") => stays(new, old, &["data"]),
        ("batch", "Job") => job::update(new, old),
        ("networking.k8s.io", "IngressClass") => stays(new, old, &["spec", "controller"]),
        ("", "Node") => node::update(new, old),
        ("storage.k8s.io", "CSIDriver") => volume::update_driver(new, old),
        ("storage.k8s.io", "CSINode") => volume::update_node(new, old),
        ("storage.k8s.io", "VolumeAttachment") => stays(new, old, &["spec"]),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => access::update_binding(new, old),
        ("storage.k8s.io", "StorageClass") => storage::update_class(new, old),
        ("scheduling.k8s.io", "PriorityClass") => scaling::update_priority_class(new, old),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition::update(new, old),
        _ => Vec::new(),
    });
    causes
}

/// Returns what is wrong with `new`, which replaces `old` through `/status`.
#[must_use]
pub fn update_status(new: &Value, old: &Value, resource: &Resource) -> Vec<Cause> {
    match kind(resource) {
        ("", "Pod") => pod::update_status(new, old),
        ("", "Service") => service::status(&new["status"]),
        ("", "Node") => node::update(new, old),
        ("batch", "Job") => job::update_status(new, old),
        ("apps", "Deployment" | "ReplicaSet" | "StatefulSet") | ("", "ReplicationController") => {
            workload::replica_status(&new["status"], kind(resource).1)
        }
        ("apps", "DaemonSet") => workload::daemon_status(&new["status"]),
        ("policy", "PodDisruptionBudget") => scaling::disruption_status(&new["status"]),
        ("autoscaling", "HorizontalPodAutoscaler") => scaling::autoscaler_status(&new["status"]),
        _ => Vec::new(),
    }
}

/// Returns what is wrong with a pod that replaces another through `/ephemeralcontainers`.
#[must_use]
pub fn ephemeral_containers(pod: &Value) -> Vec<Cause> {
    pod::ephemeral_containers(pod)
}

/// The rules that hold for creates and updates alike.
fn always(object: &Value, resource: &Resource, old: Option<&Value>) -> Vec<Cause> {
    match kind(resource) {
        ("", "PodTemplate") => workload::pod_template(object),
        ("", "ReplicationController") => workload::replication_controller(object),
        ("apps", "Deployment") => workload::deployment(object),
        ("apps", "ReplicaSet") => workload::replica_set(object),
        ("apps", "StatefulSet") => workload::stateful_set(object, old),
        ("apps", "DaemonSet") => workload::daemon_set(object),
        ("apps", "ControllerRevision") => numbers::non_negative(object, "revision", &Path::default()),
        ("batch", "Job") => job::job(object, old),
        ("batch", "CronJob") => job::cron_job(object, old),
        ("", "Service") => service::service(object),
        ("", "Endpoints") => network::endpoints(object),
        ("discovery.k8s.io", "EndpointSlice") => network::endpoint_slice(object),
        ("networking.k8s.io", "Ingress") => ingress::ingress(object),
        ("networking.k8s.io", "IngressClass") => ingress::class(object),
        ("networking.k8s.io", "NetworkPolicy") => network::policy(object),
        ("", "ConfigMap") => config::config_map(object),
        ("", "Secret") => config::secret(object),
        ("", "Namespace") => config::namespace(object),
        ("", "ResourceQuota") => config::quota(object),
        ("", "PersistentVolumeClaim") => storage::claim(object),
        ("storage.k8s.io", "StorageClass") => storage::class(object),
        ("storage.k8s.io", "CSIDriver") => volume::driver(object),
        ("storage.k8s.io", "CSINode") => volume::node(object),
        ("storage.k8s.io", "VolumeAttachment") => volume::attachment(object),
        ("", "PersistentVolume") => volume::volume(object),
        ("", "LimitRange") => limit_range::limit_range(object),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration") => {
            webhook::configuration(object)
        }
        ("coordination.k8s.io", "Lease") => config::lease(object),
        ("autoscaling", "HorizontalPodAutoscaler") => scaling::autoscaler(object),
        ("policy", "PodDisruptionBudget") => scaling::disruption_budget(object),
        ("scheduling.k8s.io", "PriorityClass") if old.is_none() => scaling::priority_class(object),
        ("rbac.authorization.k8s.io", kind) => access::rbac(object, kind),
        _ => Vec::new(),
    }
}

fn kind(resource: &Resource) -> (&str, &str) {
    if resource.custom { ("", "") } else { (&resource.stored.group, &resource.stored.kind) }
}

fn selector_stays(new: &Value, old: &Value) -> Vec<Cause> {
    stays(new, old, &["spec", "selector"])
}

/// Refuses a change of the field at `path`.
fn stays(new: &Value, old: &Value, path: &[&str]) -> Vec<Cause> {
    let at = |object| path.iter().try_fold(object, |value: &Value, key| value.get(*key));
    let (new, old) = (at(new), at(old));
    if meta::equal(None, new, old) {
        return Vec::new();
    }
    let path = path.iter().fold(Path::default(), |path, key| path.child(key));
    vec![path.invalid(new.cloned().unwrap_or_default(), "field is immutable")]
}

/// Checks an optional word against the words that exist.
fn one_of(object: &Value, field: &str, words: &[&str], path: &Path) -> Option<Cause> {
    let word = object[field].as_str()?;
    (!words.contains(&word)).then(|| path.child(field).unsupported(word, words))
}

/// Checks a word that must be there.
fn required_one_of(object: &Value, field: &str, words: &[&str], path: &Path) -> Option<Cause> {
    if fields::text(object, field).is_empty() {
        return Some(path.child(field).required(""));
    }
    one_of(object, field, words, path)
}

#[cfg(test)]
mod tests;
