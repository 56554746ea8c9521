//! Counts the requests of the controller on a sandbox, in virtual time:
//! `cargo run --release -p tiphys-rollouts --example requests -- [ROLLOUTS] [PODS EACH] [basic|steps|routed]`.
//!
//! Prints what one image change costs each Rollout, promotion included, and what the idle ones cost in ten minutes.

use std::{
    collections::BTreeMap,
    error::Error,
    io::{Write, stdout},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams},
    client::Body,
};
use serde_json::{Value, json};
use tiphys_api::Rollout;
use tiphys_clock::Clock;
use tiphys_rollouts::controller::{Config, Controller};
use tiphys_sandbox::{Sandbox, SandboxOptions};
use tokio::time::{Instant, sleep};
use tower::ServiceExt as _;

type Problem = Box<dyn Error + Send + Sync>;
/// Each simulated node takes 110.
const PODS_A_NODE: usize = 100;
/// Virtual time after which to give up.
const LIMIT: Duration = Duration::from_secs(3600);

/// Requests by method and kind.
#[derive(Clone, Default)]
struct Counter(Arc<Mutex<BTreeMap<String, usize>>>);

impl Counter {
    fn count(&self, request: &http::Request<Body>) {
        let path = request.uri().path().trim_end_matches('/');
        let parts: Vec<&str> = path.split('/').collect();
        let kind = parts.iter().position(|part| *part == "namespaces").and_then(|at| parts.get(at + 2));
        let is_status = if path.ends_with("/status") { "/status" } else { "" };
        let text = format!("{} {}{is_status}", request.method(), kind.unwrap_or(parts.last().unwrap_or(&"")));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(text).or_default() += 1;
    }

    fn take(&self) -> BTreeMap<String, usize> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Problem> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: usize| arguments.get(at).map_or(Ok(default), |text| text.parse());
    let (rollouts, pods) = (number(0, 1000)?, number(1, 5)?);
    let mode = arguments.get(2).map_or("basic", String::as_str);
    let start: Timestamp = "2026-03-01T10:00:00Z".parse()?;
    let clock = Clock::starting_at(start);
    let nodes = (2 * rollouts * pods).div_ceil(PODS_A_NODE).max(1);
    let sandbox = Sandbox::start(&SandboxOptions { clock, seed: 1, nodes, data: None })?;
    let people = Client::new(sandbox.service(), "default");
    install(&people).await?;
    let api: Api<DynamicObject> = Api::namespaced_with(people.clone(), "default", &ApiResource::erase::<Rollout>(&()));
    for n in 0..rollouts {
        create(&people, &api, n, pods, mode).await?;
    }
    let before = memory();
    let counter = Counter::default();
    let counting = counter.clone();
    let service = sandbox.service().map_request(move |request: http::Request<Body>| {
        counting.count(&request);
        request
    });
    let controller = Controller::new(Client::new(service, "default"), clock, Config::default());
    let task = tokio::spawn(controller.run());
    settle(&api, rollouts, 1).await?;
    report("first deploy", rollouts, &counter.take())?;
    let wall = Instant::now();
    for n in 0..rollouts {
        let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "demo:2"}]}}}});
        api.patch(&name(n), &PatchParams::default(), &Patch::Merge(patch)).await?;
    }
    settle(&api, rollouts, 2).await?;
    let took = wall.elapsed();
    // The old pods go after their delay.
    sleep(Duration::from_secs(60)).await;
    report("one image change", rollouts, &counter.take())?;
    writeln!(stdout(), "  in {took:.0?} of virtual time")?;
    sleep(Duration::from_secs(600)).await;
    report("ten idle minutes", rollouts, &counter.take())?;
    writeln!(
        stdout(),
        "memory: {} MiB before the controller, {} MiB now (sandbox included)",
        before >> 10,
        memory() >> 10
    )?;
    task.abort();
    Ok(())
}

async fn install(client: &Client) -> Result<(), Problem> {
    let crds: Api<DynamicObject> = Api::all_with(
        client.clone(),
        &ApiResource::erase::<
            k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
        >(&()),
    );
    for crd in tiphys_api::crds::crds() {
        crds.create(&PostParams::default(), &serde_json::from_value(crd)?).await?;
    }
    sleep(Duration::from_secs(5)).await;
    Ok(())
}

fn name(n: usize) -> String {
    format!("app-{n:05}")
}

async fn create(client: &Client, api: &Api<DynamicObject>, n: usize, pods: usize, mode: &str) -> Result<(), Problem> {
    let name = name(n);
    let labels = json!({"app": name});
    let mut canary = json!({});
    if mode != "basic" {
        canary["steps"] =
            json!([{"setWeight": 20}, {"pause": {"duration": 30}}, {"setWeight": 60}, {"pause": {"duration": 30}}]);
    }
    if mode == "routed" {
        canary["stableService"] = json!(format!("{name}-stable"));
        canary["canaryService"] = json!(format!("{name}-canary"));
        canary["trafficRouting"] = json!({"nginx": {"stableIngress": name}});
        for side in ["stable", "canary"] {
            let object = json!({
                "apiVersion": "v1", "kind": "Service", "metadata": {"name": format!("{name}-{side}")},
                "spec": {"selector": labels, "ports": [{"port": 80}]},
            });
            put::<k8s_openapi::api::core::v1::Service>(client, object).await?;
        }
        let backend = json!({"service": {"name": format!("{name}-stable"), "port": {"number": 80}}});
        let paths = json!([{"path": "/", "pathType": "Prefix", "backend": backend}]);
        let object = json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name},
            "spec": {"ingressClassName": "nginx", "rules": [{"host": format!("{name}.io"), "http": {"paths": paths}}]},
        });
        put::<k8s_openapi::api::networking::v1::Ingress>(client, object).await?;
    }
    let object: Value = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": name},
        "spec": {
            "replicas": pods, "selector": {"matchLabels": labels}, "strategy": {"canary": canary},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "demo:1"}]}},
        },
    });
    api.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
    Ok(())
}

async fn put<K>(client: &Client, object: Value) -> Result<(), Problem>
where
    K: kube::Resource<DynamicType = ()>,
{
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), "default", &ApiResource::erase::<K>(&()));
    api.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
    Ok(())
}

/// Waits until all Rollouts are healthy at a generation.
async fn settle(api: &Api<DynamicObject>, rollouts: usize, generation: i64) -> Result<(), Problem> {
    let start = Instant::now();
    loop {
        let list = api.list(&kube::api::ListParams::default()).await?;
        let is_done = |rollout: &&DynamicObject| {
            let status = &rollout.data["status"];
            let observed = status["observedGeneration"].as_str().and_then(|text| text.parse().ok());
            status["phase"] == "Healthy" && observed >= Some(generation)
        };
        let done = list.items.iter().filter(is_done).count();
        if done == rollouts {
            return Ok(());
        }
        if start.elapsed() > LIMIT {
            return Err(format!("{done} of {rollouts} Rollouts are healthy after {LIMIT:?}").into());
        }
        sleep(Duration::from_secs(5)).await;
    }
}

fn report(what: &str, rollouts: usize, counts: &BTreeMap<String, usize>) -> Result<(), Problem> {
    let events = counts.iter().filter(|(kind, _)| kind.ends_with(" events")).map(|(_, count)| count).sum::<usize>();
    let all: usize = counts.values().sum();
    let each = |count: usize| format!("{}.{:02}", count / rollouts, count % rollouts * 100 / rollouts);
    let mut out = stdout();
    writeln!(out, "{what}: {} requests a Rollout, {} of them events ({all} in all)", each(all), each(events))?;
    for (kind, count) in counts {
        writeln!(out, "  {:>8} {kind}", each(*count))?;
    }
    Ok(())
}

/// Returns the resident memory in KiB, 0 where the system does not tell.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or_default()
}
