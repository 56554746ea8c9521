//! Deployments, ReplicaSets, StatefulSets and DaemonSets.

use serde_json::Value;
use tiphys_machinery::meta;

use super::{
    Health, Status,
    fields::{condition, count, text},
};

fn progressing(message: impl Into<String>) -> Health {
    Health::new(Status::Progressing, message)
}

fn is_behind(object: &Value) -> bool {
    meta::generation(object) > count(&object["status"], "observedGeneration")
}

pub(super) fn deployment(deployment: &Value) -> Health {
    let (spec, status) = (&deployment["spec"], &deployment["status"]);
    if spec["paused"] == true {
        return Health::new(Status::Suspended, "Deployment is paused");
    }
    if is_behind(deployment) {
        return progressing(
            "Waiting for rollout to finish: observed deployment generation less than desired generation",
        );
    }
    let deadline = condition(deployment, "Progressing");
    if deadline.is_some_and(|condition| condition["reason"] == "ProgressDeadlineExceeded") {
        let message = format!("Deployment {:?} exceeded its progress deadline", meta::name(deployment));
        return Health::new(Status::Degraded, message);
    }
    let (updated, replicas) = (count(status, "updatedReplicas"), count(status, "replicas"));
    let available = count(status, "availableReplicas");
    match spec["replicas"].as_i64() {
        Some(wanted) if updated < wanted => progressing(format!(
            "Waiting for rollout to finish: {updated} out of {wanted} new replicas have been updated..."
        )),
        _ if replicas > updated => progressing(format!(
            "Waiting for rollout to finish: {} old replicas are pending termination...",
            replicas - updated
        )),
        _ if available < updated => progressing(format!(
            "Waiting for rollout to finish: {available} of {updated} updated replicas are available..."
        )),
        _ => Health::new(Status::Healthy, ""),
    }
}

pub(super) fn replica_set(replica_set: &Value) -> Health {
    if is_behind(replica_set) {
        return progressing(
            "Waiting for rollout to finish: observed replica set generation less than desired generation",
        );
    }
    if let Some(failure) = condition(replica_set, "ReplicaFailure").filter(|condition| condition["status"] == "True") {
        return Health::new(Status::Degraded, text(failure, "message"));
    }
    let available = count(&replica_set["status"], "availableReplicas");
    match replica_set["spec"]["replicas"].as_i64() {
        Some(wanted) if available < wanted => progressing(format!(
            "Waiting for rollout to finish: {available} out of {wanted} new replicas are available..."
        )),
        _ => Health::new(Status::Healthy, ""),
    }
}

pub(super) fn stateful_set(set: &Value) -> Health {
    let (spec, status) = (&set["spec"], &set["status"]);
    if count(status, "observedGeneration") == 0 || is_behind(set) {
        return progressing("Waiting for statefulset spec update to be observed...");
    }
    let (ready, updated) = (count(status, "readyReplicas"), count(status, "updatedReplicas"));
    let wanted = spec["replicas"].as_i64();
    if let Some(wanted) = wanted.filter(|wanted| ready < *wanted) {
        return progressing(format!("Waiting for {} pods to be ready...", wanted - ready));
    }
    let strategy = &spec["updateStrategy"];
    let rolling = &strategy["rollingUpdate"];
    if text(strategy, "type") == "RollingUpdate" && rolling.is_object() {
        let to_update = wanted.zip(rolling["partition"].as_i64()).map(|(wanted, partition)| wanted - partition);
        return match to_update {
            Some(wanted) if updated < wanted => progressing(format!(
                "Waiting for partitioned roll out to finish: {updated} out of {wanted} new pods have been updated..."
            )),
            _ => Health::new(
                Status::Healthy,
                format!("partitioned roll out complete: {updated} new pods have been updated..."),
            ),
        };
    }
    if text(strategy, "type") == "OnDelete" {
        return Health::new(Status::Healthy, format!("statefulset has {ready} ready pods"));
    }
    let (update, current) = (text(status, "updateRevision"), text(status, "currentRevision"));
    if update != current {
        return progressing(format!(
            "waiting for statefulset rolling update to complete {updated} pods at revision {update}..."
        ));
    }
    let replicas = count(status, "currentReplicas");
    let message = format!("statefulset rolling update complete {replicas} pods at revision {current}...");
    Health::new(Status::Healthy, message)
}

pub(super) fn daemon_set(set: &Value) -> Health {
    let (name, status) = (meta::name(set), &set["status"]);
    if is_behind(set) {
        return progressing(
            "Waiting for rollout to finish: observed daemon set generation less than desired generation",
        );
    }
    let (updated, wanted) = (count(status, "updatedNumberScheduled"), count(status, "desiredNumberScheduled"));
    if text(&set["spec"]["updateStrategy"], "type") == "OnDelete" {
        let message = format!("daemon set {updated} out of {wanted} new pods have been updated");
        return Health::new(Status::Healthy, message);
    }
    let waiting = format!("Waiting for daemon set {name:?} rollout to finish");
    if updated < wanted {
        return progressing(format!("{waiting}: {updated} out of {wanted} new pods have been updated..."));
    }
    let available = count(status, "numberAvailable");
    if available < wanted {
        return progressing(format!("{waiting}: {available} of {wanted} updated pods are available..."));
    }
    Health::new(Status::Healthy, "")
}
