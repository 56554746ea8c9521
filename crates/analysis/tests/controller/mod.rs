//! The controller on the sandbox, in virtual time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, StatusCode};
use k8s_openapi::api::{batch::v1::Job, core::v1::Event};
use kube::{
    Api, Client,
    api::{ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value as Json, json};
use tiphys_analysis::{
    controller::{Config, Controller},
    http::{Fetch, FetchError, Request, Response},
    providers::{JobCluster, Services},
};
use tiphys_api::{AnalysisRun, constants::analysis_phase::is_completed};
use tiphys_clock::Clock;
use tiphys_sandbox::{Sandbox, SandboxOptions};
use tokio::task::JoinHandle;

use crate::providers::{install, now};

/// Answers by a script, without a network: one body after the other for each path, the last one again and again.
#[derive(Default)]
struct Script {
    bodies: Mutex<BTreeMap<String, Vec<String>>>,
    asked: Mutex<Vec<String>>,
}

impl Fetch for Script {
    fn fetch(&self, request: Request) -> BoxFuture<'_, Result<Response, FetchError>> {
        let path = request.uri.path().to_owned();
        self.asked.lock().unwrap().push(request.uri.to_string());
        let mut bodies = self.bodies.lock().unwrap();
        let body = match bodies.get_mut(&path) {
            Some(left) if left.len() > 1 => left.remove(0),
            Some(left) => left[0].clone(),
            None => "no such path".to_owned(),
        };
        let status = if body.starts_with("no such") { StatusCode::NOT_FOUND } else { StatusCode::OK };
        let response = Response { status, headers: HeaderMap::new(), body: Bytes::from(body) };
        Box::pin(async move { Ok(response) })
    }
}

struct World {
    _sandbox: Sandbox,
    client: Client,
    clock: Clock,
    script: Arc<Script>,
    controller: Controller,
    running: JoinHandle<()>,
}

impl World {
    async fn start(script: &[(&str, &[&str])]) -> Self {
        let clock = Clock::starting_at(now());
        let sandbox = Sandbox::start(&SandboxOptions { clock, seed: 1, nodes: 1, data: None }).unwrap();
        let client = Client::new(sandbox.service(), "default");
        install(&client).await;
        let bodies = script
            .iter()
            .map(|(path, bodies)| ((*path).to_owned(), bodies.iter().map(|body| (*body).to_owned()).collect()));
        let script = Arc::new(Script { bodies: Mutex::new(bodies.collect()), asked: Mutex::default() });
        let controller = controller(&client, clock, &script);
        let running = tokio::spawn(controller.clone().run());
        Self { _sandbox: sandbox, client, clock, script, controller, running }
    }

    /// Stops the controller where it is, as a crash would, and starts another one.
    fn restart(&mut self) {
        self.running.abort();
        self.controller = controller(&self.client, self.clock, &self.script);
        self.running = tokio::spawn(self.controller.clone().run());
    }

    fn runs(&self) -> Api<AnalysisRun> {
        Api::default_namespaced(self.client.clone())
    }

    async fn create(&self, spec: Json) {
        let run: AnalysisRun = serde_json::from_value(json!({"metadata": {"name": "run"}, "spec": spec})).unwrap();
        self.runs().create(&PostParams::default(), &run).await.unwrap();
    }

    async fn get(&self) -> AnalysisRun {
        self.runs().get("run").await.unwrap()
    }

    async fn wait(&self, seconds: u64) -> AnalysisRun {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        self.get().await
    }

    /// Waits until the run has ended; returns it and the seconds it took.
    async fn ended(&self) -> (AnalysisRun, i64) {
        for _ in 0..3600 {
            let run = self.get().await;
            if is_completed(&run.status.phase) {
                let start = run.status.started_at.as_ref().map_or(now(), |at| at.0);
                let end = run.status.completed_at.as_ref().unwrap().0;
                return (run, end.duration_since(start).as_secs());
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("the run does not end: {:?}", self.get().await.status);
    }

    async fn events(&self) -> Vec<String> {
        let events: Api<Event> = Api::default_namespaced(self.client.clone());
        let mut all: Vec<_> = events.list(&ListParams::default()).await.unwrap().items;
        all.retain(|event| event.involved_object.kind.as_deref() == Some("AnalysisRun"));
        let text = |event: &Event| {
            let part = |part: &Option<String>| part.clone().unwrap_or_default();
            format!("{} {}: {}", part(&event.type_), part(&event.reason), part(&event.message))
        };
        let mut all: Vec<_> = all.iter().map(text).collect();
        all.sort();
        all
    }
}

fn controller(client: &Client, clock: Clock, script: &Arc<Script>) -> Controller {
    let services = Services {
        jobs: JobCluster { client: client.clone(), namespace: None, is_foreign: false },
        client: client.clone(),
        fetch: script.clone(),
        credentials: script.clone(),
        namespace: "default".to_owned(),
        environment: Arc::default(),
    };
    Controller::new(services, clock, Config::default())
}

fn web(name: &str, more: Json) -> Json {
    let mut metric = json!({"name": name, "provider": {"web": {"url": format!("http://x/{name}")}},
        "successCondition": "result < 5"});
    metric.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    metric
}

#[tokio::test(start_paused = true)]
async fn measurements_are_taken_at_their_times() {
    let world = World::start(&[("/m", &["1"])]).await;
    world.create(json!({"metrics": [web("m", json!({"count": 3, "interval": "30s", "initialDelay": "10s"}))]})).await;
    let (run, seconds) = world.ended().await;
    assert_eq!((run.status.phase.as_str(), run.status.message.as_str()), ("Successful", ""));
    let result = &run.status.metric_results[0];
    assert_eq!((result.count, result.successful, result.measurements.len()), (3, 3, 3));
    let took = result.measurements.iter().map(|m| m.started_at.as_ref().unwrap().0.duration_since(now()).as_secs());
    let took: Vec<_> = took.collect();
    assert!(took[0] >= 9 && took[1] - took[0] >= 30 && took[2] - took[1] >= 30 && seconds <= 75, "{took:?} {seconds}");
    assert_eq!(run.status.run_summary.successful, 1);
    let told = [
        "Normal AnalysisRunSuccessful: Analysis Completed. Result: Successful",
        "Normal MetricSuccessful: Metric 'm' Completed. Result: Successful",
    ];
    assert_eq!(world.events().await, told);
}

#[tokio::test(start_paused = true)]
async fn failure_ends_the_run_and_nothing_changes_afterwards() {
    let world = World::start(&[("/m", &["1", "9"]), ("/other", &["1"])]).await;
    let metrics = json!([web("m", json!({"interval": "20s"})), web("other", json!({"interval": "1h"}))]);
    world.create(json!({"metrics": metrics})).await;
    let (run, _) = world.ended().await;
    let message = "Metric \"m\" assessed Failed due to failed (1) > failureLimit (0)";
    assert_eq!((run.status.phase.as_str(), run.status.message.as_str()), ("Failed", message));
    let version = run.metadata.resource_version.clone();
    let asked = world.script.asked.lock().unwrap().len();
    let later = world.wait(7200).await;
    assert_eq!(later.metadata.resource_version, version, "nothing is written any more");
    assert_eq!(world.script.asked.lock().unwrap().len(), asked, "nothing is measured any more");
    assert!(world.controller.is_idle());
}

#[tokio::test(start_paused = true)]
async fn termination_is_a_success_unless_a_limit_is_exceeded() {
    let world = World::start(&[("/m", &["1"])]).await;
    world.create(json!({"metrics": [web("m", json!({"interval": "1m"}))]})).await;
    world.wait(100).await;
    let patch = Patch::Merge(json!({"spec": {"terminate": true}}));
    world.runs().patch("run", &PatchParams::default(), &patch).await.unwrap();
    let (run, _) = world.ended().await;
    assert_eq!((run.status.phase.as_str(), run.status.message.as_str()), ("Successful", "Run Terminated"));
}

#[tokio::test(start_paused = true)]
async fn dry_run_never_changes_the_verdict() {
    let world = World::start(&[("/bad", &["9"]), ("/good", &["1"])]).await;
    let metrics = json!([web("bad", json!({})), web("good", json!({"count": 2, "interval": "10s"}))]);
    world.create(json!({"metrics": metrics, "dryRun": [{"metricName": "bad"}]})).await;
    let (run, _) = world.ended().await;
    assert_eq!((run.status.phase.as_str(), run.status.message.as_str()), ("Successful", ""));
    let bad = &run.status.metric_results[0];
    assert_eq!((bad.phase.as_str(), bad.dry_run), ("Failed", true));
    assert_eq!(bad.message, "Metric assessed Failed due to failed (1) > failureLimit (0)");
    assert_eq!(run.status.dry_run_summary.as_ref().unwrap().failed, 1);
}

#[tokio::test(start_paused = true)]
async fn only_dry_run_metrics_end_the_run_2151() {
    let world = World::start(&[("/bad", &["9"])]).await;
    world.create(json!({"metrics": [web("bad", json!({}))], "dryRun": [{"metricName": "*"}]})).await;
    assert_eq!(world.ended().await.0.status.phase, "Successful");
}

#[tokio::test(start_paused = true)]
async fn wrong_spec_is_told_once_and_can_be_cleaned_up() {
    let world = World::start(&[]).await;
    let ttl = json!({"secondsAfterCompletion": 60});
    world.create(json!({"metrics": [web("m", json!({"count": 2}))], "ttlStrategy": ttl})).await;
    let (run, _) = world.ended().await;
    let message = "Analysis spec invalid: metrics[0]: interval must be specified when count > 1";
    assert_eq!((run.status.phase.as_str(), run.status.message.as_str()), ("Error", message));
    assert_eq!(world.events().await, ["Warning AnalysisRunError: Analysis Completed. Result: Error"]);
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert!(world.runs().get_opt("run").await.unwrap().is_some(), "its time is not over");
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert!(world.runs().get_opt("run").await.unwrap().is_none(), "nobody else would delete it");
}

#[tokio::test(start_paused = true)]
async fn secrets_are_used_and_never_shown() {
    let world = World::start(&[("/m/hunter2", &["\"token hunter2 is wrong\""])]).await;
    let secrets: Api<k8s_openapi::api::core::v1::Secret> = Api::default_namespaced(world.client.clone());
    let secret = json!({"metadata": {"name": "s"}, "stringData": {"k": "hunter2"}});
    secrets.create(&PostParams::default(), &serde_json::from_value(secret).unwrap()).await.unwrap();
    let mut metric = web("m", json!({"failureCondition": "asInt(result) > 1", "successCondition": "result == \"x\""}));
    metric["provider"]["web"]["url"] = json!("http://x/m/{{args.token}}");
    let args = json!([{"name": "token", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]);
    world.create(json!({"metrics": [metric], "args": args})).await;
    let (run, _) = world.ended().await;
    assert_eq!(run.status.phase, "Error");
    assert_eq!(*world.script.asked.lock().unwrap().first().unwrap(), "http://x/m/hunter2");
    let shown = serde_json::to_string(&run).unwrap() + &world.events().await.join("\n");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(run.status.message.contains("*****"), "{}", run.status.message);
}

#[tokio::test(start_paused = true)]
async fn missing_secret_ends_the_run() {
    let world = World::start(&[("/m", &["1"])]).await;
    let args = json!([{"name": "token", "valueFrom": {"secretKeyRef": {"name": "none", "key": "k"}}}]);
    world.create(json!({"metrics": [web("m", json!({}))], "args": args})).await;
    let (run, _) = world.ended().await;
    let message = "Unable to resolve metric arguments: secrets \"none\" not found";
    assert_eq!((run.status.phase.as_str(), run.status.message.as_str()), ("Error", message));
}

#[tokio::test(start_paused = true)]
async fn only_the_last_measurements_are_kept() {
    let world = World::start(&[("/m", &["1"])]).await;
    let retention = json!([{"metricName": "m", "limit": 3}]);
    let metric = web("m", json!({"count": 6, "interval": "5s"}));
    world.create(json!({"metrics": [metric], "measurementRetention": retention})).await;
    let (run, _) = world.ended().await;
    let result = &run.status.metric_results[0];
    assert_eq!((result.count, result.measurements.len()), (6, 3));
}

fn job(name: &str, script: &str, more: Json) -> Json {
    let container = json!({"name": "c", "image": "busybox", "command": ["sh", "-c", script]});
    let pod = json!({"spec": {"restartPolicy": "Never", "containers": [container]}});
    let mut metric = json!({"name": name, "provider": {"job": {"spec": {"backoffLimit": 0, "template": pod}}}});
    metric.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    metric
}

#[tokio::test(start_paused = true)]
async fn jobs_decide_by_how_they_end_4393() {
    for (script, phase, message) in [
        ("sleep 20; exit 0", "Successful", ""),
        ("sleep 20; exit 3", "Failed", "Metric \"j\" assessed Failed due to failed (1) > failureLimit (0)"),
    ] {
        let world = World::start(&[]).await;
        world.create(json!({"metrics": [job("j", script, json!({}))]})).await;
        let (run, seconds) = world.ended().await;
        assert_eq!((run.status.phase.as_str(), run.status.message.as_str()), (phase, message), "{script}");
        assert!((20..26).contains(&seconds), "the end of the job is told by the watch: {script}: {seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn crash_makes_no_second_job() {
    let mut world = World::start(&[]).await;
    world.create(json!({"metrics": [job("j", "sleep 60", json!({}))]})).await;
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(5)).await;
        world.restart();
    }
    let (run, _) = world.ended().await;
    assert_eq!(run.status.phase, "Successful");
    let jobs: Api<Job> = Api::default_namespaced(world.client.clone());
    assert_eq!(jobs.list(&ListParams::default()).await.unwrap().items.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn job_of_a_stopped_run_goes() {
    let world = World::start(&[]).await;
    world.create(json!({"metrics": [job("j", "sleep 6000", json!({}))]})).await;
    world.wait(30).await;
    let patch = Patch::Merge(json!({"spec": {"terminate": true}}));
    world.runs().patch("run", &PatchParams::default(), &patch).await.unwrap();
    let (run, _) = world.ended().await;
    assert_eq!((run.status.phase.as_str(), run.status.message.as_str()), ("Successful", "Run Terminated"));
    tokio::time::sleep(Duration::from_secs(120)).await;
    let jobs: Api<Job> = Api::default_namespaced(world.client.clone());
    assert!(jobs.list(&ListParams::default()).await.unwrap().items.is_empty());
}

#[tokio::test(start_paused = true)]
async fn errors_in_a_row_end_the_run_with_the_last_error() {
    let world = World::start(&[]).await;
    world.create(json!({"metrics": [web("m", json!({"interval": "1h"}))]})).await;
    let (run, seconds) = world.ended().await;
    let message = "Metric \"m\" assessed Error due to consecutiveErrors (5) > consecutiveErrorLimit (4): \"Error Message: \
                   received non 2xx response code: 404\"";
    assert_eq!((run.status.phase.as_str(), run.status.message.as_str()), ("Error", message));
    assert!((40..60).contains(&seconds), "retried every ten seconds, whatever the interval: {seconds}");
}
