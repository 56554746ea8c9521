use serde_json::json;

use crate::world::World;

fn plugged() -> World {
    let mut world =
        World::plugged(&json!({"steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}, {"pause": {}}]}));
    world.run(3);
    assert_eq!(world.phase(), "Healthy", "{}", world.events.join("\n"));
    assert_eq!(world.told_weight(), Some(0));
    world.told(&[]);
    world
}

#[test]
fn a_router_plugin_is_told_every_weight_and_confirms_it() {
    let mut world = plugged();
    world.release("v2");
    world.run(5);
    assert_eq!((world.phase().as_str(), world.told_weight()), ("Paused CanaryPauseStep", Some(20)));
    assert_eq!(world.status("/canary/weights/verified"), &json!(true));
    world.change_status(&json!({"pauseConditions": null}));
    world.run(5);
    assert_eq!(world.told_weight(), Some(60));
    world.change_status(&json!({"pauseConditions": null}));
    world.run(40);
    assert_eq!((world.phase().as_str(), world.told_weight()), ("Healthy", Some(0)));
    assert_eq!(world.sizes(), "v1:0 v2:10");
}

#[test]
fn nothing_goes_on_until_the_plugin_confirms() {
    let mut world = plugged();
    world.is_aws_ready = false;
    world.release("v2");
    world.run(60);
    assert!(world.phase().starts_with("Progressing"), "the step waits: {}", world.phase());
    assert_eq!(world.told_weight(), Some(20));
    world.is_aws_ready = true;
    world.run(15);
    assert_eq!(world.phase(), "Paused CanaryPauseStep");
}

#[test]
fn a_plugin_that_fails_is_a_reason_and_is_told_again() {
    let mut world = plugged();
    world.release("v2");
    world.replies = [Err("plugin acme/router ended with exit status: 1".to_owned())].into();
    world.run(4);
    assert_eq!(
        world.told(&["TrafficRoutingError"]),
        ["TrafficRoutingError plugin acme/router ended with exit status: 1"]
    );
    world.run(40);
    assert_eq!((world.phase().as_str(), world.told_weight()), ("Paused CanaryPauseStep", Some(20)));
}
