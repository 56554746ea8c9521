//! Against real programs: `tests/heavy/metrics` starts them and says where they are.

use serde_json::{Value as Json, json};

use crate::providers::World;

/// Returns the address of the real Prometheus.
fn prometheus() -> Option<String> {
    let address = std::env::var("TIPHYS_PROMETHEUS").ok();
    if address.is_none() {
        println!("SKIPPED: no TIPHYS_PROMETHEUS; tests/heavy/metrics starts one");
    }
    address
}

fn metric(address: &str, query: &str, condition: &str) -> Json {
    json!({"provider": {"prometheus": {"address": address, "query": query}}, "successCondition": condition})
}

#[tokio::test]
async fn real_prometheus_is_understood() {
    let Some(address) = prometheus() else { return };
    let mut world = World::new(&[]);
    world.now = tiphys_clock::Clock::system().now();
    let ask = |query: &str, condition: &str| metric(&address, query, condition);
    world.check(ask("up", "result[0] == 1"), ("Successful", "[1]", "")).await;
    world.check(ask("scalar(vector(2.5))", "result == 2.5"), ("Successful", "2.5", "")).await;
    world.check(ask("vector(0)/vector(0)", "isNaN(result[0])"), ("Successful", "[NaN]", "")).await;
    world.check(ask("-vector(1)/vector(0)", "isInf(result[0])"), ("Successful", "[-Inf]", "")).await;
    world.check(ask("absent_metric", "len(result) == 0"), ("Successful", "[]", "")).await;
    world.check(ask("\"text\"", "true"), ("Error", "", "Prometheus metric type not supported")).await;
    let broken = world.measure(ask("sum(", "true")).await;
    assert!(broken.message.starts_with("bad_data: "), "{}", broken.message);
    let mut range = ask("up", "len(result) >= 1 && all(result, # == 1)");
    let window = json!({"start": "now() - duration(\"30s\")", "end": "now()", "step": "1s"});
    range["provider"]["prometheus"]["rangeQuery"] = window;
    let measured = world.measure(range).await;
    assert_eq!(measured.phase, "Successful", "{} {}", measured.value, measured.message);
    let refused = world.measure(metric("http://127.0.0.1:1", "up", "true")).await;
    assert!(refused.message.contains("POST 127.0.0.1:1: "), "{}", refused.message);
}
