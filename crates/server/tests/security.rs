//! What people with bad intentions send.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use serde_json::json;

use crate::place::{Place, SHOP, rollout};

const ACT: &str = "/rollouts/shop/web/actions/pause";

async fn raw(place: &Place, path: &str, headers: &[(&str, &str)], body: &str) -> StatusCode {
    let mut request = Request::builder().method(Method::POST).uri(path).header("host", "tiphys.test");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    place.send(request.body(Body::from(body.to_owned())).unwrap()).await.status
}

#[tokio::test(start_paused = true)]
async fn only_pages_of_ours_may_post() {
    let place = Place::start().await;
    place.create(rollout(SHOP, "web", json!({"canary": {}}))).await;
    place.phase("web", "Healthy").await;
    place.settle().await;
    let cookies = place.login("admin").await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    let cookie = ("cookie", cookies.as_str());
    for (name, headers, expected) in [
        ("another site", vec![form, cookie, ("sec-fetch-site", "cross-site")], StatusCode::FORBIDDEN),
        ("another host of the site", vec![form, cookie, ("sec-fetch-site", "same-site")], StatusCode::FORBIDDEN),
        ("typed", vec![form, cookie, ("sec-fetch-site", "none")], StatusCode::FORBIDDEN),
        ("another origin", vec![form, cookie, ("origin", "https://evil.test")], StatusCode::FORBIDDEN),
        ("another port", vec![form, cookie, ("origin", "http://tiphys.test:81")], StatusCode::FORBIDDEN),
        ("no origin", vec![form, cookie, ("origin", "null")], StatusCode::FORBIDDEN),
        ("nothing said", vec![form, cookie], StatusCode::FORBIDDEN),
        (
            "plain text",
            vec![("content-type", "text/plain"), cookie, ("sec-fetch-site", "same-origin")],
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            "JSON in a form's place",
            vec![("content-type", "application/json"), cookie, ("sec-fetch-site", "same-origin")],
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        ("no type", vec![cookie, ("sec-fetch-site", "same-origin")], StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("not logged in", vec![form, ("sec-fetch-site", "same-origin")], StatusCode::SEE_OTHER),
    ] {
        assert_eq!(raw(&place, ACT, &headers, "").await, expected, "{name}");
    }
    let json_type = ("content-type", "application/json");
    let api = "/api/v1/releases/shop/web/actions/pause";
    for (name, headers, expected) in [
        ("cookie without origin", vec![json_type, cookie], StatusCode::FORBIDDEN),
        ("form", vec![form, cookie, ("sec-fetch-site", "same-origin")], StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        assert_eq!(raw(&place, api, &headers, "{}").await, expected, "{name}");
    }
    let object = place.phase("web", "Healthy").await;
    assert!(object["spec"]["paused"].is_null(), "nothing was done");
    assert_eq!(raw(&place, ACT, &[form, cookie, ("origin", "http://tiphys.test")], "").await, StatusCode::SEE_OTHER);
    let token = cookies.split(';').next().unwrap().strip_prefix("argocd.token=").unwrap();
    let bearer = format!("Bearer {token}");
    let resume = "/api/v1/releases/shop/web/actions/resume";
    let headers = [json_type, ("authorization", bearer.as_str())];
    assert_eq!(raw(&place, resume, &headers, "{}").await, StatusCode::OK, "a program with a token");
    place.stop().await;
}

#[tokio::test(start_paused = true)]
async fn every_answer_carries_the_headers() {
    let place = Place::start().await;
    let cookies = place.login("admin").await;
    for (path, cookies) in
        [("/", &*cookies), ("/", ""), ("/login", ""), ("/api/v1/releases", &*cookies), ("/assets/no", "")]
    {
        let answer = place.get(path, cookies).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{path}: {policy}");
        assert!(
            policy.contains("frame-ancestors 'none'")
                && policy.contains("base-uri 'none'")
                && !policy.contains("unsafe")
        );
        for (name, expected) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), expected, "{path} {name}");
        }
    }
    let page = place.get("/", &cookies).await.text;
    assert!(!page.contains(" style=") && !page.contains("<style") && !page.contains(" onclick"), "nothing is inline");
    place.stop().await;
}

#[tokio::test(start_paused = true)]
async fn bodies_are_bounded_before_a_login() {
    let place = Place::start().await;
    let large = "x".repeat(100_000);
    let answer = place.post("/login", "", &format!("name=admin&password={large}")).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let body = json!({"username": "admin", "password": large});
    let answer = place.call(Method::POST, "/api/v1/session", "", &body).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    place.stop().await;
}

#[tokio::test(start_paused = true)]
async fn names_and_messages_are_text() {
    const EVIL: &str = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'>";
    let place = Place::start().await;
    let mut object = rollout(SHOP, "web", json!({"canary": {"steps": [{"setWeight": 50}, {"pause": {}}]}}));
    object["spec"]["template"]["spec"]["containers"][0]["image"] = json!(format!("web:{EVIL}"));
    object["metadata"]["annotations"] =
        json!({"link.argocd.argoproj.io/external-link": "javascript:alert(1)", "x": EVIL});
    place.create(object).await;
    place.settle().await;
    let event = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "evil", "namespace": SHOP},
        "involvedObject": {"kind": "Rollout", "namespace": SHOP, "name": "web"},
        "reason": EVIL, "message": EVIL, "type": "Warning",
    });
    place.create(event).await;
    place.settle().await;
    let cookies = place.login("admin").await;
    for path in [
        "/",
        "/activity",
        "/rollouts/shop/web",
        "/rollouts/shop/web/actions/set-image",
        "/?q=%3Cscript%3Ealert(2)%3C/script%3E",
        "/rollouts/shop/%3Cscript%3E",
        "/restarts/new?label=%22%3E%3Cscript%3Ealert(2)",
    ] {
        let page = place.get(path, &cookies).await.text;
        let begins: Vec<&str> =
            page.match_indices("<script").map(|(at, _)| &page[at..page.len().min(at + 20)]).collect();
        assert!(begins.iter().all(|begin| begin.starts_with("<script src=\"/asset")), "{path}: {begins:?}");
        assert!(!page.contains("<img") && !page.contains("href=\"javascript:"), "{path}");
    }
    let login = place.post("/login", "", "name=%22%3E%3Cscript%3E&password=x&next=javascript:alert(1)").await.text;
    assert!(!login.contains("\"><script>") && !login.contains("javascript:"), "{login}");
    place.stop().await;
}

#[tokio::test(start_paused = true)]
async fn foreign_tokens_are_refused() {
    let place = Place::start().await;
    for token in ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJhcmdvY2QiLCJzdWIiOiJhZG1pbjpsb2dpbiIsImlhdCI6MX0."]
    {
        let answer = place.get("/", &format!("argocd.token={token}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{token}");
    }
    let cookies = place.login("admin").await;
    let device = cookies.split("tiphys.device=").nth(1).unwrap();
    let answer = place.get("/", &format!("argocd.token={device}")).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "the mark of a browser is no session");
    place.stop().await;
}
