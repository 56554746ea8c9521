use serde_json::{Value, json};

use crate::world::World;

fn routed(fields: &Value) -> World {
    let mut world = World::routed(fields);
    world.run(3);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:10"), "{}", world.events.join("\n"));
    assert_eq!(world.users(), "v1:100");
    world.told(&[]);
    world.met.clear();
    world
}

/// What users met must be this, one after the other, and never nobody.
#[track_caller]
fn check_met(world: &World, expected: &[&str]) {
    assert_eq!(world.met, expected, "{}", world.events.join("\n"));
    assert!(!world.met.iter().any(|met| met.contains("nobody")), "{:?}", world.met);
}

#[test]
fn users_are_shifted_step_by_step() {
    let steps = json!([{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}, {"pause": {}}]);
    let mut world = routed(&json!({"steps": steps}));
    world.release("v2");
    world.run(5);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Paused CanaryPauseStep", "v1:10 v2:2"));
    assert_eq!(world.served_by("canary"), "v2");
    world.change_status(&json!({"pauseConditions": null}));
    world.run(5);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Paused CanaryPauseStep", "v1:10 v2:6"));
    world.change_status(&json!({"pauseConditions": null}));
    world.run(5);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:10 v2:10"));
    assert_eq!((world.served_by("stable").as_str(), world.served_by("canary").as_str()), ("v2", "v2"));
    world.run(31);
    assert_eq!(world.sizes(), "v1:0 v2:10", "after the scale-down delay");
    check_met(&world, &["v1:100", "v1:80 v2:20", "v1:40 v2:60", "v2:100"]);
    assert_eq!(
        world.told(&["TrafficWeightUpdated", "SwitchService", "RolloutCompleted", "PatchingCanaryIngress"]),
        [
            "SwitchService Switched selector for service 'canary' from 'ddf64cb59' to '569858f45d'",
            "PatchingCanaryIngress Updating Ingress `web-site-canary` to desiredWeight '20'",
            "TrafficWeightUpdated Traffic weight updated from 0 to 20",
            "PatchingCanaryIngress Updating Ingress `web-site-canary` to desiredWeight '60'",
            "TrafficWeightUpdated Traffic weight updated from 20 to 60",
            "PatchingCanaryIngress Updating Ingress `web-site-canary` to desiredWeight '100'",
            "TrafficWeightUpdated Traffic weight updated from 60 to 100",
            "RolloutCompleted Rollout completed update to revision 2 (569858f45d): Completed all 4 canary steps",
            "SwitchService Switched selector for service 'stable' from 'ddf64cb59' to '569858f45d'",
            "PatchingCanaryIngress Updating Ingress `web-site-canary` to desiredWeight '0'",
            "TrafficWeightUpdated Traffic weight updated from 100 to 0",
        ]
    );
}

#[test]
fn a_dynamic_stable_side_shrinks_after_its_users_have_left() {
    let steps = json!([{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}, {"pause": {}}]);
    let mut world = routed(&json!({"steps": steps, "dynamicStableScale": true}));
    world.release("v2");
    world.run(5);
    assert_eq!(world.sizes(), "v1:8 v2:2");
    world.change_status(&json!({"pauseConditions": null}));
    world.run(5);
    assert_eq!(world.sizes(), "v1:4 v2:6");
    world.change_status(&json!({"pauseConditions": null}));
    world.run(5);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:0 v2:10"));
    check_met(&world, &["v1:100", "v1:80 v2:20", "v1:40 v2:60", "v2:100"]);
}

#[test]
fn an_abort_returns_the_users_first_and_keeps_the_version_for_its_delay() {
    let mut world = routed(&json!({"steps": [{"setWeight": 60}, {"pause": {}}]}));
    world.release("v2");
    world.run(5);
    assert_eq!(world.users(), "v1:40 v2:60");
    world.change_status(&json!({"abort": true}));
    world.run(5);
    assert!(world.phase().starts_with("Degraded RolloutAborted"), "{}", world.phase());
    assert_eq!((world.users().as_str(), world.sizes().as_str()), ("v1:100", "v1:10 v2:6"));
    world.run(31);
    assert_eq!((world.sizes().as_str(), world.served_by("canary").as_str()), ("v1:10 v2:0", "v1"));
    check_met(&world, &["v1:100", "v1:40 v2:60", "v1:100"]);
    world.change_status(&json!({"abort": false}));
    world.run(5);
    assert_eq!((world.users().as_str(), world.sizes().as_str()), ("v1:40 v2:60", "v1:10 v2:6"));
}

#[test]
fn an_abort_with_a_dynamic_stable_side_steps_back() {
    let steps = json!([{"setWeight": 20}, {"setWeight": 40}, {"setWeight": 60}, {"setWeight": 80}, {"pause": {}}]);
    let mut world = routed(&json!({"steps": steps, "dynamicStableScale": true}));
    world.release("v2");
    world.run(10);
    assert_eq!((world.users().as_str(), world.sizes().as_str()), ("v1:20 v2:80", "v1:2 v2:8"));
    world.met.clear();
    world.change_status(&json!({"abort": true}));
    world.run(12);
    assert_eq!(world.sizes(), "v1:10 v2:0");
    check_met(&world, &["v1:20 v2:80", "v1:40 v2:60", "v1:60 v2:40", "v1:80 v2:20", "v1:100"]);
    assert!(world.most_pods <= 12, "never many more pods than wanted: {}", world.most_pods);
}

#[test]
fn an_aborted_version_that_is_to_stay_stays() {
    let mut world = routed(&json!({"steps": [{"setWeight": 60}, {"pause": {}}], "abortScaleDownDelaySeconds": 0}));
    world.release("v2");
    world.run(5);
    world.change_status(&json!({"abort": true}));
    world.run(100);
    assert_eq!((world.users().as_str(), world.sizes().as_str()), ("v1:100", "v1:10 v2:6"));
}

#[test]
fn a_lower_weight_takes_the_users_before_the_pods() {
    let mut world = routed(&json!({"steps": [{"setWeight": 60}, {"pause": {}}, {"setWeight": 20}, {"pause": {}}]}));
    world.release("v2");
    world.run(5);
    world.told(&[]);
    world.change_status(&json!({"pauseConditions": null}));
    world.run(5);
    assert_eq!((world.users().as_str(), world.sizes().as_str()), ("v1:80 v2:20", "v1:10 v2:2"));
    let order = world.told(&["TrafficWeightUpdated", "Scaled down"]);
    assert_eq!(order[0], "TrafficWeightUpdated Traffic weight updated from 60 to 20");
    assert!(order[1].ends_with("from 6 to 2"), "{order:?}");
}

#[test]
fn a_third_version_waits_until_the_second_has_lost_its_users() {
    let mut world = routed(&json!({"steps": [{"setWeight": 60}, {"pause": {}}], "dynamicStableScale": true}));
    world.release("v2");
    world.run(5);
    assert_eq!(world.sizes(), "v1:4 v2:6");
    world.met.clear();
    world.release("v3");
    world.run(10);
    assert_eq!((world.phase().as_str(), world.users().as_str()), ("Paused CanaryPauseStep", "v1:40 v3:60"));
    assert_eq!(world.sizes(), "v1:4 v2:0 v3:6");
    check_met(&world, &["v1:40 v2:60", "v1:40 v3:60"]);
    let mut world = routed(&json!({"steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}, {"pause": {}}]}));
    world.release("v2");
    world.run(5);
    world.change_status(&json!({"pauseConditions": null}));
    world.run(5);
    world.met.clear();
    world.release("v3");
    world.run(5);
    check_met(&world, &["v1:40 v2:60", "v1:100", "v1:80 v3:20"]);
}

#[test]
fn drift_is_repaired_though_a_stable_pod_is_missing() {
    let mut world = routed(&json!({"steps": [{"setWeight": 60}, {"pause": {}}]}));
    world.release("v2");
    world.run(5);
    world.broken_image = Some("v1".to_owned());
    let pod = world.pods.keys().find(|name| name.starts_with(world.set_of("v1"))).cloned().unwrap();
    world.pods.remove(&pod);
    world.run(1);
    world.meddle(&json!({"metadata": {"annotations": {"nginx.ingress.kubernetes.io/canary-weight": "99"}}}));
    world.run(1);
    assert_eq!(world.users(), "v1:40 v2:60");
    world.change_status(&json!({"abort": true}));
    world.run(1);
    assert_eq!(world.users(), "v1:100", "one missing pod does not keep users on an aborted version");
}

#[test]
fn a_missing_ingress_is_named_and_waited_for() {
    let mut world = routed(&json!({"steps": [{"setWeight": 60}, {"pause": {}}]}));
    world.remove_ingress();
    world.release("v2");
    world.run(5);
    assert_eq!(
        world.phase(),
        "Degraded InvalidSpec: The Rollout \"web\" is invalid: \
         spec.strategy.canary.trafficRouting.nginx.stableIngress: Invalid value: \"site\": \
         ingress.networking.k8s.io \"site\" not found"
    );
    world.add_ingress();
    world.run(5);
    assert_eq!((world.phase().as_str(), world.users().as_str()), ("Paused CanaryPauseStep", "v1:40 v2:60"));
}

#[test]
fn a_full_promotion_moves_the_users_when_all_pods_are_there() {
    let mut world = routed(&json!({"steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}, {"pause": {}}]}));
    world.release("v2");
    world.run(5);
    world.change_status(&json!({"promoteFull": true}));
    world.run(5);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:10 v2:10"));
    check_met(&world, &["v1:100", "v1:80 v2:20", "v2:100"]);
}

#[test]
fn going_back_to_stable_in_mid_update_returns_the_users_as_pods_allow() {
    let mut world = routed(&json!({"steps": [{"setWeight": 60}, {"pause": {}}], "dynamicStableScale": true}));
    world.release("v2");
    world.run(5);
    world.met.clear();
    world.release("v1");
    world.run(10);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:10 v2:0"));
    check_met(&world, &["v1:40 v2:60", "v1:100"]);
}

#[test]
fn a_canary_that_loses_its_pods_loses_its_users_and_gets_them_back() {
    let mut world = routed(&json!({"steps": [{"setWeight": 20}, {"pause": {}}]}));
    world.release("v2");
    world.run(5);
    let set = world.set_of("v2").to_owned();
    world.pods.retain(|name, _| !name.starts_with(&set));
    world.start_seconds = Some(5);
    world.run(2);
    assert_eq!(world.users(), "v1:100");
    world.run(8);
    assert_eq!(world.users(), "v1:80 v2:20");
}

#[test]
fn without_steps_the_users_move_when_the_stable_service_does() {
    let mut world = routed(&json!({}));
    world.release("v2");
    world.run(5);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:10 v2:10"));
    check_met(&world, &["v1:100", "v2:100"]);
}

#[test]
fn a_step_may_size_the_canary_for_its_tests() {
    let steps = json!([
        {"setCanaryScale": {"replicas": 3}}, {"pause": {}},
        {"setCanaryScale": {"matchTrafficWeight": true}}, {"setWeight": 20}, {"pause": {}},
    ]);
    let mut world = routed(&json!({"steps": steps, "minPodsPerReplicaSet": 2}));
    world.release("v2");
    world.run(5);
    assert_eq!((world.sizes().as_str(), world.users().as_str()), ("v1:10 v2:3", "v1:100"));
    world.change_status(&json!({"pauseConditions": null}));
    world.run(5);
    assert_eq!((world.sizes().as_str(), world.users().as_str()), ("v1:10 v2:2", "v1:80 v2:20"));
}

#[test]
fn scaling_in_mid_update_keeps_both_sides_in_step() {
    let mut world = routed(&json!({"steps": [{"setWeight": 60}, {"pause": {}}]}));
    world.release("v2");
    world.run(5);
    world.change_spec(&json!({"replicas": 20}));
    world.run(5);
    assert_eq!((world.sizes().as_str(), world.users().as_str()), ("v1:20 v2:12", "v1:40 v2:60"));
    world.change_spec(&json!({"replicas": 5}));
    world.run(5);
    assert_eq!((world.sizes().as_str(), world.users().as_str()), ("v1:5 v2:3", "v1:40 v2:60"));
}
