use serde_json::{Value, json};

use crate::world::World;

fn surging(replicas: i32, canary: &Value) -> World {
    let mut world = World::new(&json!({"replicas": replicas, "strategy": {"canary": canary}}));
    world.rollout["metadata"]["annotations"] = json!({"tiphys.dev/restart": "surge"});
    world.run(3);
    assert_eq!(world.phase(), "Healthy");
    world.told(&[]);
    world.start_seconds = Some(3);
    world.least_ready = usize::MAX;
    world.most_pods = 0;
    world
}

fn pods(world: &World) -> Vec<String> {
    world.pods.keys().cloned().collect()
}

#[track_caller]
fn check_served(world: &World, before: &[String]) {
    assert_eq!(world.phase(), "Healthy", "{}", world.events.join("\n"));
    assert!(pods(world).iter().all(|pod| !before.contains(pod)), "every pod is new");
    assert_eq!(world.status("/restartedAt"), &world.rollout["spec"]["restartAt"]);
    for (name, set) in &world.sets {
        assert!(set["metadata"]["annotations"].get("tiphys.dev/restart-surge").is_none(), "{name}");
    }
    for (name, pod) in &world.pods {
        assert!(pod["metadata"]["annotations"].get("tiphys.dev/restart-next").is_none(), "{name}");
    }
}

#[test]
fn one_replica_is_never_down() {
    let mut world = surging(1, &json!({}));
    let before = pods(&world);
    world.restart();
    world.run(20);
    check_served(&world, &before);
    assert_eq!((world.least_ready, world.most_pods), (1, 2));
    assert_eq!(world.sizes(), "v1:1");
}

#[test]
fn pods_are_replaced_in_waves_of_max_surge() {
    let mut world = surging(4, &json!({"maxSurge": 2}));
    let before = pods(&world);
    world.restart();
    world.run(30);
    check_served(&world, &before);
    assert_eq!((world.least_ready, world.most_pods), (4, 6));
}

#[test]
fn a_second_restart_waits_for_the_pod_that_the_first_one_started() {
    let mut world = surging(2, &json!({"maxSurge": 1}));
    world.start_seconds = Some(10);
    world.restart();
    world.run(5);
    assert_eq!(pods(&world).len(), 3, "one is starting");
    world.restart();
    let before = pods(&world);
    world.run(60);
    check_served(&world, &before);
    assert_eq!((world.least_ready, world.most_pods), (2, 3));
}

#[test]
fn pods_that_an_update_added_count_as_surge() {
    let mut world = surging(5, &json!({"maxSurge": 2, "steps": [{"setWeight": 90}, {"pause": {}}]}));
    world.release("v2");
    world.run(30);
    assert_eq!(world.sizes(), "v1:1 v2:5");
    world.restart();
    world.most_pods = 0;
    world.run(60);
    assert_eq!(world.most_pods, 7, "5 and maxSurge");
    assert_eq!(world.status("/restartedAt"), &world.rollout["spec"]["restartAt"]);
}

#[test]
fn scaling_and_health_do_not_see_the_extra_pods() {
    let mut world = surging(2, &json!({}));
    world.restart();
    world.run(2);
    assert_eq!(world.sizes(), "v1:3");
    assert_eq!(world.status("/replicas"), &json!(2));
    assert_eq!(world.status("/HPAReplicas"), &json!(2));
    world.change_spec(&json!({"replicas": 3}));
    world.run(40);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:3"));
    assert!(world.most_pods <= 4 && world.least_ready >= 2, "{} {}", world.most_pods, world.least_ready);
}

#[test]
fn a_new_pod_that_never_serves_costs_nothing() {
    let mut world = surging(2, &json!({}));
    let before = pods(&world);
    world.start_seconds = None;
    world.restart();
    world.run(10);
    assert!(world.phase().starts_with("Progressing restart 0/2: waiting for new pod "), "{}", world.phase());
    assert!(before.iter().all(|pod| world.pods.contains_key(pod)), "no old pod went");
    world.change_spec(&json!({"restartAt": null}));
    world.run(5);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:2"));
    check_marks_gone(&world);
}

#[track_caller]
fn check_marks_gone(world: &World) {
    for pod in world.pods.values() {
        let annotations = &pod["metadata"]["annotations"];
        assert!(annotations.get("controller.kubernetes.io/pod-deletion-cost").is_none(), "{annotations}");
    }
}

#[test]
fn stable_and_canary_are_restarted_in_mid_update() {
    let mut world = surging(4, &json!({"steps": [{"setWeight": 50}, {"pause": {}}]}));
    world.release("v2");
    world.run(20);
    assert_eq!(world.sizes(), "v1:2 v2:2");
    let before = pods(&world);
    world.least_ready = usize::MAX;
    world.most_pods = 0;
    world.restart();
    world.run(40);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Paused CanaryPauseStep", "v1:2 v2:2"));
    assert!(pods(&world).iter().all(|pod| !before.contains(pod)));
    assert_eq!((world.least_ready, world.most_pods), (4, 5));
}
