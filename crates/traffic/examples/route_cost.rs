//! What routing costs: `cargo run --release -p tiphys-traffic --example route_cost`.
//!
//! One VirtualService of 20 HTTP routes, one of which carries the weights: a pass that changes nothing, one that shifts
//! the weight, and one that also has a header and a mirror route.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement prints, and may panic")]

use std::time::Duration;

use serde_json::{Value, json};
use tiphys_api::{Rollout, types::TrafficWeights};
use tiphys_traffic::{Objects, Resource, Settings, Wanted, route};

const PASSES: u32 = 20_000;

fn virtual_service() -> Value {
    let route = |index: usize| {
        json!({
            "name": format!("route-{index}"), "timeout": "5s", "match": [{"uri": {"prefix": format!("/{index}")}}],
            "route": [
                {"destination": {"host": "web-stable", "port": {"number": 80}}, "weight": 80},
                {"destination": {"host": "web-canary", "port": {"number": 80}}, "weight": 20},
            ],
        })
    };
    json!({
        "metadata": {"name": "web", "namespace": "prod", "resourceVersion": "1", "uid": "u"},
        "spec": {"hosts": ["web"], "gateways": ["gateway"], "http": (0..20).map(route).collect::<Vec<_>>()},
    })
}

fn wanted(weight: i32) -> Wanted {
    let mut weights = TrafficWeights::default();
    weights.canary.weight = weight;
    Wanted { weights, ..Wanted::default() }
}

/// Time that this thread has had on a processor, so that a busy machine does not count (Linux).
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
}

fn measure(name: &str, rollout: &Rollout, wanted: &Wanted, objects: &Objects) {
    let settings = Settings::default();
    let start = cpu_time();
    let mut changes = 0;
    for _ in 0..PASSES {
        let outcome = route(rollout, wanted, objects, &settings);
        assert!(outcome.faults.is_empty());
        changes += outcome.changes.len();
    }
    let each = (cpu_time() - start) / PASSES;
    println!("{name}: {each:?} of CPU a pass, {} changes", changes / PASSES as usize);
}

fn main() {
    let all: Vec<String> = (0..20).map(|index| format!("route-{index}")).collect();
    for (title, routes) in [("1 of 20 routes weighted", &all[..1]), ("20 of 20 routes weighted", &all[..])] {
        let rollout: Rollout = serde_json::from_value(json!({
            "metadata": {"name": "shop", "namespace": "prod", "uid": "u"},
            "spec": {"strategy": {"canary": {
                "canaryService": "web-canary", "stableService": "web-stable",
                "trafficRouting": {
                    "istio": {"virtualService": {"name": "web", "routes": routes}},
                    "managedRoutes": [{"name": "h"}, {"name": "m"}],
                },
            }}},
        }))
        .unwrap();
        let mut objects = Objects::default();
        let resource = Resource::new("networking.istio.io", "v1alpha3", "VirtualService", "virtualservices");
        objects.insert(resource.named("prod", "web"), virtual_service());
        let mut routes = wanted(30);
        routes.headers = serde_json::from_value(json!([
            {"name": "h", "match": [{"headerName": "X", "headerValue": {"exact": "a"}}]}
        ]))
        .unwrap();
        routes.mirrors =
            serde_json::from_value(json!([{"name": "m", "match": [{"method": {"exact": "GET"}}]}])).unwrap();
        println!("{title}");
        measure("  nothing to change", &rollout, &wanted(20), &objects);
        measure("  another weight", &rollout, &wanted(30), &objects);
        measure("  weight, header and mirror", &rollout, &routes, &objects);
    }
}
