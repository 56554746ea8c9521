//! Copies of what pages show, kept by watches; every release with its reasons, made again only when something of it changes.

mod caches;
mod settings;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use k8s_openapi::api::{
    apps::v1::ReplicaSet,
    core::v1::{Event, Pod},
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, ListParams},
};
use serde_json::Value;
use tiphys_api::{AnalysisRun, Rollout, Stored, decode};
use tiphys_clock::Clock;
use tiphys_console::Answer;
use tiphys_rollouts::{
    observe::{self, Observed, Parts},
    plan::{Settings as PlanSettings, plan},
};
use tiphys_runtime::{cache::Key, reason::Reason};
use tokio::{
    sync::{Notify, broadcast, watch},
    task::JoinSet,
};

use self::caches::Caches;
use crate::{Config, account::settings::Settings};

/// Changes that belong together come together.
const SETTLE: Duration = Duration::from_millis(40);
/// A stream that is so far behind draws everything again.
const BEHIND: usize = 256;

/// One release as pages show it.
#[derive(Debug)]
pub(crate) struct Release {
    /// Namespace and name.
    pub(crate) key: Key,
    /// The Rollout.
    pub(crate) stored: Stored<Rollout>,
    /// Why it is as it is.
    pub(crate) reasons: Vec<Reason>,
}

impl Release {
    /// Returns the answer to "why?" now.
    pub(crate) fn answer(&self, now: jiff::Timestamp) -> Answer {
        Answer::new(&self.stored.typed, self.reasons.clone(), now)
    }
}

/// Everything that pages are made from. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Board {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    client: Client,
    /// The clock of everything.
    pub(crate) clock: Clock,
    caches: Caches,
    releases: Mutex<BTreeMap<Key, Arc<Release>>>,
    dirty: Mutex<BTreeSet<Key>>,
    work: Notify,
    changed: broadcast::Sender<Key>,
    settings: watch::Sender<Arc<Settings>>,
}

impl std::ops::Deref for Board {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    /// Starts to watch; the tasks end when they are dropped.
    pub(crate) fn start(client: Client, clock: Clock, config: &Config) -> (Self, JoinSet<()>) {
        let shared = Shared {
            client,
            clock,
            caches: Caches::new(),
            releases: Mutex::default(),
            dirty: Mutex::default(),
            work: Notify::new(),
            changed: broadcast::channel(BEHIND).0,
            settings: watch::Sender::new(Arc::default()),
        };
        let board = Self { shared: Arc::new(shared) };
        let mut tasks = JoinSet::new();
        caches::follow(&board, config.scope.as_deref(), &mut tasks);
        settings::follow(&board, &config.namespace, &mut tasks);
        tasks.spawn(board.clone().explain());
        (board, tasks)
    }

    /// Waits until everything has been listed once and every release is explained.
    pub(crate) async fn ready(&self) {
        self.caches.ready().await;
        let mut settings = self.settings.subscribe();
        // The sender lives as long as `self`.
        let _ = settings.wait_for(|settings| !settings.key.is_empty()).await;
        while !lock(&self.dirty).is_empty() {
            tokio::time::sleep(SETTLE).await;
        }
    }

    /// Explains what changed, for ever.
    async fn explain(self) {
        self.caches.ready().await;
        loop {
            tokio::time::sleep(SETTLE).await;
            let keys = lock(&self.dirty).clone();
            for key in keys {
                self.explain_one(&key).await;
                lock(&self.dirty).remove(&key);
                // Nobody may listen.
                let _ = self.changed.send(key);
            }
            if lock(&self.dirty).is_empty() {
                self.work.notified().await;
            }
        }
    }

    async fn explain_one(&self, key: &Key) {
        match self.observe(key).await {
            Some(seen) => {
                let reasons = plan(&seen, self.clock.now(), &PlanSettings::default()).reasons;
                let release = Release { key: key.clone(), stored: seen.rollout, reasons };
                lock(&self.releases).insert(key.clone(), Arc::new(release));
            }
            None => {
                lock(&self.releases).remove(key);
            }
        }
    }

    /// From the caches; what needs more than they hold is fetched.
    async fn observe(&self, key: &Key) -> Option<Observed> {
        let rollout = self.caches.rollouts.get(key)?;
        let rollout = serde_json::to_value(&*rollout).unwrap_or_default();
        let stored: Stored<Rollout> = Stored::new(rollout.clone());
        if needs_more(&stored.typed) {
            let fetched = observe::fetch(&self.client, &key.namespace, &key.name).await;
            if let Ok(fetched) = fetched {
                return fetched;
            }
        }
        let uid = stored.typed.metadata.uid.clone().unwrap_or_default();
        let sets = self.caches.replica_sets.with_term(&uid);
        let pods =
            sets.iter().flat_map(|set| self.caches.pods.with_term(set.metadata.uid.as_deref().unwrap_or_default()));
        let pods =
            pods.map(|pod| decode(serde_json::to_value(&*pod).unwrap_or_default()).object).map(Arc::new).collect();
        let budgets = self.caches.budgets.list(Some(&key.namespace));
        Some(observe::assemble(Parts { rollout, replica_sets: sets, pods: Some(pods), budgets, ..Parts::default() }))
    }

    fn mark(&self, key: Key) {
        lock(&self.dirty).insert(key);
        self.work.notify_one();
    }
}

/// Whether a plan for it is made from objects that are not watched here.
fn needs_more(rollout: &Rollout) -> bool {
    let canary = rollout.spec.strategy.canary.as_ref();
    let is_routed = canary.is_some_and(|canary| canary.traffic_routing.is_some() || canary.analysis.is_some());
    let measures = canary.is_some_and(|canary| canary.steps.iter().any(|step| step.analysis.is_some()));
    let is_blue_green = rollout.spec.strategy.blue_green.is_some();
    let is_damaged =
        !rollout.status.stable_rs.is_empty() && rollout.status.stable_rs != rollout.status.current_pod_hash;
    is_routed || measures || is_blue_green || is_damaged || rollout.spec.workload_ref.is_some() || named(rollout)
}

fn named(rollout: &Rollout) -> bool {
    !tiphys_api::validation::named_services(rollout).is_empty()
}

impl Shared {
    /// Returns all releases, sorted by namespace and name.
    pub(crate) fn releases(&self) -> Vec<Arc<Release>> {
        lock(&self.releases).values().cloned().collect()
    }

    /// Returns one release.
    pub(crate) fn release(&self, key: &Key) -> Option<Arc<Release>> {
        lock(&self.releases).get(key).cloned()
    }

    /// Returns the ReplicaSets of a release, newest revision first.
    pub(crate) fn sets(&self, release: &Release) -> Vec<Arc<ReplicaSet>> {
        let uid = release.stored.typed.metadata.uid.as_deref().unwrap_or_default();
        let mut sets = self.caches.replica_sets.with_term(uid);
        sets.sort_by_key(|set| {
            (std::cmp::Reverse(tiphys_console::view::revision::of_replica_set(set)), set.metadata.name.clone())
        });
        sets
    }

    /// Returns the pods of a ReplicaSet, the oldest first.
    pub(crate) fn pods(&self, set: &ReplicaSet) -> Vec<Arc<Pod>> {
        let mut pods = self.caches.pods.with_term(set.metadata.uid.as_deref().unwrap_or_default());
        pods.sort_by_key(|pod| (pod.metadata.creation_timestamp.clone(), pod.metadata.name.clone()));
        pods
    }

    /// Returns the AnalysisRuns of a release, the newest first.
    pub(crate) fn runs(&self, release: &Release) -> Vec<AnalysisRun> {
        let uid = release.stored.typed.metadata.uid.as_deref().unwrap_or_default();
        let mut runs: Vec<AnalysisRun> = self.caches.runs.with_term(uid).iter().map(|run| typed(run)).collect();
        runs.sort_by_key(|run| std::cmp::Reverse(run.metadata.creation_timestamp.clone()));
        runs
    }

    /// Returns the disruption budgets of a namespace.
    pub(crate) fn budgets(&self, namespace: &str) -> Vec<PodDisruptionBudget> {
        self.caches.budgets.list(Some(namespace)).iter().map(|budget| (**budget).clone()).collect()
    }

    /// Returns the events about an object, or about all, the newest first.
    pub(crate) fn events(&self, namespace: Option<&str>, about: impl Fn(&Event) -> bool) -> Vec<Arc<Event>> {
        let mut events = self.caches.events.list(namespace);
        events.retain(|event| about(event));
        events.sort_by_key(|event| std::cmp::Reverse((happened(event), event.metadata.name.clone())));
        events
    }

    /// Hears of every release that changed.
    pub(crate) fn changes(&self) -> broadcast::Receiver<Key> {
        self.changed.subscribe()
    }

    /// Returns who may do what.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.settings.borrow().clone()
    }

    /// Hears of new settings.
    pub(crate) fn new_settings(&self) -> watch::Receiver<Arc<Settings>> {
        self.settings.subscribe()
    }

    /// Returns the client.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Fetches the ReplicaSets of a release as they are stored, and its workload.
    ///
    /// # Errors
    /// What the API says.
    pub(crate) async fn stored(&self, rollout: &Stored<Rollout>) -> kube::Result<(Vec<Value>, Option<Value>)> {
        let namespace = rollout.typed.metadata.namespace.as_deref().unwrap_or_default();
        let api = |resource: ApiResource| -> Api<DynamicObject> {
            Api::namespaced_with(self.client.clone(), namespace, &resource)
        };
        let sets = api(ApiResource::erase::<ReplicaSet>(&())).list(&ListParams::default()).await?;
        let uid = rollout.typed.metadata.uid.as_deref();
        let ours = sets.items.iter().filter(|set| tiphys_console::view::release::is_owned(&set.metadata, uid));
        let sets = ours.map(|set| serde_json::to_value(set).unwrap_or_default()).collect();
        let workload = match &rollout.typed.spec.workload_ref {
            Some(reference) if reference.kind == "Deployment" => {
                let resource = ApiResource::erase::<k8s_openapi::api::apps::v1::Deployment>(&());
                let object = api(resource).get_opt(&reference.name).await?;
                object.map(|object| serde_json::to_value(object).unwrap_or_default())
            }
            _ => None,
        };
        Ok((sets, workload))
    }

    /// Fetches a Rollout as it is stored now.
    ///
    /// # Errors
    /// What the API says.
    pub(crate) async fn rollout(&self, key: &Key) -> kube::Result<Option<Stored<Rollout>>> {
        let resource = ApiResource::erase::<Rollout>(&());
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &key.namespace, &resource);
        let object = api.get_opt(&key.name).await?;
        Ok(object.map(|object| Stored::new(serde_json::to_value(object).unwrap_or_default())))
    }
}

fn typed(object: &DynamicObject) -> AnalysisRun {
    decode(serde_json::to_value(object).unwrap_or_default()).object
}

/// Returns when an event happened last.
pub(crate) fn happened(event: &Event) -> Option<jiff::Timestamp> {
    let last = event.last_timestamp.as_ref().map(|time| time.0);
    let micro = event.event_time.as_ref().map(|time| time.0);
    last.or(micro).or(event.metadata.creation_timestamp.as_ref().map(|time| time.0))
}
