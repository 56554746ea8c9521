//! Logging in and out.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::place::Place;

#[tokio::test(start_paused = true)]
async fn nothing_is_readable_without_a_login() {
    let place = Place::start().await;
    for path in ["/", "/rollouts/shop/web", "/restarts", "/activity", "/settings", "/restarts/new", "/nonsense"] {
        let answer = place.get(path, "").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert!(answer.header("location").starts_with("/login") && answer.text.is_empty(), "{path}");
    }
    for path in [
        "/live?page=/",
        "/api/openapi.json",
        "/api/v1/releases",
        "/api/v1/rollouts/shop/info",
        "/api/v1/namespace",
        "/api/v1/version",
        "/api/v1/rollouts/shop/info/watch",
        "/api/v1/nonsense",
    ] {
        let answer = place.get(path, "").await;
        assert_eq!(
            (answer.status, answer.json()["message"].clone()),
            (StatusCode::UNAUTHORIZED, json!("log in first"))
        );
    }
    assert_eq!(place.get("/healthz", "").await.text, "ok");
    place.stop().await;
}

#[tokio::test(start_paused = true)]
async fn right_password_lets_in_and_logout_ends_the_session() {
    let place = Place::start().await;
    let form = place.get("/login?next=%2Factivity", "").await;
    assert!(form.text.contains(r#"name="next" value="/activity""#));
    let answer = place.post("/login", "", "name=jane&password=open+sesame&next=%2Factivity").await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/activity"));
    let set = answer.header("set-cookie");
    assert!(set.starts_with("argocd.token=") && set.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{set}");
    let cookies = answer.cookies();
    assert!(place.get("/settings", &cookies).await.text.contains("jane"));
    assert_eq!(place.post("/logout", &cookies, "").await.status, StatusCode::SEE_OTHER);
    assert_eq!(place.get("/settings", &cookies).await.status, StatusCode::SEE_OTHER, "the token is revoked");
    place.stop().await;
}

#[tokio::test(start_paused = true)]
async fn wrong_names_and_passwords_are_answered_alike() {
    let place = Place::start().await;
    let mut texts = Vec::new();
    for form in ["name=admin&password=wrong", "name=nobody&password=open+sesame", "name=admin&password="] {
        let answer = place.post("/login", "", form).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{form}");
        texts.push(answer.text.replace("nobody", "admin"));
    }
    assert!(texts.windows(2).all(|pair| pair[0] == pair[1]));
    for body in [json!({"username": "admin", "password": "wrong"}), json!({"username": "nobody", "password": "x"})] {
        let answer = place.call(Method::POST, "/api/v1/session", "", &body).await;
        assert_eq!(
            (answer.status, answer.json()["message"].clone()),
            (StatusCode::UNAUTHORIZED, json!("Invalid username or password"))
        );
    }
    place.stop().await;
}

#[tokio::test(start_paused = true)]
async fn guessing_closes_the_way_for_strangers_but_not_for_known_browsers() {
    let place = Place::start().await;
    let known = place.login("admin").await;
    for _ in 0..5 {
        assert_eq!(place.post("/login", "", "name=admin&password=guess").await.status, StatusCode::UNAUTHORIZED);
    }
    let right = "name=admin&password=open+sesame";
    assert_eq!(place.post("/login", "", right).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(place.post("/login", "", "name=jane&password=open+sesame").await.status, StatusCode::SEE_OTHER);
    assert_eq!(place.post("/login", &known, right).await.status, StatusCode::SEE_OTHER, "this browser was here before");
    tokio::time::sleep(Duration::from_secs(301)).await;
    assert_eq!(place.post("/login", "", right).await.status, StatusCode::SEE_OTHER);
    place.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_time_link_lets_in_once() {
    let place = Place::start().await;
    assert_eq!(place.get("/login/link?token=guess", "").await.status, StatusCode::UNAUTHORIZED);
    let path = place.link.path();
    let first = place.get(&path, "").await;
    assert_eq!(first.status, StatusCode::SEE_OTHER);
    assert_eq!(place.get("/", &first.cookies()).await.status, StatusCode::OK);
    let second = place.get(&path, "").await;
    assert_eq!(second.status, StatusCode::UNAUTHORIZED);
    assert!(second.text.contains("used already") && second.cookies().is_empty());
    place.stop().await;
}

#[tokio::test(start_paused = true)]
async fn session_ends_after_a_day_and_with_a_new_password() {
    let place = Place::start().await;
    let cookies = place.login("jane").await;
    assert_eq!(place.get("/", &cookies).await.status, StatusCode::OK);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let changed = place.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    place
        .create(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "argocd-secret", "namespace": "argocd"},
            "stringData": {"accounts.jane.passwordMtime": changed},
        }))
        .await;
    place.settle().await;
    assert_eq!(place.get("/", &cookies).await.status, StatusCode::SEE_OTHER, "the password was changed");
    let cookies = place.login("jane").await;
    tokio::time::sleep(Duration::from_secs(24 * 3600 + 1)).await;
    assert_eq!(place.get("/", &cookies).await.status, StatusCode::SEE_OTHER, "it has expired");
    place.stop().await;
}
