//! Pods.

use serde_json::Value;
use tiphys_machinery::meta;

use super::{
    Health, Status,
    fields::{condition, count, text},
};
use crate::hook;

/// The annotation that lets a pod count as one that is restarted.
const IGNORE_RESTART_POLICY: &str = "argocd.argoproj.io/ignore-restart-policy";

pub(super) fn check(pod: &Value) -> Health {
    let policy = text(&pod["spec"], "restartPolicy");
    let treated = meta::annotation(pod, IGNORE_RESTART_POLICY) == Some("true") && !hook::is_hook(pod);
    let restarts = policy == "Always" || treated;
    if restarts && let Some(health) = cannot_start(pod) {
        return health;
    }
    let message = text(&pod["status"], "message");
    let status = match text(&pod["status"], "phase") {
        "Pending" => Status::Progressing,
        "Succeeded" => Status::Healthy,
        "Failed" if message.is_empty() => return Health::new(Status::Degraded, failure(pod)),
        "Failed" => Status::Degraded,
        "Running" if restarts => running(pod),
        "Running" if matches!(policy, "OnFailure" | "Never") => Status::Progressing,
        _ => Status::Unknown,
    };
    Health::new(status, message)
}

fn containers<'p>(pod: &'p Value, field: &str) -> impl Iterator<Item = &'p Value> + use<'p> {
    pod["status"][field].as_array().into_iter().flatten()
}

/// A container that waits for a reason that sounds like an error.
fn cannot_start(pod: &Value) -> Option<Health> {
    let is_error = |reason: &str| reason.starts_with("Err") || reason.ends_with("Error") || reason.ends_with("BackOff");
    let waiting = containers(pod, "containerStatuses").map(|container| &container["state"]["waiting"]);
    let messages: Vec<&str> = waiting
        .filter(|waiting| waiting.is_object() && is_error(text(waiting, "reason")))
        .map(|waiting| text(waiting, "message"))
        .collect();
    (!messages.is_empty()).then(|| Health::new(Status::Degraded, messages.join(", ")))
}

fn failure(pod: &Value) -> String {
    let all = containers(pod, "initContainerStatuses").chain(containers(pod, "containerStatuses"));
    all.filter_map(|container| {
        let ended = &container["state"]["terminated"];
        let (message, code) = (text(ended, "message"), count(ended, "exitCode"));
        if !message.is_empty() {
            Some(message.to_owned())
        } else if text(ended, "reason") == "OOMKilled" {
            Some("OOMKilled".to_owned())
        } else {
            (code != 0).then(|| format!("container {:?} failed with exit code {code}", text(container, "name")))
        }
    })
    .next()
    .unwrap_or_default()
}

fn running(pod: &Value) -> Status {
    if condition(pod, "Ready").is_some_and(|ready| ready["status"] == "True") {
        return Status::Healthy;
    }
    let ended_before = |container: &Value| container["lastState"]["terminated"].is_object();
    if containers(pod, "containerStatuses").any(ended_before) { Status::Degraded } else { Status::Progressing }
}
