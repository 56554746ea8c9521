//! From a commit to healthy, and what comes in between.

use serde_json::json;

use super::world::{World, annotated, application, config_map, deployment, job, project};

fn automated() -> serde_json::Value {
    json!({"automated": {"prune": true, "selfHeal": true}})
}

#[tokio::test(start_paused = true)]
async fn a_commit_becomes_synced_and_healthy() {
    let mut world = World::start().await;
    world.commit("one", vec![config_map("a", "1"), deployment("web")]);
    world.create(&application(automated())).await;
    let app = world.until_synced("one").await;
    let status = &app["status"];
    assert_eq!(status["operationState"]["phase"], "Succeeded");
    assert_eq!(status["operationState"]["message"], "successfully synced (all tasks run)");
    assert_eq!(status["history"][0]["revision"], "one");
    assert_eq!(status["sourceType"], "Directory");
    assert_eq!(status["summary"]["images"], json!(["web:1"]));
    let names: Vec<&str> =
        status["resources"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "web"]);
    let map = world.get("v1", "ConfigMap", "a").await.unwrap();
    assert_eq!(map["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"], "shop:/ConfigMap:shop/a");
    let results = status["operationState"]["syncResult"]["resources"].as_array().unwrap();
    assert_eq!(results[0]["message"], "configmap/a created");

    world.commit("two", vec![config_map("a", "2"), deployment("web")]);
    let app = world.until_synced("two").await;
    assert_eq!(world.get("v1", "ConfigMap", "a").await.unwrap()["data"]["key"], "2");
    assert_eq!(app["status"]["history"][1]["id"], 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_while_nothing_changes() {
    let mut world = World::start().await;
    world.commit("one", vec![config_map("a", "1"), deployment("web")]);
    world.create(&application(automated())).await;
    world.until_synced("one").await;
    world.pass(30).await;
    let before = world.app().await["metadata"]["resourceVersion"].clone();
    let writes = world.writes();
    world.pass(1800).await;
    assert_eq!(world.writes(), writes);
    assert_eq!(world.app().await["metadata"]["resourceVersion"], before);
}

#[tokio::test(start_paused = true)]
async fn drift_is_undone_and_what_git_has_not_is_pruned() {
    let mut world = World::start().await;
    world.commit("one", vec![config_map("a", "1"), config_map("b", "1")]);
    world.create(&application(automated())).await;
    world.until_synced("one").await;
    world.patch("v1", "ConfigMap", "a", json!({"data": {"key": "drift"}})).await;
    world.pass(20).await;
    assert_eq!(world.get("v1", "ConfigMap", "a").await.unwrap()["data"]["key"], "1");
    world.delete("v1", "ConfigMap", "a").await;
    world.pass(20).await;
    assert!(world.get("v1", "ConfigMap", "a").await.is_some(), "a deleted object comes back");
    world
        .create(&json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "stranger", "namespace": "shop"},
        }))
        .await;
    world.commit("two", vec![config_map("a", "1")]);
    world.until_synced("two").await;
    assert!(world.get("v1", "ConfigMap", "b").await.is_none());
    assert!(world.get("v1", "ConfigMap", "stranger").await.is_some(), "what nobody tracks stays");
}

#[tokio::test(start_paused = true)]
async fn without_prune_what_git_has_not_stays_out_of_sync() {
    let mut world = World::start().await;
    world.commit("one", vec![config_map("a", "1"), config_map("b", "1")]);
    world.create(&application(json!({"automated": {}}))).await;
    world.until_synced("one").await;
    world.commit("two", vec![config_map("a", "1")]);
    let app = world.until("out of sync", |app| app["status"]["sync"]["status"] == "OutOfSync").await;
    assert_eq!(app["status"]["resources"][1]["requiresPruning"], true);
    world.pass(300).await;
    assert!(world.get("v1", "ConfigMap", "b").await.is_some());
    assert_eq!(world.app().await["operation"], json!(null));
}

#[tokio::test(start_paused = true)]
async fn everything_is_never_wiped_out_by_itself() {
    let mut world = World::start().await;
    world.commit("one", vec![config_map("a", "1")]);
    world.create(&application(automated())).await;
    world.until_synced("one").await;
    world.commit("two", vec![]);
    let app = world.until("refused", |app| app["status"]["conditions"][0]["type"] == "SyncError").await;
    let message = "Skipping sync attempt to [two]: auto-sync will wipe out all resources";
    assert_eq!(app["status"]["conditions"][0]["message"], message);
    assert!(world.get("v1", "ConfigMap", "a").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn waves_and_hooks_run_in_order() {
    let mut world = World::start().await;
    let manifests = vec![
        annotated(job("before", "0"), &[("hook", "PreSync")]),
        deployment("web"),
        annotated(config_map("late", "1"), &[("sync-wave", "1")]),
        annotated(job("behind", "0"), &[("hook", "PostSync"), ("hook-delete-policy", "HookSucceeded")]),
    ];
    world.commit("one", manifests);
    world.create(&application(automated())).await;
    let app = world.until_synced("one").await;
    let results = app["status"]["operationState"]["syncResult"]["resources"].as_array().unwrap().clone();
    let names: Vec<&str> = results.iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["before", "web", "late", "behind"]);
    assert!(results.iter().all(|r| r["hookPhase"] == "Succeeded"), "{results:?}");
    assert_eq!(app["status"]["operationState"]["message"], "successfully synced (no more tasks)");
    world.pass(5).await;
    assert_eq!(world.names("batch/v1", "Job").await, ["before"]);
    let created = |object: Option<serde_json::Value>| {
        object.unwrap()["metadata"]["creationTimestamp"].as_str().unwrap().to_owned()
    };
    let web = created(world.get("apps/v1", "Deployment", "web").await);
    assert!(created(world.get("batch/v1", "Job", "before").await) < web);
    assert!(web < created(world.get("v1", "ConfigMap", "late").await));
}

#[tokio::test(start_paused = true)]
async fn a_failed_hook_stops_the_sync_and_the_revision_is_not_tried_again() {
    let mut world = World::start().await;
    world.commit("bad", vec![annotated(job("before", "1"), &[("hook", "PreSync")]), config_map("a", "1")]);
    let mut policy = automated();
    policy["retry"] = json!({"limit": 1, "backoff": {"duration": "5s"}});
    world.create(&application(policy)).await;
    let app = world.until("failed", |app| app["status"]["operationState"]["phase"] == "Failed").await;
    let message = app["status"]["operationState"]["message"].as_str().unwrap();
    assert_eq!(message, "one or more synchronization tasks completed unsuccessfully (retried 1 times).");
    assert!(world.get("v1", "ConfigMap", "a").await.is_none());
    let app = world.until("told", |app| app["status"]["conditions"][0]["type"] == "SyncError").await;
    assert!(
        app["status"]["conditions"][0]["message"].as_str().unwrap().starts_with("Failed last sync attempt to [bad]")
    );
    let uid = world.get("batch/v1", "Job", "before").await.unwrap()["metadata"]["uid"].clone();
    world.pass(1200).await;
    assert_eq!(world.get("batch/v1", "Job", "before").await.unwrap()["metadata"]["uid"], uid);
    world.commit("good", vec![annotated(job("before", "0"), &[("hook", "PreSync")]), config_map("a", "1")]);
    let app = world.until_synced("good").await;
    assert_eq!(app["status"]["conditions"], json!(null));
}

#[tokio::test(start_paused = true)]
async fn anybody_may_ask_for_a_sync_and_for_a_part_of_it() {
    let mut world = World::start().await;
    world.commit("one", vec![config_map("a", "1"), config_map("b", "1")]);
    world.create(&application(json!({}))).await;
    world.until("out of sync", |app| app["status"]["sync"]["status"] == "OutOfSync").await;
    let dry = json!({"sync": {"dryRun": true}});
    world.change(json!({"operation": dry})).await;
    world.until("tried out", |app| app["status"]["operationState"]["phase"] == "Succeeded").await;
    assert!(world.get("v1", "ConfigMap", "a").await.is_none());
    let part = json!({"sync": {"resources": [{"kind": "ConfigMap", "name": "a"}]}});
    world.change(json!({"operation": part, "status": {"operationState": null}})).await;
    world.until("partly synced", |app| app["status"]["resources"][0]["status"] == "Synced").await;
    assert!(world.get("v1", "ConfigMap", "b").await.is_none());
    assert_eq!(world.app().await["status"]["history"], json!(null));
    world.change(json!({"operation": {"sync": {"revision": "zero"}}, "status": {"operationState": null}})).await;
    let app = world.until("synced", |app| app["status"]["history"][0]["revision"] == "zero").await;
    assert_eq!(app["operation"], json!(null));
}

#[tokio::test(start_paused = true)]
async fn a_repository_that_does_not_answer_changes_nothing() {
    let mut world = World::start().await;
    world.commit("one", vec![config_map("a", "1")]);
    world.create(&application(automated())).await;
    world.until_synced("one").await;
    world.break_repository("no route to host");
    world.change(json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "hard"}}})).await;
    let app = world.until("unknown", |app| app["status"]["sync"]["status"] == "Unknown").await;
    let condition = &app["status"]["conditions"][0];
    assert_eq!(condition["type"], "ComparisonError");
    assert_eq!(condition["message"], "Failed to load target state: failed to list refs: no route to host");
    assert_eq!(app["metadata"]["annotations"], json!(null), "the request was answered");
    world.pass(600).await;
    assert!(world.get("v1", "ConfigMap", "a").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_window_holds_syncs_back() {
    let mut world = World::start().await;
    let window = json!({"kind": "deny", "schedule": "0 9 * * *", "duration": "1h", "applications": ["*"]});
    let api = world.api("argoproj.io/v1alpha1", "AppProject", "argocd");
    let spec = project(json!({"syncWindows": [window]}))["spec"].clone();
    let patch = kube::api::Patch::Merge(json!({"spec": spec}));
    api.patch("default", &kube::api::PatchParams::default(), &patch).await.unwrap();
    world.pass(5).await;
    world.commit("one", vec![config_map("a", "1")]);
    world.create(&application(automated())).await;
    world.until("out of sync", |app| app["status"]["sync"]["status"] == "OutOfSync").await;
    world.change(json!({"operation": {"sync": {}}})).await;
    world
        .until("blocked", |app| app["status"]["operationState"]["message"] == "Sync operation blocked by sync window")
        .await;
    assert!(world.get("v1", "ConfigMap", "a").await.is_none());
    world.pass(3600).await;
    world.until_synced("one").await;
}

#[tokio::test(start_paused = true)]
async fn what_a_project_does_not_permit_is_refused() {
    let mut world = World::start().await;
    world.commit("one", vec![config_map("a", "1")]);
    let mut app = application(automated());
    app["spec"]["project"] = json!("nobody");
    world.create(&app).await;
    let app = world.until("refused", |app| app["status"]["conditions"].is_array()).await;
    let condition = &app["status"]["conditions"][0];
    assert_eq!(condition["message"], "Application referencing project nobody which does not exist");
    assert_eq!((&app["status"]["sync"]["status"], &condition["type"]), (&json!("Unknown"), &json!("InvalidSpecError")));
    assert!(world.get("v1", "ConfigMap", "a").await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_running_sync_can_be_stopped() {
    let mut world = World::start().await;
    world.commit("one", vec![annotated(job("before", "0"), &[("hook", "PreSync")]), config_map("a", "1")]);
    world.create(&application(json!({}))).await;
    world.until("compared", |app| app["status"]["sync"]["status"] == "OutOfSync").await;
    world.change(json!({"operation": {"sync": {}}})).await;
    world
        .until("running", |app| {
            let message = app["status"]["operationState"]["message"].as_str().unwrap_or_default();
            message == "waiting for completion of hook batch/Job/before"
        })
        .await;
    world.change(json!({"status": {"operationState": {"phase": "Terminating"}}})).await;
    let app = world.until("stopped", |app| app["status"]["operationState"]["phase"] == "Failed").await;
    assert_eq!(app["status"]["operationState"]["message"], "Operation terminated");
    world.pass(60).await;
    assert!(world.names("batch/v1", "Job").await.is_empty());
    assert!(world.get("v1", "ConfigMap", "a").await.is_none());
}
