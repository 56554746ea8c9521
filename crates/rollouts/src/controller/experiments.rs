//! Experiments, over the same caches as Rollouts: observed, planned, carried out.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::DynamicObject;
use serde_json::Value;
use tiphys_api::{
    Experiment, Rollout, Stored,
    constants::{analysis_phase::is_completed, annotations},
};
use tiphys_runtime::{
    cache::{Change, Key},
    queue::Queue,
    reason::ObjectRef,
};
use tracing::{Instrument, debug, info_span, warn};

use super::{
    Shared,
    watching::{Caches, owner},
};
use crate::{
    Error,
    apply::{Kind, Objects, Written},
    experiment::{
        self,
        apply::{Failure, apply},
        observe::{Observed, Recall, Wanted},
    },
    observe::{AnalysisView, ReplicaSetView, has_experiment},
};

/// A kind that is listed for the first time is waited for this long at a time.
const UNLISTED: std::time::Duration = std::time::Duration::from_secs(1);

/// What is to be done about Experiments, and what is known from our own acts.
#[derive(Default)]
pub(super) struct Experiments {
    pub(super) queue: Queue<Key>,
    memories: Mutex<BTreeMap<Key, Memory>>,
}

#[derive(Debug, Default)]
struct Memory {
    recall: Recall,
    /// Objects that we wrote and may not have seen since.
    unseen: BTreeSet<(Kind, String)>,
}

impl Experiments {
    fn memories(&self) -> MutexGuard<'_, BTreeMap<Key, Memory>> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, key: &Key, change: impl FnOnce(&mut Memory)) {
        change(self.memories().entry(key.clone()).or_default());
    }
}

/// Looks at Experiments one after the other.
pub(super) async fn work(shared: Arc<Shared>) {
    loop {
        let key = shared.experiments.queue.next().await;
        let span = info_span!("reconcile", kind = "Experiment", namespace = key.namespace, name = key.name);
        shared.reconcile_experiment(&key).instrument(span).await;
        shared.experiments.queue.done(&key);
    }
}

impl Caches {
    /// Returns the Experiments that a Rollout owns, as JSON.
    pub(super) fn experiments_of(&self, uid: &str) -> Vec<Value> {
        let all = self.experiments.with_term(uid);
        all.into_iter().map(|object| serde_json::to_value(&*object).unwrap_or_default()).collect()
    }
}

impl Shared {
    /// What a Rollout with Experiments waits for until they have been listed.
    pub(super) fn unlisted_experiments(&self, rollout: &Rollout, key: &Key) -> Option<ObjectRef> {
        let waits = has_experiment(rollout) && !self.caches.experiments.is_ready();
        waits.then(|| ObjectRef::new("Experiment", &key.namespace, "experiments"))
    }

    /// An Experiment is news for itself and for the Rollout that made it.
    pub(super) fn experiment_changed(&self, change: &Change<DynamicObject>) {
        let object = change.object();
        let key = Key::of(&**object);
        if let Some(rollout) = owner(&object.metadata).filter(|owner| owner.kind == "Rollout") {
            self.queue.add(Key::new(&key.namespace, &rollout.name));
        }
        self.experiments.queue.add(key);
    }

    /// Something that an Experiment owns has changed.
    pub(super) fn of_experiment_changed(&self, metadata: &ObjectMeta) {
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        if let Some(owner) = owner(metadata).filter(|owner| owner.kind == "Experiment") {
            self.experiments.queue.add(Key::new(namespace, &owner.name));
        }
    }

    /// The name of a Service that an Experiment had is free for others.
    pub(super) fn service_returned(&self, service: &ObjectMeta) {
        let namespace = service.namespace.as_deref().unwrap_or_default();
        if owner(service).is_some_and(|owner| owner.kind == "Experiment") {
            for experiment in self.caches.experiments.list(Some(namespace)) {
                self.experiments.queue.add(Key::of(&*experiment));
            }
        }
    }

    /// One pass over one Experiment.
    async fn reconcile_experiment(&self, key: &Key) {
        let Some(object) = self.caches.experiments.get(key) else {
            self.experiments.memories().remove(key);
            return self.experiments.queue.forget(key);
        };
        // The watch tells when our own last write has come back.
        if self.is_behind(key) {
            return;
        }
        let raw = serde_json::to_value(&*object).unwrap_or_default();
        let Some(seen) = self.experiment(key, Stored::new(raw)) else {
            return self.experiments.queue.add_after(key.clone(), UNLISTED);
        };
        let plan = experiment::plan::plan(&seen, self.clock.now());
        debug!(steps = plan.steps.len(), status = plan.status.is_some(), reasons = ?plan.reasons, "planned");
        let objects = Objects::new(self.client.clone(), &key.namespace);
        let outcome = apply(&objects, &self.recorder, &seen.experiment.typed, &plan).await;
        for Written { kind, name, resource_version } in &outcome.written {
            self.caches.wrote(*kind, &Key::new(&key.namespace, name), resource_version.as_deref());
            self.experiments.change(key, |memory| memory.unseen.extend([(*kind, name.clone())]));
        }
        if let Some(at) = plan.requeue {
            self.experiments.queue.add_after(key.clone(), self.clock.until(at));
        }
        match outcome.failure {
            Some(failure) => self.experiment_failed(key, &seen, &objects, failure).await,
            None => {
                if is_completed(&seen.experiment.typed.status.phase) {
                    // Tried again, it may create what it could not.
                    self.experiments.change(key, |memory| memory.recall.refusals.clear());
                }
                self.experiments.queue.forget(key);
            }
        }
    }

    fn is_behind(&self, key: &Key) -> bool {
        let mut memories = self.experiments.memories();
        let Some(memory) = memories.get_mut(key) else { return false };
        memory.unseen.retain(|(kind, name)| !self.caches.is_current(*kind, &Key::new(&key.namespace, name)));
        !memory.unseen.is_empty()
    }

    /// What the caches hold of an Experiment; `None` while a kind that it needs has not been listed.
    fn experiment(&self, key: &Key, experiment: Stored<Experiment>) -> Option<Observed> {
        let uid = experiment.typed.metadata.uid.clone().unwrap_or_default();
        let analysis = self.analysis_of(&experiment.typed, &uid, &key.namespace)?;
        let sets = self.caches.replica_sets.with_term(&uid);
        let services = self.caches.services.with_term(&uid);
        let lent = self.caches.services.list(Some(&key.namespace)).into_iter().filter(|service| {
            let annotations = service.metadata.annotations.as_ref();
            annotations.is_some_and(|all| all.contains_key(annotations::EXPERIMENT_NAME))
                && owner(&service.metadata).is_some_and(|owner| owner.uid != uid)
        });
        Some(Observed {
            experiment,
            replica_sets: sets.into_iter().map(|set| ReplicaSetView::new(set, None)).collect(),
            services,
            lent_services: lent.filter_map(|service| service.metadata.name.clone()).collect(),
            runs: analysis.runs,
            templates: analysis.templates,
            recall: self.experiments.memories().get(key).map(|memory| memory.recall.clone()).unwrap_or_default(),
        })
    }

    fn analysis_of(&self, experiment: &Experiment, uid: &str, namespace: &str) -> Option<AnalysisView> {
        if experiment.spec.analyses.is_empty() && experiment.status.analysis_runs.is_empty() {
            return Some(AnalysisView::default());
        }
        self.unlisted_analysis_kind().is_none().then(|| self.analysis_view(uid, namespace))
    }

    /// A creation that the server refuses for good is remembered, so that the next plan says so.
    async fn experiment_failed(&self, key: &Key, seen: &Observed, objects: &Objects, failure: Failure) {
        let Failure { uncreated, error } = failure;
        let (Some((wanted, kind, name)), Some(code)) = (uncreated, error.code()) else {
            return self.retry_experiment(key, &error);
        };
        let is_refused = matches!(code, 400 | 403 | 404 | 405 | 413 | 422);
        if code != 409 && !is_refused {
            return self.retry_experiment(key, &error);
        }
        let uid = seen.experiment.typed.metadata.uid.as_deref();
        match if code == 409 { objects.get(kind, &name).await.map(Some) } else { Ok(None) } {
            // Ours, only not seen yet; or one that is about to be gone.
            Ok(Some(existing)) if is_of(&existing, uid) || is_leaving(&existing, key) => {
                self.retry_experiment(key, &error);
            }
            Ok(existing) => {
                let message = existing.map_or_else(|| error.message(), |_| taken(&wanted, kind, &name));
                self.experiments.change(key, |memory| memory.could_not_create(wanted, name, message));
                self.experiments.queue.add(key.clone());
            }
            Err(error) => self.retry_experiment(key, &error),
        }
    }

    fn retry_experiment(&self, key: &Key, error: &Error) {
        let delay = self.experiments.queue.add_failed(key.clone());
        if matches!(error.code(), Some(409 | 422)) {
            debug!(error = error as &dyn std::error::Error, ?delay, "the world has moved on, trying again");
        } else {
            warn!(error = error as &dyn std::error::Error, ?delay, "the pass failed, trying again");
        }
    }
}

impl Memory {
    fn could_not_create(&mut self, wanted: Wanted, name: String, message: String) {
        let is_taken = matches!(wanted, Wanted::Run(_)) && message.is_empty();
        if is_taken {
            self.recall.taken.push(name);
        } else {
            self.recall.refusals.insert(wanted, message);
        }
    }
}

fn is_of(object: &DynamicObject, uid: Option<&str>) -> bool {
    owner(&object.metadata).is_some_and(|owner| Some(owner.uid.as_str()) == uid)
}

/// Whether an object is about to go: it is being deleted, or belongs to a former Experiment of this name.
fn is_leaving(object: &DynamicObject, key: &Key) -> bool {
    let is_of_former = |owner: &OwnerReference| owner.kind == "Experiment" && owner.name == key.name;
    object.metadata.deletion_timestamp.is_some() || owner(&object.metadata).is_some_and(is_of_former)
}

/// What is said of a name that somebody else has; nothing of a run, which gets another name.
fn taken(wanted: &Wanted, kind: Kind, name: &str) -> String {
    match wanted {
        Wanted::ReplicaSet(template) => {
            format!("{} {name} already exists and is not owned by experiment template {template}", kind.as_str())
        }
        Wanted::Service(template) => {
            format!("service {name} already exists and is not owned by experiment template {template}")
        }
        Wanted::Run(_) => String::new(),
    }
}
