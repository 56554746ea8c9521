//! A sandbox through its service, as a client in the same process sees it.

use std::path::Path;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tiphys_clock::Clock;
use tiphys_sandbox::{Sandbox, SandboxOptions};
use tower::ServiceExt;

fn start(data: Option<&Path>) -> Sandbox {
    let data = data.map(Path::to_owned);
    Sandbox::start(&SandboxOptions { clock: Clock::system(), seed: 1, nodes: 0, data }).unwrap()
}

async fn send(sandbox: &Sandbox, method: Method, uri: &str, body: Option<Value>) -> (u16, Value) {
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let request = Request::builder()
        .method(method.clone())
        .uri(uri)
        .header(
            "content-type",
            if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" },
        )
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let response = sandbox.service().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn a_restart_adds_no_nodes() {
    let folder = std::env::temp_dir().join(format!("tiphys-sandbox-nodes-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let options = SandboxOptions { clock: Clock::system(), seed: 1, nodes: 3, data: Some(folder.clone()) };
    for _ in 0..2 {
        let sandbox = Sandbox::start(&options).unwrap();
        let (_, list) = get(&sandbox, "/api/v1/nodes").await;
        assert_eq!(list["items"].as_array().unwrap().len(), 3);
        sandbox.stop().await.unwrap();
    }
    let _ = std::fs::remove_dir_all(&folder);
}

async fn get(sandbox: &Sandbox, uri: &str) -> (u16, Value) {
    send(sandbox, Method::GET, uri, None).await
}

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": "v"}})
}

fn widgets() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {"size": {"type": "integer"}}},
                }}},
            }],
        },
    })
}

fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn everything_is_there_after_a_restart_and_old_watches_are_told_so() {
    let folder = std::env::temp_dir().join(format!("tiphys-sandbox-restart-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let (token, before) = fill(&folder).await;

    let sandbox = start(Some(&folder));
    assert_eq!(sandbox.service().credentials().admin_token(), token);
    let (status, widget) = get(&sandbox, "/apis/example.com/v1/namespaces/default/widgets/w").await;
    assert_eq!((status, &widget["spec"]), (200, &json!({"size": 3})));
    assert_eq!(widget["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
    let (status, created) = send(&sandbox, Method::POST, CONFIG_MAPS, Some(config_map("later"))).await;
    assert_eq!(status, 201);
    assert!(version(&created) > version(&before));
    let (_, event) = get(&sandbox, &format!("{CONFIG_MAPS}?watch=true&resourceVersion={}", version(&before))).await;
    let code = if event["type"] == "ERROR" { &event["object"]["code"] } else { &event["code"] };
    assert_eq!(*code, 410, "{event}");
    sandbox.stop().await.unwrap();
    let _ = std::fs::remove_dir_all(&folder);
}

async fn fill(folder: &Path) -> (String, Value) {
    let sandbox = start(Some(folder));
    let token = sandbox.service().credentials().admin_token().to_owned();
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    assert_eq!(send(&sandbox, Method::POST, definitions, Some(widgets())).await.0, 201);
    let widget = json!({
        "apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 3, "unknown": 1},
    });
    let (status, created) =
        send(&sandbox, Method::POST, "/apis/example.com/v1/namespaces/default/widgets", Some(widget)).await;
    assert_eq!(status, 201, "{created}");
    assert_eq!(created["spec"], json!({"size": 3}));
    sandbox.stop().await.unwrap();
    (token, created)
}

#[tokio::test]
async fn a_write_that_changes_nothing_gives_no_event() {
    let sandbox = start(None);
    let (_, created) = send(&sandbox, Method::POST, CONFIG_MAPS, Some(config_map("a"))).await;
    let uri = format!("{CONFIG_MAPS}/a");
    let (status, same) = send(&sandbox, Method::PATCH, &uri, Some(json!({"data": {"k": "v"}}))).await;
    assert_eq!((status, version(&same)), (200, version(&created)));
    let (_, moved) = send(&sandbox, Method::PATCH, &uri, Some(json!({"data": {"k": "w"}}))).await;
    assert!(version(&moved) > version(&created));
}

#[tokio::test]
async fn a_stale_update_conflicts() {
    let sandbox = start(None);
    let (_, created) = send(&sandbox, Method::POST, CONFIG_MAPS, Some(config_map("a"))).await;
    let uri = format!("{CONFIG_MAPS}/a");
    let mut first = created.clone();
    first["data"]["k"] = "first".into();
    assert_eq!(send(&sandbox, Method::PUT, &uri, Some(first)).await.0, 200);
    let mut second = created;
    second["data"]["k"] = "second".into();
    let (status, error) = send(&sandbox, Method::PUT, &uri, Some(second)).await;
    assert_eq!((status, error["reason"].as_str()), (409, Some("Conflict")));
}

#[tokio::test]
async fn a_finalizer_holds_an_object_until_it_is_taken_off() {
    let sandbox = start(None);
    let mut held = config_map("a");
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    send(&sandbox, Method::POST, CONFIG_MAPS, Some(held)).await;
    let uri = format!("{CONFIG_MAPS}/a");
    assert_eq!(send(&sandbox, Method::DELETE, &uri, None).await.0, 200);
    let (status, object) = get(&sandbox, &uri).await;
    assert_eq!(status, 200);
    assert!(object["metadata"]["deletionTimestamp"].is_string());
    let more = json!({"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}});
    assert_eq!(send(&sandbox, Method::PATCH, &uri, Some(more)).await.0, 422);
    assert_eq!(send(&sandbox, Method::PATCH, &uri, Some(json!({"metadata": {"finalizers": null}}))).await.0, 200);
    assert_eq!(get(&sandbox, &uri).await.0, 404);
}

#[tokio::test]
async fn between_a_list_and_a_watch_from_it_nothing_is_lost() {
    let sandbox = start(None);
    send(&sandbox, Method::POST, CONFIG_MAPS, Some(config_map("before"))).await;
    let (_, list) = get(&sandbox, CONFIG_MAPS).await;
    for n in 0..20 {
        send(&sandbox, Method::POST, CONFIG_MAPS, Some(config_map(&format!("c{n:02}")))).await;
    }
    send(&sandbox, Method::DELETE, &format!("{CONFIG_MAPS}/before"), None).await;
    let uri = format!("{CONFIG_MAPS}?watch=true&resourceVersion={}", version(&list));
    let request = Request::get(uri).body(Full::new(Bytes::new())).unwrap();
    let mut body = sandbox.service().oneshot(request).await.unwrap().into_body();
    let mut text = Vec::new();
    while text.iter().filter(|byte| **byte == b'\n').count() < 21 {
        text.extend_from_slice(&body.frame().await.unwrap().unwrap().into_data().unwrap());
    }
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let events: Vec<Value> = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    let mine: Vec<&Value> = events.iter().filter(|e| e["object"]["metadata"]["name"] != "kube-root-ca.crt").collect();
    let versions: Vec<u64> = mine.iter().map(|event| version(&event["object"])).collect();
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    let added = mine.iter().filter(|event| event["type"] == "ADDED").count();
    assert!(added >= 20, "{added}");
}

#[tokio::test]
async fn a_dry_run_leaves_nothing_behind() {
    let sandbox = start(None);
    let uri = format!("{CONFIG_MAPS}?dryRun=All");
    let (status, object) = send(&sandbox, Method::POST, &uri, Some(config_map("a"))).await;
    assert_eq!(status, 201);
    assert!(object["metadata"].get("resourceVersion").is_none());
    assert_eq!(get(&sandbox, &format!("{CONFIG_MAPS}/a")).await.0, 404);
}

#[tokio::test]
async fn the_network_writes_nothing_without_a_token() {
    let sandbox = start(None);
    let body = Full::new(Bytes::from(config_map("a").to_string()));
    let request = Request::post(CONFIG_MAPS).header("content-type", "application/json").body(body).unwrap();
    let response = sandbox.service().authenticated().oneshot(request).await.unwrap();
    assert!(matches!(response.status().as_u16(), 401 | 403), "{}", response.status());
    assert_eq!(get(&sandbox, &format!("{CONFIG_MAPS}/a")).await.0, 404);
}
