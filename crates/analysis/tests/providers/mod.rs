//! Each provider against a small server that answers as the real one does.

mod amazon;
mod client;
mod datadog;
mod job;
mod prometheus;
mod rest;
mod secrets;
mod web;

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client,
    api::{PostParams, ResourceExt},
    runtime::wait::{await_condition, conditions},
};
use serde_json::{Value as Json, json};
use tiphys_analysis::{
    Redactor, Secret,
    http::{Client as HttpClient, Settings},
    plan::{Due, Taken, Task},
    providers::{Asked, JobCluster, Services, Taking, take},
};
use tiphys_api::{
    AnalysisRun,
    types::{Measurement, Metric},
};
use tiphys_clock::Clock;
use tiphys_sandbox::{Sandbox, SandboxOptions};

/// Installs the kinds of `argoproj.io`.
pub(crate) async fn install(client: &Client) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in tiphys_api::crds::crds() {
        let definition: CustomResourceDefinition = serde_json::from_value(definition).unwrap();
        let name = definition.name_any();
        api.create(&PostParams::default(), &definition).await.unwrap();
        let established = await_condition(api.clone(), &name, conditions::is_crd_established());
        established.await.unwrap();
    }
}

/// A sandbox, and what providers need.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) services: Services,
    pub(crate) run: AnalysisRun,
    pub(crate) now: Timestamp,
}

pub(crate) fn now() -> Timestamp {
    "2026-01-02T03:04:05.250Z".parse().unwrap()
}

impl World {
    pub(crate) fn new(environment: &[(&str, &str)]) -> Self {
        let options = SandboxOptions { clock: Clock::starting_at(now()), seed: 1, nodes: 0, data: None };
        let sandbox = Sandbox::start(&options).unwrap();
        let client = Client::new(sandbox.service(), "default");
        let fetch = Arc::new(HttpClient::new(Settings::default()).unwrap());
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let services = Services {
            jobs: JobCluster { client: client.clone(), namespace: None, is_foreign: false },
            client,
            fetch: fetch.clone(),
            credentials: fetch,
            namespace: "default".to_owned(),
            environment: Arc::new(environment),
        };
        let run = serde_json::from_value(json!({
            "metadata": {"name": "run", "namespace": "default", "uid": "6fa9ba7c-0000-4000-8000-000000000001"},
            "spec": {"metrics": []}, "status": {"startedAt": "2026-01-02T03:00:00Z"},
        }));
        Self { sandbox, services, run: run.unwrap(), now: now() }
    }

    /// Installs the kinds and creates the run, so that it can own something.
    pub(crate) async fn with_run(mut self) -> Self {
        let client = self.services.client.clone();
        install(&client).await;
        let run = json!({"metadata": {"name": "run"}, "spec": {"metrics": [{"name": "m", "provider": {}}]}});
        let run: AnalysisRun = serde_json::from_value(run).unwrap();
        let api: Api<AnalysisRun> = Api::default_namespaced(client);
        self.run = api.create(&PostParams::default(), &run).await.unwrap();
        self
    }

    /// Creates a Secret.
    pub(crate) async fn secret(&self, name: &str, data: &[(&str, &str)]) {
        let data: BTreeMap<_, _> = data.iter().copied().collect();
        let object = serde_json::from_value(json!({"metadata": {"name": name}, "stringData": data})).unwrap();
        let api: Api<k8s_openapi::api::core::v1::Secret> = Api::default_namespaced(self.services.client.clone());
        let created = api.create(&PostParams::default(), &object).await.unwrap();
        assert_eq!(created.name_any(), name);
    }

    /// Takes a measurement.
    pub(crate) async fn take(&self, metric: Json, due: Due) -> Taken {
        let mut whole = json!({"name": "m"});
        whole.as_object_mut().unwrap().extend(metric.as_object().unwrap().clone());
        let metric: Metric = serde_json::from_value(whole).unwrap();
        let task = Task { index: 0, metric: "m".to_owned(), due };
        let asked = Asked { run: &self.run, metric: &metric, now: self.now };
        let redactor = Redactor::new([Secret::new("hunter2")]);
        take(Taking { task: &task, asked, redactor: &redactor }, &self.services).await
    }

    /// Begins a measurement.
    pub(crate) async fn measure(&self, metric: Json) -> Measurement {
        self.take(metric, Due::Run).await.measurement
    }

    /// Begins a measurement and compares phase, value and message.
    #[track_caller]
    pub(crate) fn check(&self, metric: Json, expected: (&str, &str, &str)) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        async move {
            let measured = self.measure(metric).await;
            let found = (measured.phase.as_str(), measured.value.as_str(), measured.message.as_str());
            assert_eq!(found, expected, "at {at}");
        }
    }
}
