//! Rollouts that take their pod template from a workload.

use serde_json::{Value, json};

use crate::world::{World, template};

fn deployment(replicas: i32) -> Value {
    json!({
        "metadata": {"name": "legacy", "namespace": "shop", "uid": "legacy", "generation": 1},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template("v1")},
    })
}

/// A Rollout that refers to a Deployment which serves already.
fn referring(scale_down: &str, steps: &Value) -> World {
    let reference = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "legacy", "scaleDown": scale_down});
    let mut world = World::new(&json!({"workloadRef": reference, "strategy": {"canary": {"steps": steps}}}));
    let spec = world.rollout["spec"].as_object_mut().unwrap();
    spec.remove("template");
    spec.remove("selector");
    world.workload = Some(deployment(4));
    world
}

fn deployed(world: &World) -> i64 {
    world.workload.as_ref().unwrap()["spec"]["replicas"].as_i64().unwrap()
}

#[test]
fn template_and_selector_come_from_the_workload() {
    let mut world = referring("", &json!([{"setWeight": 50}, {"pause": {}}]));
    world.run(4);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:4"));
    assert_eq!(world.status("/workloadObservedGeneration"), "1");
    assert_eq!(world.rollout["metadata"]["annotations"]["rollout.argoproj.io/workload-generation"], "1");
    assert!(world.rollout["spec"].get("template").is_none(), "the stored Rollout keeps its reference");
    assert_eq!(deployed(&world), 4, "nobody asked to scale it down");
    let workload = world.workload.as_mut().unwrap();
    workload["spec"]["template"] = template("v2");
    workload["metadata"]["generation"] = json!(2);
    world.run(6);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Paused CanaryPauseStep", "v1:2 v2:2"));
    assert_eq!(world.status("/workloadObservedGeneration"), "2");
}

#[test]
fn a_missing_workload_is_named_and_waited_for() {
    let mut world = referring("", &json!([]));
    let workload = world.workload.take();
    world.run(2);
    assert_eq!(
        world.phase(),
        "Degraded InvalidSpec: The Rollout \"web\" is invalid: deployments.apps \"legacy\" not found"
    );
    world.workload = workload;
    world.run(4);
    assert_eq!(world.phase(), "Healthy");
}

#[test]
fn a_kind_without_pods_is_refused() {
    let mut world = referring("", &json!([]));
    world.change_spec(&json!({"workloadRef": {"apiVersion": "batch/v1", "kind": "Job"}}));
    world.run(2);
    assert!(world.phase().ends_with("workload of type batch/Job is not supported"), "{}", world.phase());
    assert!(world.sets.is_empty());
}

#[test]
fn onsuccess_drains_the_deployment_when_the_rollout_is_healthy_and_again_when_git_fills_it() {
    let mut world = referring("onsuccess", &json!([]));
    world.start_seconds = Some(3);
    world.run(1);
    assert_eq!(deployed(&world), 4, "the Rollout does not serve yet");
    world.run(6);
    assert_eq!((world.phase().as_str(), deployed(&world)), ("Healthy", 0));
    world.workload.as_mut().unwrap()["spec"]["replicas"] = json!(4);
    world.run(2);
    assert_eq!(deployed(&world), 0);
}

#[test]
fn progressively_drains_the_deployment_as_pods_become_ready() {
    let mut world = referring("progressively", &json!([]));
    world.start_seconds = None;
    world.run(2);
    assert_eq!(deployed(&world), 4, "nothing is ready");
    let first: Vec<String> = world.pods.keys().take(3).cloned().collect();
    for name in &first {
        world.pods.get_mut(name).unwrap()["status"] = json!({
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": world.now}],
        });
    }
    world.run(2);
    assert_eq!(deployed(&world), 1, "one for each pod that is not ready");
    world.start_seconds = Some(1);
    world.run(4);
    assert_eq!((world.phase().as_str(), deployed(&world)), ("Healthy", 0));
}
