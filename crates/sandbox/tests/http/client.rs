//! What kube's client sees.

use std::{collections::BTreeMap, pin::pin};

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        autoscaling::v1::Scale,
        core::v1::{ConfigMap, Pod},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams},
    discovery::Discovery,
    runtime::{WatchStreamExt, watcher},
};
use serde_json::json;

use super::cluster;

fn client() -> Client {
    Client::new(cluster(), "default")
}

fn config_map(name: &str, app: &str) -> ConfigMap {
    let labels = BTreeMap::from([("app".to_owned(), app.to_owned())]);
    let metadata = ObjectMeta { name: Some(name.to_owned()), labels: Some(labels), ..ObjectMeta::default() };
    ConfigMap { metadata, ..ConfigMap::default() }
}

fn deployment() -> Deployment {
    let value = json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": "i:1"}]},
            },
        },
    });
    serde_json::from_value(value).unwrap()
}

#[track_caller]
fn api_error<T: std::fmt::Debug>(result: kube::Result<T>) -> (u16, String, String) {
    match result.unwrap_err() {
        kube::Error::Api(status) => (status.code, status.reason.clone(), status.message.clone()),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn objects_are_created_read_replaced_and_deleted() {
    let maps: Api<ConfigMap> = Api::default_namespaced(client());
    let created = maps.create(&PostParams::default(), &config_map("a", "x")).await.unwrap();
    assert!(created.uid().is_some());
    let mut read = maps.get("a").await.unwrap();
    assert_eq!(read, created);
    read.data = Some(BTreeMap::from([("k".to_owned(), "v".to_owned())]));
    let replaced = maps.replace("a", &PostParams::default(), &read).await.unwrap();
    assert_ne!(replaced.resource_version(), created.resource_version());
    let (code, reason, message) = api_error(maps.replace("a", &PostParams::default(), &created).await);
    assert_eq!((code, reason.as_str()), (409, "Conflict"));
    assert!(message.starts_with("Operation cannot be fulfilled on configmaps \"a\""), "{message}");
    let status = maps.delete("a", &DeleteParams::default()).await.unwrap().right().unwrap();
    assert!(status.is_success());
    let (code, _, message) = api_error(maps.get("a").await);
    assert_eq!((code, message.as_str()), (404, "configmaps \"a\" not found"));
}

#[tokio::test]
async fn lists_are_selected_and_paged() {
    let maps: Api<ConfigMap> = Api::default_namespaced(client());
    for (name, app) in [("a", "x"), ("b", "y"), ("c", "x"), ("d", "x")] {
        maps.create(&PostParams::default(), &config_map(name, app)).await.unwrap();
    }
    let page = maps.list(&ListParams::default().labels("app=x").limit(2)).await.unwrap();
    assert_eq!(page.items.iter().map(ResourceExt::name_any).collect::<Vec<_>>(), ["a", "c"]);
    // Written between two pages: not part of the state that is being listed.
    maps.create(&PostParams::default(), &config_map("e", "x")).await.unwrap();
    let token = page.metadata.continue_.unwrap();
    let rest = maps.list(&ListParams::default().labels("app=x").continue_token(&token)).await.unwrap();
    assert_eq!(rest.items.iter().map(ResourceExt::name_any).collect::<Vec<_>>(), ["d"]);
    assert_eq!(rest.metadata.resource_version, page.metadata.resource_version);
    let one = maps.list(&ListParams::default().fields("metadata.name=b")).await.unwrap();
    assert_eq!(one.items.len(), 1);
}

#[tokio::test]
async fn a_watch_tells_what_enters_and_leaves_its_selection() {
    let maps: Api<ConfigMap> = Api::default_namespaced(client());
    maps.create(&PostParams::default(), &config_map("a", "x")).await.unwrap();
    let params = WatchParams::default().labels("app=x");
    let mut events = pin!(maps.watch(&params, "0").await.unwrap());
    let relabel = |app: &str| Patch::Merge(json!({"metadata": {"labels": {"app": app}}}));
    let mut seen = Vec::new();
    for step in ["", "x2", "x"] {
        if !step.is_empty() {
            maps.patch("a", &PatchParams::default(), &relabel(step)).await.unwrap();
        }
        loop {
            match events.try_next().await.unwrap().unwrap() {
                WatchEvent::Added(_) => seen.push("ADDED"),
                WatchEvent::Modified(_) => seen.push("MODIFIED"),
                WatchEvent::Deleted(_) => seen.push("DELETED"),
                WatchEvent::Bookmark(_) => continue,
                WatchEvent::Error(error) => panic!("{error:?}"),
            }
            break;
        }
    }
    assert_eq!(seen, ["ADDED", "DELETED", "ADDED"]);
}

#[tokio::test]
async fn both_kinds_of_watcher_become_ready() {
    for config in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
        let maps: Api<ConfigMap> = Api::default_namespaced(client());
        maps.create(&PostParams::default(), &config_map("a", "x")).await.unwrap();
        let mut objects = pin!(watcher(maps.clone(), config).applied_objects());
        assert_eq!(objects.next().await.unwrap().unwrap().name_any(), "a");
        maps.create(&PostParams::default(), &config_map("b", "x")).await.unwrap();
        assert_eq!(objects.next().await.unwrap().unwrap().name_any(), "b");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_in_time_with_a_bookmark() {
    let maps: Api<ConfigMap> = Api::default_namespaced(client());
    let start = maps.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    maps.create(&PostParams::default(), &config_map("a", "x")).await.unwrap();
    let events: Vec<_> =
        maps.watch(&WatchParams::default().timeout(5), &start).await.unwrap().try_collect().await.unwrap();
    assert!(matches!(events.as_slice(), [WatchEvent::Added(_), WatchEvent::Bookmark(_)]), "{events:?}");
}

#[tokio::test]
async fn scale_and_status_change_their_part_only() {
    let deployments: Api<Deployment> = Api::default_namespaced(client());
    deployments.create(&PostParams::default(), &deployment()).await.unwrap();
    let scale: Scale = deployments.get_scale("web").await.unwrap();
    assert_eq!(scale.spec.unwrap().replicas, Some(2));
    assert_eq!(scale.status.unwrap().selector.as_deref(), Some("app=web"));
    let patch = Patch::Merge(json!({"spec": {"replicas": 5}}));
    deployments.patch_scale("web", &PatchParams::default(), &patch).await.unwrap();
    let patch = Patch::Merge(json!({"spec": {"replicas": 9}, "status": {"replicas": 3}}));
    let patched = deployments.patch_status("web", &PatchParams::default(), &patch).await.unwrap();
    assert_eq!(patched.spec.unwrap().replicas, Some(5));
    assert_eq!(patched.status.unwrap().replicas, Some(3));
}

#[tokio::test]
async fn apply_creates_and_then_guards_what_it_owns() {
    let maps: Api<ConfigMap> = Api::default_namespaced(client());
    let config = |value: &str| {
        let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": value}});
        Patch::Apply(config)
    };
    maps.patch("a", &PatchParams::apply("first"), &config("1")).await.unwrap();
    let (code, reason, _) = api_error(maps.patch("a", &PatchParams::apply("second"), &config("2")).await);
    assert_eq!((code, reason.as_str()), (409, "Conflict"));
    let forced = maps.patch("a", &PatchParams::apply("second").force(), &config("2")).await.unwrap();
    assert_eq!(forced.data.unwrap()["k"], "2");
}

#[tokio::test]
async fn dry_runs_leave_nothing() {
    let maps: Api<ConfigMap> = Api::default_namespaced(client());
    let params = PostParams { dry_run: true, ..PostParams::default() };
    let answer = maps.create(&params, &config_map("a", "x")).await.unwrap();
    assert_eq!(answer.resource_version(), None);
    assert_eq!(api_error(maps.get("a").await).0, 404);
}

#[tokio::test]
async fn discovery_knows_the_groups_in_both_forms() {
    let client = client();
    let discovery = Discovery::new(client.clone()).run().await.unwrap();
    assert!(discovery.has_group("apps"));
    let aggregated = Discovery::new(client.clone()).run_aggregated().await.unwrap();
    assert!(aggregated.has_group("apps"));
    assert_eq!(client.apiserver_version().await.unwrap().git_version, "v1.34.4");
}

#[tokio::test]
async fn metadata_can_be_had_alone() {
    let client = client();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    maps.create(&PostParams::default(), &config_map("a", "x")).await.unwrap();
    assert_eq!(maps.get_metadata("a").await.unwrap().name_any(), "a");
    assert_eq!(maps.list_metadata(&ListParams::default()).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn a_pod_is_bound_once() {
    let client = client();
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let value = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    pods.create(&PostParams::default(), &serde_json::from_value(value).unwrap()).await.unwrap();
    let binding = json!({"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}});
    let bind = || async {
        let request = http::Request::post("/api/v1/namespaces/default/pods/p/binding")
            .header("content-type", "application/json")
            .body(binding.to_string().into_bytes())
            .unwrap();
        client.request::<serde_json::Value>(request).await
    };
    bind().await.unwrap();
    assert_eq!(pods.get("p").await.unwrap().spec.unwrap().node_name.as_deref(), Some("n"));
    assert_eq!(api_error(bind().await).0, 409);
}
