//! What is left at the end of a story, without what may differ between two stories: names, times and counters.

use serde_json::{Value, json};

use crate::world::World;

/// Returns what is left: the Rollout, its ReplicaSets that have pods, its pods and its Services.
#[must_use]
pub fn of(world: &World) -> Value {
    let rollout = world.list("Rollout").into_iter().next().unwrap_or_default();
    let hash = "rollouts-pod-template-hash";
    let sets: Vec<Value> = world
        .list("ReplicaSet")
        .iter()
        .map(|set| {
            json!({
                "hash": set["metadata"]["labels"][hash], "replicas": set["spec"]["replicas"],
                "ready": set["status"]["readyReplicas"], "surge": set["metadata"]["annotations"]["tiphys.dev/restart-surge"],
                "deadline": !set["metadata"]["annotations"]["scale-down-deadline"].is_null(),
                "labels": set["spec"]["template"]["metadata"]["labels"],
                "image": set["spec"]["template"]["spec"]["containers"][0]["image"],
                "revision": set["metadata"]["annotations"]["rollout.argoproj.io/revision"],
            })
        })
        .collect();
    let mut pods: Vec<Value> = world
        .list("Pod")
        .iter()
        .map(|pod| json!({"labels": pod["metadata"]["labels"], "phase": pod["status"]["phase"]}))
        .collect();
    pods.sort_by_key(ToString::to_string);
    let services: Vec<Value> = world
        .list("Service")
        .iter()
        .map(|service| json!({"name": service["metadata"]["name"], "selector": service["spec"]["selector"]}))
        .collect();
    let records = world.list("ControllerRevision").len();
    let conditions: Vec<Value> = rollout["status"]["conditions"].as_array().map_or_else(Vec::new, |all| {
        all.iter().map(|c| json!({"type": c["type"], "status": c["status"], "reason": c["reason"]})).collect()
    });
    json!({
        "spec": without(&rollout["spec"], &["restartAt"]), "status": without(&rollout["status"], &TIMES), "conditions": sorted(conditions), "sets": sets,
        "pods": pods, "services": services, "records": records,
    })
}

/// Fields of the status that hold times or counters.
const TIMES: [&str; 6] = ["conditions", "duration", "restartedAt", "abortedAt", "observedGeneration", "collisionCount"];

fn without(value: &Value, names: &[&str]) -> Value {
    let mut value = value.clone();
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|name, _| !names.contains(&name.as_str()));
    }
    value
}

fn sorted(mut values: Vec<Value>) -> Vec<Value> {
    values.sort_by_key(ToString::to_string);
    values
}
