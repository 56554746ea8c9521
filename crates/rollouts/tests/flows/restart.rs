use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::world::World;

fn running(replicas: i32, canary: &Value) -> World {
    let mut world = World::new(&json!({"replicas": replicas, "strategy": {"canary": canary}}));
    world.run(3);
    assert_eq!(world.phase(), "Healthy");
    world.told(&[]);
    world.least_ready = usize::MAX;
    world.most_pods = 0;
    world
}

fn pods(world: &World) -> Vec<String> {
    world.pods.keys().cloned().collect()
}

#[test]
fn every_pod_is_recreated_and_availability_is_kept() {
    let mut world = running(4, &json!({"maxUnavailable": 2}));
    let before = pods(&world);
    world.restart();
    world.quiesce();
    assert!(world.phase().starts_with("Progressing restart "), "{}", world.phase());
    world.run(10);
    assert_eq!(world.phase(), "Healthy");
    assert!(pods(&world).iter().all(|pod| !before.contains(pod)));
    assert_eq!((world.least_ready, world.most_pods), (2, 4));
    let told = world.told(&["Restart"]);
    assert_eq!(told[0], "RestartStarted Restarting 4 pods, at most 2 at a time");
    assert!(told[1].starts_with("RestartCompleted Restarted 4 pods in "), "{told:?}");
    assert_eq!(told.len(), 2);
    let done = world.status("/conditions").as_array().unwrap().iter().find(|c| c["type"] == "Restarting").cloned();
    assert_eq!(done.unwrap()["status"], "False");
}

#[test]
fn stable_pods_go_before_new_ones_and_the_step_stays() {
    let mut world = running(4, &json!({"maxUnavailable": 1, "steps": [{"setWeight": 50}, {"pause": {}}]}));
    world.release("v2");
    world.run(8);
    assert_eq!(world.sizes(), "v1:2 v2:2");
    world.start_seconds = Some(5);
    world.restart();
    world.quiesce();
    let leaving = |world: &World, version: &str| {
        let set = world.set_of(version).to_owned();
        world.pods.iter().filter(|(name, pod)| name.starts_with(&set) && pod["status"]["phase"] == "Pending").count()
    };
    assert_eq!((leaving(&world, "v1"), leaving(&world, "v2")), (1, 0));
    world.run(40);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Paused CanaryPauseStep", "v1:2 v2:2"));
    assert_eq!(world.status("/restartedAt"), &world.rollout["spec"]["restartAt"]);
}

#[test]
fn a_budget_blocks_and_is_named_until_it_opens() {
    let mut world = running(3, &json!({}));
    world.add_budget(3);
    world.run(1);
    world.restart();
    world.run(5);
    let phase = world.phase();
    assert!(
        phase.starts_with("Progressing restart 0/3: PodDisruptionBudget shop/web allows 0 disruptions since 10:0"),
        "{phase}"
    );
    let reason = &world.plan().reasons[0];
    assert_eq!((reason.code.as_str(), reason.root().code.as_str()), ("Restarting", "BudgetBlocksRestart"));
    assert_eq!(world.told(&["RestartBlocked"]).len(), 1, "said once");
    world.budgets.get_mut("web").unwrap()["spec"]["minAvailable"] = json!(2);
    world.run(10);
    assert_eq!(world.phase(), "Healthy");
}

#[test]
fn a_block_is_told_once_though_its_counts_change() {
    let mut world = running(4, &json!({"maxUnavailable": 4}));
    world.add_budget(3);
    world.run(1);
    world.start_seconds = Some(5);
    world.restart();
    world.run(40);
    assert_eq!(world.phase(), "Healthy");
    let told = world.told(&["RestartBlocked"]);
    assert_eq!(told.len(), 1, "the budget has room for one pod after the other: {told:?}");
    world.restart();
    world.run(40);
    assert_eq!(world.told(&["RestartBlocked"]).len(), 1, "another restart tells it again");
}

#[test]
fn unhealthy_pods_hold_a_restart_up() {
    let mut world = running(4, &json!({"maxUnavailable": 1}));
    let broken = pods(&world)[1].clone();
    world.pods.get_mut(&broken).unwrap()["status"] =
        json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]});
    world.start_seconds = None;
    world.restart();
    world.run(3);
    let wanted = format!(
        "Progressing restart 0/4: waiting: 3 of 4 available, needs 4 before the next eviction; not ready: {broken}"
    );
    assert_eq!(world.phase(), wanted);
}

#[test]
fn a_restart_in_the_future_leaves_the_phase_alone() {
    let mut world = running(2, &json!({}));
    let before = pods(&world);
    let at = world.now + SignedDuration::from_secs(60);
    world.change_spec(&json!({"restartAt": at}));
    world.run(30);
    assert_eq!((world.phase().as_str(), pods(&world)), ("Healthy", before.clone()));
    assert!(world.plan().requeue.is_some_and(|requeue| requeue > at));
    world.run(60);
    assert_eq!(world.phase(), "Healthy");
    assert!(pods(&world).iter().all(|pod| !before.contains(pod)));
}

#[test]
fn a_restart_is_cancelled_by_taking_the_time_away() {
    let mut world = running(4, &json!({"maxUnavailable": 1}));
    world.start_seconds = Some(5);
    world.restart();
    world.run(3);
    world.change_spec(&json!({"restartAt": null}));
    world.run(10);
    assert_eq!(world.phase(), "Healthy");
    assert_eq!(world.told(&["RestartCancelled"]).len(), 1);
}

#[test]
fn no_pods_are_restarted_at_once() {
    let mut world = running(0, &json!({}));
    world.restart();
    world.run(1);
    assert_eq!(world.status("/restartedAt"), &world.rollout["spec"]["restartAt"]);
    assert_eq!(world.phase(), "Healthy");
}

#[test]
fn min_ready_seconds_count_between_two_pods() {
    let mut world =
        World::new(&json!({"replicas": 2, "minReadySeconds": 10, "strategy": {"canary": {"maxUnavailable": 1}}}));
    world.run(15);
    world.restart();
    world.run(5);
    assert!(world.phase().starts_with("Progressing restart 0/2: waiting: 1 of 2 available"), "{}", world.phase());
    world.run(30);
    assert_eq!(world.phase(), "Healthy");
}
