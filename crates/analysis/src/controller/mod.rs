//! The AnalysisRun controller: caches, queue and workers around planning and measuring.
//!
//! Guarantees: nothing is decided before every cache has completed its first list; one run is worked on by one worker at a
//! time; a pass never decides on a copy that is older than our own last write, so that no measurement is taken twice because
//! of a slow watch; a run that has ended is never changed again.

mod watching;
mod write;

use std::sync::Arc;

use futures::future::join_all;
use tiphys_api::{AnalysisRun, Stored, types::Metric};
use tiphys_clock::Clock;
use tiphys_runtime::{cache::Key, queue::Queue, recorder::Recorder};
use tokio::task::JoinSet;
use tracing::{Instrument, debug, info_span, warn};

use self::watching::Caches;
use crate::{
    arguments::{self, ResolveError, Resolved},
    plan::{self, Begin, Checked, Taken, Task},
    providers::{Asked, Services, Taking, provider, take},
};

/// Who signs our events: upstream's name, which dashboards filter by.
const COMPONENT: &str = "rollouts-controller";

/// What a controller is responsible for, and how it works.
#[derive(Debug, Clone)]
pub struct Config {
    /// One namespace, or all of them.
    pub namespace: Option<String>,
    /// Only runs labelled with this instance id; without one, only runs that have no such label.
    pub instance: Option<String>,
    /// Runs that are worked on at the same time.
    pub workers: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { namespace: None, instance: None, workers: 30 }
    }
}

/// The AnalysisRun controller. Cheap to clone; all clones are the same controller.
#[derive(Clone)]
pub struct Controller {
    shared: Arc<Shared>,
}

struct Shared {
    services: Services,
    clock: Clock,
    config: Config,
    recorder: Recorder,
    caches: Caches,
    queue: Queue<Key>,
}

impl Controller {
    /// Returns a controller that has not started.
    #[must_use]
    pub fn new(services: Services, clock: Clock, config: Config) -> Self {
        let recorder = Recorder::new(services.client.clone(), clock, COMPONENT);
        let shared = Shared { services, clock, config, recorder, caches: Caches::new(), queue: Queue::default() };
        Self { shared: Arc::new(shared) }
    }

    /// Works until the future is dropped.
    pub async fn run(self) {
        let mut tasks = JoinSet::new();
        watching::start(&self.shared, &mut tasks);
        self.shared.caches.ready().await;
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
}

async fn work(shared: Arc<Shared>) {
    loop {
        let key = shared.queue.next().await;
        let span = info_span!("reconcile", kind = "AnalysisRun", namespace = key.namespace, name = key.name);
        shared.reconcile(&key).instrument(span).await;
        shared.queue.done(&key);
    }
}

impl Shared {
    /// One pass over one run.
    async fn reconcile(&self, key: &Key) {
        let Some(object) = self.caches.runs.get(key) else { return self.queue.forget(key) };
        // The watch tells when our own last write has come back.
        if object.metadata.deletion_timestamp.is_some() || !self.caches.runs.is_current(key) {
            return;
        }
        let stored: Stored<AnalysisRun> = Stored::new(serde_json::to_value(&*object).unwrap_or_default());
        let now = self.clock.now();
        let run = self.caches.with_news_of_jobs(stored.typed, now);
        match plan::begin(&run, now) {
            Begin::Finished(None) => {}
            Begin::Finished(Some(at)) if at <= now => self.delete(key, &run).await,
            Begin::Finished(Some(at)) => self.queue.add_after(key.clone(), self.clock.until(at)),
            Begin::Refused(status, events) => self.write(key, &run, &status, &events).await,
            Begin::Measure(checked, tasks) => self.measure(key, &run, &checked, &tasks).await,
        }
    }

    async fn measure(&self, key: &Key, run: &AnalysisRun, checked: &Checked, tasks: &[Task]) {
        let resolved = if tasks.is_empty() {
            Ok(Resolved::default())
        } else {
            arguments::resolve(&self.services, run, tasks).await
        };
        let resolved = match resolved {
            Ok(resolved) => resolved,
            Err(ResolveError::Wrong(message)) => {
                let message = format!("Unable to resolve metric arguments: {message}");
                let (status, events) = plan::refuse(run, &message, self.clock.now());
                return self.write(key, run, &status, &events).await;
            }
            Err(ResolveError::Unreachable(source)) => {
                let delay = self.queue.add_failed(key.clone());
                warn!(error = &source as &dyn std::error::Error, ?delay, "a Secret cannot be read, trying again");
                return;
            }
        };
        debug!(measurements = tasks.len(), "measuring");
        let taken = self.take_all(run, tasks, &resolved).await;
        let end = plan::end(run, checked, taken, self.clock.now());
        if let Some(at) = end.requeue {
            self.queue.add_after(key.clone(), self.clock.until(at));
        }
        self.write(key, run, &end.status, &end.events).await;
        for (name, keep) in &end.trimmed {
            if let Some(metric) = checked.metrics.iter().find(|metric| metric.name == *name) {
                self.clean_up(run, metric, *keep).await;
            }
        }
    }

    /// Takes all measurements that are due at the same time.
    async fn take_all(&self, run: &AnalysisRun, tasks: &[Task], resolved: &Resolved) -> Vec<Taken> {
        let now = self.clock.now();
        let each = tasks.iter().zip(&resolved.metrics).map(|(task, metric)| {
            let asked = Asked { run, metric, now };
            take(Taking { task, asked, redactor: &resolved.redactor }, &self.services)
        });
        join_all(each).await
    }

    /// What a provider cannot remove stays; the run's owner takes it along in the end.
    async fn clean_up(&self, run: &AnalysisRun, metric: &Metric, keep: usize) {
        let namespace = run.metadata.namespace.as_deref().unwrap_or_default();
        let asked = Asked { run, metric, now: self.clock.now() };
        let done = match provider(metric, namespace, &self.services).await {
            Ok(provider) => provider.clean_up(asked, keep).await,
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            debug!(
                error = &error as &dyn std::error::Error,
                metric = metric.name,
                "older measurements were not cleaned up"
            );
        }
    }
}
