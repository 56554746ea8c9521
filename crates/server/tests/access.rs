//! Who sees what.

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::place::{Place, SHOP, rollout};

const POLICY: &str = "p, jane, rollouts, get, shop/*, allow\np, jane, rollouts, pause, shop/*, allow\n";

async fn two_namespaces() -> Place {
    let place = Place::with(&BTreeMap::new(), POLICY).await;
    place.create(rollout(SHOP, "web", json!({"canary": {}}))).await;
    place.create(rollout("other", "secret-name", json!({"canary": {}}))).await;
    place.phase("web", "Healthy").await;
    place.settle().await;
    place
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_seen_is_nowhere() {
    let place = two_namespaces().await;
    let (jane, bob) = (place.login("jane").await, place.login("bob").await);
    for path in [
        "/",
        "/activity",
        "/restarts",
        "/restarts/new",
        "/restarts/new?namespace=other",
        "/api/v1/releases",
        "/api/v1/namespace",
        "/api/v1/rollouts/other/info",
        "/?q=secret",
    ] {
        let text = place.get(path, &jane).await.text;
        assert!(!text.contains("secret-name") && !text.contains("value=\"other\""), "{path}: {text}");
    }
    assert!(place.get("/", &jane).await.text.contains("/rollouts/shop/web"));
    assert!(!place.get("/", &bob).await.text.contains("/rollouts/shop/web"));
    assert!(!place.get("/activity", &bob).await.text.contains("Rollout"));
    assert!(place.get("/settings", &bob).await.text.contains("bob"));
    assert!(!place.get("/settings", &bob).await.text.contains("jane"));
    place.stop().await;
}

#[tokio::test(start_paused = true)]
async fn answers_do_not_tell_what_exists() {
    let place = two_namespaces().await;
    let jane = place.login("jane").await;
    for (there, not_there) in [
        ("/rollouts/other/secret-name", "/rollouts/other/no-such-one"),
        ("/rollouts/other/secret-name/actions/pause", "/rollouts/other/no-such-one/actions/pause"),
        ("/api/v1/releases/other/secret-name", "/api/v1/releases/other/no-such-one"),
        ("/api/v1/rollouts/other/secret-name/info", "/api/v1/rollouts/other/no-such-one/info"),
        ("/api/v1/rollouts/other/secret-name/info/watch", "/api/v1/rollouts/other/no-such-one/info/watch"),
    ] {
        let (a, b) = (place.get(there, &jane).await, place.get(not_there, &jane).await);
        assert_eq!((a.status, &a.text), (StatusCode::NOT_FOUND, &b.text), "{there}");
        assert_eq!(b.status, StatusCode::NOT_FOUND);
    }
    let (there, not_there) =
        ("/api/v1/releases/other/secret-name/actions/pause", "/api/v1/releases/other/x/actions/pause");
    let a = place.call(Method::POST, there, &jane, &json!({})).await;
    let b = place.call(Method::POST, not_there, &jane, &json!({})).await;
    assert_eq!((a.status, &a.text), (StatusCode::NOT_FOUND, &b.text));
    place.stop().await;
}

#[tokio::test(start_paused = true)]
async fn only_what_is_allowed_can_be_done_and_the_menu_says_why() {
    let place = two_namespaces().await;
    let jane = place.login("jane").await;
    let page = place.get("/rollouts/shop/web", &jane).await.text;
    assert!(page.contains("rollouts, restart` in argocd-rbac-cm allows it"), "{page}");
    let answer = place.post("/rollouts/shop/web/actions/restart", &jane, "").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let body = json!({});
    for (method, path, expected) in [
        (Method::POST, "/api/v1/releases/shop/web/actions/restart", StatusCode::FORBIDDEN),
        (Method::PUT, "/api/v1/rollouts/shop/web/restart", StatusCode::FORBIDDEN),
        (Method::PUT, "/api/v1/rollouts/shop/web/set/web/nginx/1.27", StatusCode::FORBIDDEN),
        (Method::POST, "/api/v1/releases/shop/web/actions/pause", StatusCode::OK),
        (Method::POST, "/api/v1/releases/shop/web/actions/nonsense", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(place.call(method, path, &jane, &body).await.status, expected, "{path}");
    }
    let object = place.phase("web", "Paused").await;
    assert!(object["spec"]["restartAt"].is_null() && object["spec"]["paused"] == true);
    place.stop().await;
}
