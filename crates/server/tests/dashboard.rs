//! The endpoints of the Rollouts dashboard.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use http_body_util::BodyExt;
use serde_json::json;

use crate::place::Place;

#[tokio::test(start_paused = true)]
async fn rollouts_are_told_as_upstream_tells_them() {
    let place = Place::start().await;
    place.paused_canary("web").await;
    let cookies = place.login("admin").await;
    let list = place.get("/api/v1/rollouts/shop/info", &cookies).await.json();
    let one = &list["rollouts"][0];
    assert_eq!(one["objectMeta"]["name"], "web");
    let info = place.get("/api/v1/rollouts/shop/web/info", &cookies).await.json();
    for (field, expected) in [
        ("status", json!("Paused")),
        ("message", json!("CanaryPauseStep")),
        ("icon", json!("fa-pause-circle")),
        ("strategy", json!("Canary")),
        ("step", json!("1/4")),
        ("setWeight", json!("50")),
        ("actualWeight", json!("50")),
        ("ready", json!(2)),
        ("desired", json!(2)),
        ("restartedAt", json!("Never")),
        ("generation", json!("2")),
        ("containers", json!([{"name": "web", "image": "web:2"}])),
    ] {
        assert_eq!(info[field], expected, "{field}");
    }
    let set = &info["replicaSets"][0];
    assert_eq!((&set["revision"], &set["canary"], &set["images"]), (&json!(2), &json!(true), &json!(["web:2"])));
    assert!(set["stable"].is_null(), "zero values are left out");
    assert_eq!((&set["pods"][0]["status"], &set["pods"][0]["ready"]), (&json!("Running"), &json!("1/1")));
    let namespaces = place.get("/api/v1/namespace", &cookies).await.json();
    assert_eq!(namespaces, json!({"namespace": "shop", "availableNamespaces": ["shop"]}));
    let version = place.get("/api/v1/version", &cookies).await.json();
    assert!(version["rolloutsVersion"].as_str().unwrap().starts_with('v'));
    place.stop().await;
}

#[tokio::test(start_paused = true)]
async fn buttons_of_the_dashboard_work() {
    let place = Place::start().await;
    place.paused_canary("web").await;
    let cookies = place.login("admin").await;
    let put = async |path: &str, body| {
        let answer = place.call(Method::PUT, &format!("/api/v1/rollouts/shop/web/{path}"), &cookies, &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        assert_eq!(answer.json()["metadata"]["name"], "web", "{path}");
    };
    put("abort", json!({})).await;
    place.phase("web", "Degraded").await;
    put("retry", json!({})).await;
    place.phase("web", "Paused").await;
    put("promote", json!({"full": true})).await;
    place.phase("web", "Healthy").await;
    put("set/web/registry.test/web/3", json!({})).await;
    place.phase("web", "Paused").await;
    put("undo/2", json!({})).await;
    let object = place.phase("web", "Healthy").await;
    assert_eq!(object["spec"]["template"]["spec"]["containers"][0]["image"], "web:2");
    put("restart", json!({})).await;
    place.until("web", |object| !object["spec"]["restartAt"].is_null()).await;
    place.stop().await;
}

#[tokio::test(start_paused = true)]
async fn streams_tell_of_new_and_deleted_ones() {
    let place = Place::start().await;
    let cookies = place.login("admin").await;
    let request = Request::get("/api/v1/rollouts/shop/info/watch").header("cookie", &cookies);
    let request = request.header("accept", "text/event-stream").body(Body::empty()).unwrap();
    let mut body = place.open(request).await.into_body();
    place.create(crate::place::rollout("shop", "web", json!({"canary": {}}))).await;
    let mut text = String::new();
    let mut deleted = false;
    while !text.contains("\"Deleted\"") {
        let frame = body.frame().await.unwrap().unwrap();
        text.push_str(&String::from_utf8_lossy(frame.data_ref().unwrap()));
        if text.contains("\"Added\"") && !deleted {
            deleted = true;
            place.rollouts("shop").delete("web", &kube::api::DeleteParams::default()).await.unwrap();
        }
    }
    assert!(text.contains("data: {\"result\":{") && text.contains(" \n\n"), "{text}");
    place.stop().await;
}
