//! What a scale-down leaves: the floor of available pods, whatever pods the cluster chooses.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::world::World;

const MIN_READY: i64 = 6;

fn since(pod: &Value) -> Option<Timestamp> {
    let is_leaving = pod["metadata"].get("deletionTimestamp").is_some();
    let ready = &pod["status"]["conditions"][0];
    ready["lastTransitionTime"].as_str().filter(|_| !is_leaving && ready["status"] == "True")?.parse().ok()
}

fn available(world: &World) -> usize {
    let is_old = |since: Timestamp| since + SignedDuration::from_secs(MIN_READY) <= world.now;
    world.pods.values().filter(|pod| since(pod).is_some_and(is_old)).count()
}

/// A pod that serves, but not for long enough yet.
fn young(world: &World) -> Option<String> {
    let is_young = |since: Timestamp| since + SignedDuration::from_secs(MIN_READY) > world.now;
    let young = world.pods.iter().find(|(_, pod)| since(pod).is_some_and(is_young));
    young.map(|(name, _)| name.clone())
}

#[test]
fn a_pod_that_is_ready_but_not_available_is_not_counted_on_to_go_first() {
    let canary = json!({"maxSurge": 0, "maxUnavailable": 2});
    let mut world = World::new(&json!({
        "replicas": 5, "minReadySeconds": MIN_READY, "strategy": {"canary": canary},
    }));
    world.run(20);
    world.release("v2");
    let is_last_young = |world: &World| world.sizes() == "v1:0 v2:5" && available(world) == 4 && young(world).is_some();
    for _ in 0..60 {
        world.run(1);
        if is_last_young(&world) {
            break;
        }
    }
    assert!(is_last_young(&world), "{}", world.sizes());
    // Deleting any other pod costs less.
    let dear = young(&world).unwrap();
    world.pods.get_mut(&dear).unwrap()["metadata"]["annotations"] =
        json!({"controller.kubernetes.io/pod-deletion-cost": "100"});
    world.change_status(&json!({"abort": true}));
    for _ in 0..40 {
        world.run(1);
        assert!(available(&world) >= 3, "{} of 5 are available, 3 were promised: {}", available(&world), world.sizes());
    }
    assert_eq!(world.sizes(), "v1:5 v2:0");
}

#[test]
fn old_versions_stay_while_users_reach_all_of_them_and_the_new_one_is_not_complete() {
    let mut world = World::new(&json!({"strategy": {"blueGreen": {"activeService": "active"}}, "paused": true}));
    world = world.with_service("active");
    world.run(5);
    assert_eq!(
        (world.sizes().as_str(), world.served_by("active").as_str()),
        ("v1:4", ""),
        "paused: nothing is switched"
    );
    world.broken_image = Some("v2".to_owned());
    world.release("v2");
    world.run(90);
    assert_eq!(world.sizes(), "v1:4 v2:4", "users still come to v1");
    world.broken_image = None;
    world.run(60);
    assert_eq!(world.sizes(), "v1:0 v2:4", "after the scale-down delay");
}

#[test]
fn an_extra_pod_of_a_restart_stays_while_too_few_pods_are_available() {
    let canary = json!({"maxSurge": 0, "maxUnavailable": 2, "steps": [{"setWeight": 45}, {"pause": {}}]});
    let mut world = World::new(&json!({"replicas": 5, "strategy": {"canary": canary}}));
    world.rollout["metadata"]["annotations"] = json!({"tiphys.dev/restart": "surge"});
    world.run(5);
    world.broken_image = Some("v2".to_owned());
    world.release("v2");
    world.run(10);
    assert_eq!(world.sizes(), "v1:3 v2:2");
    world.restart();
    world.run(5);
    assert_eq!(world.sizes(), "v1:4 v2:2", "an extra pod serves");
    world.change_spec(&json!({"replicas": 7, "paused": true}));
    world.run(5);
    assert_eq!(world.sizes(), "v1:5 v2:3", "in proportion, and the extra pod");
    world.least_ready = usize::MAX;
    world.change_spec(&json!({"restartAt": null}));
    world.run(20);
    assert_eq!((world.sizes().as_str(), world.least_ready), ("v1:5 v2:3", 5), "5 of 7 are promised");
    world.broken_image = None;
    world.run(5);
    assert_eq!((world.sizes().as_str(), world.least_ready), ("v1:4 v2:3", 5));
}
