//! Datadog.

use serde_json::{Value as Json, json};

use super::World;
use crate::server::{Server, json as answer, status};

fn metric(datadog: Json, condition: &str) -> Json {
    json!({"provider": {"datadog": datadog}, "successCondition": condition})
}

#[tokio::test]
async fn version_1_takes_the_last_point() {
    let server = Server::start(|asked| match asked.target.as_str() {
        target if target.contains("query=none") => answer(r#"{"series":[]}"#),
        target if target.contains("query=null") => answer(r#"{"series":[{"pointlist":[[1,5],[2,null]]}]}"#),
        target if target.contains("query=odd") => answer(r#"{"series":[{"pointlist":[[1]]}]}"#),
        target if target.contains("query=denied") => status(403, "go away"),
        target if target.contains("query=broken") => status(500, "oops"),
        _ => answer(r#"{"series":[{"pointlist":[[1,5],[2,0.5]]}]}"#),
    })
    .await;
    let environment = [("DD_API_KEY", "a"), ("DD_APP_KEY", "b"), ("DD_ADDRESS", &server.url())];
    let world = World::new(&environment);
    let ask = |query: &str, condition: &str| metric(json!({"query": query, "interval": "10m"}), condition);
    world.check(ask("q", "result < 1"), ("Successful", "0.5", "")).await;
    let asked = &server.asked()[0];
    assert_eq!(asked.target, "/api/v1/query?from=1767322445&query=q&to=1767323045");
    assert_eq!((asked.headers["dd-api-key"].as_str(), asked.headers["dd-application-key"].as_str()), ("a", "b"));
    world.check(ask("none", "default(result, 0) < 1"), ("Successful", "[]", "")).await;
    world.check(ask("null", "isNil(result)"), ("Successful", "null", "")).await;
    world.check(ask("odd", "true"), ("Error", "", "Datapoint does not have 2 values")).await;
    let denied = "received authentication error response code: 403 go away";
    world.check(ask("denied", "true"), ("Error", "", denied)).await;
    world.check(ask("broken", "true"), ("Error", "", "received non 2xx response code: 500 oops")).await;
}

#[tokio::test]
async fn version_2_takes_one_number_or_one_for_each_group() {
    let column = |values: &str| format!(r#"{{"name":"f","type":"number","values":{values}}}"#);
    let answered = move |columns: &str| answer(&format!(r#"{{"data":{{"attributes":{{"columns":[{columns}]}}}}}}"#));
    let server = Server::start(move |asked| match asked.body.as_str() {
        body if body.contains("none") => answered(&column("[null]")),
        body if body.contains("wrong") => answer(r#"{"data":{"errors":"bad metric"}}"#),
        body if body.contains("grouped") => {
            let groups = r#"{"name":"g","type":"group","values":[["a","x"],["b"],["c"]]}"#;
            answered(&format!("{groups},{}", column("[1,null,3]")))
        }
        body if body.contains("crowd") => {
            let names: Vec<_> = (0..120).map(|i| format!("[\"g{i}\"]")).collect();
            let values: Vec<_> = (0..120).map(|i| i.to_string()).collect();
            let groups = format!(r#"{{"type":"group","values":[{}]}}"#, names.join(","));
            answered(&format!("{groups},{}", column(&format!("[{}]", values.join(",")))))
        }
        _ => answered(&column("[0.5]")),
    })
    .await;
    let world = World::new(&[]);
    world.secret("datadog", &[("address", &server.url()), ("api-key", "a"), ("app-key", "b")]).await;
    let ask = |query: &str, condition: &str| metric(json!({"apiVersion": "v2", "query": query}), condition);
    world.check(ask("q", "result == 0.5"), ("Successful", "0.5", "")).await;
    let formula = json!({"apiVersion": "v2", "queries": {"b": "y", "a": "x"}, "formula": "a/b", "aggregator": "max"});
    world.check(metric(formula, "result == 0.5"), ("Successful", "0.5", "")).await;
    let asked = server.asked();
    assert_eq!(asked[0].target, "/api/v2/query/scalar");
    let body: Json = serde_json::from_str(&asked[1].body).unwrap();
    let query =
        |name: &str, query: &str| json!({"aggregator": "max", "data_source": "metrics", "name": name, "query": query});
    let attributes = json!({"from": 1_767_322_745_000_i64, "to": 1_767_323_045_000_i64, "formulas": [{"formula": "a/b"}],
        "queries": [query("a", "x"), query("b", "y")]});
    assert_eq!(body, json!({"data": {"attributes": attributes, "type": "scalar_request"}}));
    world.check(ask("none", "default(result, 0) == 0"), ("Successful", "[null]", "")).await;
    world.check(ask("wrong", "true"), ("Error", "", "There were errors in your query: bad metric")).await;
    let grouped = world.measure(ask("grouped", "all(result, # > 0)")).await;
    assert_eq!((grouped.phase.as_str(), grouped.value.as_str()), ("Successful", "[1,3]"));
    assert_eq!(grouped.metadata["groups"], r#"[{"name":"a,x","value":1.0},{"name":"c","value":3.0}]"#);
    let crowd = world.measure(ask("crowd", "len(result) == 100 && min(result) == 0 && max(result) == 119")).await;
    assert_eq!((crowd.phase.as_str(), crowd.metadata["groups_truncated"].as_str()), ("Successful", "true"));
}

#[tokio::test]
async fn credentials_come_from_where_the_metric_says() {
    let server = Server::start(|_| answer(r#"{"series":[{"pointlist":[[1,1]]}]}"#)).await;
    let world = World::new(&[]);
    let ask = |reference: Json| metric(json!({"query": "q", "secretRef": reference}), "true");
    world.check(ask(json!({})), ("Error", "", "secrets \"datadog\" not found")).await;
    let unnamed = "secret name is required for namespaced credentials";
    world.check(ask(json!({"namespaced": true})), ("Error", "", unnamed)).await;
    world.secret("half", &[("api-key", "a")]).await;
    let missing = "failed to find the credentials for datadog metrics provider";
    world.check(ask(json!({"name": "half"})), ("Error", "", missing)).await;
    world.secret("mine", &[("api-key", "a"), ("app-key", "b"), ("address", &server.url())]).await;
    world.check(ask(json!({"name": "mine", "namespaced": true})), ("Successful", "1", "")).await;
}

#[tokio::test]
async fn what_does_not_fit_together_is_refused() {
    let world = World::new(&[("DD_API_KEY", "a"), ("DD_APP_KEY", "b"), ("DD_ADDRESS", "http://x")]);
    let refused = |datadog: Json, text: &'static str| world.check(metric(datadog, "true"), ("Error", "", text));
    let none = "Must have either a query or queries. Please review the Analysis Template.";
    refused(json!({}), none).await;
    let both = "Cannot have both a query and queries. Please review the Analysis Template.";
    refused(json!({"query": "q", "queries": {"a": "b"}}), both).await;
    let old = "Query is empty. API Version v1 only supports using the query parameter in your Analysis Template.";
    refused(json!({"queries": {"a": "b"}}), old).await;
    let formula = "Formula are only valid when queries are set. Please review the Analysis Template.";
    refused(json!({"apiVersion": "v2", "query": "q", "formula": "f"}), formula).await;
    let several = "When multiple queries are provided you must include a formula.";
    refused(json!({"apiVersion": "v2", "queries": {"a": "b", "c": "d"}}), several).await;
    let aggregator = "Aggregator is not supported in v1. Please review the Analysis Template.";
    refused(json!({"query": "q", "aggregator": "max"}), aggregator).await;
    let timeout = "Request timeout must be a positive duration (e.g. 30s). Please review the Analysis Template.";
    refused(json!({"query": "q", "requestTimeout": "0s"}), timeout).await;
    let text =
        "Could not parse the request timeout: time: invalid duration \"x\". Please review the Analysis Template.";
    refused(json!({"query": "q", "requestTimeout": "x"}), text).await;
}
