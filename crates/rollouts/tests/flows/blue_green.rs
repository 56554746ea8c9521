use serde_json::{Value, json};

use crate::world::World;

fn blue_green(fields: &Value) -> World {
    let mut strategy = json!({"activeService": "active", "previewService": "preview"});
    crate::world::merge(&mut strategy, fields);
    let world = World::new(&json!({"strategy": {"blueGreen": strategy}}));
    let mut world = world.with_service("active").with_service("preview");
    world.run(4);
    assert_eq!(world.phase(), "Healthy", "{}", world.events.join("\n"));
    assert_eq!((world.served_by("active").as_str(), world.served_by("preview").as_str()), ("v1", "v1"));
    world
}

#[test]
fn a_switch_waits_for_a_person() {
    let mut world = blue_green(&json!({"autoPromotionEnabled": false, "previewReplicaCount": 1}));
    world.release("v2");
    world.run(5);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Paused BlueGreenPause", "v1:4 v2:1"));
    assert_eq!((world.served_by("active").as_str(), world.served_by("preview").as_str()), ("v1", "v2"));
    world.change_status(&json!({"pauseConditions": null}));
    world.run(5);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:4 v2:4"));
    assert_eq!(world.served_by("active"), "v2");
    world.run(32);
    assert_eq!(world.sizes(), "v1:0 v2:4", "after the scale-down delay");
    assert!(world.told(&["RolloutCompleted"])[1].ends_with("Completed blue-green update"));
}

#[test]
fn a_rollback_within_the_window_needs_no_preview() {
    let mut world = blue_green(&json!({"autoPromotionEnabled": false, "previewReplicaCount": 1}));
    world.change_spec(&json!({"rollbackWindow": {"revisions": 2}}));
    world.release("v2");
    world.run(5);
    world.change_status(&json!({"pauseConditions": null}));
    world.run(40);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:0 v2:4"));
    world.release("v1");
    world.run(10);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:4 v2:4"));
    assert_eq!(world.served_by("active"), "v1");
}

#[test]
fn a_switch_by_itself_after_seconds() {
    let mut world = blue_green(&json!({"autoPromotionSeconds": 20}));
    world.release("v2");
    world.run(10);
    assert_eq!((world.phase().as_str(), world.served_by("active").as_str()), ("Paused BlueGreenPause", "v1"));
    world.run(20);
    assert_eq!((world.phase().as_str(), world.served_by("active").as_str()), ("Healthy", "v2"));
}

#[test]
fn a_resume_is_not_forgotten_while_pods_are_missing() {
    let mut world = blue_green(&json!({"autoPromotionEnabled": false}));
    world.release("v2");
    world.run(5);
    let pod = world.pods.keys().find(|name| name.starts_with(world.set_of("v2"))).cloned().unwrap();
    world.pods.remove(&pod);
    world.start_seconds = Some(20);
    world.change_status(&json!({"pauseConditions": null}));
    world.run(5);
    assert_eq!(world.served_by("active"), "v1", "not complete yet");
    world.run(20);
    assert_eq!((world.phase().as_str(), world.served_by("active").as_str()), ("Healthy", "v2"));
}

#[test]
fn a_scale_down_delay_of_zero_is_now() {
    let mut world = blue_green(&json!({"scaleDownDelaySeconds": 0}));
    world.release("v2");
    world.run(6);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:0 v2:4"));
}

#[test]
fn an_abort_keeps_users_on_stable_and_scales_the_preview_down_later() {
    let mut world = blue_green(&json!({"autoPromotionEnabled": false}));
    world.release("v2");
    world.run(5);
    world.change_status(&json!({"abort": true}));
    world.run(5);
    assert!(world.phase().starts_with("Degraded RolloutAborted"), "{}", world.phase());
    assert_eq!((world.served_by("active").as_str(), world.sizes().as_str()), ("v1", "v1:4 v2:4"));
    world.run(31);
    assert_eq!(world.sizes(), "v1:4 v2:0");
    world.change_status(&json!({"abort": false}));
    world.run(6);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Paused BlueGreenPause", "v1:4 v2:4"));
}

#[test]
fn a_version_that_is_still_up_comes_back_at_once() {
    let mut world = blue_green(&json!({"autoPromotionEnabled": false}));
    world.release("v2");
    world.run(5);
    world.change_status(&json!({"pauseConditions": null}));
    world.run(5);
    assert_eq!(world.served_by("active"), "v2");
    world.release("v1");
    world.run(2);
    assert_eq!((world.phase().as_str(), world.served_by("active").as_str()), ("Healthy", "v1"));
}

#[test]
fn scaling_reaches_both_sides() {
    let mut world = blue_green(&json!({"autoPromotionEnabled": false}));
    world.release("v2");
    world.run(5);
    world.change_spec(&json!({"replicas": 6}));
    world.run(5);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Paused BlueGreenPause", "v1:6 v2:6"));
}

#[test]
fn a_missing_service_is_named_and_waited_for() {
    let mut world = World::new(&json!({"strategy": {"blueGreen": {"activeService": "active"}}}));
    world.run(2);
    assert_eq!(
        world.phase(),
        "Degraded InvalidSpec: The Rollout \"web\" is invalid: spec.strategy.blueGreen.activeService: Invalid value: \
         \"active\": service \"active\" not found"
    );
    assert!(world.sets.is_empty());
    let mut world = world.with_service("active");
    world.run(4);
    assert_eq!((world.phase().as_str(), world.served_by("active").as_str()), ("Healthy", "v1"));
}
