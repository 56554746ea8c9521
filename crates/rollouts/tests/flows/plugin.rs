use jiff::SignedDuration;
use serde_json::{Value, json};
use tiphys_rollouts::step_plugin::{Operation, Reply, Setup};

use crate::world::World;

fn world(steps: &Value) -> World {
    let mut world = World::new(&json!({"strategy": {"canary": {"steps": steps}}}));
    world.settings.step_plugins.insert("acme/gate".to_owned(), Setup::default());
    world.run(3);
    assert_eq!(world.phase(), "Healthy", "{}", world.events.join("\n"));
    world.told(&[]);
    world
}

fn gate() -> Value {
    json!([{"setWeight": 25}, {"plugin": {"name": "acme/gate", "config": {"level": 3}}}, {"setWeight": 50}, {"pause": {}}])
}

fn reply(phase: &str, status: i32) -> Result<Reply, String> {
    Ok(Reply {
        phase: phase.to_owned(),
        message: format!("at {status}"),
        requeue_after: None,
        status: Some(json!(status)),
    })
}

fn operations(world: &World) -> Vec<(Operation, i32, Value)> {
    world.calls.iter().map(|call| (call.operation, call.index, call.status.clone())).collect()
}

#[test]
fn a_plugin_step_is_asked_until_it_is_done() {
    let mut world = world(&gate());
    world.replies = [reply("Running", 1), reply("Running", 2), reply("Successful", 3)].into();
    world.release("v2");
    world.run(5);
    assert_eq!(world.sizes(), "v1:3 v2:1");
    assert_eq!(world.calls.len(), 1);
    assert_eq!(world.calls[0].config, json!({"level": 3}));
    assert_eq!(world.status("/canary/stepPluginStatuses/0/phase"), "Running");
    assert_eq!(world.status("/canary/stepPluginStatuses/0/backoff"), "30s");
    world.run(80);
    assert_eq!(world.phase(), "Paused CanaryPauseStep");
    let asked = [(Operation::Run, 1, Value::Null), (Operation::Run, 1, json!(1)), (Operation::Run, 1, json!(2))];
    assert_eq!(operations(&world), asked);
    assert_eq!(world.status("/canary/stepPluginStatuses/0/executions"), &json!(3));
    assert_eq!(
        world.told(&["StepPlugin", "step 2/4"]),
        [
            "StepPluginTransition Step plugin acme/gate (step 2) transitioned to Running",
            "RolloutStepCompleted Rollout step 2/4 completed (plugin: acme/gate)",
        ]
    );
}

#[test]
fn a_plugin_may_ask_for_a_longer_wait() {
    let mut world = world(&gate());
    let wait = Ok(Reply { requeue_after: Some(SignedDuration::from_secs(120)), ..reply("Running", 1).unwrap() });
    world.replies = [wait, reply("Successful", 2)].into();
    world.release("v2");
    world.run(100);
    assert_eq!((world.calls.len(), world.status("/canary/stepPluginStatuses/0/backoff")), (1, &json!("2m0s")));
    world.run(30);
    assert_eq!(world.calls.len(), 2);
}

#[test]
fn a_plugin_that_fails_aborts_the_update_and_is_asked_to_undo() {
    let two = json!([
        {"plugin": {"name": "acme/gate"}}, {"setWeight": 25}, {"plugin": {"name": "acme/gate"}}, {"setWeight": 50},
    ]);
    let mut world = world(&two);
    world.replies = [reply("Successful", 1), reply("Failed", 2), reply("Successful", 3)].into();
    world.release("v2");
    world.run(10);
    assert_eq!(
        world.phase(),
        "Degraded RolloutAborted: Rollout aborted update to revision 2: Step Plugin 3 (acme/gate) failed: at 2"
    );
    assert_eq!(world.sizes(), "v1:4 v2:0");
    let asked = [(Operation::Run, 0, Value::Null), (Operation::Run, 2, Value::Null), (Operation::Abort, 0, json!(1))];
    assert_eq!(operations(&world), asked, "what failed has nothing to undo");
    assert_eq!(
        world.told(&["StepPlugin"]),
        [
            "StepPluginTransition Step plugin acme/gate (step 3) transitioned to Failed",
            "StepPluginTransition Step plugin acme/gate (step 1) aborted (Successful)",
        ]
    );
    world.replies = [reply("Successful", 4)].into();
    world.change_status(&json!({"abort": false}));
    world.run(20);
    assert_eq!(world.phase(), "Healthy", "a retry runs every step again");
}

#[test]
fn a_plugin_that_dies_or_answers_nonsense_is_asked_again() {
    let mut world = world(&gate());
    let nonsense = Ok(Reply { phase: "Maybe".to_owned(), ..Reply::default() });
    world.replies = [Err("the plugin died".to_owned()), nonsense, reply("Successful", 1)].into();
    world.release("v2");
    world.run(5);
    assert_eq!(world.status("/canary/stepPluginStatuses/0/message"), "the plugin died");
    assert_eq!(world.status("/canary/stepPluginStatuses/0/phase"), "Error");
    world.run(35);
    assert_eq!(world.status("/canary/stepPluginStatuses/0/message"), "invalid phase 'Maybe'");
    world.run(40);
    assert_eq!(world.phase(), "Paused CanaryPauseStep");
}

#[test]
fn a_full_promotion_stops_what_still_runs() {
    let mut world = world(&gate());
    world.replies = [reply("Running", 1)].into();
    world.release("v2");
    world.run(5);
    world.change_status(&json!({"promoteFull": true}));
    world.run(8);
    assert_eq!(world.phase(), "Healthy");
    assert_eq!(operations(&world).last().unwrap(), &(Operation::Terminate, 1, json!(1)));
    assert_eq!(world.calls.len(), 2, "once");
}

#[test]
fn another_template_stops_what_still_runs() {
    let mut world = world(&gate());
    world.replies = [reply("Running", 1)].into();
    world.release("v2");
    world.run(5);
    world.release("v3");
    world.run(8);
    let asked = operations(&world);
    assert_eq!(asked[1], (Operation::Terminate, 1, json!(1)));
    assert_eq!(asked[2], (Operation::Run, 1, Value::Null), "and begins anew");
    assert_eq!(world.status("/canary/stepPluginStatuses").as_array().unwrap().len(), 1);
}

#[test]
fn an_unknown_plugin_is_named_and_waited_for() {
    let mut world = world(&gate());
    world.settings.step_plugins.clear();
    world.release("v2");
    world.run(40);
    assert!(world.calls.is_empty());
    let reasons = world.plan().reasons;
    assert_eq!(reasons[0].code, "StepPluginUnavailable", "{reasons:#?}");
    assert_eq!(reasons[0].message, "plugin acme/gate is not configured in the controller");
    world.settings.step_plugins.insert("acme/gate".to_owned(), Setup { is_disabled: true });
    world.run(5);
    assert_eq!(world.phase(), "Paused CanaryPauseStep", "a disabled plugin is passed over");
    assert!(world.calls.is_empty());
}

#[test]
fn a_plugin_step_has_no_deadline() {
    let mut world = world(&gate());
    world.change_spec(&json!({"progressDeadlineSeconds": 60}));
    world.replies = [reply("Running", 1)].into();
    world.release("v2");
    world.run(200);
    assert_eq!(world.phase(), "Progressing more replicas need to be updated");
    assert!(world.calls.len() > 4, "it is asked on and on: {}", world.calls.len());
}
