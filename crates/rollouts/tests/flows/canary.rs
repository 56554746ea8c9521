use serde_json::{Value, json};

use crate::world::World;

fn steps(steps: &Value) -> World {
    let mut world = World::new(&json!({"strategy": {"canary": {"steps": steps}}}));
    world.run(3);
    assert_eq!(world.phase(), "Healthy", "{}", world.events.join("\n"));
    assert_eq!(world.sizes(), "v1:4");
    world
}

#[test]
fn a_first_deploy_ignores_the_steps() {
    let mut world = steps(&json!([{"setWeight": 25}, {"pause": {}}]));
    assert_eq!(world.status("/currentStepIndex"), &json!(2));
    assert_eq!(
        world.told(&["Rollout", "ReplicaSet"]),
        [
            "NewReplicaSetCreated Created ReplicaSet web-ddf64cb59 (revision 1)",
            "RolloutUpdated Rollout updated to revision 1",
            "RolloutNotCompleted Rollout not completed, started update to revision 1 (ddf64cb59)",
            "ScalingReplicaSet Scaled up ReplicaSet web-ddf64cb59 (revision 1) from 0 to 4",
            "RolloutCompleted Rollout completed update to revision 1 (ddf64cb59): Initial deploy",
        ]
    );
}

#[test]
fn a_canary_walks_its_steps_and_is_promoted() {
    let mut world = steps(&json!([{"setWeight": 25}, {"pause": {}}, {"setWeight": 50}, {"pause": {"duration": 10}}]));
    world.told(&[]);
    world.release("v2");
    world.run(5);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Paused CanaryPauseStep", "v1:3 v2:1"));
    world.change_status(&json!({"pauseConditions": null}));
    world.run(5);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Paused CanaryPauseStep", "v1:2 v2:2"));
    world.run(20);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:0 v2:4"));
    assert_eq!(
        world.told(&["RolloutStepCompleted", "RolloutPaused", "RolloutResumed", "RolloutCompleted"]),
        [
            "RolloutStepCompleted Rollout step 1/4 completed (setWeight: 25)",
            "RolloutPaused Rollout is paused (CanaryPauseStep)",
            "RolloutStepCompleted Rollout step 2/4 completed (pause)",
            "RolloutStepCompleted Rollout step 3/4 completed (setWeight: 50)",
            "RolloutPaused Rollout is paused (CanaryPauseStep)",
            "RolloutStepCompleted Rollout step 4/4 completed (pause: 10)",
            "RolloutResumed Rollout is resumed",
            "RolloutCompleted Rollout completed update to revision 2 (569858f45d): Completed all 4 canary steps",
        ]
    );
    assert!(world.least_ready >= 3 || world.least_ready == 0, "availability: {}", world.least_ready);
    assert!(world.records.is_empty(), "no record is left after the update");
}

#[test]
fn an_abort_goes_back_to_stable_and_a_retry_begins_again() {
    let mut world = steps(&json!([{"setWeight": 50}, {"pause": {}}]));
    world.release("v2");
    world.run(6);
    assert_eq!(world.sizes(), "v1:2 v2:2");
    world.change_status(&json!({"abort": true}));
    world.run(6);
    assert_eq!(world.phase(), "Degraded RolloutAborted: Rollout aborted update to revision 2");
    assert_eq!(world.sizes(), "v1:4 v2:0");
    assert_eq!(world.status("/currentStepIndex"), &json!(0));
    world.change_status(&json!({"abort": false}));
    world.run(6);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Paused CanaryPauseStep", "v1:2 v2:2"));
}

#[test]
fn going_back_to_stable_skips_the_steps() {
    let mut world = steps(&json!([{"setWeight": 50}, {"pause": {}}]));
    world.release("v2");
    world.run(6);
    world.told(&[]);
    world.release("v1");
    world.run(6);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:4 v2:0"));
    assert_eq!(world.told(&["SkipSteps"]), ["SkipSteps Rollback to stable ReplicaSets"]);
}

#[test]
fn a_full_promotion_skips_steps_and_pauses() {
    let mut world = steps(&json!([{"setWeight": 25}, {"pause": {}}, {"setWeight": 50}, {"pause": {}}]));
    world.release("v2");
    world.run(4);
    world.told(&[]);
    world.change_status(&json!({"promoteFull": true}));
    world.run(8);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:0 v2:4"));
    assert_eq!(world.status("/promoteFull"), &Value::Null);
    assert!(world.told(&["RolloutCompleted"])[0].ends_with("Full promotion requested"));
}

#[test]
fn a_person_pauses_and_resumes() {
    let mut world = steps(&json!([{"setWeight": 50}]));
    world.change_spec(&json!({"paused": true}));
    world.release("v2");
    world.run(5);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Paused manually paused", "v1:4 v2:0"));
    world.change_spec(&json!({"replicas": 8}));
    world.run(5);
    assert_eq!(world.sizes(), "v1:8 v2:0", "a paused canary is scaled in proportion");
    world.change_spec(&json!({"paused": false}));
    world.run(12);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:0 v2:8"));
}

#[test]
fn scaling_in_mid_canary_keeps_the_weight() {
    let mut world = steps(&json!([{"setWeight": 50}, {"pause": {}}]));
    world.release("v2");
    world.run(6);
    world.change_spec(&json!({"replicas": 8}));
    world.run(6);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Paused CanaryPauseStep", "v1:4 v2:4"));
    world.change_spec(&json!({"replicas": 2}));
    world.run(6);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Paused CanaryPauseStep", "v1:1 v2:1"));
}

#[test]
fn a_broken_version_runs_into_its_deadline_and_may_abort() {
    let mut world = steps(&json!([{"setWeight": 50}]));
    world.broken_image = Some("v2".to_owned());
    world.change_spec(&json!({"progressDeadlineSeconds": 30}));
    world.release("v2");
    world.run(60);
    let late = "Degraded ProgressDeadlineExceeded: ReplicaSet \"web-569858f45d\" has timed out progressing.";
    assert_eq!(world.phase(), late);
    world.change_spec(&json!({"progressDeadlineAbort": true}));
    world.run(40);
    assert!(world.phase().starts_with("Degraded RolloutAborted: "), "{}", world.phase());
    assert_eq!(world.sizes(), "v1:4 v2:0");
}

#[test]
fn a_third_version_replaces_the_second() {
    let mut world = steps(&json!([{"setWeight": 50}, {"pause": {}}]));
    world.release("v2");
    world.run(6);
    world.release("v3");
    world.run(8);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Paused CanaryPauseStep", "v1:2 v2:0 v3:2"));
}

#[test]
fn old_replica_sets_beyond_the_limit_are_deleted() {
    let mut world = steps(&json!([]));
    world.change_spec(&json!({"revisionHistoryLimit": 1}));
    for version in ["v2", "v3", "v4"] {
        world.release(version);
        world.run(8);
    }
    assert_eq!(world.sizes(), "v3:0 v4:4");
}

#[test]
fn metadata_of_a_role_reaches_pods_and_goes_again() {
    let mut world = World::new(&json!({"strategy": {"canary": {
        "steps": [{"setWeight": 50}, {"pause": {}}],
        "canaryMetadata": {"labels": {"role": "canary"}},
        "stableMetadata": {"labels": {"role": "stable"}},
    }}}));
    world.run(3);
    let roles = |world: &World| {
        let mut roles: Vec<String> = world
            .pods
            .values()
            .map(|pod| {
                let image = pod["spec"]["containers"][0]["image"].as_str().unwrap();
                format!("{image} {}", pod["metadata"]["labels"]["role"].as_str().unwrap_or("none"))
            })
            .collect();
        roles.sort();
        roles.dedup();
        roles
    };
    assert_eq!(roles(&world), ["v1 stable"]);
    world.release("v2");
    world.run(6);
    assert_eq!(roles(&world), ["v1 stable", "v2 canary"]);
    world.change_status(&json!({"promoteFull": true}));
    world.run(8);
    assert_eq!(roles(&world), ["v2 stable"]);
    assert_eq!(world.sets.len(), 2, "the hash is not touched");
}
