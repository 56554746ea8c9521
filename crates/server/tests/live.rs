//! Streams.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use http_body_util::BodyExt;
use serde_json::json;

use crate::place::{Place, SHOP, rollout};

async fn open(place: &Place, page: &str, cookies: &str) -> Body {
    let request = Request::get(format!("/live?page={page}")).header("cookie", cookies).body(Body::empty()).unwrap();
    let response = place.open(request).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.into_body()
}

/// Reads until a text comes; returns everything before it; panics if the stream ends.
async fn until(body: &mut Body, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) {
        let frame = tokio::time::timeout(Duration::from_secs(300), body.frame()).await;
        let frame = frame.unwrap_or_else(|_| panic!("{wanted} does not come: {text}"));
        let frame = frame.unwrap_or_else(|| panic!("{wanted} does not come: {text}")).unwrap();
        text.push_str(&String::from_utf8_lossy(frame.data_ref().unwrap()));
    }
    text
}

async fn ends(body: &mut Body) -> String {
    let text = until(body, "event: end").await;
    assert!(body.frame().await.is_none());
    text
}

#[tokio::test(start_paused = true)]
async fn page_is_told_what_changed_and_nothing_else() {
    let place = Place::start().await;
    place.create(rollout(SHOP, "web", json!({"canary": {"steps": [{"setWeight": 50}, {"pause": {}}]}}))).await;
    place.phase("web", "Healthy").await;
    place.settle().await;
    let cookies = place.login("admin").await;
    let mut body = open(&place, "/rollouts/shop/web", &cookies).await;
    let first = until(&mut body, r#""id":"timeline""#).await;
    assert!(first.contains(r#""id":"head""#) && first.contains("Healthy"));
    place.create(rollout("other", "api", json!({"canary": {}}))).await;
    place.change("web", json!({"spec": {"paused": true}})).await;
    let next = until(&mut body, "spec.paused is true").await;
    assert!(!next.contains("api"), "of other releases nothing is told: {next}");
    place.stop().await;
}

#[tokio::test(start_paused = true)]
async fn overview_shows_a_new_release_and_forgets_a_deleted_one() {
    let place = Place::start().await;
    let cookies = place.login("admin").await;
    let mut body = open(&place, "/", &cookies).await;
    until(&mut body, "No releases yet").await;
    place.create(rollout(SHOP, "web", json!({"canary": {}}))).await;
    until(&mut body, "/rollouts/shop/web").await;
    place.rollouts(SHOP).delete("web", &kube::api::DeleteParams::default()).await.unwrap();
    until(&mut body, "No releases yet").await;
    place.stop().await;
}

#[tokio::test(start_paused = true)]
async fn stream_ends_with_its_session() {
    let place = Place::start().await;
    let cookies = place.login("jane").await;
    let mut body = open(&place, "/activity", &cookies).await;
    until(&mut body, "activity").await;
    place.post("/logout", &cookies, "").await;
    ends(&mut body).await;
    let cookies = place.login("jane").await;
    let mut body = open(&place, "/activity", &cookies).await;
    until(&mut body, "activity").await;
    let accounts = json!({"accounts.jane.enabled": "false"});
    let metadata = json!({"name": "argocd-cm", "namespace": "argocd"});
    place.create(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": accounts})).await;
    ends(&mut body).await;
    place.stop().await;
}

#[tokio::test(start_paused = true)]
async fn stream_ends_when_the_session_expires() {
    let place = Place::with(&[("users.session.duration", "2m")].into(), "").await;
    let cookies = place.login("admin").await;
    let mut body = open(&place, "/activity", &cookies).await;
    let begun = tokio::time::Instant::now();
    ends(&mut body).await;
    assert!(begun.elapsed() <= Duration::from_secs(122), "{:?}", begun.elapsed());
    place.stop().await;
}

#[tokio::test(start_paused = true)]
async fn lost_permission_takes_the_release_from_the_stream() {
    let place = Place::with(&[].into(), "p, jane, rollouts, get, shop/*, allow").await;
    place.create(rollout(SHOP, "web", json!({"canary": {}}))).await;
    place.phase("web", "Healthy").await;
    place.settle().await;
    let cookies = place.login("jane").await;
    let mut body = open(&place, "/", &cookies).await;
    until(&mut body, "/rollouts/shop/web").await;
    let metadata = json!({"name": "argocd-rbac-cm", "namespace": "argocd"});
    let data = json!({"policy.csv": ""});
    place.create(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})).await;
    until(&mut body, "No releases yet").await;
    place.stop().await;
}
