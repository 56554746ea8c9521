//! Any HTTP endpoint.

use serde_json::{Value as Json, json};

use super::World;
use crate::server::{Server, json as answer, status};

fn metric(url: &str, more: Json, condition: &str) -> Json {
    let mut web = json!({"url": url});
    web.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"provider": {"web": web}, "successCondition": condition})
}

#[tokio::test]
async fn answers_are_found_by_path() {
    let server = Server::start(|asked| match asked.target.as_str() {
        "/json" => answer(r#"{"data":{"ok":true,"n":0.95,"list":[{"v":1},{"v":2}]},"s":"a<b"}"#),
        "/text" => status(200, "plain hunter2"),
        _ => status(404, "no"),
    })
    .await;
    let world = World::new(&[]);
    let url = |path: &str| format!("{}{path}", server.url());
    let json_at = |path: &str, condition: &str| metric(&url("/json"), json!({"jsonPath": path}), condition);
    world.check(json_at("{$.data.n}", "result > 0.9"), ("Successful", "0.95", "")).await;
    world.check(json_at("{$.data.ok}", "result"), ("Successful", "true", "")).await;
    world.check(json_at("{$.s}", "result == \"a<b\""), ("Successful", "\"a<b\"", "")).await;
    world.check(json_at("{$.data.list[*].v}", "result == 1"), ("Successful", "1", "")).await;
    world
        .check(
            json_at("", "result.data.n < 0.5"),
            ("Failed", r#"{"data":{"list":[{"v":1},{"v":2}],"n":0.95,"ok":true},"s":"a<b"}"#, ""),
        )
        .await;
    world
        .check(json_at("{$.none}", "true"), ("Error", "", "Could not find JSONPath in body: {$.none} is not found"))
        .await;
    world
        .check(json_at("{$.data.list[?(@.v>5)]}", "true"), ("Error", "", "result of web metric produced no value"))
        .await;
    let text = metric(&url("/text"), json!({}), "result contains \"plain\"");
    world.check(text, ("Successful", "plain *****", "")).await;
    let missing = metric(&url("/nope"), json!({}), "true");
    world.check(missing, ("Error", "", "received non 2xx response code: 404")).await;
}

#[tokio::test]
async fn requests_carry_what_the_metric_says() {
    let server = Server::start(|_| answer("1")).await;
    let world = World::new(&[]);
    let headers = json!([{"key": "X-A", "value": "1"}, {"key": "X-A", "value": "2"}]);
    let basic = json!({"basicAuth": {"username": "u", "password": "p"}});
    let more = json!({"method": "POST", "jsonBody": {"a": [1]}, "headers": headers, "authentication": basic});
    world.check(metric(&server.url(), more, "result == 1"), ("Successful", "1", "")).await;
    let put = json!({"method": "PUT", "body": "text"});
    world.check(metric(&server.url(), put, "result == 1"), ("Successful", "1", "")).await;
    let asked = server.asked();
    assert_eq!((asked[0].method.as_str(), asked[0].body.as_str()), ("POST", "{\"a\":[1]}"));
    assert_eq!(asked[0].headers["content-type"], "application/json");
    assert_eq!(asked[0].headers["x-a"], "2");
    assert_eq!(asked[0].headers["authorization"], "Basic dTpw");
    assert_eq!((asked[1].method.as_str(), asked[1].body.as_str()), ("PUT", "text"));
    let refused = |more: Json, text: &'static str| world.check(metric("http://x", more, "true"), ("Error", "", text));
    refused(json!({"body": "x"}), "Body/JSONBody can only be used with POST or PUT WebMetric Method types").await;
    let both = "use either Body or JSONBody; both cannot exists for WebMetric payload";
    refused(json!({"method": "PUT", "body": "x", "jsonBody": {}}), both).await;
}

#[tokio::test]
async fn long_value_is_cut() {
    let server = Server::start(|_| status(200, &"é".repeat(5000))).await;
    let measured = World::new(&[]).measure(metric(&server.url(), json!({}), "len(result) == 5000")).await;
    assert_eq!((measured.phase.as_str(), measured.value.len()), ("Successful", 4096 + '…'.len_utf8()));
}
