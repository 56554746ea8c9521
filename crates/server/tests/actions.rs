//! Every action, by the form of its page.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::place::{Place, SHOP, rollout, template};

async fn act(place: &Place, cookies: &str, action: &str, form: &str) {
    let path = format!("/rollouts/shop/web/actions/{action}");
    let sheet = place.get(&path, cookies).await;
    assert!(
        sheet.status == StatusCode::OK && sheet.text.contains("The same in a terminal"),
        "{action}: {}",
        sheet.text
    );
    let answer = place.post(&path, cookies, form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{action}: {}", answer.text);
    assert_eq!(answer.header("location"), format!("/rollouts/shop/web?done={action}"));
    place.settle().await;
}

#[tokio::test(start_paused = true)]
async fn canary_is_steered_by_forms_alone() {
    let place = Place::start().await;
    place.paused_canary("web").await;
    let cookies = place.login("admin").await;
    let page = place.get("/rollouts/shop/web", &cookies).await.text;
    assert!(page.contains("Waits for a person") && page.contains("pause without end"), "{page}");
    act(&place, &cookies, "promote", "").await;
    place
        .until("web", |object| object["status"]["currentStepIndex"] == 3 && object["status"]["phase"] == "Paused")
        .await;
    act(&place, &cookies, "abort", "").await;
    place.phase("web", "Degraded").await;
    act(&place, &cookies, "retry", "").await;
    place
        .until("web", |object| object["status"]["currentStepIndex"] == 1 && object["status"]["phase"] == "Paused")
        .await;
    act(&place, &cookies, "pause", "").await;
    place.until("web", |object| object["spec"]["paused"] == true).await;
    act(&place, &cookies, "resume", "").await;
    act(&place, &cookies, "promote-full", "").await;
    place.phase("web", "Healthy").await;
    act(&place, &cookies, "set-image", "container=web&image=web%3A3").await;
    place.until("web", |object| object["status"]["phase"] == "Paused" && image(object) == "web:3").await;
    act(&place, &cookies, "undo", "revision=2").await;
    place.until("web", |object| object["status"]["phase"] == "Healthy" && image(object) == "web:2").await;
    let activity = place.get("/activity", &cookies).await.text;
    for action in ["promote", "abort", "retry", "pause", "resume", "promote-full", "set-image", "undo"] {
        assert!(activity.contains(&format!("admin ran action {action} on resource")), "{action}");
    }
    place.stop().await;
}

fn image(object: &Value) -> &str {
    object["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap()
}

#[tokio::test(start_paused = true)]
async fn restart_recreates_pods_and_can_be_cancelled() {
    let place = Place::start().await;
    place.create(rollout(SHOP, "web", json!({"canary": {}}))).await;
    place.phase("web", "Healthy").await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    let cookies = place.login("admin").await;
    act(&place, &cookies, "restart", "surge=true").await;
    let object = place.until("web", |object| object["status"]["restartedAt"] == object["spec"]["restartAt"]).await;
    assert_eq!(object["metadata"]["annotations"]["tiphys.dev/restart"], "surge");
    act(&place, &cookies, "restart", "at=2099-01-01T00%3A00").await;
    let object = place.until("web", |object| object["spec"]["restartAt"] == "2099-01-01T00:00:00Z").await;
    let page = place.get("/restarts", &cookies).await.text;
    assert!(page.contains("Restart of 2 pods in"), "{page}");
    act(&place, &cookies, "cancel-restart", "").await;
    place.until("web", |now| now["spec"]["restartAt"] == object["status"]["restartedAt"]).await;
    place.stop().await;
}

#[tokio::test(start_paused = true)]
async fn several_are_restarted_at_once() {
    let place = Place::start().await;
    for name in ["web", "api"] {
        let mut object = rollout(SHOP, name, json!({"canary": {}}));
        object["metadata"]["labels"] = json!({"team": "shop"});
        place.create(object).await;
        place.phase(name, "Healthy").await;
    }
    place.create(rollout(SHOP, "lone", json!({"canary": {}}))).await;
    place.phase("lone", "Healthy").await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    let cookies = place.login("admin").await;
    let form = place.get("/restarts/new?label=team%3Dshop", &cookies).await.text;
    assert!(form.contains("Restart 2 releases") && !form.contains("shop/lone"), "{form}");
    assert!(!place.get("/restarts/new", &cookies).await.text.contains("This will happen"), "nothing is chosen yet");
    let answer = place.post("/restarts/new", &cookies, "label=team%3Dshop").await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/restarts"));
    for name in ["web", "api"] {
        place.until(name, |object| !object["status"]["restartedAt"].is_null()).await;
    }
    assert!(place.phase("lone", "Healthy").await["spec"]["restartAt"].is_null());
    place.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_sense_is_explained_and_refused() {
    let place = Place::start().await;
    place.create(rollout(SHOP, "web", json!({"canary": {}}))).await;
    place.phase("web", "Healthy").await;
    place.settle().await;
    let cookies = place.login("admin").await;
    let page = place.get("/rollouts/shop/web", &cookies).await.text;
    assert!(page.contains("No update is under way"), "a disabled entry explains itself");
    for (action, form, expected) in [
        ("promote", "", "No update is under way"),
        ("retry", "", "The update is not aborted"),
        ("set-image", "container=nobody&image=x", "Unable to find container named"),
        ("set-image", "container=web&image=", "No image is named"),
        ("undo", "revision=7", "No earlier revision is kept"),
    ] {
        let answer = place.post(&format!("/rollouts/shop/web/actions/{action}"), &cookies, form).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{action}");
        assert!(answer.text.contains(expected), "{action}: {}", answer.text);
    }
    let api = place.call(Method::POST, "/api/v1/releases/shop/web/actions/promote", &cookies, &json!({})).await;
    assert_eq!(api.status, StatusCode::CONFLICT);
    let wrong =
        place.call(Method::POST, "/api/v1/releases/shop/web/actions/restart", &cookies, &json!({"surg": 1})).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    place.stop().await;
}

#[tokio::test(start_paused = true)]
async fn api_lists_the_actions_of_the_menu_and_does_them() {
    let place = Place::start().await;
    place.paused_canary("web").await;
    let cookies = place.login("admin").await;
    let actions = place.get("/api/v1/releases/shop/web/actions", &cookies).await.json();
    let promote = &actions["items"][0];
    assert_eq!((&promote["name"], &promote["possible"]), (&json!("promote"), &json!(true)));
    assert_eq!(promote["effect"], "ends the pause and goes on with step 3 of 4 (setWeight 75)");
    assert_eq!(promote["command"], "tiphys promote web -n shop");
    let one = place.get("/api/v1/releases/shop/web", &cookies).await.json();
    assert_eq!((&one["urgency"], &one["step"], &one["weight"]), (&json!("needsDecision"), &json!("1/4"), &json!(50)));
    let images = json!({"images": [["web", "web:9"]]});
    let done = place.call(Method::POST, "/api/v1/releases/shop/web/actions/set-image", &cookies, &images).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    place
        .until("web", |object| object["spec"]["template"] == template("web", "web:9") || image(object) == "web:9")
        .await;
    let document = place.get("/api/openapi.json", &cookies).await.json();
    let path = &document["paths"]["/api/v1/releases/{namespace}/{name}/actions/{action}"]["post"];
    assert_eq!(path["parameters"][2]["schema"]["enum"][0], "promote");
    place.stop().await;
}
