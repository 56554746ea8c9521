//! Playing templates against past data.

use jiff::Timestamp;
use serde_json::json;
use tiphys_analysis::replay::{Outcome, replay};
use tiphys_api::types::AnalysisRunSpec;

use crate::{
    providers::World,
    server::{Asked, Server, json as answer},
};

fn spec(address: &str, query: &str) -> AnalysisRunSpec {
    serde_json::from_value(json!({"metrics": [{
        "name": "errors", "interval": "1m", "failureLimit": 1, "successCondition": "result[0] < 0.05",
        "provider": {"prometheus": {"address": address, "query": query}},
    }]}))
    .unwrap()
}

/// Errors rise ten minutes after midnight.
fn errors(asked: &Asked) -> crate::server::Said {
    let time = asked.body.split("time=").nth(1).unwrap();
    let value = if time < "1767312600.000" { "0.01" } else { "0.5" };
    answer(&format!(
        r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"value":[{time},"{value}"]}}]}}}}"#
    ))
}

#[tokio::test]
async fn template_is_played_at_the_times_it_would_have_measured() {
    let server = Server::start(errors).await;
    let world = World::new(&[]);
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    let play = |to: &str| {
        let (spec, services) = (spec(&server.url(), "q"), world.services.clone());
        let to = at(to);
        async move { replay(&spec, "default", at("2026-01-02T00:00:00Z"), to, &services).await.unwrap() }
    };
    let quiet = play("2026-01-02T00:05:00Z").await;
    assert_eq!((quiet.status.phase.as_str(), quiet.is_ended), ("Successful", false));
    assert_eq!(quiet.status.metric_results[0].count, 5);
    let loud = play("2026-01-02T01:00:00Z").await;
    let message = "Metric \"errors\" assessed Failed due to failed (2) > failureLimit (1)";
    assert_eq!((loud.status.phase.as_str(), loud.status.message.as_str()), ("Failed", message));
    assert!(loud.is_ended);
    assert_eq!(loud.played.last().unwrap().at.to_string(), "2026-01-02T00:11:11Z");
    assert!(server.asked()[0].body.ends_with("time=1767312000.000"), "{:?}", server.asked()[0]);
}

#[tokio::test]
async fn what_cannot_be_asked_about_the_past_is_said() {
    let world = World::new(&[]);
    let spec: AnalysisRunSpec =
        serde_json::from_value(json!({"metrics": [{"name": "w", "provider": {"web": {"url": "http://x"}}}]})).unwrap();
    let start: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
    let error = replay(&spec, "default", start, start, &world.services).await.unwrap_err();
    assert_eq!(error.to_string(), "metric w cannot be asked about the past: only Prometheus can");
}

#[tokio::test]
async fn what_only_errs_or_has_no_data_has_not_passed() {
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    let empty = |_: &Asked| answer(r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#);
    let wrong = |_: &Asked| answer(r#"{"status":"error","errorType":"bad_data","error":"no"}"#);
    let server = [Server::start(empty).await, Server::start(wrong).await];
    let world = World::new(&[]);
    let check = async |url: String, more: serde_json::Value, expected: (&str, Outcome)| {
        let mut spec = serde_json::to_value(spec(&url, "q")).unwrap();
        let metric = spec["metrics"][0].as_object_mut().unwrap();
        metric.extend(more.as_object().unwrap().clone());
        let spec = serde_json::from_value(spec).unwrap();
        // Fewer errors than are tolerated.
        let (from, to) = (at("2026-01-02T00:00:00Z"), at("2026-01-02T00:00:30Z"));
        let played = replay(&spec, "default", from, to, &world.services).await.unwrap();
        assert_eq!((played.status.phase.as_str(), played.outcome()), expected, "{more}");
    };
    check(server[0].url(), json!({}), ("Successful", Outcome::NoData)).await;
    check(server[0].url(), json!({"consecutiveErrorLimit": 0}), ("Error", Outcome::NoData)).await;
    check(server[0].url(), json!({"successCondition": "len(result) == 0"}), ("Successful", Outcome::Passed)).await;
    check(server[1].url(), json!({}), ("Successful", Outcome::NotMeasured)).await;
    check(server[1].url(), json!({"initialDelay": "1h"}), ("Successful", Outcome::NotMeasured)).await;
}
