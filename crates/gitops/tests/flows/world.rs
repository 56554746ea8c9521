//! A sandbox, manifests that tests set, and a controller that can die.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::BoxFuture;
use jiff::Timestamp;
use kube::{
    Api, Client,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
};
use serde_json::{Value, json};
use tiphys_clock::Clock;
use tiphys_gitops::{
    controller::{Config, Controller},
    manifests::Manifests,
};
use tiphys_render::{RenderError, Rendered, ResolvedRevision, SourceType, Wanted};
use tiphys_sandbox::{Sandbox, SandboxOptions};
use tiphys_sim::crash::{Crash, Side};
use tokio::task::JoinHandle;

pub(super) const REPOSITORY: &str = "https://git.example/shop.git";
/// Virtual time after which waiting is given up.
const PATIENCE: Duration = Duration::from_secs(900);

/// A repository that holds one revision.
pub(super) struct Repository {
    state: Mutex<(String, Result<Vec<Value>, String>)>,
}

impl Manifests for Repository {
    fn render<'a>(&'a self, wanted: &'a Wanted) -> BoxFuture<'a, Result<Arc<Rendered>, RenderError>> {
        Box::pin(async move {
            let (revision, manifests) = self.state.lock().unwrap().clone();
            let manifests = manifests.map_err(RenderError::List)?;
            let asked = wanted.revision(0);
            let revision = if asked.is_empty() { revision } else { asked.to_owned() };
            let revision = ResolvedRevision { sha: revision.clone(), ..ResolvedRevision::default() };
            let key = revision.sha.clone();
            let source_types = vec![Some(SourceType::Directory)];
            Ok(Arc::new(Rendered { manifests, revisions: vec![revision], source_types, key }))
        })
    }
}

/// Everything of one test.
pub(super) struct World {
    pub(super) client: Client,
    pub(super) clock: Clock,
    pub(super) repository: Arc<Repository>,
    sandbox: Sandbox,
    running: Option<(Crash, Controller, JoinHandle<()>)>,
}

impl World {
    pub(super) async fn start() -> Self {
        let clock = Clock::starting_at("2026-01-05T09:00:00Z".parse::<Timestamp>().unwrap());
        let sandbox = Sandbox::start(&SandboxOptions { clock, seed: 1, nodes: 2, data: None }).unwrap();
        let client = Client::new(sandbox.service(), "default");
        let repository = Arc::new(Repository { state: Mutex::new((String::new(), Ok(Vec::new()))) });
        let mut world = Self { client, clock, repository, sandbox, running: None };
        for definition in tiphys_api::crds::gitops_crds().iter().chain(&tiphys_api::crds::crds()) {
            world.create(definition).await;
        }
        for name in ["argocd", "shop"] {
            world.create(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})).await;
        }
        world.create(&project(json!({}))).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        world.revive();
        world
    }

    /// Starts a new controller.
    pub(super) fn revive(&mut self) {
        let crash = Crash::default();
        let client = Client::new(crash.around(self.sandbox.service()), "default");
        let config = Config {
            namespace: "argocd".to_owned(),
            workers: 4,
            manifests: self.repository.clone(),
            repositories: None,
        };
        let controller = Controller::new(client, self.clock, config);
        let task = tokio::spawn(controller.clone().run());
        self.running = Some((crash, controller, task));
    }

    pub(super) fn dies_at(&self, nth: u64, side: Side) {
        self.running.as_ref().unwrap().0.at(nth, side);
    }

    pub(super) fn writes(&self) -> u64 {
        self.running.as_ref().map_or(0, |running| running.0.writes())
    }

    /// Puts a new controller in the place of a dead one; returns whether it was dead.
    pub(super) fn replace_dead(&mut self) -> bool {
        let dead = self.running.as_ref().is_some_and(|running| running.0.is_dead());
        if dead {
            self.stop();
            self.revive();
        }
        dead
    }

    pub(super) fn stop(&mut self) {
        if let Some((_, _, task)) = self.running.take() {
            task.abort();
        }
    }

    /// A commit.
    pub(super) fn commit(&self, revision: &str, manifests: Vec<Value>) {
        *self.repository.state.lock().unwrap() = (revision.to_owned(), Ok(manifests));
        if let Some((_, controller, _)) = &self.running {
            controller.pushed(REPOSITORY);
        }
    }

    /// The repository does not answer.
    pub(super) fn break_repository(&self, why: &str) {
        self.repository.state.lock().unwrap().1 = Err(why.to_owned());
    }

    pub(super) fn api(&self, version: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let (group, version) = version.rsplit_once('/').unwrap_or(("", version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        if namespace.is_empty() {
            Api::all_with(self.client.clone(), &resource)
        } else {
            Api::namespaced_with(self.client.clone(), namespace, &resource)
        }
    }

    pub(super) async fn create(&self, object: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let api =
            self.api(&text(&object["apiVersion"]), &text(&object["kind"]), &text(&object["metadata"]["namespace"]));
        api.create(&PostParams::default(), &serde_json::from_value(object.clone()).unwrap()).await.unwrap();
    }

    pub(super) fn apps(&self) -> Api<DynamicObject> {
        self.api("argoproj.io/v1alpha1", "Application", "argocd")
    }

    pub(super) async fn app(&self) -> Value {
        serde_json::to_value(self.apps().get("shop").await.unwrap()).unwrap()
    }

    pub(super) async fn change(&self, patch: Value) {
        self.apps().patch("shop", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    pub(super) async fn get(&self, version: &str, kind: &str, name: &str) -> Option<Value> {
        let found = self.api(version, kind, "shop").get_opt(name).await.unwrap();
        found.map(|object| serde_json::to_value(object).unwrap())
    }

    pub(super) async fn patch(&self, version: &str, kind: &str, name: &str, patch: Value) {
        let api = self.api(version, kind, "shop");
        api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    pub(super) async fn delete(&self, version: &str, kind: &str, name: &str) {
        self.api(version, kind, "shop").delete(name, &DeleteParams::default()).await.unwrap();
    }

    pub(super) async fn names(&self, version: &str, kind: &str) -> Vec<String> {
        let list = self.api(version, kind, "shop").list(&ListParams::default()).await.unwrap();
        list.items.into_iter().filter_map(|object| object.metadata.name).collect()
    }

    pub(super) async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// Waits until the Application is as wanted; a dead controller comes back after two seconds.
    #[track_caller]
    pub(super) fn until<'a>(
        &'a mut self,
        what: &'a str,
        is_wanted: impl Fn(&Value) -> bool + 'a,
    ) -> impl Future<Output = Value> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let begun = tokio::time::Instant::now();
            loop {
                let app = self.app().await;
                if is_wanted(&app) {
                    return app;
                }
                assert!(begun.elapsed() < PATIENCE, "{place}: it does not become {what}: {app:#}");
                tokio::time::sleep(Duration::from_millis(200)).await;
                if self.replace_dead() {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
            }
        }
    }

    #[track_caller]
    pub(super) fn until_synced<'a>(&'a mut self, revision: &'a str) -> impl Future<Output = Value> + 'a {
        self.until("synced and healthy", move |app| {
            let status = &app["status"];
            status["sync"]["status"] == "Synced"
                && status["sync"]["revision"] == revision
                && status["health"]["status"] == "Healthy"
                && app["operation"].is_null()
        })
    }
}

/// An Application of everything in the repository.
pub(super) fn application(policy: Value) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "shop", "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": {"repoURL": REPOSITORY, "path": "."},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
            "syncPolicy": policy,
        },
    })
}

pub(super) fn project(more: Value) -> Value {
    let mut spec = json!({
        "sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    });
    for (field, value) in more.as_object().unwrap() {
        spec[field] = value.clone();
    }
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": "default", "namespace": "argocd"}, "spec": spec,
    })
}

pub(super) fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": value}})
}

pub(super) fn annotated(mut object: Value, annotations: &[(&str, &str)]) -> Value {
    for (key, value) in annotations {
        object["metadata"]["annotations"][format!("argocd.argoproj.io/{key}")] = json!(value);
    }
    object
}

pub(super) fn deployment(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": 2, "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
        },
    })
}

/// A Job that ends after a while; with `exit`, badly.
pub(super) fn job(name: &str, exit: &str) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
        "spec": {
            "backoffLimit": 0,
            "template": {
                "metadata": {"annotations": {"sandbox.tiphys.dev/exit": format!("{exit}@3s")}},
                "spec": {"restartPolicy": "Never", "containers": [{"name": "run", "image": "run:1"}]},
            },
        },
    })
}
