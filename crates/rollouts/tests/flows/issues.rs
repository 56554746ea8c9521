//! What went wrong in argo-rollouts, one test an issue.

use serde_json::{Value, json};
use tiphys_rollouts::action::{Action, Step};

use crate::world::World;

fn rested(mut world: World) -> World {
    world.run(4);
    assert_eq!(world.phase(), "Healthy", "{}", world.events.join("\n"));
    world.told(&[]);
    world.met.clear();
    world.least_ready = usize::MAX;
    world
}

fn basic(spec: &Value) -> World {
    rested(World::new(spec))
}

fn routed(fields: &Value) -> World {
    rested(World::routed(fields))
}

#[track_caller]
fn nobody_was_lost(world: &World) {
    assert!(!world.met.iter().any(|met| met.contains("nobody")), "{:?}", world.met);
}

/// A restart in the middle of an update took a pod away while the update did the same.
#[test]
fn issue_4221_a_pass_that_restarts_takes_no_other_pods() {
    let canary = json!({"maxUnavailable": 0, "maxSurge": 1, "steps": [{"setWeight": 50}, {"pause": {"duration": 5}}]});
    let mut world = basic(&json!({"replicas": 2, "strategy": {"canary": canary}}));
    let (mut evictions, mut shrinks) = (0, 0);
    world.release("v2");
    for second in 0..60 {
        if second % 9 == 2 {
            world.restart();
        }
        let plan = world.pass();
        let is_restart = plan.steps.iter().any(|step| matches!(step.action, Action::EvictPods { .. }));
        let shrink = |step: &Step| matches!(step.action, Action::ScaleReplicaSet { from, to, .. } if to < from);
        let is_shrink = plan.steps.iter().any(shrink);
        assert!(!is_restart || !is_shrink, "{plan:#?}");
        evictions += usize::from(is_restart);
        shrinks += usize::from(is_shrink);
        world.tick();
        world.now += jiff::SignedDuration::from_secs(1);
        assert!(world.least_ready >= 1, "second {second}");
    }
    assert!(evictions > 3 && shrinks > 1, "both happened: {evictions}, {shrinks}");
    world.run(60);
    assert_eq!(world.phase(), "Healthy");
}

/// A restart of one replica leaves nobody to serve.
#[test]
fn issue_1583_a_restart_of_one_replica_may_surge() {
    let mut world = basic(&json!({"replicas": 1, "strategy": {"canary": {"steps": []}}}));
    world.rollout["metadata"]["annotations"]["tiphys.dev/restart"] = json!("surge");
    world.start_seconds = Some(5);
    let before: Vec<String> = world.pods.keys().cloned().collect();
    world.restart();
    world.run(20);
    assert_eq!((world.phase().as_str(), world.least_ready), ("Healthy", 1));
    assert!(world.pods.keys().all(|name| !before.contains(name)));
}

/// An abort without an update scaled the stable version to zero.
#[test]
fn issue_1292_an_abort_without_an_update_changes_nothing() {
    for mut world in [basic(&json!({"strategy": {"canary": {"steps": [{"setWeight": 50}]}}})), routed(&json!({}))] {
        let sizes = world.sizes();
        world.change_status(&json!({"abort": true}));
        world.run(5);
        assert_eq!((world.phase().as_str(), world.sizes()), ("Healthy", sizes));
        assert_eq!(world.status("/abort"), &Value::Null);
    }
}

/// A version that superseded another one in mid-update got stuck, with pod metadata and a rollback window.
#[test]
fn issue_3331_a_superseding_version_goes_on() {
    let canary = json!({
        "steps": [{"setWeight": 50}, {"pause": {"duration": 3}}],
        "canaryMetadata": {"labels": {"role": "canary"}}, "stableMetadata": {"labels": {"role": "stable"}},
    });
    let mut world = basic(&json!({"rollbackWindow": {"revisions": 1}, "strategy": {"canary": canary}}));
    world.release("v2");
    world.run(2);
    world.release("v3");
    world.run(20);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:0 v2:0 v3:4"));
}

/// Replicas and template changed together, and the update got stuck.
#[test]
fn issue_3272_replicas_and_template_may_change_together() {
    for (mut world, fields) in [
        (basic(&json!({"strategy": {"canary": {"steps": [{"setWeight": 50}]}}})), "v1:0 v2:8"),
        (routed(&json!({"steps": [{"setWeight": 50}]})), "v1:8 v2:8"),
    ] {
        world.release("v2");
        world.change_spec(&json!({"replicas": 8}));
        world.run(12);
        assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", fields));
        nobody_was_lost(&world);
    }
}

/// An autoscaler and the controller wrote the same ReplicaSets, and the update never ended.
#[test]
fn issue_3316_an_autoscaler_does_not_stop_an_update() {
    let mut world = basic(&json!({"strategy": {"canary": {"steps": [{"setWeight": 50}, {"pause": {"duration": 2}}]}}}));
    world.release("v2");
    for replicas in [6, 8, 5, 7, 4] {
        let _ = world.pass();
        world.tick();
        world.change_spec(&json!({"replicas": replicas}));
    }
    world.run(15);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:0 v2:4"));
}

/// After an abort with `dynamicStableScale` the canary grew with every scale-up.
#[test]
fn issue_4973_an_aborted_canary_does_not_grow_with_the_rollout() {
    let mut world = routed(&json!({"dynamicStableScale": true, "steps": [{"setWeight": 50}, {"pause": {}}]}));
    world.release("v2");
    world.run(5);
    world.change_status(&json!({"abort": true}));
    world.run(8);
    assert_eq!(world.sizes(), "v1:10 v2:0");
    world.told(&[]);
    world.start_seconds = Some(5);
    world.change_spec(&json!({"replicas": 20}));
    world.run(15);
    assert_eq!(world.sizes(), "v1:20 v2:0");
    let scaled = world.told(&["ScalingReplicaSet", "SwitchService"]);
    assert_eq!(scaled.len(), 1, "only the stable version grows, and no Service flaps: {scaled:?}");
}

/// After an abort the canary Service selected pods that were gone.
#[test]
fn issue_2781_the_canary_service_leads_to_stable_after_an_abort() {
    let canary =
        json!({"canaryService": "canary", "stableService": "stable", "steps": [{"setWeight": 50}, {"pause": {}}]});
    let world = World::new(&json!({"strategy": {"canary": canary}})).with_service("canary").with_service("stable");
    for mut world in [rested(world), routed(&json!({"steps": [{"setWeight": 50}, {"pause": {}}]}))] {
        world.release("v2");
        world.run(6);
        assert_eq!(world.served_by("canary"), "v2");
        world.change_status(&json!({"abort": true}));
        world.run(6);
        assert_eq!(world.served_by("canary"), "v1");
    }
}

/// At the end the stable Service changed its pods and got all users in one instant, before its new pods were known.
#[test]
fn issue_4433_users_return_to_stable_after_it_shows_the_new_version() {
    let mut world = routed(&json!({"steps": [{"setWeight": 50}]}));
    world.release("v2");
    let mut last = String::new();
    for _ in 0..60 {
        let before = (world.served_by("stable"), world.canary_weight());
        let _ = world.pass();
        let after = (world.served_by("stable"), world.canary_weight());
        if before.0 == "v1" && after.0 == "v2" {
            assert_eq!((before.1, after.1), (100, 100), "the users stay while the selector changes");
            last = after.0;
        }
        world.tick();
        world.now += jiff::SignedDuration::from_secs(1);
    }
    assert_eq!((last.as_str(), world.canary_weight()), ("v2", 0));
    nobody_was_lost(&world);
}

/// A scale event in mid-update scaled the stable version to zero.
#[test]
fn issue_1415_a_scale_event_keeps_the_stable_version() {
    let canary = json!({
        "canaryService": "canary", "stableService": "stable", "maxSurge": "100%", "maxUnavailable": 1,
        "steps": [{"setWeight": 25}, {"pause": {}}],
    });
    let world = World::new(&json!({"strategy": {"canary": canary}})).with_service("canary").with_service("stable");
    let mut world = rested(world);
    world.release("v2");
    world.run(6);
    for replicas in [8, 12, 4, 8] {
        world.change_spec(&json!({"replicas": replicas}));
        for _ in 0..12 {
            let _ = world.pass();
            world.tick();
            let stable = world.sets[world.set_of("v1")]["spec"]["replicas"].as_i64().unwrap();
            assert!(stable >= 3, "{replicas}: stable has {stable}");
        }
    }
    world.run(5);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Paused CanaryPauseStep", "v1:6 v2:2"));
}

/// An autoscaler saw idle pods beside those that serve, and scaled to the maximum.
#[test]
fn issue_2857_an_autoscaler_sees_the_pods_that_serve() {
    let mut world = routed(
        &json!({"steps": [{"setCanaryScale": {"replicas": 5}}, {"pause": {}}, {"setCanaryScale": {"matchTrafficWeight": true}}, {"setWeight": 100}, {"pause": {}}]}),
    );
    let shown = |world: &World| {
        (world.status("/HPAReplicas").as_i64().unwrap(), world.status("/selector").as_str().unwrap().to_owned())
    };
    world.release("v2");
    world.run(5);
    assert_eq!(world.sizes(), "v1:10 v2:5");
    assert_eq!(
        shown(&world),
        (10, "app=web,rollouts-pod-template-hash=ddf64cb59".to_owned()),
        "before the first weight"
    );
    world.change_status(&json!({"pauseConditions": null}));
    world.run(5);
    assert_eq!(world.sizes(), "v1:10 v2:10");
    assert_eq!(shown(&world), (10, "app=web,rollouts-pod-template-hash=569858f45d".to_owned()), "at full weight");
    world.change_status(&json!({"pauseConditions": null}));
    world.run(5);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:10 v2:10"));
    assert_eq!(shown(&world).0, 10, "in the scale-down delay");
}

/// A stable version that never works held up the version that mends it.
#[test]
fn issue_1774_a_broken_stable_version_can_be_replaced() {
    for mut world in [
        World::new(&json!({"strategy": {"canary": {"steps": [{"setWeight": 25}, {"pause": {"duration": 2}}]}}})),
        World::routed(&json!({"steps": [{"setWeight": 25}, {"pause": {"duration": 2}}]})),
    ] {
        world.broken_image = Some("v1".to_owned());
        world.run(5);
        world.release("v2");
        world.run(40);
        assert_eq!(world.phase(), "Healthy", "{}", world.events.join("\n"));
        assert!(world.sizes().starts_with("v1:0 v2:"), "{}", world.sizes());
    }
}

/// `progressDeadlineAbort` aborted a Rollout at rest because pods came and went.
#[test]
fn issue_1624_a_rollout_at_rest_has_no_deadline() {
    let deadline = json!({"progressDeadlineSeconds": 10, "progressDeadlineAbort": true});
    let mut spec = json!({"strategy": {"canary": {"steps": [{"setWeight": 50}]}}});
    crate::world::merge(&mut spec, &deadline);
    let mut world = basic(&spec);
    world.start_seconds = Some(30);
    let pod = world.pods.keys().next().cloned().unwrap();
    world.pods.remove(&pod);
    world.run(25);
    assert_eq!(world.status("/abort"), &Value::Null, "{}", world.phase());
    world.run(20);
    assert_eq!(world.phase(), "Healthy");
    assert!(world.told(&["RolloutAborted"]).is_empty());
}

/// A delay after an abort and `dynamicStableScale` waited for each other.
#[test]
fn issue_4898_a_dynamic_abort_with_a_delay_ends() {
    let fields = json!({
        "dynamicStableScale": true, "abortScaleDownDelaySeconds": 20,
        "steps": [{"setWeight": 20}, {"setWeight": 50}, {"pause": {}}],
    });
    let mut world = routed(&fields);
    world.release("v2");
    world.run(6);
    world.change_status(&json!({"abort": true}));
    world.run(10);
    assert_eq!((world.sizes().as_str(), world.users().as_str()), ("v1:10 v2:5", "v1:100"));
    world.run(20);
    assert_eq!(world.sizes(), "v1:10 v2:0");
    nobody_was_lost(&world);
}
