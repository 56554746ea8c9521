//! The messages of the Rollouts dashboard.

use k8s_openapi::api::{apps::v1::ReplicaSet, core::v1::Pod};
use serde_json::{Value, json};
use tiphys_api::{AnalysisRun, constants::annotations, defaults, phase};
use tiphys_console::view::{images, pod_status, release as roles, revision, step, weight};

use crate::{board::Release, page::Context};

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// As in lists.
    List,
    /// Everything.
    Full,
}

/// Returns a `RolloutInfo`: fields without value are left out, as Go does.
pub(crate) fn rollout(context: &Context<'_>, release: &Release, depth: Depth) -> Value {
    let rollout = &release.stored.typed;
    let status = &rollout.status;
    let sets = context.board.sets(release);
    let canary = sets.iter().find(|set| roles::roles(rollout, set).contains(&roles::Role::Canary));
    let (phase, message) = phase::shown(rollout);
    let is_blue_green = rollout.spec.strategy.blue_green.is_some();
    let restarted = status.restarted_at.as_ref().map(|at| at.0.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string());
    let mut info = json!({
        "objectMeta": metadata(&release.stored.raw["metadata"]),
        "status": phase, "message": message, "icon": rollout_icon(&phase),
        "strategy": if is_blue_green { "BlueGreen" } else { "Canary" },
        "step": step::position(rollout).unwrap_or_default(),
        "ready": status.ready_replicas, "current": status.replicas, "desired": defaults::replicas(rollout),
        "updated": status.updated_replicas, "available": status.available_replicas,
        "restartedAt": restarted.unwrap_or_else(|| "Never".to_owned()),
        "generation": release.stored.raw["status"]["observedGeneration"],
        "replicaSets": sets.iter().map(|set| replica_set(context, release, set)).collect::<Vec<_>>(),
    });
    if !is_blue_green {
        info["setWeight"] = weight::wanted(rollout).to_string().into();
        info["actualWeight"] = weight::actual(rollout, canary.map(|set| &**set)).to_string().into();
    }
    if depth == Depth::Full {
        let spec = &release.stored.raw["spec"];
        info["steps"] = spec["strategy"]["canary"]["steps"].clone();
        info["containers"] = containers(&spec["template"]["spec"]["containers"]);
        info["initContainers"] = containers(&spec["template"]["spec"]["initContainers"]);
        let runs = context.board.runs(release);
        info["analysisRuns"] = runs.iter().map(run).collect();
    }
    without_zeros(info)
}

fn metadata(raw: &Value) -> Value {
    let fields =
        ["name", "namespace", "labels", "annotations", "uid", "generation", "creationTimestamp", "resourceVersion"];
    fields
        .iter()
        .filter(|field| !raw[**field].is_null())
        .map(|field| ((*field).to_owned(), raw[*field].clone()))
        .collect()
}

fn containers(raw: &Value) -> Value {
    let all = raw.as_array().into_iter().flatten();
    all.map(|container| json!({"name": container["name"], "image": container["image"]})).collect()
}

fn replica_set(context: &Context<'_>, release: &Release, set: &ReplicaSet) -> Value {
    let found = roles::roles(&release.stored.typed, set);
    let is = |role| found.contains(&role);
    let status = set.status.as_ref();
    let (word, icon) = set_status(set);
    let annotations = set.metadata.annotations.as_ref();
    let pods = context.board.pods(set);
    json!({
        "objectMeta": metadata(&json!(set.metadata)), "status": word, "icon": icon,
        "revision": revision::of_replica_set(set),
        "stable": is(roles::Role::Stable), "canary": is(roles::Role::Canary),
        "active": is(roles::Role::Active), "preview": is(roles::Role::Preview),
        "replicas": status.map_or(0, |status| status.replicas),
        "available": status.and_then(|status| status.available_replicas).unwrap_or(0),
        "scaleDownDeadline": annotations.and_then(|all| all.get(annotations::SCALE_DOWN_DEADLINE)).cloned().unwrap_or_default(),
        "images": images::of(set),
        "pods": pods.iter().map(|one| pod(one)).collect::<Vec<_>>(),
    })
}

fn set_status(set: &ReplicaSet) -> (&'static str, &'static str) {
    let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let available = set.status.as_ref().and_then(|status| status.available_replicas).unwrap_or(0);
    match (wanted, available) {
        (0, _) => ("ScaledDown", "fa-info-circle"),
        (wanted, available) if available < wanted => ("Progressing", "fa-circle-notch"),
        _ => ("Healthy", "fa-check-circle"),
    }
}

fn pod(pod: &Pod) -> Value {
    let status = pod_status::status(pod);
    let (ready, all, restarts) = pod_status::readiness(pod);
    let icon = if status == "Running" { "fa-check-circle" } else { "fa-circle-notch" };
    json!({
        "objectMeta": metadata(&json!(pod.metadata)), "status": status, "icon": icon,
        "ready": format!("{ready}/{all}"), "restarts": restarts,
    })
}

fn run(run: &AnalysisRun) -> Value {
    let sum =
        |count: fn(&tiphys_api::types::MetricResult) -> i32| run.status.metric_results.iter().map(count).sum::<i32>();
    json!({
        "objectMeta": metadata(&json!(run.metadata)), "status": run.status.phase,
        "icon": rollout_icon(&run.status.phase), "revision": revision::of(run.metadata.annotations.as_ref()),
        "successful": sum(|one| one.successful), "failed": sum(|one| one.failed),
        "inconclusive": sum(|one| one.inconclusive), "error": sum(|one| one.error),
    })
}

fn rollout_icon(phase: &str) -> &'static str {
    match phase {
        "Healthy" | "Successful" => "fa-check-circle",
        "Paused" => "fa-pause-circle",
        "Degraded" | "Failed" | "Error" => "fa-times-circle",
        "Progressing" | "Running" => "fa-circle-notch",
        _ => "fa-question-circle",
    }
}

/// Go leaves zero values out.
fn without_zeros(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().map(|(key, value)| (key, without_zeros(value)));
            Value::Object(kept.filter(|(_, value)| !is_zero(value)).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_zeros).collect()),
        value => value,
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(true) | Value::Object(_) => false,
    }
}
