//! The caches, and which run a change is about.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::{
    Api,
    api::{ApiResource, DynamicObject},
    runtime::watcher,
};
use tiphys_api::{AnalysisRun, constants::labels::INSTANCE_ID, types::Time};
use tiphys_runtime::cache::{Cache, Change, Key};
use tokio::task::JoinSet;

use super::Shared;
use crate::providers::{JOB_NAME, JOB_NAMESPACE, NAME_ANNOTATION, NAMESPACE_ANNOTATION, UID_LABEL};

/// Copies of runs and of the jobs that measure for them.
pub(super) struct Caches {
    pub(super) runs: Cache<DynamicObject>,
    jobs: Cache<Job>,
}

impl Caches {
    pub(super) fn new() -> Self {
        Self { runs: Cache::new(|_| Vec::new()), jobs: Cache::new(|_| Vec::new()) }
    }

    /// Returns the run with measurements that wait for a job which has ended due now, however late they were to be looked at.
    pub(super) fn with_news_of_jobs(&self, mut run: AnalysisRun, now: Timestamp) -> AnalysisRun {
        let own = run.metadata.namespace.clone().unwrap_or_default();
        let last = run.status.metric_results.iter_mut().filter_map(|result| result.measurements.last_mut());
        for measurement in last.filter(|measurement| measurement.finished_at.is_none()) {
            let Some(name) = measurement.metadata.get(JOB_NAME) else { continue };
            let namespace = measurement.metadata.get(JOB_NAMESPACE).unwrap_or(&own);
            if self.jobs.get(&Key::new(namespace, name)).is_some_and(|job| is_ended(&job)) {
                measurement.resume_at = Some(Time(now));
            }
        }
        run
    }

    /// Waits until everything has been listed once.
    pub(super) async fn ready(&self) {
        self.runs.ready().await;
        self.jobs.ready().await;
    }
}

/// Starts to follow everything.
pub(super) fn start(shared: &Arc<Shared>, tasks: &mut JoinSet<()>) {
    let (services, config) = (&shared.services, &shared.config);
    let kind = ApiResource::erase::<AnalysisRun>(&());
    let runs = match config.namespace.as_deref() {
        Some(namespace) => Api::namespaced_with(services.client.clone(), namespace, &kind),
        None => Api::all_with(services.client.clone(), &kind),
    };
    let instance = match config.instance.as_deref() {
        Some(id) if !id.is_empty() => format!("{INSTANCE_ID}={id}"),
        _ => format!("!{INSTANCE_ID}"),
    };
    let told = shared.clone();
    let followed = shared.caches.runs.clone().follow(
        runs,
        watcher::Config::default().labels(&instance),
        |run| run.metadata.managed_fields = None,
        move |change: Change<DynamicObject>| told.queue.add(Key::of(&**change.object())),
    );
    tasks.spawn(followed);
    let namespace = services.jobs.namespace.as_deref().or(config.namespace.as_deref());
    let jobs: Api<Job> = match namespace {
        Some(namespace) => Api::namespaced(services.jobs.client.clone(), namespace),
        None => Api::all(services.jobs.client.clone()),
    };
    let told = shared.clone();
    let followed = shared.caches.jobs.clone().follow(
        jobs,
        watcher::Config::default().labels(UID_LABEL),
        prune_job,
        move |change| told.job_changed(&change),
    );
    tasks.spawn(followed);
}

/// Of a job, who it works for and whether it has ended is of interest.
fn prune_job(job: &mut Job) {
    job.metadata.managed_fields = None;
    job.spec = None;
}

fn is_ended(job: &Job) -> bool {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    conditions.iter().any(|condition| {
        matches!(condition.type_.as_str(), "Complete" | "Failed" | "FailureTarget") && condition.status == "True"
    })
}

impl Shared {
    /// The end of a job is looked at as soon as it is told.
    fn job_changed(&self, change: &Change<Job>) {
        let job = change.object();
        let is_gone = matches!(change, Change::Deleted(_));
        let annotation = |name: &str| job.metadata.annotations.as_ref().and_then(|all| all.get(name)).cloned();
        if (is_ended(job) || is_gone)
            && let Some(name) = annotation(NAME_ANNOTATION)
        {
            let namespace = annotation(NAMESPACE_ANNOTATION).or_else(|| job.metadata.namespace.clone());
            self.queue.add(Key::new(namespace.unwrap_or_default(), name));
        }
    }
}
