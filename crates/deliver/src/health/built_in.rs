//! Built-in kinds.

use serde_json::Value;
use tiphys_machinery::meta;

use super::{
    Health, HealthError, Status, autoscaler,
    fields::{condition, conditions, text},
    pod, workload,
};
use crate::{
    diff::{as_typed, gvk},
    object::{group, version},
};

type Check = fn(&Value) -> Result<Health, HealthError>;

/// Returns how an object of a built-in kind is.
pub(super) fn check(object: &Value) -> Result<Option<Health>, HealthError> {
    let kind = meta::kind(object);
    let (check, versions): (Check, &[&str]) = match (group(object), kind) {
        ("", "Pod") => (|object| Ok(pod::check(object)), &["v1"]),
        ("", "Service") => (|object| Ok(service(object)), &["v1"]),
        ("", "PersistentVolumeClaim") => (|object| Ok(claim(object)), &["v1"]),
        ("apps", "Deployment") => (|object| Ok(workload::deployment(object)), &["v1"]),
        ("apps", "ReplicaSet") => (|object| Ok(workload::replica_set(object)), &["v1"]),
        ("apps", "StatefulSet") => (|object| Ok(workload::stateful_set(object)), &["v1"]),
        ("apps", "DaemonSet") => (|object| Ok(workload::daemon_set(object)), &["v1"]),
        ("batch", "Job") => (|object| Ok(job(object)), &["v1"]),
        ("autoscaling", "HorizontalPodAutoscaler") => (autoscaler::check, &["v1", "v2"]),
        ("apiregistration.k8s.io", "APIService") => (|object| Ok(api_service(object)), &["v1", "v1beta1"]),
        ("extensions" | "networking.k8s.io", "Ingress") => return Ok(Some(ingress(object))),
        _ => return Ok(None),
    };
    if !versions.contains(&version(object)) {
        return Err(HealthError::Version(kind.to_owned(), meta::api_version(object).to_owned()));
    }
    let gvk = gvk(object);
    if let Some(schema) = tiphys_machinery::schema::builtin(&gvk.api_version(), &gvk.kind) {
        as_typed(object, &gvk, &schema).map_err(|why| HealthError::Convert(kind.to_owned(), why))?;
    }
    check(object).map(Some)
}

fn service(service: &Value) -> Health {
    let waits = text(&service["spec"], "type") == "LoadBalancer" && !has_ingress(service);
    Health::new(if waits { Status::Progressing } else { Status::Healthy }, "")
}

fn ingress(ingress: &Value) -> Health {
    Health::new(if has_ingress(ingress) { Status::Healthy } else { Status::Progressing }, "")
}

fn has_ingress(object: &Value) -> bool {
    object["status"]["loadBalancer"]["ingress"].as_array().is_some_and(|addresses| !addresses.is_empty())
}

fn claim(claim: &Value) -> Health {
    let status = match text(&claim["status"], "phase") {
        "Bound" => Status::Healthy,
        "Pending" => Status::Progressing,
        "Lost" => Status::Degraded,
        _ => Status::Unknown,
    };
    Health::new(status, "")
}

/// A condition counts whatever its status; only `Suspended` must be true to suspend. The last message counts.
fn job(job: &Value) -> Health {
    if let Some(failed) = conditions(job).filter(|condition| condition["type"] == "Failed").last() {
        return Health::new(Status::Degraded, text(failed, "message"));
    }
    let ended = |condition: &&Value| matches!(text(condition, "type"), "Complete" | "Suspended");
    let Some(last) = conditions(job).filter(ended).last() else {
        return Health::new(Status::Progressing, "");
    };
    let is_suspended = |condition: &Value| condition["type"] == "Suspended" && condition["status"] == "True";
    let status = if conditions(job).any(is_suspended) { Status::Suspended } else { Status::Healthy };
    Health::new(status, text(last, "message"))
}

fn api_service(service: &Value) -> Health {
    let Some(available) = condition(service, "Available") else {
        return Health::new(Status::Progressing, "Waiting to be processed");
    };
    let status = if available["status"] == "True" { Status::Healthy } else { Status::Progressing };
    Health::new(status, format!("{}: {}", text(available, "reason"), text(available, "message")))
}
