//! Pods.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Layout,
    column::{AGE, NAME, text as column},
    format::{NONE, age, list, name, number, text, text_or},
};
use crate::{meta, time};

pub(super) const POD: Layout = Layout {
    columns: &[
        NAME,
        column("Ready", "How many containers are ready to serve."),
        column("Status", "What the containers do, in one word."),
        column("Restarts", "How often containers were restarted, and when the last one was."),
        AGE,
        column("IP", ".status.podIP").wide(),
        column("Node", ".spec.nodeName").wide(),
        column("Nominated Node", ".status.nominatedNodeName").wide(),
        column("Readiness Gates", ".spec.readinessGates").wide(),
    ],
    cells,
};

fn cells(pod: &Value, now: Timestamp) -> Vec<Value> {
    let summary = summarise(pod);
    vec![
        name(pod),
        json!(format!("{}/{}", summary.ready, summary.total)),
        json!(summary.status),
        json!(restarts(&summary, now)),
        age(pod, now),
        json!(text_or(pod, "/status/podIPs/0/ip", NONE)),
        json!(text_or(pod, "/spec/nodeName", NONE)),
        json!(text_or(pod, "/status/nominatedNodeName", NONE)),
        json!(readiness_gates(pod)),
    ]
}

/// Returns the condition of a row whose pod has ended.
pub(super) fn row_condition(pod: &Value) -> Option<Value> {
    let message = match text(pod, "/status/phase") {
        "Succeeded" => "The pod has completed successfully.",
        "Failed" => "The pod failed.",
        _ => return None,
    };
    Some(json!({"type": "Completed", "status": "True", "reason": pod["status"]["phase"], "message": message}))
}

/// What the cells say about the containers.
struct Summary {
    ready: usize,
    total: usize,
    status: String,
    restarts: Restarts,
}

#[derive(Clone, Copy, Default)]
struct Restarts {
    count: i64,
    last: Option<Timestamp>,
}

impl Restarts {
    fn add(&mut self, status: &Value) {
        self.count += number(status, "/restartCount");
        let finished = status.pointer("/lastState/terminated/finishedAt").and_then(time::parse);
        self.last = self.last.max(finished);
    }
}

fn summarise(pod: &Value) -> Summary {
    let sidecars = list(pod, "/spec/initContainers").iter().filter(|c| c["restartPolicy"] == "Always").count();
    let mut summary = Summary {
        ready: 0,
        total: list(pod, "/spec/containers").len() + sidecars,
        status: text_or(pod, "/status/reason", text(pod, "/status/phase")).to_owned(),
        restarts: Restarts::default(),
    };
    let gated = |c: &&Value| c["type"] == "PodScheduled" && c["reason"] == "SchedulingGated";
    if list(pod, "/status/conditions").iter().any(|c| gated(&c)) {
        "SchedulingGated".clone_into(&mut summary.status);
    }
    let initialising = init_containers(pod, &mut summary);
    if !initialising || meta::is_condition_true(pod, "Initialized") {
        containers(pod, &mut summary);
    }
    deletion(pod, &mut summary);
    summary
}

/// Goes through the init containers in order; returns whether one of them is not done. While that is so, the restarts
/// are those of the init containers, afterwards only those of sidecars among them.
fn init_containers(pod: &Value, summary: &mut Summary) -> bool {
    let specs = list(pod, "/spec/initContainers");
    let is_sidecar =
        |status: &Value| specs.iter().any(|c| c["name"] == status["name"] && c["restartPolicy"] == "Always");
    let (mut all, mut sidecars) = (Restarts::default(), Restarts::default());
    for (i, status) in list(pod, "/status/initContainerStatuses").iter().enumerate() {
        all.add(status);
        if is_sidecar(status) {
            sidecars.add(status);
        }
        if status.pointer("/state/terminated").is_some_and(|t| number(t, "/exitCode") == 0) {
            continue;
        }
        if is_sidecar(status) && status["started"] == true {
            summary.ready += usize::from(status["ready"] == true);
            continue;
        }
        summary.status = format!("Init:{}", unfinished(status, i, specs.len()));
        summary.restarts = if meta::is_condition_true(pod, "Initialized") { sidecars } else { all };
        return true;
    }
    summary.restarts = sidecars;
    false
}

fn unfinished(status: &Value, index: usize, total: usize) -> String {
    if let Some(terminated) = status.pointer("/state/terminated").filter(|t| t.is_object()) {
        return ended(terminated);
    }
    match text(status, "/state/waiting/reason") {
        "" | "PodInitializing" => format!("{index}/{total}"),
        reason => reason.to_owned(),
    }
}

/// Why a container ended: its reason, or else its signal or exit code.
fn ended(terminated: &Value) -> String {
    match (text(terminated, "/reason"), number(terminated, "/signal")) {
        ("", 0) => format!("ExitCode:{}", number(terminated, "/exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

/// Goes through the containers from the last to the first; the first one has the last word.
fn containers(pod: &Value, summary: &mut Summary) {
    let mut running = false;
    for status in list(pod, "/status/containerStatuses").iter().rev() {
        summary.restarts.add(status);
        let state = &status["state"];
        if !text(state, "/waiting/reason").is_empty() {
            text(state, "/waiting/reason").clone_into(&mut summary.status);
        } else if state["terminated"].is_object() {
            summary.status = ended(&state["terminated"]);
        } else if status["ready"] == true && state["running"].is_object() {
            running = true;
            summary.ready += 1;
        }
    }
    if summary.status == "Completed" && running {
        let ready = meta::is_condition_true(pod, "Ready");
        (if ready { "Running" } else { "NotReady" }).clone_into(&mut summary.status);
    }
}

fn deletion(pod: &Value, summary: &mut Summary) {
    if !meta::is_deleting(pod) {
        return;
    }
    if text(pod, "/status/reason") == "NodeLost" {
        "Unknown".clone_into(&mut summary.status);
    } else if !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed") {
        "Terminating".clone_into(&mut summary.status);
    }
}

fn restarts(summary: &Summary, now: Timestamp) -> String {
    match summary.restarts {
        Restarts { count, last: Some(last) } if count != 0 => {
            format!("{count} ({} ago)", time::human(now.duration_since(last)))
        }
        Restarts { count, .. } => count.to_string(),
    }
}

fn readiness_gates(pod: &Value) -> String {
    let gates = list(pod, "/spec/readinessGates");
    if gates.is_empty() {
        return NONE.to_owned();
    }
    let open = gates.iter().filter(|gate| meta::is_condition_true(pod, text(gate, "/conditionType"))).count();
    format!("{open}/{}", gates.len())
}
