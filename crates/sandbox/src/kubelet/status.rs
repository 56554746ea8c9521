//! The status of a pod as its kubelet writes it, and back: after a restart the state is read from what was written.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tiphys_machinery::time;

use super::{
    lifecycle::is_initialized,
    pod::{Container, Pod},
    run::{ContainerRun, Ended, Phase, Run, Stage},
};

/// The addresses of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// Of the node.
    pub host: String,
    /// Of the pod.
    pub pod: String,
}

/// The conditions that the kubelet writes, in the order in which upstream lists them.
const OWN_CONDITIONS: [&str; 4] = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady"];

/// Puts the state of a pod into its status; what others wrote there stays.
pub fn write(object: &mut Value, pod: &Pod, run: &Run, addresses: &Addresses, now: Timestamp) {
    let old = object.get("status").cloned().unwrap_or_default();
    let mut status = Map::new();
    if pod.generation > 0 {
        status.insert("observedGeneration".into(), pod.generation.into());
    }
    status.insert("phase".into(), run.phase.name().into());
    status.insert("conditions".into(), conditions(&old["conditions"], pod, run, now));
    status.insert("hostIP".into(), addresses.host.as_str().into());
    status.insert("hostIPs".into(), json!([{"ip": addresses.host}]));
    status.insert("podIP".into(), addresses.pod.as_str().into());
    status.insert("podIPs".into(), json!([{"ip": addresses.pod}]));
    status.insert("startTime".into(), time::seconds(run.since.unwrap_or(now)).into());
    if !pod.init.is_empty() {
        status.insert("initContainerStatuses".into(), statuses(pod, &pod.init, &run.init, "PodInitializing"));
    }
    let waiting = if pod.init.is_empty() || is_initialized(pod, run) { "ContainerCreating" } else { "PodInitializing" };
    status.insert("containerStatuses".into(), statuses(pod, &pod.containers, &run.containers, waiting));
    status.insert("qosClass".into(), pod.qos.into());
    for field in ["nominatedNodeName", "ephemeralContainerStatuses"] {
        if let Some(value) = old.get(field) {
            status.insert(field.into(), value.clone());
        }
    }
    object["status"] = Value::Object(status);
}

/// One condition before it is merged with the former one of its type.
struct Condition {
    r#type: &'static str,
    /// Reason and text of a condition that is not true.
    fault: Option<(&'static str, String)>,
    /// Reason where it is true.
    reason: Option<&'static str>,
}

fn conditions(old: &Value, pod: &Pod, run: &Run, now: Timestamp) -> Value {
    let empty = Vec::new();
    let old = old.as_array().unwrap_or(&empty);
    let former = |r#type: &str| old.iter().find(|condition| condition["type"] == r#type);
    let mut all: Vec<Value> =
        own_conditions(pod, run).into_iter().map(|c| render(&c, former(c.r#type), pod.generation, now)).collect();
    match former("PodScheduled") {
        Some(scheduled) => all.push(scheduled.clone()),
        None => {
            let scheduled = Condition { r#type: "PodScheduled", fault: None, reason: None };
            all.push(render(&scheduled, None, pod.generation, now));
        }
    }
    let theirs = |condition: &&Value| {
        let r#type = condition["type"].as_str().unwrap_or_default();
        r#type != "PodScheduled" && !OWN_CONDITIONS.contains(&r#type)
    };
    all.extend(old.iter().filter(theirs).cloned());
    Value::Array(all)
}

fn own_conditions(pod: &Pod, run: &Run) -> [Condition; 4] {
    let incomplete = names(&pod.init, &run.init, |container, state| match &state.stage {
        Stage::Ended(ended) => ended.code == 0,
        _ => container.sidecar && state.started,
    });
    let unready = names(&pod.containers, &run.containers, |_, state| state.ready);
    let initialized = (!incomplete.is_empty() && run.phase != Phase::Succeeded).then(|| {
        let text = format!("containers with incomplete status: [{}]", incomplete.join(" "));
        ("ContainersNotInitialized", text)
    });
    let ended = match run.phase {
        Phase::Succeeded => Some(("PodCompleted", String::new())),
        Phase::Failed => Some(("PodFailed", String::new())),
        Phase::Pending | Phase::Running => None,
    };
    let containers = ended.clone().or_else(|| {
        let text = || format!("containers with unready status: [{}]", unready.join(" "));
        (!unready.is_empty()).then(|| ("ContainersNotReady", text()))
    });
    let ready = containers.clone().or_else(|| gates(pod));
    let completed = (run.phase == Phase::Succeeded).then_some("PodCompleted");
    let sandbox = run.phase.is_terminal().then(|| ("", String::new()));
    [
        Condition { r#type: OWN_CONDITIONS[0], fault: sandbox, reason: None },
        Condition { r#type: OWN_CONDITIONS[1], fault: initialized, reason: completed },
        Condition { r#type: OWN_CONDITIONS[2], fault: ready, reason: None },
        Condition { r#type: OWN_CONDITIONS[3], fault: containers, reason: None },
    ]
}

fn names<'a>(
    containers: &'a [Container],
    states: &[ContainerRun],
    good: impl Fn(&Container, &ContainerRun) -> bool,
) -> Vec<&'a str> {
    let pairs = containers.iter().zip(states);
    pairs.filter(|(container, state)| !good(container, state)).map(|(container, _)| container.name.as_str()).collect()
}

/// Returns what the readiness gates hold against the pod.
fn gates(pod: &Pod) -> Option<(&'static str, String)> {
    let faults = pod.gates.iter().filter_map(|(gate, status)| match status.as_deref() {
        None => Some(format!("corresponding condition of pod readiness gate \"{gate}\" does not exist.")),
        Some("True") => None,
        Some(other) => Some(format!("the status of pod readiness gate \"{gate}\" is not \"True\", but {other}")),
    });
    let faults: Vec<String> = faults.collect();
    (!faults.is_empty()).then(|| ("ReadinessGatesNotReady", faults.join(", ")))
}

fn render(condition: &Condition, former: Option<&Value>, generation: i64, now: Timestamp) -> Value {
    let status = if condition.fault.is_none() { "True" } else { "False" };
    let since =
        former.filter(|former| former["status"] == status).and_then(|former| former["lastTransitionTime"].as_str());
    let since = since.map_or_else(|| time::seconds(now), ToOwned::to_owned);
    let mut value =
        json!({"type": condition.r#type, "status": status, "lastProbeTime": null, "lastTransitionTime": since});
    if generation > 0 {
        value["observedGeneration"] = generation.into();
    }
    let (reason, message) = match &condition.fault {
        Some((reason, message)) => (*reason, message.as_str()),
        None => (condition.reason.unwrap_or_default(), ""),
    };
    for (field, text) in [("reason", reason), ("message", message)].into_iter().filter(|(_, text)| !text.is_empty()) {
        value[field] = text.into();
    }
    value
}

fn statuses(pod: &Pod, containers: &[Container], states: &[ContainerRun], waiting: &str) -> Value {
    containers.iter().zip(states).map(|(container, state)| status(pod, container, state, waiting)).collect()
}

fn status(pod: &Pod, container: &Container, state: &ContainerRun, waiting: &str) -> Value {
    let (now, last) = shown(pod, container, state, waiting);
    // An id exists once the container was created.
    let id = match (&state.stage, &state.last) {
        (Stage::Running { .. } | Stage::Ended(_), _) => Some(container_id(pod, container, state.restarts)),
        (_, Some(_)) => Some(container_id(pod, container, state.restarts)),
        _ => None,
    };
    let mut value = json!({
        "name": container.name, "image": container.image, "imageID": "", "ready": state.ready,
        "started": state.started, "restartCount": state.restarts, "state": now, "lastState": last,
    });
    if let Some(id) = id {
        value["containerID"] = id.into();
        value["imageID"] = image_id(&container.image).into();
    }
    value
}

/// Returns the present and the last state.
fn shown(pod: &Pod, container: &Container, state: &ContainerRun, waiting: &str) -> (Value, Value) {
    let wait = |reason: &str, message: &str| {
        let mut inner = json!({"reason": reason});
        if !message.is_empty() {
            inner["message"] = message.into();
        }
        json!({"waiting": inner})
    };
    let end = |ended: &Ended, restarts: u32| json!({"terminated": terminated(ended, &container_id(pod, container, restarts))});
    let before = |restarts: u32| state.last.as_ref().map_or_else(|| json!({}), |ended| end(ended, restarts));
    match (&state.stage, &state.last) {
        (Stage::Running { since }, _) => {
            (json!({"running": {"startedAt": time::seconds(*since)}}), before(state.restarts.saturating_sub(1)))
        }
        (Stage::Ended(ended), _) => (end(ended, state.restarts), before(state.restarts.saturating_sub(1))),
        (Stage::BackOff { .. }, Some(ended)) if ended.reason == "StartError" => {
            (wait("RunContainerError", &ended.message), before(state.restarts))
        }
        (Stage::BackOff { seconds, .. }, _) => {
            let text = format!(
                "back-off {} restarting failed container={} pod={}_{}({})",
                tiphys_machinery::go_duration::format(jiff::SignedDuration::from_secs(*seconds)),
                container.name,
                pod.name,
                pod.namespace,
                pod.uid
            );
            (wait("CrashLoopBackOff", &text), before(state.restarts))
        }
        (Stage::Refused { reason, message, .. }, _) => (wait(reason, message), before(state.restarts)),
        (Stage::Starting { .. }, Some(ended)) => (end(ended, state.restarts), json!({})),
        _ => (wait(waiting, ""), before(state.restarts)),
    }
}

fn terminated(ended: &Ended, id: &str) -> Value {
    let mut value = json!({
        "exitCode": ended.code, "reason": ended.reason, "startedAt": time::seconds(ended.since),
        "finishedAt": time::seconds(ended.at), "containerID": id,
    });
    if !ended.message.is_empty() {
        value["message"] = ended.message.as_str().into();
    }
    value
}

fn container_id(pod: &Pod, container: &Container, restarts: u32) -> String {
    format!("containerd://{}", hash(&format!("{}/{}/{restarts}", pod.uid, container.name)))
}

fn image_id(image: &str) -> String {
    let path = image.split('@').next().unwrap_or(image);
    let last = path.rfind('/').map_or(0, |slash| slash + 1);
    let name = path[last..].find(':').map_or(path, |colon| &path[..last + colon]);
    let registry = name
        .split('/')
        .next()
        .filter(|first| name.contains('/') && (first.contains(['.', ':']) || *first == "localhost"));
    let prefix = match registry {
        Some(_) => "",
        None if name.contains('/') => "docker.io/",
        None => "docker.io/library/",
    };
    format!("{prefix}{name}@sha256:{}", hash(image))
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Reads the state of a pod from its status; `None` where no kubelet has taken it up yet.
#[must_use]
pub fn read(status: &Value, pod: &Pod) -> Option<Run> {
    let since = stamp(&status["startTime"])?;
    let phase = match status["phase"].as_str() {
        Some("Running") => Phase::Running,
        Some("Succeeded") => Phase::Succeeded,
        Some("Failed") => Phase::Failed,
        _ => Phase::Pending,
    };
    Some(Run {
        since: Some(since),
        phase,
        init: read_all(&status["initContainerStatuses"], pod, &pod.init),
        containers: read_all(&status["containerStatuses"], pod, &pod.containers),
        stopping: None,
        stopped: false,
    })
}

fn read_all(statuses: &Value, pod: &Pod, containers: &[Container]) -> Vec<ContainerRun> {
    let empty = Vec::new();
    let statuses = statuses.as_array().unwrap_or(&empty);
    let find = |name: &str| statuses.iter().find(|status| status["name"] == name);
    containers
        .iter()
        .map(|c| find(&c.name).map_or_else(ContainerRun::default, |status| read_one(status, pod)))
        .collect()
}

fn read_one(status: &Value, pod: &Pod) -> ContainerRun {
    let restarts = status["restartCount"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
    let state = &status["state"];
    let mut run = ContainerRun {
        restarts,
        streak: restarts,
        last: ended(&status["lastState"]["terminated"]),
        started: status["started"].as_bool().unwrap_or_default(),
        ready: status["ready"].as_bool().unwrap_or_default(),
        ..ContainerRun::default()
    };
    if let Some(since) = stamp(&state["running"]["startedAt"]) {
        run.stage = Stage::Running { since };
    } else if let Some(end) = ended(&state["terminated"]) {
        if super::lifecycle::restarts(pod.restart_policy, end.code) {
            // On its way to the next run.
            run.stage = Stage::BackOff { until: end.at, seconds: 0 };
            run.last = Some(end);
        } else {
            run.stage = Stage::Ended(end);
        }
    } else if let Some(last) = run.last.as_ref().filter(|_| state["waiting"]["reason"] == "CrashLoopBackOff") {
        let seconds = super::container::back_off(restarts);
        run.stage = Stage::BackOff { until: last.at + jiff::SignedDuration::from_secs(seconds), seconds };
    }
    run
}

fn ended(terminated: &Value) -> Option<Ended> {
    let reason = match terminated["reason"].as_str() {
        Some("Completed") => "Completed",
        Some("OOMKilled") => "OOMKilled",
        Some("StartError") => "StartError",
        _ => "Error",
    };
    Some(Ended {
        code: terminated["exitCode"].as_i64().and_then(|code| i32::try_from(code).ok())?,
        reason,
        message: terminated["message"].as_str().unwrap_or_default().to_owned(),
        since: stamp(&terminated["startedAt"])?,
        at: stamp(&terminated["finishedAt"])?,
    })
}

fn stamp(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}
