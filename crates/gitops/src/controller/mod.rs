//! The Application controller: caches, queue and workers around observe, plan and apply.
//!
//! ```text
//!   Application ──▶ needed? ──▶ render ──▶ compare ──▶ status ──▶ sync by itself?
//!        └──────── operation? ──▶ compare ──▶ one step of the sync ──▶ its state
//! ```
//!
//! Guarantees: one Application is worked on by one worker at a time; nothing is decided on a copy that is older than our
//! own last write; every write of an Application names the version that it was decided on; a controller that dies
//! anywhere goes on from `status.operationState`.

mod comparing;
mod deleting;
mod operating;
mod pass;
mod watching;
mod writing;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Client, api::DynamicObject};
use tiphys_clock::Clock;
use tiphys_deliver::{
    cluster::{Cluster, Touch},
    tracking::parse_instance_name,
};
use tiphys_render::repositories::Repositories;
use tiphys_runtime::{
    cache::{Cache, Key},
    queue::Queue,
    recorder::Recorder,
};
use tokio::task::JoinSet;
use tracing::{Instrument, info_span, warn};

use crate::{
    destination::{self, ClusterName},
    manifests::Manifests,
    plan::Level,
    settings::Settings,
};

/// Who signs our events: upstream's name, which dashboards filter by.
const COMPONENT: &str = "argocd-application-controller";

/// How a controller works.
#[derive(Clone)]
pub struct Config {
    /// Namespace of projects, settings and credentials, and of Applications unless others are permitted.
    pub namespace: String,
    /// Applications that are worked on at the same time.
    pub workers: usize,
    /// Makes manifests.
    pub manifests: Arc<dyn Manifests>,
    /// Is told the repositories that Secrets configure.
    pub repositories: Option<Arc<dyn Fn(Repositories) + Send + Sync>>,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

/// The Application controller. Cheap to clone; all clones are the same controller.
#[derive(Clone)]
pub struct Controller {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    clock: Clock,
    config: Config,
    recorder: Recorder,
    applications: Cache<DynamicObject>,
    projects: Cache<DynamicObject>,
    config_maps: Cache<ConfigMap>,
    secrets: Cache<Secret>,
    settings: Mutex<Arc<Settings>>,
    in_cluster: Cluster,
    queue: Queue<Key>,
    memories: Mutex<BTreeMap<Key, Memory>>,
}

/// What is known about one Application from our own acts. Lost with the process, and found out again.
#[derive(Debug, Clone, Default)]
struct Memory {
    requested: Option<Level>,
    compared_at: Option<Timestamp>,
    failed_since: Option<Timestamp>,
    /// The next step of a sync does not come before.
    not_before: Option<Timestamp>,
}

impl Controller {
    /// Returns a controller that has not started.
    #[must_use]
    pub fn new(client: Client, clock: Clock, config: Config) -> Self {
        let shared = Arc::new_cyclic(|weak: &Weak<Shared>| {
            let touched = weak.clone();
            let told = Arc::new(move |instance: &str, touch: Touch| {
                if let Some(shared) = touched.upgrade() {
                    shared.touched(instance, touch);
                }
            });
            let settings = Arc::new(Settings::default());
            Shared {
                recorder: Recorder::new(client.clone(), clock, COMPONENT),
                in_cluster: Cluster::new(client.clone(), clock, settings.live.clone(), told),
                client,
                clock,
                config,
                applications: Cache::new(|_| Vec::new()),
                projects: Cache::new(|_| Vec::new()),
                config_maps: Cache::new(|_| Vec::new()),
                secrets: Cache::new(|_| Vec::new()),
                settings: Mutex::new(settings),
                queue: Queue::default(),
                memories: Mutex::default(),
            }
        });
        Self { shared }
    }

    /// Works until the future is dropped.
    pub async fn run(self) {
        let mut tasks = JoinSet::new();
        watching::start(&self.shared, &mut tasks);
        tasks.spawn(self.shared.in_cluster.clone().run());
        self.shared.ready().await;
        for _ in 0..self.shared.config.workers.max(1) {
            tasks.spawn(work(self.shared.clone()));
        }
        // None of the tasks ends by itself; a panic in one must not leave the others half alive.
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                warn!(error = &error as &dyn std::error::Error, "a task of the controller failed, stopping");
                return;
            }
        }
    }

    /// Returns whether nothing is to be done at this instant; passes that wait for a time do not count.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.shared.queue.is_idle()
    }

    /// Compares every Application of a repository, as soon as something was pushed to it.
    pub fn pushed(&self, repository: &str) {
        self.shared.pushed(repository);
    }
}

async fn work(shared: Arc<Shared>) {
    loop {
        let key = shared.queue.next().await;
        let span = info_span!("reconcile", kind = "Application", namespace = key.namespace, name = key.name);
        shared.reconcile(&key).instrument(span).await;
        shared.queue.done(&key);
    }
}

impl Shared {
    async fn ready(&self) {
        self.projects.ready().await;
        self.config_maps.ready().await;
        self.secrets.ready().await;
        self.applications.ready().await;
    }

    fn settings(&self) -> Arc<Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn memories(&self) -> MutexGuard<'_, BTreeMap<Key, Memory>> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change_memory(&self, key: &Key, change: impl FnOnce(&mut Memory)) {
        change(self.memories().entry(key.clone()).or_default());
    }

    /// Asks for a comparison that is at least so thorough.
    fn request(&self, key: &Key, level: Level) {
        self.change_memory(key, |memory| memory.requested = memory.requested.max(Some(level)));
        self.queue.add(key.clone());
    }

    fn touched(&self, instance: &str, touch: Touch) {
        let (namespace, name) = parse_instance_name(instance, &self.config.namespace);
        let key = Key::new(namespace, name);
        if self.applications.get(&key).is_some() {
            let level = if touch == Touch::Managed { Level::Recent } else { Level::Tree };
            self.request(&key, level);
        }
    }

    fn clusters(&self) -> Vec<ClusterName> {
        if self.settings().in_cluster { vec![destination::in_cluster()] } else { Vec::new() }
    }

    /// Returns the cluster of a destination that was found.
    fn cluster(&self, found: &ClusterName) -> Option<&Cluster> {
        (found.server == destination::IN_CLUSTER).then_some(&self.in_cluster)
    }
}
