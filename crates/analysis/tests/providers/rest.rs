//! New Relic, Wavefront, Kayenta, Graphite, InfluxDB, SkyWalking and plugins.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::{Value as Json, json};
use tiphys_analysis::{
    http::{Fetch, FetchError, Request, Response},
    plan::Due,
};

use super::World;
use crate::server::{Server, json as answer, status};

#[tokio::test]
async fn graphite_is_asked_to_render() {
    let server = Server::start(|asked| match asked.target.split("target=").nth(1) {
        Some("empty") => answer("[]"),
        Some("bad") => status(400, "no such function"),
        _ => answer(
            r#"[{"target":"t","datapoints":[[1,10],[null,20],["2.5",30]]},{"target":"u","datapoints":[[9,10]]}]"#,
        ),
    })
    .await;
    let world = World::new(&[]);
    let ask = |query: &str, condition: &str| {
        json!({"provider": {"graphite": {"address": format!("{}/g/", server.url()), "query": query}},
            "successCondition": condition})
    };
    let spaced = "target=sumSeries(a, b)\n &from=-5min";
    world.check(ask(spaced, "result == [1, 2.5]"), ("Successful", "[1.000000,2.500000]", "")).await;
    assert_eq!(server.asked()[0].target, "/g/render?format=json&from=-5min&target=sumSeries%28a%2Cb%29");
    world.check(ask("target=empty", "result[0] > 1"), ("Error", "", "no values found")).await;
    world.check(ask("target=empty", "len(result) == 0"), ("Successful", "", "")).await;
    world.check(ask("target=empty", ""), ("Error", "", "no values found")).await;
    world.check(ask("target=bad", "true"), ("Error", "", "error response: no such function")).await;
    let wrong = json!({"provider": {"graphite": {"address": "", "query": "q"}}});
    world.check(wrong, ("Error", "", "Graphite address  is not a valid URL")).await;
}

#[tokio::test]
async fn influxdb_answers_by_annotated_csv() {
    let csv = "#datatype,string,long,double\r\n#group,false,false,false\r\n#default,_result,,\r\n,result,table,_value\r\n\
               ,,0,10\r\n,,0,11\r\n\r\n";
    let server = Server::start(move |asked| match asked.body.as_str() {
        body if body.contains("empty") => status(200, "\r\n"),
        body if body.contains("bad") => status(400, r#"{"code":"invalid","message":"compilation failed"}"#),
        _ => status(200, csv),
    })
    .await;
    let world = World::new(&[]);
    let ask =
        |query: &str| json!({"provider": {"influxdb": {"query": query}}, "successCondition": "all(result, # >= 10)"});
    world.check(ask("q"), ("Error", "", "secrets \"influxdb\" not found")).await;
    world.secret("influxdb", &[("address", &server.url()), ("authToken", "tok"), ("org", "my org")]).await;
    world.check(ask("from(bucket: \"b\")"), ("Successful", "[10 11]", "")).await;
    world.check(ask("bad"), ("Error", "", "invalid: compilation failed")).await;
    let mut empty = ask("empty");
    empty["successCondition"] = json!("result[0] > 1");
    world.check(empty, ("Error", "", "no results returned from flux query")).await;
    let asked = &server.asked()[0];
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/api/v2/query?org=my+org"));
    assert_eq!(asked.headers["authorization"], "Token tok");
    let body: Json = serde_json::from_str(&asked.body).unwrap();
    assert_eq!((&body["query"], &body["type"]), (&json!("from(bucket: \"b\")"), &json!("flux")));
    world.secret("half", &[("address", "a")]).await;
    let half = json!({"provider": {"influxdb": {"query": "q", "profile": "half"}}});
    world.check(half, ("Error", "", "authToken, org, or address not found")).await;
}

#[tokio::test]
async fn skywalking_answers_by_graphql() {
    let server = Server::start(|asked| match asked.body.as_str() {
        body if body.contains("wrong") => answer(r#"{"errors":[{"message":"no such field"}]}"#),
        body if body.contains("nothing") => answer(r#"{"data":null}"#),
        _ => answer(r#"{"data":{"service_apdex":{"values":[{"value":9900}]}}}"#),
    })
    .await;
    let world = World::new(&[]);
    let ask = |query: &str, interval: &str| {
        json!({"provider": {"skywalking": {"address": server.url(), "query": query, "interval": interval}},
            "successCondition": "result.service_apdex.values[0].value > 9000"})
    };
    let value = r#"{"service_apdex":{"values":[{"value":9900}]}}"#;
    world.check(ask("query q", "3m"), ("Successful", value, "")).await;
    let body: Json = serde_json::from_str(&server.asked()[0].body).unwrap();
    let duration = json!({"start": "2026-01-02 0301", "end": "2026-01-02 0304", "step": "MINUTE"});
    assert_eq!(body, json!({"query": "query q", "variables": {"duration": duration}}));
    world.check(ask("wrong", "3m"), ("Error", "", "graphql: no such field")).await;
    world.check(ask("nothing", "3m"), ("Error", "", "no results returned from SkyWalking query")).await;
    world.check(ask("q", ""), ("Error", "", "time: invalid duration \"\"")).await;
}

#[tokio::test]
async fn new_relic_answers_by_nerdgraph() {
    let rows = |rows: &str| answer(&format!(r#"{{"data":{{"actor":{{"account":{{"nrql":{{"results":{rows}}}}}}}}}}}"#));
    let server = Server::start(move |asked| match asked.body.as_str() {
        body if body.contains("many") => rows(r#"[{"count":1},{"count":2}]"#),
        body if body.contains("none") => rows("[]"),
        body if body.contains("blank") => rows("[{}]"),
        body if body.contains("wrong") => answer(r#"{"errors":[{"message":"a"},{"message":"b"}]}"#),
        body if body.contains("denied") => status(401, ""),
        _ => rows(r#"[{"count":12.5}]"#),
    })
    .await;
    let world = World::new(&[]);
    world
        .secret("newrelic", &[("personal-api-key", "key"), ("account-id", "42"), ("base-url-nerdgraph", &server.url())])
        .await;
    let ask = |query: &str, condition: &str| json!({"provider": {"newRelic": {"query": query}}, "successCondition": condition});
    world.check(ask("one", "result.count > 10"), ("Successful", r#"{"count":12.5}"#, "")).await;
    world.check(ask("many", "result[1].count == 2"), ("Successful", r#"[{"count":1},{"count":2}]"#, "")).await;
    let nothing = "no results returned from NRQL query";
    world.check(ask("none", "result.count > 10"), ("Error", "", nothing)).await;
    world.check(ask("blank", "result.count > 10"), ("Error", "", nothing)).await;
    world.check(ask("wrong", "true"), ("Error", "", "a, b")).await;
    world.check(ask("denied", "true"), ("Error", "", "401 response returned")).await;
    let asked = &server.asked()[0];
    assert_eq!(asked.headers["api-key"], "key");
    let body: Json = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(body["variables"], json!({"accountId": 42, "query": "one", "timeout": 5}));
    let negative = json!({"provider": {"newRelic": {"query": "q", "timeout": -1}}});
    world.check(negative, ("Error", "", "timeout value needs to be a positive value")).await;
    world.secret("bad", &[("personal-api-key", "key")]).await;
    let bad = json!({"provider": {"newRelic": {"query": "q", "profile": "bad"}}});
    world.check(bad, ("Error", "", "account ID or personal API key not found")).await;
}

#[tokio::test]
async fn wavefront_takes_the_nearest_point() {
    let server = Server::start(|asked| match asked.target.as_str() {
        target if target.contains("q=none") => answer(r#"{"timeseries":[]}"#),
        target if target.contains("q=bad") => status(400, "nope"),
        target if target.contains("q=two") => answer(
            r#"{"warnings":"old","timeseries":[{"data":[[1767323000,1],[1767323046,2]]},{"data":[[1767323045,7]]}]}"#,
        ),
        _ => answer(r#"{"timeseries":[{"data":[[1767323000,1],[1767323046,2.345],[1767323060,3]]}]}"#),
    })
    .await;
    let mut world = World::new(&[]);
    world.services.fetch = Arc::new(Elsewhere { server: server.clone(), client: world.services.fetch.clone() });
    world.secret("wavefront-api-tokens", &[("w.example", "tok")]).await;
    let ask = |query: &str, condition: &str| json!({"provider": {"wavefront": {"address": "w.example", "query": query}}, "successCondition": condition});
    let one = world.measure(ask("one", "result > 2")).await;
    assert_eq!((one.phase.as_str(), one.value.as_str()), ("Successful", "2.35"));
    assert_eq!((&*one.metadata["timestamps"], &*one.metadata["drift"]), ("1767323046", "1"));
    let two = world.measure(ask("two", "result == [2, 7]")).await;
    assert_eq!((two.phase.as_str(), two.value.as_str()), ("Successful", "[2.00,7.00]"));
    let metadata = ["timestamps", "drift", "warnings"].map(|key| two.metadata[key].as_str());
    assert_eq!(metadata, ["[1767323046,1767323045]", "[1,0]", "old"]);
    let nothing = "No TimeSeries found in response from Wavefront";
    world.check(ask("none", "result > 2"), ("Error", "", nothing)).await;
    world.check(ask("bad", "true"), ("Error", "", "server returned 400 Bad Request\nnope\n")).await;
    let target = "/api/v2/chart/api?q=one&s=1767323045000&e=1767323045000&p=1&g=s&i=true&autoEvents=false&listMode=false&\
                  strict=false&includeObsoleteMetrics=false";
    let asked = &server.asked()[0];
    assert_eq!((asked.target.as_str(), asked.headers["authorization"].as_str()), (target, "Bearer tok"));
    let missing = json!({"provider": {"wavefront": {"address": "other", "query": "q"}}});
    world.check(missing, ("Error", "", "API token not found")).await;
}

/// Sends what is meant for an address of HTTPS to a server of ours.
struct Elsewhere {
    server: Server,
    client: Arc<dyn Fetch>,
}

impl Fetch for Elsewhere {
    fn fetch(&self, request: Request) -> BoxFuture<'_, Result<Response, FetchError>> {
        assert_eq!(request.uri.scheme_str(), Some("https"));
        let target = request.uri.path_and_query().unwrap().as_str();
        let uri = format!("{}{target}", self.server.url()).parse().unwrap();
        self.client.fetch(Request { uri, ..request })
    }
}

#[tokio::test]
async fn kayenta_is_begun_and_asked_again() {
    let server = Server::start(|asked| match (asked.method.as_str(), asked.target.split('?').next().unwrap()) {
        ("GET", "/canaryConfig") => answer(r#"[{"name":"other","id":"0"},{"name":"config","id":"7f"}]"#),
        ("POST", "/canary/7f") => answer(r#"{"canaryExecutionId":"ex1"}"#),
        ("GET", "/canary/ex1") => answer(r#"{"complete":true,"result":{"judgeResult":{"score":{"score":72.9}}}}"#),
        ("GET", "/canary/ex2") => answer(r#"{"complete":false}"#),
        ("GET", "/canary/ex3") => answer("{}"),
        _ => status(500, ""),
    })
    .await;
    let world = World::new(&[]);
    let side = |scope: &str| json!({"scope": scope, "region": "r", "step": 60});
    let metric = |name: &str| {
        json!({"interval": "5m", "provider": {"kayenta": {
            "address": server.url(), "application": "app", "canaryConfigName": name, "metricsAccountName": "ma",
            "configurationAccountName": "ca", "storageAccountName": "sa", "threshold": {"pass": 90, "marginal": 70},
            "scopes": [{"name": "default", "controlScope": side("base"), "experimentScope": side("canary")}],
        }}})
    };
    world.check(metric("none"), ("Error", "", "Canary config not found")).await;
    let begun = world.measure(metric("config")).await;
    assert_eq!((begun.phase.as_str(), begun.metadata["canaryExecutionId"].as_str()), ("Running", "ex1"));
    assert_eq!(begun.resume_at.as_ref().unwrap().0.to_string(), "2026-01-02T03:04:20.25Z");
    let posted: Json = serde_json::from_str(&server.asked().last().unwrap().body).unwrap();
    let expected = |scope: &str| json!({"scope": scope, "location": "r", "step": 60, "start": "2026-01-02T02:59:05Z", "end": "2026-01-02T03:04:05Z"});
    let scopes = json!({"default": {"controlScope": expected("base"), "experimentScope": expected("canary")}});
    assert_eq!(posted, json!({"scopes": scopes, "thresholds": {"pass": 90, "marginal": 70}}));
    let resume = |id: &str| {
        let mut last = begun.clone();
        last.metadata.insert("canaryExecutionId".to_owned(), id.to_owned());
        world.take(metric("config"), Due::Resume(last))
    };
    let ended = resume("ex1").await.measurement;
    assert_eq!((ended.phase.as_str(), ended.value.as_str()), ("Inconclusive", "72"));
    assert_eq!(resume("ex2").await.measurement.phase, "Running");
    assert_eq!(resume("ex3").await.measurement.message, "Missing Complete Status");
    let stopped = world.take(metric("config"), Due::Terminate(begun.clone())).await.measurement;
    assert_eq!((stopped.phase.as_str(), stopped.message.as_str()), ("Inconclusive", "Metric Terminated"));
}

#[tokio::test]
async fn plugin_says_that_it_is_not_supported() {
    let metric = json!({"provider": {"plugin": {"argoproj-labs/sample": {"a": 1}}}});
    let message = "not yet supported by tiphys: metric plugin argoproj-labs/sample";
    World::new(&[]).check(metric, ("Error", "", message)).await;
}
