//! The STATUS of a pod as `kubectl` shows it.

use k8s_openapi::api::core::v1::{Container, ContainerState, ContainerStatus, Pod, PodStatus};

/// Returns the word that `kubectl get pod` shows.
#[must_use]
pub fn status(pod: &Pod) -> String {
    let empty = PodStatus::default();
    let status = pod.status.as_ref().unwrap_or(&empty);
    let phase = status.phase.as_deref().unwrap_or("Unknown");
    let reason = status.reason.as_deref().filter(|reason| !reason.is_empty()).unwrap_or(phase);
    let shown = initializing(pod, status).unwrap_or_else(|| running(pod, status, reason));
    if pod.metadata.deletion_timestamp.is_none() {
        return shown;
    }
    match status.reason.as_deref() {
        Some("NodeLost") => "Unknown".to_owned(),
        _ if matches!(phase, "Succeeded" | "Failed") => shown,
        _ => "Terminating".to_owned(),
    }
}

/// Returns how many containers are ready, how many there are, and how often they were restarted.
#[must_use]
pub fn readiness(pod: &Pod) -> (usize, usize, i32) {
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
    let containers = pod.spec.as_ref().map_or(0, |spec| spec.containers.len());
    let ready = statuses.iter().filter(|status| status.ready && is_running(status)).count();
    (ready, containers, statuses.iter().map(|status| status.restart_count).sum())
}

/// What the first unfinished init container does.
fn initializing(pod: &Pod, status: &PodStatus) -> Option<String> {
    let containers = pod.spec.as_ref().and_then(|spec| spec.init_containers.as_deref()).unwrap_or_default();
    let statuses = status.init_container_statuses.as_deref().unwrap_or_default();
    let (index, state) = statuses.iter().enumerate().find(|(_, status)| !is_done(status, containers))?;
    let state = state.state.as_ref();
    let waiting = state.and_then(|state| state.waiting.as_ref()).and_then(|waiting| waiting.reason.as_deref());
    if let Some(failed) = state.and_then(|state| state.terminated.as_ref()) {
        let reason = failed.reason.clone().filter(|reason| !reason.is_empty());
        return Some(format!("Init:{}", reason.unwrap_or_else(|| end(failed.signal, failed.exit_code))));
    }
    match waiting.filter(|reason| !reason.is_empty() && *reason != "PodInitializing") {
        Some(reason) => Some(format!("Init:{reason}")),
        None => Some(format!("Init:{index}/{}", containers.len().max(statuses.len()))),
    }
}

/// Whether an init container is out of the way: it ended well, or it is a side car that has started.
fn is_done(status: &ContainerStatus, containers: &[Container]) -> bool {
    let ended = status.state.as_ref().and_then(|state| state.terminated.as_ref());
    if ended.is_some_and(|ended| ended.exit_code == 0) {
        return true;
    }
    let sidecar = containers
        .iter()
        .any(|container| container.name == status.name && container.restart_policy.as_deref() == Some("Always"));
    sidecar && status.started == Some(true)
}

/// The reason of the first container that has one, else the reason of the pod.
fn running(pod: &Pod, status: &PodStatus, reason: &str) -> String {
    let statuses = status.container_statuses.as_deref().unwrap_or_default();
    let found = statuses.iter().find_map(|status| status.state.as_ref().and_then(state_reason));
    let shown = found.unwrap_or_else(|| reason.to_owned());
    if shown == "Completed" && statuses.iter().any(|status| status.ready && is_running(status)) {
        let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        let ready = conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
        return if ready { "Running" } else { "NotReady" }.to_owned();
    }
    shown
}

fn state_reason(state: &ContainerState) -> Option<String> {
    let waiting = state.waiting.as_ref().and_then(|waiting| waiting.reason.clone()).filter(|reason| !reason.is_empty());
    waiting.or_else(|| {
        let ended = state.terminated.as_ref()?;
        let reason = ended.reason.clone().filter(|reason| !reason.is_empty());
        Some(reason.unwrap_or_else(|| end(ended.signal, ended.exit_code)))
    })
}

fn is_running(status: &ContainerStatus) -> bool {
    status.state.as_ref().is_none_or(|state| state.waiting.is_none() && state.terminated.is_none())
}

fn end(signal: Option<i32>, exit_code: i32) -> String {
    match signal {
        Some(signal) if signal != 0 => format!("Signal:{signal}"),
        _ => format!("ExitCode:{exit_code}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tiphys_api::decode;

    use super::*;

    #[track_caller]
    fn check(pod: Value, expected: &str) {
        assert_eq!(status(&decode(pod.clone()).object), expected, "{pod}");
    }

    fn container(state: Value) -> Value {
        json!([{"name": "web", "ready": false, "state": state, "image": "", "imageID": "", "restartCount": 0}])
    }

    #[test]
    fn status_is_the_word_of_kubectl() {
        let waiting = |reason: &str| container(json!({"waiting": {"reason": reason}}));
        let ended = |code: i32, signal: i32| container(json!({"terminated": {"exitCode": code, "signal": signal}}));
        check(json!({"status": {"phase": "Running"}}), "Running");
        check(json!({"status": {"phase": "Failed", "reason": "Evicted"}}), "Evicted");
        check(
            json!({"status": {"phase": "Pending", "containerStatuses": waiting("ImagePullBackOff")}}),
            "ImagePullBackOff",
        );
        check(json!({"status": {"phase": "Failed", "containerStatuses": ended(3, 0)}}), "ExitCode:3");
        check(json!({"status": {"phase": "Failed", "containerStatuses": ended(0, 9)}}), "Signal:9");
        check(json!({"status": {"phase": "Pending", "initContainerStatuses": waiting("PodInitializing")}}), "Init:0/1");
        check(json!({"status": {"phase": "Pending", "initContainerStatuses": ended(1, 0)}}), "Init:ExitCode:1");
        check(json!({"status": {"phase": "Running", "initContainerStatuses": ended(0, 0)}}), "Running");
        let gone = json!({"deletionTimestamp": "2026-01-02T03:04:05Z"});
        check(json!({"metadata": gone, "status": {"phase": "Running"}}), "Terminating");
        check(json!({"metadata": gone, "status": {"phase": "Running", "reason": "NodeLost"}}), "Unknown");
        check(json!({"metadata": gone, "status": {"phase": "Succeeded"}}), "Succeeded");
    }
}
