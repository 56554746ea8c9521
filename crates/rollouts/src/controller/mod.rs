//! The controller: caches, queue and workers around observe, plan and apply.
//!
//! Guarantees: nothing is decided before every cache has completed its first list; one Rollout is worked on by one worker
//! at a time; a pass never decides on a copy that is older than our own last write; dropping the future of
//! [`Controller::run`] stops everything at its next `.await`, as a crash would.

mod analyses;
mod experiments;
mod memory;
mod on_demand;
mod released;
pub(crate) mod routers;
mod watching;

use std::sync::Arc;

use kube::Client;
use tiphys_api::{Rollout, Stored, types::ObjectRef as WorkloadRef};
use tiphys_clock::Clock;
use tiphys_runtime::{
    cache::Key,
    metrics::{Metrics, Page},
    queue::Queue,
    reason::ObjectRef,
    recorder::Recorder,
};
use tiphys_traffic::{ObjectId, aws::ElasticLoadBalancing};
use tokio::{task::JoinSet, time::Instant};
use tracing::{Instrument, debug, info_span, warn};

use self::{experiments::Experiments, memory::Memories, routers::Interests, watching::Caches};
use crate::{
    Error,
    apply::{self, Kind, Outcome, Tools},
    metrics,
    observe::{Observed, Parts, WorkloadKind, assemble, fetch_stable_record, missing_stable, stable_record_name},
    plan::{self, Settings},
    router_plugin::RouterPlugins,
    step_plugin::StepPlugins,
};

/// Who signs our events: upstream's name, which dashboards filter by.
const COMPONENT: &str = "rollouts-controller";

/// What a controller is responsible for, and how it works.
#[derive(Clone)]
pub struct Config {
    /// One namespace, or all of them.
    pub namespace: Option<String>,
    /// Only Rollouts labelled with this instance id; without one, only Rollouts that have no such label.
    pub instance: Option<String>,
    /// Rollouts that are worked on at the same time.
    pub workers: usize,
    /// Settings that decisions depend on.
    pub settings: Settings,
    /// Calls step plugins; those that it knows are named in the settings.
    pub step_plugins: Option<Arc<dyn StepPlugins>>,
    /// Tells routers that are plugins.
    pub router_plugins: Option<Arc<dyn RouterPlugins>>,
    /// Reaches AWS; asked only where the settings of routers say so.
    pub aws: Option<Arc<dyn ElasticLoadBalancing>>,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("namespace", &self.namespace)
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            namespace: None,
            instance: None,
            workers: 10,
            settings: Settings::default(),
            step_plugins: None,
            router_plugins: None,
            aws: None,
        }
    }
}

/// The Rollout controller. Cheap to clone; all clones are the same controller.
#[derive(Clone)]
pub struct Controller {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    clock: Clock,
    config: Config,
    recorder: Recorder,
    caches: Caches,
    queue: Queue<Key>,
    leftovers: Queue<ObjectId>,
    experiments: Experiments,
    memories: Memories,
    interests: Interests,
    metrics: Metrics,
}

impl Controller {
    /// Returns a controller that has not started.
    #[must_use]
    pub fn new(client: Client, clock: Clock, config: Config) -> Self {
        Self::counted(client, clock, config, Metrics::default())
    }

    /// Returns a controller that has not started, and counts what it does.
    #[must_use]
    pub fn counted(client: Client, clock: Clock, config: Config, metrics: Metrics) -> Self {
        let shared = Shared {
            recorder: Recorder::new(client.clone(), clock, COMPONENT).heard_by(metrics::events(&metrics)),
            client,
            clock,
            config,
            caches: Caches::new(),
            queue: Queue::default(),
            leftovers: Queue::default(),
            experiments: Experiments::default(),
            memories: Memories::default(),
            interests: Interests::default(),
            metrics,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Works until the future is dropped.
    pub async fn run(self) {
        let mut tasks = JoinSet::new();
        watching::start(&self.shared, &mut tasks);
        self.shared.caches.ready().await;
        for _ in 0..self.shared.config.workers.max(1) {
            tasks.spawn(work(self.shared.clone()));
            tasks.spawn(experiments::work(self.shared.clone()));
        }
        tasks.spawn(released::work(self.shared.clone()));
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
        self.shared.queue.is_idle() && self.shared.leftovers.is_idle() && self.shared.experiments.queue.is_idle()
    }

    /// Returns whether every kind has been listed once, so that it works.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.shared.caches.are_ready()
    }

    /// Writes the gauges of Rollouts and queues.
    pub fn write_metrics(&self, page: &mut Page) {
        let rollouts = self.shared.caches.rollouts.list(None);
        let rollouts: Vec<Rollout> = rollouts.iter().map(|rollout| watching::typed(rollout)).collect();
        metrics::write_rollouts(page, &rollouts);
        let queues = [
            ("Rollouts", self.shared.queue.counts()),
            ("Leftovers", self.shared.leftovers.counts()),
            ("Experiments", self.shared.experiments.queue.counts()),
        ];
        metrics::write_queues(page, &queues);
    }

    /// Returns what the caches show of a Rollout; `None` if they do not know it.
    #[must_use]
    pub fn observed(&self, key: &Key) -> Option<Observed> {
        self.shared.parts(key).map(assemble)
    }
}

async fn work(shared: Arc<Shared>) {
    loop {
        let key = shared.queue.next().await;
        let span = info_span!("reconcile", kind = "Rollout", namespace = key.namespace, name = key.name);
        let began = Instant::now();
        let pass = shared.reconcile(&key).instrument(span).await;
        shared.count(&key, pass, began.elapsed().as_secs_f64());
        shared.queue.done(&key);
    }
}

/// What came of a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// The Rollout does not exist.
    Gone,
    /// It was carried out.
    Done,
    /// It ended with an error and is tried again.
    Failed,
}

impl Shared {
    fn count(&self, key: &Key, pass: Pass, seconds: f64) {
        if pass == Pass::Gone {
            return self.metrics.gone(key);
        }
        self.metrics.here(key);
        metrics::passed(&self.metrics, key, seconds, pass == Pass::Failed);
    }

    /// One pass over one Rollout.
    async fn reconcile(&self, key: &Key) -> Pass {
        let Some(mut parts) = self.parts(key) else {
            self.memories.forget(key);
            self.interests.set(key, Vec::new());
            self.queue.forget(key);
            return Pass::Gone;
        };
        match self.stable_record(key, &parts).await {
            Ok(record) => parts.stable_record = record,
            Err(error) => {
                self.retry(key, &error);
                return Pass::Failed;
            }
        }
        let seen = assemble(parts);
        let plan = plan::plan(&seen, self.clock.now(), &self.config.settings);
        debug!(steps = plan.steps.len(), status = plan.status.is_some(), reasons = ?plan.reasons, "planned");
        let tools = Tools {
            client: &self.client,
            recorder: &self.recorder,
            clock: self.clock,
            step_plugins: self.config.step_plugins.as_deref(),
            router_plugins: self.config.router_plugins.as_deref(),
            aws: self.config.aws.as_deref(),
            routers: &self.config.settings.routers,
        };
        let outcome = apply::apply(tools, &seen.rollout, &plan).await;
        self.remember(key, &seen, &outcome);
        if outcome.failure.is_none() && !plan.events.is_empty() {
            self.memories.change(key, |memory| memory.recall.told(&plan.events));
        }
        if let Some(at) = plan.requeue {
            self.queue.add_after(key.clone(), self.clock.until(at));
        }
        match outcome.failure {
            Some(failure) => {
                self.failed(key, failure.uncreated, &failure.error);
                return Pass::Failed;
            }
            None if plan.is_failed => {
                self.memories.change(key, |memory| memory.recall.create_error = None);
                self.queue.add_failed(key.clone());
            }
            None => self.queue.forget(key),
        }
        metrics::finished(&self.metrics, &seen.rollout.typed, plan.status.as_ref());
        Pass::Done
    }

    /// What the caches hold of a Rollout.
    fn parts(&self, key: &Key) -> Option<Parts> {
        let rollout = self.caches.rollouts.get(key)?;
        let uid = rollout.metadata.uid.clone().unwrap_or_default();
        let rollout = serde_json::to_value(&*rollout).unwrap_or_default();
        let stored: Stored<Rollout> = Stored::new(rollout.clone());
        let replica_sets = self.caches.replica_sets_of(&uid, &key.namespace);
        let pods = self.caches.pods_of(&replica_sets);
        let services = self.caches.services_of(&stored.typed, &key.namespace);
        let (workload, unread) = self.workload(&stored.typed, key);
        let recall = self.memories.recall(key, &pods);
        let (analysis, unread_analysis) = self.analysis(&stored.typed, key);
        let (routing, unlisted) = self.routing(&stored.typed, key);
        let awaited = self.awaited(key).or_else(|| self.awaited_route(key)).or(unread).or(unread_analysis).or(unlisted);
        let awaited = awaited.or_else(|| self.unlisted_experiments(&stored.typed, key));
        Some(Parts {
            rollout,
            budgets: self.caches.budgets.list(Some(&key.namespace)),
            replica_sets,
            pods: Some(pods),
            services,
            workload,
            stable_record: None,
            routing,
            experiments: self.caches.experiments_of(&uid),
            analysis,
            recall,
            awaited,
        })
    }

    /// The referenced workload; or, while its kind has not been listed yet, what is waited for.
    fn workload(&self, rollout: &Rollout, key: &Key) -> (Option<serde_json::Value>, Option<ObjectRef>) {
        let Some(reference) = &rollout.spec.workload_ref else { return (None, None) };
        let Some(kind) = WorkloadKind::of(reference) else { return (None, None) };
        let cache = self.caches.workloads.get(&kind);
        if !cache.is_ready() {
            return (None, Some(ObjectRef::new(&reference.kind, &key.namespace, &reference.name)));
        }
        let object = cache.get(&workload_key(reference, &key.namespace));
        (object.map(|object| serde_json::to_value(&*object).unwrap_or_default()), None)
    }

    /// An object whose last write of ours has not come back through the watch yet.
    fn awaited(&self, key: &Key) -> Option<ObjectRef> {
        let is_current = |kind, object: &Key| self.caches.is_current(kind, object);
        let (kind, name) = self.memories.first_unseen(key, is_current)?;
        Some(ObjectRef::new(kind.as_str(), &key.namespace, name))
    }

    async fn stable_record(&self, key: &Key, parts: &Parts) -> Result<Option<crate::observe::StableRecord>, Error> {
        let stored: Stored<Rollout> = Stored::new(parts.rollout.clone());
        let Some(hash) = missing_stable(&stored.typed, &parts.replica_sets) else { return Ok(None) };
        fetch_stable_record(&self.client, &key.namespace, &stable_record_name(&stored.typed, hash)).await
    }

    fn remember(&self, key: &Key, seen: &Observed, outcome: &Outcome) {
        for written in &outcome.written {
            let object = Key::new(&key.namespace, &written.name);
            self.caches.wrote(written.kind, &object, written.resource_version.as_deref());
        }
        for (id, version) in &outcome.routed {
            let object = Key::new(&id.namespace, &id.name);
            self.caches.routers.get(&id.resource).wrote(&object, version.as_deref());
        }
        self.memories.remember(key, outcome, self.clock.now());
        if outcome.failure.is_none() && !seen.recall.answers.is_empty() {
            self.memories.change(key, |memory| memory.recall.answers.retain(|one| !seen.recall.answers.contains(one)));
        }
        for checked in &outcome.checked {
            self.memories.change(key, |memory| {
                memory.recall.checked.retain(|known| known.ask.ingress != checked.ask.ingress);
                memory.recall.checked.push(checked.clone());
            });
            self.queue.add(key.clone());
        }
        for told in &outcome.told {
            self.memories.change(key, |memory| {
                memory.recall.told.retain(|known| known.ask.plugin != told.ask.plugin);
                memory.recall.told.push(told.clone());
            });
            self.queue.add(key.clone());
        }
        if !outcome.answers.is_empty() {
            self.memories.change(key, |memory| memory.recall.answers.extend(outcome.answers.iter().cloned()));
            self.queue.add(key.clone());
        }
    }

    fn failed(&self, key: &Key, uncreated: Option<(Kind, String)>, error: &Error) {
        if let (Some((kind, name)), Some(code)) = (uncreated, error.code())
            && (kind == Kind::ReplicaSet || code == 409)
        {
            let is_taken = code == 409;
            let message = error.message();
            self.memories.change(key, |memory| memory.could_not_create(kind, name, is_taken, message));
            return self.queue.add(key.clone());
        }
        self.retry(key, error);
    }

    fn retry(&self, key: &Key, error: &Error) {
        let delay = self.queue.add_failed(key.clone());
        if matches!(error.code(), Some(409 | 422)) {
            debug!(error = error as &dyn std::error::Error, ?delay, "the world has moved on, trying again");
        } else {
            warn!(error = error as &dyn std::error::Error, ?delay, "the pass failed, trying again");
        }
    }
}

/// Returns where a referenced workload is found.
fn workload_key(reference: &WorkloadRef, namespace: &str) -> Key {
    Key::new(namespace, &reference.name)
}
