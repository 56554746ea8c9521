//! Header and mirror routes, ping-pong, weights that are confirmed.

use serde_json::{Value, json};

use crate::world::World;

fn rested(mut world: World) -> World {
    world.run(4);
    assert_eq!(world.phase(), "Healthy", "{}", world.events.join("\n"));
    world.told(&[]);
    world
}

fn resume(world: &mut World) {
    world.change_status(&json!({"pauseConditions": null}));
    world.run(5);
}

fn header(is_set: bool) -> Value {
    let matches = json!([{"headerName": "x-tester", "headerValue": {"exact": "yes"}}]);
    json!({"setHeaderRoute": {"name": "testers", "match": if is_set { matches } else { Value::Null }}})
}

fn mirror(is_set: bool) -> Value {
    let matches = json!([{"method": {"exact": "GET"}}]);
    json!({"setMirrorRoute": {"name": "shadow", "percentage": 50, "match": if is_set { matches } else { Value::Null }}})
}

fn lose_pods(world: &mut World, version: &str) {
    let set = world.set_of(version).to_owned();
    world.pods.retain(|name, _| !name.starts_with(&set));
    world.start_seconds = Some(10);
    world.run(2);
}

#[test]
fn header_and_mirror_routes_survive_an_unavailable_canary() {
    let scale = json!({"setCanaryScale": {"replicas": 2}});
    let steps = json!([scale, header(true), mirror(true), {"pause": {}}, {"setWeight": 40}, {"pause": {}}]);
    let mut world = rested(World::meshed(&json!({"steps": steps})));
    assert_eq!(world.routes(), "primary:0");
    world.release("v2");
    world.run(5);
    assert_eq!(world.routes(), "testers:100 shadow:0 primary:0", "no weight yet, but testers and the mirror");
    lose_pods(&mut world, "v2");
    assert_eq!(world.routes(), "primary:0", "no tester meets an empty Service");
    world.run(15);
    assert_eq!(world.routes(), "testers:100 shadow:0 primary:0", "and they are back with the first pod");
    resume(&mut world);
    assert_eq!(world.routes(), "testers:100 shadow:40 primary:40");
    resume(&mut world);
    world.run(10);
    assert_eq!((world.phase().as_str(), world.routes().as_str()), ("Healthy", "primary:0"), "at the end they are gone");
}

#[test]
fn a_step_without_matches_removes_its_route() {
    let scale = json!({"setCanaryScale": {"replicas": 2}});
    let steps = json!([scale, header(true), {"pause": {}}, header(false), {"setWeight": 40}, {"pause": {}}]);
    let mut world = rested(World::meshed(&json!({"steps": steps})));
    world.release("v2");
    world.run(5);
    assert_eq!(world.routes(), "testers:100 primary:0");
    resume(&mut world);
    assert_eq!(world.routes(), "primary:40");
}

#[test]
fn an_abort_removes_routes_for_good() {
    let steps = json!([header(true), {"setWeight": 40}, {"pause": {}}]);
    let mut world = rested(World::meshed(&json!({"steps": steps, "abortScaleDownDelaySeconds": 0})));
    world.release("v2");
    world.run(5);
    assert_eq!(world.routes(), "testers:100 primary:40");
    world.change_status(&json!({"abort": true}));
    world.run(20);
    assert_eq!(world.routes(), "primary:0", "though the header step is the first one again");
    world.change_status(&json!({"abort": false}));
    world.run(5);
    assert_eq!(world.routes(), "testers:100 primary:40");
}

#[test]
fn ping_and_pong_swap_roles_at_each_promotion() {
    let fields = json!({
        "canaryService": "", "stableService": "", "pingPong": {"pingService": "ping", "pongService": "pong"},
        "steps": [{"setWeight": 40}, {"pause": {}}],
    });
    let world = World::meshed(&fields).with_service("ping").with_service("pong");
    let mut world = world;
    world.rename_hosts("pong", "ping");
    let mut world = rested(world);
    assert_eq!((world.status("/canary/stablePingPong"), world.served_by("ping").as_str()), (&json!("ping"), "v1"));
    world.release("v2");
    world.run(5);
    assert_eq!((world.served_by("ping").as_str(), world.served_by("pong").as_str()), ("v1", "v2"));
    assert_eq!(world.host_weights(), "ping:60 pong:40");
    resume(&mut world);
    assert_eq!((world.phase().as_str(), world.status("/canary/stablePingPong")), ("Healthy", &json!("pong")));
    assert_eq!(world.host_weights(), "ping:0 pong:100", "nobody had to move");
    assert_eq!(world.served_by("pong"), "v2");
    world.run(31);
    assert_eq!(world.sizes(), "v1:0 v2:10");
    world.release("v3");
    world.run(5);
    assert_eq!((world.served_by("ping").as_str(), world.host_weights().as_str()), ("v3", "ping:40 pong:60"));
}

#[test]
fn nothing_goes_before_the_load_balancer_has_confirmed() {
    let fields = json!({"steps": [{"setWeight": 40}, {"pause": {"duration": 1}}], "dynamicStableScale": true});
    let mut world = rested(World::balanced(&fields));
    world.is_aws_ready = false;
    world.release("v2");
    world.run(30);
    assert_eq!((world.sizes().as_str(), world.status("/currentStepIndex")), ("v1:10 v2:4", &json!(0)));
    assert_eq!(world.status("/canary/weights/canary/weight"), &json!(40));
    assert_eq!(world.status("/canary/weights/verified"), &json!(false));
    let reasons = world.plan().reasons;
    let text = "the router has not confirmed weight 40: target group has the former weight";
    assert!(reasons.iter().any(|reason| reason.message == text), "{reasons:#?}");
    world.is_aws_ready = true;
    let mut seconds = 0;
    while world.status("/currentStepIndex") == &json!(0) {
        world.run(1);
        seconds += 1;
    }
    assert!(seconds <= 10, "it is asked again every 10 s: {seconds}");
    world.is_aws_ready = false;
    world.run(30);
    assert_eq!(world.status("/canary/weights/canary/weight"), &json!(100));
    assert_eq!(world.sizes(), "v1:6 v2:10", "at full weight the stable pods stay until it is confirmed");
    assert_ne!(world.phase(), "Healthy");
    world.is_aws_ready = true;
    world.run(15);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:0 v2:10"));
}

#[test]
fn a_missing_virtual_service_is_a_reason_and_waited_for() {
    let mut world = rested(World::meshed(&json!({"steps": [{"setWeight": 40}, {"pause": {}}]})));
    let mesh = world.take_virtual_service();
    world.release("v2");
    world.run(5);
    let reasons = world.plan().reasons;
    assert!(reasons.iter().any(|reason| reason.code == "TrafficRoutingError"), "{reasons:#?}");
    assert_eq!(world.told(&["TrafficRoutingError"]).len(), 1, "told once");
    assert_eq!(world.status("/currentStepIndex"), &json!(0), "no step completes");
    world.put_virtual_service(mesh);
    world.run(5);
    assert_eq!((world.phase().as_str(), world.routes().as_str()), ("Paused CanaryPauseStep", "primary:40"));
    assert!(!world.rollout["status"]["conditions"].to_string().contains("RouterFault"));
}
