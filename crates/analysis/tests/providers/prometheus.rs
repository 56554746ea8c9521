//! Prometheus.

use serde_json::{Value as Json, json};

use super::World;
use crate::server::{Server, json as answer, status};

const VECTOR: &str = r#"{"status":"success","data":{"resultType":"vector","result":[
    {"metric":{"pod":"a"},"value":[1735786000.1,"0.5"]},{"metric":{"pod":"b"},"value":[1735786000.1,"12"]}]}}"#;

fn metric(url: &str, more: Json) -> Json {
    let mut prometheus = json!({"address": url, "query": "up"});
    prometheus.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"provider": {"prometheus": prometheus}, "successCondition": "all(result, # > 0)"})
}

#[tokio::test]
async fn answers_of_every_type_are_read() {
    let server = Server::start(|asked| {
        let result = |kind: &str, result: &str| {
            answer(&format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":{result}}}}}"#))
        };
        match asked.body.split('&').next().unwrap() {
            "query=vector" => answer(VECTOR),
            "query=scalar" => result("scalar", r#"[1,"10"]"#),
            "query=nan" => result("scalar", r#"[1,"NaN"]"#),
            "query=empty" => result("vector", "[]"),
            "query=matrix" => result("matrix", r#"[{"values":[[1,"1"],[2,"2.5"]]},{"values":[[1,"+Inf"]]}]"#),
            _ => result("string", r#"[1,"x"]"#),
        }
    })
    .await;
    let world = World::new(&[]);
    let ask = |query: &str, condition: &str| {
        let mut metric = metric(&server.url(), json!({"query": query}));
        metric["successCondition"] = json!(condition);
        metric
    };
    world.check(ask("vector", "all(result, # > 0)"), ("Successful", "[0.5,12]", "")).await;
    world.check(ask("scalar", "result == 10"), ("Successful", "10", "")).await;
    world.check(ask("nan", "isNaN(result)"), ("Successful", "NaN", "")).await;
    world.check(ask("matrix", "len(result) == 3"), ("Successful", "[1,2.5,+Inf]", "")).await;
    world.check(ask("string", "true"), ("Error", "", "Prometheus metric type not supported")).await;
    let no_data = "could not evaluate successCondition \"result[0] > 1\": metric result is nil or empty: no data returned \
                   from the metric provider";
    world.check(ask("empty", "result[0] > 1"), ("Error", "[]", no_data)).await;
    let empty = world.measure(ask("empty", "len(result) == 0 || result[0] > 1")).await;
    assert_eq!((empty.phase.as_str(), &*empty.metadata["tiphys.dev/outcome"]), ("Successful", "NoData"));
}

#[tokio::test]
async fn query_goes_by_form_and_falls_back_to_the_address() {
    let server = Server::start(|asked| match asked.method.as_str() {
        "POST" if asked.target.contains("/only-get/") => status(405, ""),
        _ => {
            answer(r#"{"status":"success","warnings":["slow","old"],"data":{"resultType":"scalar","result":[1,"1"]}}"#)
        }
    })
    .await;
    let world = World::new(&[("ARGO_ROLLOUTS_PROMETHEUS_ADDRESS", &server.url())]);
    let headers = json!([{"key": "X-Scope-OrgID", "value": "t"}]);
    let basic = json!({"basicAuth": {"username": "u", "password": "p"}});
    let mut first = metric("", json!({"headers": headers, "authentication": basic}));
    first["successCondition"] = json!("result == 1");
    let taken = world.take(first, tiphys_analysis::plan::Due::Run).await;
    assert_eq!(taken.measurement.metadata["warnings"], "\"slow\", \"old\"");
    assert_eq!(taken.metadata["ResolvedPrometheusQuery"], "up");
    let range = json!({"start": "now() - duration(\"1h\")", "end": "now()", "step": "1m30s"});
    let second = metric(&format!("{}/only-get/", server.url()), json!({"rangeQuery": range}));
    world.measure(second).await;
    let asked = server.asked();
    assert_eq!((asked[0].target.as_str(), asked[0].body.as_str()), ("/api/v1/query", "query=up&time=1767323045.250"));
    assert_eq!(asked[0].headers["x-scope-orgid"], "t");
    assert_eq!(asked[0].headers["authorization"], "Basic dTpw");
    let range = "/only-get/api/v1/query_range?query=up&start=1767319445.250&end=1767323045.250&step=90";
    assert_eq!((asked[2].method.as_str(), asked[2].target.as_str()), ("GET", range));
}

#[tokio::test]
async fn errors_are_told_in_upstreams_words() {
    let server = Server::start(|asked| {
        let code = asked.target.split('/').nth(1).unwrap().parse().unwrap();
        status(code, r#"{"status":"error","errorType":"bad_data","error":"parse error: unexpected end"}"#)
    })
    .await;
    let world = World::new(&[]);
    let ask = |code: u16| metric(&format!("{}/{code}", server.url()), json!({}));
    world.check(ask(400), ("Error", "", "bad_data: parse error: unexpected end")).await;
    world.check(ask(422), ("Error", "", "bad_data: parse error: unexpected end")).await;
    world.check(ask(404), ("Error", "", "client_error: client error: 404")).await;
    world.check(ask(503), ("Error", "", "server_error: server error: 503")).await;
    let refused = |more: Json, text: &'static str| world.check(metric("http://x", more), ("Error", "", text));
    refused(json!({"address": ""}), "prometheus address is not configured").await;
    refused(json!({"address": "x:9090"}), "prometheus address is not is url format").await;
    refused(json!({"timeout": -1}), "prometheus timeout should not be negative").await;
    let missing = "missing mandatory parameter in metric for basic auth setup: password";
    refused(json!({"authentication": {"basicAuth": {"username": "u"}}}), missing).await;
    let missing = "missing mandatory parameter in metric for OAuth2 setup";
    refused(json!({"authentication": {"oauth2": {"tokenUrl": "http://t"}}}), missing).await;
    let range = |start: &str| json!({"rangeQuery": {"start": start, "end": "now()", "step": "1m"}});
    refused(range("1"), "failed to parse rangeQuery.start as time: expected time.Time, but got int").await;
    refused(range("x"), "failed to parse rangeQuery.start as time: unknown name x").await;
}

#[tokio::test]
async fn token_is_asked_for_with_the_header_and_then_with_the_form() {
    let server = Server::start(|asked| match (asked.target.as_str(), asked.headers.contains_key("authorization")) {
        ("/token", true) => status(401, "{}"),
        ("/token", false) => answer(r#"{"access_token":"tok","token_type":"bearer"}"#),
        _ => answer(VECTOR),
    })
    .await;
    let world = World::new(&[]);
    let token_url = format!("{}/token", server.url());
    let oauth2 = json!({"tokenUrl": token_url, "clientId": "id", "clientSecret": "hunter2", "scopes": ["a", "b"]});
    let measured = world.measure(metric(&server.url(), json!({"authentication": {"oauth2": oauth2}}))).await;
    assert_eq!(measured.phase, "Successful", "{}", measured.message);
    let asked = server.asked();
    assert_eq!(asked[0].headers["authorization"], "Basic aWQ6aHVudGVyMg==");
    assert_eq!(asked[0].body, "grant_type=client_credentials&scope=a+b");
    assert_eq!(asked[1].body, "grant_type=client_credentials&scope=a+b&client_id=id&client_secret=hunter2");
    assert_eq!(asked[2].headers["authorization"], "Bearer tok");
}
