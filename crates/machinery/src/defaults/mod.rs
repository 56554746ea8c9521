//! What the API server fills into objects of built-in kinds that leave it out.
//!
//! Only defaulting, which depends on nothing but the object: what a strategy sets on create is in [`crate::strategy`],
//! what admission plugins set in [`crate::admission`], and addresses and ports are given out by the server.

mod access;
mod core;
mod network;
mod scaling;
pub(crate) mod set;
mod storage;
mod workloads;

pub(crate) use workloads::labels_from_template;

use serde_json::{Value, json};

use self::set::{Fields, made};
use crate::resource::Gvk;

/// Fills the defaults of the kind `gvk` into `object`; objects of other kinds stay as they are.
///
/// What is set stays. Filling twice changes nothing. Objects must be in the form in which they are stored (see
/// [`crate::view`]).
pub fn apply(object: &mut Value, gvk: &Gvk) {
    let Some(fill) = filler(&gvk.group, &gvk.kind) else { return };
    if let Some(fields) = object.as_object_mut() {
        fill(fields);
    }
}

fn filler(group: &str, kind: &str) -> Option<fn(&mut Fields)> {
    Some(match (group, kind) {
        ("", "Pod") => core::pod,
        ("", "PodTemplate") => core::pod_template,
        ("", "ReplicationController") => workloads::replication_controller,
        ("", "Service") => network::service,
        ("", "Endpoints") => network::endpoints,
        ("", "Namespace") => core::namespace,
        ("", "Node") => core::node,
        ("", "Secret") => core::secret,
        ("", "LimitRange") => core::limit_range,
        ("", "PersistentVolume") => storage::volume,
        ("", "PersistentVolumeClaim") => storage::claim,
        ("apps", "Deployment") => workloads::deployment,
        ("apps", "ReplicaSet") => workloads::replica_set,
        ("apps", "StatefulSet") => workloads::stateful_set,
        ("apps", "DaemonSet") => workloads::daemon_set,
        ("batch", "Job") => workloads::job,
        ("batch", "CronJob") => workloads::cron_job,
        ("autoscaling", "HorizontalPodAutoscaler") => scaling::horizontal,
        ("networking.k8s.io", "NetworkPolicy") => network::policy,
        ("networking.k8s.io", "IngressClass") => network::ingress_class,
        ("discovery.k8s.io", "EndpointSlice") => network::endpoint_slice,
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => access::role_binding,
        ("storage.k8s.io", "StorageClass") => storage::class,
        ("storage.k8s.io", "CSIDriver") => storage::driver,
        ("scheduling.k8s.io", "PriorityClass") => scaling::priority_class,
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration") => access::validating_webhooks,
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration") => access::mutating_webhooks,
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy") => access::policy,
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding") => access::policy_binding,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => access::custom_resource_definition,
        _ => return None,
    })
}

/// Changes the spec, which Go always has.
fn spec(object: &mut Fields, change: impl FnOnce(&mut Fields)) {
    made(object, "spec", change);
}

/// Fills the pod template of a workload.
fn template(spec: &mut Fields) {
    set::pointer(spec, "template", json!({}));
    if let Some(template) = spec.get_mut("template") {
        crate::pod_template::apply_defaults(template);
    }
    set::within(spec, "template", |template| set::within(template, "spec", mirror_account));
}

/// The service account has an older name, which the API always shows with the newer one.
fn mirror_account(spec: &mut Fields) {
    let name = match (set::get(spec, "serviceAccountName"), set::get(spec, "serviceAccount")) {
        ("", "") => return,
        ("", older) => older.to_owned(),
        (newer, _) => newer.to_owned(),
    };
    spec.insert("serviceAccountName".to_owned(), json!(name));
    spec.insert("serviceAccount".to_owned(), json!(name));
}

#[cfg(test)]
mod tests;
