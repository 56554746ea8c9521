//! The parts of `up` in virtual time, for tests: the sandbox, the definitions, the controller.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use kube::{
    Api, Client,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
};
use serde_json::{Value, json};
use tiphys_analysis::{
    http::{Fetch, FetchError, Request, Response},
    providers::{JobCluster, Services},
};
use tiphys_clock::Clock;
use tiphys_rollouts::controller::{Config, Controller};
use tiphys_runtime::{
    metrics::Metrics,
    request::{Asked, Telling},
};
use tiphys_sandbox::{Sandbox, SandboxOptions, http::service::ApiService};
use tokio::task::JoinSet;
use tower::{Layer, ServiceExt};

use crate::{commands::up::install, controllers::PROMETHEUS, endpoint::Told};

/// Namespace of everything.
pub(crate) const NAMESPACE: &str = "shop";
/// Virtual time after which waiting is given up.
const PATIENCE: Duration = Duration::from_secs(900);

/// A running sandbox with its controller.
pub(crate) struct Trial {
    /// A client of whoever drives the trial.
    pub(crate) client: Client,
    /// The clock of everything.
    pub(crate) clock: Clock,
    /// What is told about the controller.
    pub(crate) told: Told,
    /// A client whose requests are noted.
    pub(crate) noted: Client,
    asked: Arc<Mutex<BTreeSet<String>>>,
    sandbox: Sandbox,
    tasks: JoinSet<()>,
}

impl Trial {
    pub(crate) async fn start() -> Self {
        let trial = Self::bare().await;
        trial.create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})).await;
        trial
    }

    /// Without the namespace of the tests.
    pub(crate) async fn bare() -> Self {
        let clock = Clock::system();
        let sandbox = Sandbox::start(&SandboxOptions { clock, seed: 1, nodes: 3, data: None }).unwrap();
        let client = Client::new(sandbox.service(), "default");
        install(&client).await.unwrap();
        let asked: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        let metrics = Metrics::default();
        let counted = tiphys_rollouts::metrics::requests(&metrics);
        let note = asked.clone();
        let told = Arc::new(move |request: &Asked, code: u16| {
            note.lock().unwrap().insert(request.to_string());
            counted(request, code);
        });
        let noted = Client::new(Telling::new(told).layer(sandbox.service()), "default");
        let controller = Controller::counted(noted.clone(), clock, Config::default(), metrics.clone());
        let told = Told::new(metrics, controller.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(controller.run());
        tasks.spawn(told.objects.clone().follow(noted.clone(), None));
        Self { client, clock, told, noted, asked, sandbox, tasks }
    }

    /// Starts the AnalysisRun controller too. Whatever address a metric names, the sandbox answers, without a socket.
    pub(crate) fn judge(&mut self) {
        let fetch = Arc::new(InProcess(self.sandbox.service()));
        let environment = BTreeMap::from([(PROMETHEUS.to_owned(), "http://sandbox/prometheus".to_owned())]);
        let services = Services {
            client: self.client.clone(),
            jobs: JobCluster { client: self.client.clone(), namespace: None, is_foreign: false },
            fetch: fetch.clone(),
            credentials: fetch,
            namespace: "demo".to_owned(),
            environment: Arc::new(environment),
        };
        let config = tiphys_analysis::controller::Config::default();
        self.tasks.spawn(tiphys_analysis::controller::Controller::new(services, self.clock, config).run());
    }

    pub(crate) async fn stop(mut self) {
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
        self.sandbox.stop().await.unwrap();
    }

    /// Requests of the controller so far, as `verb resource.group`.
    pub(crate) fn asked(&self) -> BTreeSet<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn api(&self, version: &str, kind: &str) -> Api<DynamicObject> {
        let (group, version) = version.rsplit_once('/').unwrap_or(("", version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        match kind {
            "Namespace" => Api::all_with(self.client.clone(), &resource),
            _ => Api::namespaced_with(self.client.clone(), NAMESPACE, &resource),
        }
    }

    pub(crate) fn rollouts(&self) -> Api<DynamicObject> {
        self.api("argoproj.io/v1alpha1", "Rollout")
    }

    pub(crate) async fn create(&self, object: Value) {
        let api = self.api(object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
        let object = serde_json::from_value(object).unwrap();
        api.create(&PostParams::default(), &object).await.unwrap();
    }

    /// Changes a Rollout.
    pub(crate) async fn change(&self, name: &str, patch: Value) {
        self.rollouts().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    pub(crate) async fn change_status(&self, name: &str, status: Value) {
        let patch = Patch::Merge(json!({"status": status}));
        self.rollouts().patch_status(name, &PatchParams::default(), &patch).await.unwrap();
    }

    pub(crate) async fn delete(&self, version: &str, kind: &str, name: &str) {
        self.api(version, kind).delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// Sends a body as it is; returns the code and the answer.
    pub(crate) async fn post(&self, path: &str, body: Vec<u8>) -> (u16, Value) {
        let request = http::Request::post(path).header("content-type", "application/json").body(body.into()).unwrap();
        let response = self.client.send(request).await.unwrap();
        let code = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (code, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Waits until a Rollout is as wanted, and returns it.
    #[track_caller]
    pub(crate) fn until<'a>(
        &'a self,
        what: &'a str,
        name: &'a str,
        is_wanted: impl Fn(&Value) -> bool + 'a,
    ) -> impl Future<Output = Value> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let begun = tokio::time::Instant::now();
            loop {
                let object = serde_json::to_value(self.rollouts().get(name).await.unwrap()).unwrap();
                let observed = object["status"]["observedGeneration"].as_str().and_then(|text| text.parse().ok());
                if observed == object["metadata"]["generation"].as_i64() && is_wanted(&object) {
                    return object;
                }
                assert!(begun.elapsed() < PATIENCE, "{place}: {name} does not become {what}: {object:#}");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }

    /// Waits until a Rollout has a phase.
    #[track_caller]
    pub(crate) fn phase<'a>(&'a self, name: &'a str, phase: &'a str) -> impl Future<Output = Value> + 'a {
        self.until(phase, name, move |object| object["status"]["phase"] == phase)
    }
}

/// The sandbox as the network that metrics ask.
struct InProcess(ApiService);

impl Fetch for InProcess {
    fn fetch(&self, request: Request) -> BoxFuture<'_, Result<Response, FetchError>> {
        let mut asked = http::Request::new(Full::new(request.body));
        (*asked.method_mut(), *asked.uri_mut(), *asked.headers_mut()) = (request.method, request.uri, request.headers);
        let answering = self.0.clone().oneshot(asked);
        Box::pin(async move {
            let (parts, body) = answering.await.unwrap().into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            Ok(Response { status: parts.status, headers: parts.headers, body })
        })
    }
}

/// A Rollout of two pods.
pub(crate) fn rollout(name: &str, strategy: Value) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": template(name, "web:1"),
            "strategy": strategy,
        },
    })
}

/// A pod template.
pub(crate) fn template(name: &str, image: &str) -> Value {
    json!({"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "web", "image": image}]}})
}

/// A Service for the pods of a Rollout.
pub(crate) fn service(name: &str, app: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"selector": {"app": app}, "ports": [{"port": 80}]},
    })
}

mod bad_input;
mod demo;
mod requests;
mod scraping;
