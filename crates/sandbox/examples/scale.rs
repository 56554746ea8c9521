//! Measures what 20,000 pods cost: `cargo run --release -p tiphys-sandbox --example scale -- [REPLICASETS] [PODS EACH]`.

use std::{
    error::Error,
    io::{Write, stdout},
    time::Duration,
};

use serde_json::{Value, json};
use tiphys_clock::Clock;
use tiphys_sandbox::{Sandbox, SandboxOptions, registry::WriteOptions};
use tokio::time::{Instant, sleep};

/// Each simulated node takes 110.
const PODS_A_NODE: usize = 100;
/// When to give up.
const LIMIT: Duration = Duration::from_secs(600);

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let sets = arguments.next().transpose()?.unwrap_or(2_000);
    let each = arguments.next().transpose()?.unwrap_or(10);
    let pods = sets * each;
    let nodes = pods.div_ceil(PODS_A_NODE);
    let sandbox = Sandbox::start(&SandboxOptions { clock: Clock::system(), seed: 1, nodes, data: None })?;
    let registry = sandbox.registry();
    let resource = registry.resource("apps", "replicasets").ok_or("no ReplicaSets")?;
    let pod_resource = registry.resource("", "pods").ok_or("no pods")?;
    let start = Instant::now();
    for n in 0..sets {
        registry.create(&resource, "default", replica_set(n, each), &WriteOptions::by("scale"))?;
        // The controllers take part while the sets are still coming.
        tokio::task::yield_now().await;
    }
    let created = start.elapsed();
    while ready(&registry.list(&resource, None)) < pods {
        if start.elapsed() > LIMIT {
            return Err(
                format!("{} of {pods} pods ready after {LIMIT:?}", ready(&registry.list(&resource, None))).into()
            );
        }
        sleep(Duration::from_millis(100)).await;
    }
    let settled = start.elapsed();
    let list = Instant::now();
    let bytes: usize = registry.list(&pod_resource, None).iter().map(|pod| pod.json().len()).sum();
    let listed = list.elapsed();
    writeln!(
        stdout(),
        "{pods} pods in {sets} ReplicaSets: created {created:.1?}, ready {settled:.1?}, listed {listed:.1?} \
         ({} MiB), revision {}, peak memory {} MiB",
        bytes >> 20,
        registry.revision(),
        peak_memory() >> 10,
    )?;
    Ok(())
}

fn ready(sets: &[std::sync::Arc<tiphys_sandbox::object::Object>]) -> usize {
    let count = |set: Value| set["status"]["readyReplicas"].as_u64().unwrap_or_default();
    sets.iter().map(|set| count(set.value())).sum::<u64>().try_into().unwrap_or(usize::MAX)
}

fn replica_set(n: usize, replicas: usize) -> Value {
    let labels = json!({"app": format!("app-{n}")});
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": format!("rs-{n:05}")},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "demo:1"}]}},
        },
    })
}

/// Returns the highest resident memory in KiB, 0 where the system does not tell.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or_default()
}
