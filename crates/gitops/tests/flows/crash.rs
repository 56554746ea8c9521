//! The controller dies at each of its writes, on either side: the end is the same, and no hook runs twice.

use serde_json::{Value, json};
use tiphys_sim::crash::Side;

use super::world::{World, annotated, application, config_map, deployment, job};

/// What is left, without what differs between any two runs.
async fn ending(world: &World) -> Value {
    let app = world.app().await;
    let status = &app["status"];
    let resources = status["resources"].as_array().unwrap().iter();
    let resources: Vec<Value> =
        resources.map(|r| json!([r["kind"], r["name"], r["status"], r["health"]["status"]])).collect();
    let history: Vec<&Value> = status["history"].as_array().unwrap().iter().map(|entry| &entry["revision"]).collect();
    json!({
        "sync": status["sync"]["status"], "health": status["health"]["status"], "resources": resources,
        "history": history, "phase": status["operationState"]["phase"], "maps": world.names("v1", "ConfigMap").await,
        "jobs": world.names("batch/v1", "Job").await, "conditions": status["conditions"],
        "key": world.get("v1", "ConfigMap", "a").await.unwrap()["data"]["key"],
    })
}

fn manifests(key: &str, more: Option<Value>) -> Vec<Value> {
    let mut manifests = vec![
        annotated(job("before", "0"), &[("hook", "PreSync"), ("hook-delete-policy", "HookSucceeded")]),
        config_map("a", key),
        annotated(deployment("web"), &[("sync-wave", "1")]),
        annotated(job("behind", "0"), &[("hook", "PostSync")]),
    ];
    manifests.extend(more);
    manifests
}

/// Plays two commits; returns what is left, how many writes there were, and how many hooks ran.
async fn play(death: Option<(u64, Side)>) -> (Value, u64, usize) {
    let mut world = World::start().await;
    world.pass(2).await;
    if let Some((nth, side)) = death {
        world.dies_at(nth, side);
    }
    let mut seen = std::collections::BTreeSet::new();
    world.commit("one", manifests("1", Some(config_map("b", "1"))));
    world.create(&application(json!({"automated": {"prune": true, "selfHeal": true}}))).await;
    watch(&mut world, "one", &mut seen).await;
    world.commit("two", manifests("2", None));
    watch(&mut world, "two", &mut seen).await;
    world.pass(40).await;
    if world.replace_dead() {
        world.pass(40).await;
    }
    (ending(&world).await, world.writes(), seen.len())
}

async fn watch(world: &mut World, revision: &str, seen: &mut std::collections::BTreeSet<String>) {
    for _ in 0..1500 {
        let jobs = world.api("batch/v1", "Job", "shop").list(&kube::api::ListParams::default()).await.unwrap();
        seen.extend(jobs.items.into_iter().filter_map(|job| job.metadata.uid));
        let app = world.app().await;
        let status = &app["status"];
        let is_done = status["sync"]["status"] == "Synced"
            && status["sync"]["revision"] == revision
            && status["health"]["status"] == "Healthy"
            && app["operation"].is_null();
        if is_done {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        if world.replace_dead() {
            tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        }
    }
    panic!("{revision} does not become synced: {:#}", world.app().await);
}

#[test]
fn the_end_does_not_depend_on_where_the_controller_died() {
    let run = |death| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play(death))
    };
    let (expected, writes, hooks) = run(None);
    assert_eq!(hooks, 4, "two hooks in each of two syncs");
    assert!(writes > 10, "{writes}");
    // All of them take a minute: `TIPHYS_SWEEP=all`.
    let stride = if std::env::var_os("TIPHYS_SWEEP").is_some() { 1 } else { 7 };
    for nth in (1..=writes).step_by(stride) {
        for side in [Side::Before, Side::After] {
            let (found, _, ran) = run(Some((nth, side)));
            assert_eq!(found, expected, "died at write {nth}, {side:?}");
            assert_eq!(ran, hooks, "hooks, died at write {nth}, {side:?}");
        }
    }
}
