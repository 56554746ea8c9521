//! Steps that are Experiments, as the Rollout sees them.

use serde_json::{Value, json};

use crate::world::World;

const FIRST: &str = "web-569858f45d-2-1";

/// A Rollout at the step of an Experiment, on the way to v2.
fn world(more: &Value) -> World {
    let mut experiment = json!({
        "duration": "5m",
        "templates": [
            {"name": "baseline", "specRef": "stable"},
            {"name": "canary", "specRef": "canary", "replicas": 2, "metadata": {"labels": {"role": "trial"}}},
        ],
    });
    crate::world::merge(&mut experiment, more);
    let steps = json!([{"setWeight": 25}, {"experiment": experiment}, {"pause": {}}]);
    let mut world = World::new(&json!({"strategy": {"canary": {"steps": steps}}}));
    world.run(3);
    assert_eq!(world.phase(), "Healthy", "{}", world.events.join("\n"));
    world.release("v2");
    world.run(5);
    world
}

fn set_phase(world: &mut World, name: &str, phase: &str) {
    let all: Vec<String> = world.runs.keys().cloned().collect();
    let experiment = world.runs.get_mut(name).unwrap_or_else(|| panic!("no {name}, but {all:?}"));
    experiment["status"] = json!({"phase": phase, "message": "measured"});
    world.run(3);
}

fn names(world: &World) -> Vec<&str> {
    world.runs.keys().map(String::as_str).collect()
}

fn is_ended(world: &World, name: &str) -> bool {
    world.runs[name]["spec"]["terminate"] == true
}

#[test]
fn a_step_makes_its_experiment_and_waits_for_it() {
    let mut world = world(&json!({}));
    assert_eq!((names(&world), world.status("/currentStepIndex")), (vec![FIRST], &json!(1)));
    assert_eq!(world.status("/canary/currentExperiment"), FIRST);
    let made = world.runs[FIRST].clone();
    assert_eq!(made["metadata"]["labels"]["rollouts-pod-template-hash"], "569858f45d");
    assert_eq!(made["metadata"]["annotations"], json!({"rollout.argoproj.io/revision": "2"}));
    let [baseline, canary] = made["spec"]["templates"].as_array().unwrap().as_slice() else { panic!("{made}") };
    assert_eq!(baseline["template"]["spec"]["containers"][0]["image"], "v1");
    assert_eq!(canary["template"]["spec"]["containers"][0]["image"], "v2");
    assert_eq!((&canary["replicas"], &canary["selector"]["matchLabels"]["role"]), (&json!(2), &json!("trial")));
    assert_eq!(canary["template"]["metadata"]["labels"]["role"], "trial");
    assert_eq!((&made["spec"]["duration"], &made["spec"]["progressDeadlineSeconds"]), (&json!("5m"), &json!(600)));
    world.run(900);
    assert_eq!(world.phase(), "Progressing more replicas need to be updated", "no deadline while it runs");
    set_phase(&mut world, FIRST, "Successful");
    assert_eq!((world.phase().as_str(), world.status("/currentStepIndex")), ("Paused CanaryPauseStep", &json!(2)));
    assert_eq!(world.status("/canary/currentExperiment"), &Value::Null);
    let told = world.told(&["Experiment", "experiment"]);
    assert_eq!(
        told,
        [
            "ExperimentCreated Created Experiment 'web-569858f45d-2-1'",
            "RolloutStepCompleted Rollout step 2/3 completed (experiment)"
        ]
    );
    world.change_status(&json!({"pauseConditions": null}));
    world.run(5);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:0 v2:4"));
}

#[test]
fn a_failed_one_aborts_and_a_retry_makes_another() {
    let mut world = world(&json!({}));
    set_phase(&mut world, FIRST, "Failed");
    let expected = "Experiment analysis phase is error/failed: measured";
    assert!(
        world.phase().starts_with("Degraded RolloutAborted") && world.phase().ends_with(expected),
        "{}",
        world.phase()
    );
    assert_eq!((world.sizes().as_str(), world.status("/canary/currentExperiment")), ("v1:4 v2:0", &Value::Null));
    world.change_status(&json!({"abort": false}));
    world.run(5);
    assert_eq!(names(&world), [FIRST, "web-569858f45d-2-1-1"]);
    assert_eq!(world.status("/canary/currentExperiment"), "web-569858f45d-2-1-1");
}

#[test]
fn no_verdict_asks_a_person_and_makes_no_other_meanwhile() {
    let mut world = world(&json!({}));
    set_phase(&mut world, FIRST, "Inconclusive");
    world.run(60);
    assert_eq!((world.phase().as_str(), names(&world)), ("Paused InconclusiveExperiment", vec![FIRST]));
    world.change_status(&json!({"pauseConditions": null}));
    world.run(5);
    assert_eq!(names(&world), [FIRST, "web-569858f45d-2-1-1"]);
}

#[test]
fn one_of_what_is_superseded_or_aborted_ends() {
    let mut world = world(&json!({}));
    world.release("v3");
    world.run(5);
    assert!(is_ended(&world, FIRST));
    let fresh = names(&world).into_iter().find(|name| name.contains("-3-")).unwrap().to_owned();
    assert!(!is_ended(&world, &fresh));
    world.change_status(&json!({"abort": true}));
    world.run(5);
    assert!(is_ended(&world, &fresh));
    world.change_status(&json!({"abort": false}));
    world.run(5);
    assert!(!is_ended(&world, &format!("{fresh}-1")), "one that is ending is not taken for the retry");
}

#[test]
fn a_good_one_is_remembered_while_the_rollout_is_paused() {
    let mut world = world(&json!({}));
    world.change_spec(&json!({"paused": true}));
    set_phase(&mut world, FIRST, "Successful");
    world.run(30);
    assert_eq!((world.status("/canary/currentExperiment"), names(&world)), (&json!(FIRST), vec![FIRST]));
    world.change_spec(&json!({"paused": false}));
    world.run(5);
    assert_eq!((world.phase().as_str(), names(&world)), ("Paused CanaryPauseStep", vec![FIRST]));
}

#[test]
fn a_scale_midway_keeps_it() {
    let mut world = world(&json!({}));
    world.change_spec(&json!({"replicas": 8}));
    world.run(5);
    assert_eq!((world.status("/canary/currentExperiment"), names(&world)), (&json!(FIRST), vec![FIRST]));
    assert!(!is_ended(&world, FIRST));
}

#[test]
fn old_ones_go_beyond_their_limits() {
    let mut world = world(&json!({}));
    world.change_spec(&json!({"analysis": {"successfulRunHistoryLimit": 1}}));
    for version in ["v2", "v3", "v4"] {
        world.release(version);
        world.run(5);
        let open = world.runs.iter().find(|(_, run)| run["status"]["phase"].is_null()).map(|(name, _)| name.clone());
        set_phase(&mut world, &open.unwrap(), "Successful");
        world.change_status(&json!({"pauseConditions": null}));
        world.run(5);
        assert_eq!(world.phase(), "Healthy", "{version}");
    }
    assert_eq!(world.runs.len(), 1, "{:?}", names(&world));
}

#[test]
fn arguments_come_from_the_rollout() {
    let latest = json!({"name": "hash", "valueFrom": {"podTemplateHashValue": "Latest"}});
    let passed = json!({"name": "set", "value": "{{templates.canary.replicaset.name}}"});
    let analysis =
        json!({"name": "check", "templateName": "errors", "requiredForCompletion": true, "args": [latest, passed]});
    let world = world(&json!({"analyses": [analysis], "duration": null}));
    let expected = json!([
        {"name": "hash", "value": "569858f45d"}, {"name": "set", "value": "{{templates.canary.replicaset.name}}"},
    ]);
    assert_eq!(world.runs[FIRST]["spec"]["analyses"][0]["args"], expected);
}

#[test]
fn why_tells_what_it_waits_for() {
    let mut world = world(&json!({}));
    let template = json!({"name": "canary", "status": "Progressing", "replicas": 2, "availableReplicas": 1});
    world.runs.get_mut(FIRST).unwrap()["status"] = json!({"phase": "Pending", "templateStatuses": [template]});
    let plan = world.plan();
    let reason = plan.reasons.iter().find(|reason| reason.code == "WaitingForExperiment").unwrap();
    assert_eq!(reason.message, format!("step 2 of 3 (experiment) waits for experiment {FIRST}"));
    assert_eq!(reason.root().message, "template canary has 1 of 2 pods available");
}
