use serde_json::json;

use crate::world::World;

fn in_mid_canary() -> World {
    let mut world =
        World::new(&json!({"strategy": {"canary": {"steps": [{"setWeight": 25}, {"pause": {}}, {"setWeight": 50}]}}}));
    world.run(3);
    world.release("v2");
    world.run(6);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Paused CanaryPauseStep", "v1:3 v2:1"));
    world.told(&[]);
    world
}

#[test]
fn a_stable_replica_set_deleted_in_mid_canary_comes_back_and_the_step_stays() {
    let mut world = in_mid_canary();
    let name = world.set_of("v1").to_owned();
    world.delete_set("v1");
    world.run(5);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Paused CanaryPauseStep", "v1:3 v2:1"));
    assert_eq!(world.set_of("v1"), name);
    assert_eq!(world.sets[&name]["metadata"]["annotations"]["rollout.argoproj.io/revision"], "1");
    assert_eq!(world.status("/currentStepIndex"), &json!(1));
    let told = world.told(&["StableReplicaSetRecreated", "RolloutCompleted"]);
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn a_stable_replica_set_that_came_back_is_still_older_than_the_new_one() {
    let mut world = in_mid_canary();
    world.change_spec(&json!({"rollbackWindow": {"revisions": 2}}));
    world.run(2);
    world.delete_set("v1");
    world.run(10);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Paused CanaryPauseStep", "v1:3 v2:1"));
    assert_eq!(world.status("/currentStepIndex"), &json!(1));
}

#[test]
fn all_replica_sets_deleted_in_mid_canary_come_back() {
    let mut world = in_mid_canary();
    world.delete_set("v1");
    world.delete_set("v2");
    world.run(8);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Paused CanaryPauseStep", "v1:3 v2:1"));
}

#[test]
fn without_a_record_the_new_version_serves_but_stays_at_its_step() {
    let mut world = in_mid_canary();
    world.records.clear();
    world.delete_set("v1");
    world.run(6);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Paused CanaryPauseStep", "v2:4"));
    assert_eq!(world.plan().reasons.iter().filter(|r| r.code == "StableReplicaSetLost").count(), 1);
}

#[test]
fn a_promoted_replica_set_that_is_deleted_is_made_again() {
    let mut world = in_mid_canary();
    world.change_status(&json!({"promoteFull": true}));
    world.run(8);
    world.told(&[]);
    world.delete_set("v2");
    world.run(5);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:0 v2:4"));
    assert_eq!(world.status("/stableRS"), world.status("/currentPodHash"));
    assert_eq!(world.rollout["metadata"]["annotations"]["rollout.argoproj.io/revision"], "2");
    assert_eq!(world.told(&["ReplicaSetRecreated"]).len(), 1);
}

#[test]
fn a_restart_annotation_in_the_template_is_answered() {
    let mut world = in_mid_canary();
    world.change_status(&json!({"promoteFull": true}));
    world.run(8);
    world.told(&[]);
    let restarted = json!({"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-03-01T10:01:00Z"}}}});
    world.change_spec(&restarted);
    world.run(3);
    assert_eq!(world.told(&["RestartAnnotationReleased"]).len(), 1);
    assert_eq!(world.sets.len(), 3);
}

#[test]
fn a_restart_annotation_is_a_restart_where_that_was_asked_for() {
    let mut world = in_mid_canary();
    world.change_status(&json!({"promoteFull": true}));
    world.run(8);
    let before: Vec<String> = world.pods.keys().cloned().collect();
    world.rollout["metadata"]["annotations"]["tiphys.dev/restart-annotation"] = json!("restart");
    let at = world.now;
    world.change_spec(&json!({"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": at}}}}));
    world.run(20);
    assert_eq!((world.phase().as_str(), world.sets.len()), ("Healthy", 2));
    assert_eq!(world.status("/restartedAt"), &world.rollout["spec"]["restartAt"]);
    assert!(world.pods.keys().all(|name| !before.contains(name)), "every pod is new");
}

#[test]
fn scaling_to_zero_and_back_is_answered() {
    let mut world = in_mid_canary();
    world.change_status(&json!({"promoteFull": true}));
    world.run(8);
    world.told(&[]);
    world.change_spec(&json!({"replicas": 0}));
    world.run(5);
    assert_eq!(world.sizes(), "v1:0 v2:0");
    world.change_spec(&json!({"replicas": 4}));
    world.run(5);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:0 v2:4"));
    assert_eq!(world.told(&["ScaledToZeroAndBack"]).len(), 1);
}
