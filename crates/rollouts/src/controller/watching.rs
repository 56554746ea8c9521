//! The caches, and which Rollout a change is about.

use std::sync::Arc;

use k8s_openapi::{
    api::{apps::v1::ReplicaSet, core::v1::Service, policy::v1::PodDisruptionBudget},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject},
    runtime::watcher,
};
use tiphys_api::{
    Experiment, Rollout, Stored, constants::labels, types::ObjectRef as WorkloadRef, validation::named_services,
};
use tiphys_runtime::{
    cache::{Cache, Change, Key},
    recorder::Note,
};
use tiphys_traffic::Resource;
use tokio::task::JoinSet;

use super::{
    Shared,
    analyses::{self, AnalysisKind},
    on_demand::OnDemand,
    released, routers,
};
use crate::{
    apply::{self, Kind},
    observe::{PodView, WatchedPod, WorkloadKind, workload_resource},
};

/// Copies of everything that plans are made from.
pub(super) struct Caches {
    pub(super) rollouts: Cache<DynamicObject>,
    pub(super) replica_sets: Cache<ReplicaSet>,
    pub(super) pods: Cache<WatchedPod>,
    pub(super) services: Cache<Service>,
    pub(super) budgets: Cache<PodDisruptionBudget>,
    pub(super) workloads: OnDemand<WorkloadKind>,
    pub(super) routers: OnDemand<Resource>,
    pub(super) analysis: OnDemand<AnalysisKind>,
    pub(super) experiments: Cache<DynamicObject>,
}

impl Caches {
    pub(super) fn new() -> Self {
        Self {
            rollouts: Cache::new(rollout_terms),
            replica_sets: Cache::new(replica_set_terms),
            pods: Cache::new(|pod| owner_term(&pod.metadata)),
            services: Cache::new(|service| owner_term(&service.metadata)),
            budgets: Cache::new(|_| Vec::new()),
            workloads: OnDemand::new(),
            routers: OnDemand::new(),
            analysis: OnDemand::new(),
            experiments: Cache::new(|experiment| owner_term(&experiment.metadata)),
        }
    }

    /// Waits until everything has been listed once.
    pub(super) async fn ready(&self) {
        self.rollouts.ready().await;
        self.replica_sets.ready().await;
        self.pods.ready().await;
        self.services.ready().await;
        self.budgets.ready().await;
    }

    /// Returns whether everything has been listed once.
    pub(super) fn are_ready(&self) -> bool {
        self.rollouts.is_ready()
            && self.replica_sets.is_ready()
            && self.pods.is_ready()
            && self.services.is_ready()
            && self.budgets.is_ready()
    }

    pub(super) fn replica_sets_of(&self, uid: &str, namespace: &str) -> Vec<Arc<ReplicaSet>> {
        let mut sets = self.replica_sets.with_term(uid);
        sets.extend(self.replica_sets.with_term(&orphans(namespace)));
        sets
    }

    pub(super) fn pods_of(&self, sets: &[Arc<ReplicaSet>]) -> Vec<Arc<WatchedPod>> {
        let owners = sets.iter().filter_map(|set| set.metadata.uid.as_deref());
        owners.flat_map(|uid| self.pods.with_term(uid)).collect()
    }

    pub(super) fn services_of(&self, rollout: &Rollout, namespace: &str) -> Vec<Arc<Service>> {
        let named = named_services(rollout);
        named.iter().filter_map(|service| self.services.get(&Key::new(namespace, &service.name))).collect()
    }

    pub(super) fn wrote(&self, kind: Kind, key: &Key, version: Option<&str>) {
        match kind {
            Kind::Rollout => self.rollouts.wrote(key, version),
            Kind::ReplicaSet => self.replica_sets.wrote(key, version),
            Kind::Pod => self.pods.wrote(key, version),
            Kind::Service => self.services.wrote(key, version),
            Kind::AnalysisRun => self.analysis.get(&AnalysisKind::Run).wrote(key, version),
            Kind::Experiment => self.experiments.wrote(key, version),
            Kind::ControllerRevision | Kind::Deployment => {}
        }
    }

    pub(super) fn is_current(&self, kind: Kind, key: &Key) -> bool {
        match kind {
            Kind::Rollout => self.rollouts.is_current(key),
            Kind::ReplicaSet => self.replica_sets.is_current(key),
            Kind::Pod => self.pods.is_current(key),
            Kind::Service => self.services.is_current(key),
            Kind::AnalysisRun => self.analysis.get(&AnalysisKind::Run).is_current(key),
            Kind::Experiment => self.experiments.is_current(key),
            Kind::ControllerRevision | Kind::Deployment => true,
        }
    }
}

/// Starts to follow everything.
pub(super) fn start(shared: &Arc<Shared>, tasks: &mut JoinSet<()>) {
    let client = &shared.client;
    let namespace = shared.config.namespace.as_deref();
    let rollouts = dynamic(client, namespace, &ApiResource::erase::<Rollout>(&()));
    let hashed = || watcher::Config::default().labels(labels::POD_TEMPLATE_HASH);
    let about = |change: fn(&Shared, &Change<DynamicObject>)| {
        let shared = shared.clone();
        move |told: Change<DynamicObject>| change(&shared, &told)
    };
    let caches = &shared.caches;
    let instance = watcher::Config::default().labels(&instance_selector(shared.config.instance.as_deref()));
    tasks.spawn(caches.rollouts.clone().follow(
        rollouts,
        instance.clone(),
        prune_rollout,
        about(Shared::rollout_changed),
    ));
    let all = dynamic(client, namespace, &ApiResource::erase::<Experiment>(&()));
    let told = about(Shared::experiment_changed);
    tasks.spawn(caches.experiments.clone().follow(all, instance, prune_dynamic, told));
    let told = shared.clone();
    let sets = scoped(client, namespace);
    tasks.spawn(caches.replica_sets.clone().follow(sets, hashed(), prune, move |c| told.replica_set_changed(&c)));
    let told = shared.clone();
    let pods = scoped(client, namespace);
    tasks.spawn(caches.pods.clone().follow(pods, hashed(), prune, move |c| told.pod_changed(&c)));
    let told = shared.clone();
    let services = scoped(client, namespace);
    let all = watcher::Config::default;
    tasks.spawn(caches.services.clone().follow(services, all(), prune, move |c| told.service_changed(&c)));
    let told = shared.clone();
    let budgets = scoped(client, namespace);
    tasks.spawn(caches.budgets.clone().follow(budgets, all(), prune, move |c| told.budget_changed(&c)));
    follow_workloads(shared);
    routers::follow(shared);
    analyses::follow(shared);
}

/// The closure holds the controller weakly, or neither would ever end.
fn follow_workloads(shared: &Arc<Shared>) {
    let weak = Arc::downgrade(shared);
    let client = shared.client.clone();
    let namespace = shared.config.namespace.clone();
    let start = move |kind: WorkloadKind, cache: Cache<DynamicObject>| {
        let api = dynamic(&client, namespace.as_deref(), &workload_resource(kind));
        let weak = weak.clone();
        let told = move |change: Change<DynamicObject>| {
            if let Some(shared) = weak.upgrade() {
                shared.workload_changed(kind, &change);
            }
        };
        tokio::spawn(cache.follow(api, watcher::Config::default(), prune_dynamic, told)).abort_handle()
    };
    shared.caches.workloads.start_with(Box::new(start));
}

/// Returns the API of a kind, in one namespace or in all of them.
pub(super) fn dynamic(client: &Client, namespace: Option<&str>, resource: &ApiResource) -> Api<DynamicObject> {
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, resource),
        None => Api::all_with(client.clone(), resource),
    }
}

fn scoped<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

fn instance_selector(instance: Option<&str>) -> String {
    match instance {
        Some(id) if !id.is_empty() => format!("{}={id}", labels::INSTANCE_ID),
        _ => format!("!{}", labels::INSTANCE_ID),
    }
}

fn prune<K: kube::Resource>(object: &mut K) {
    object.meta_mut().managed_fields = None;
}

/// Drops what nobody uses.
pub(super) fn prune_dynamic(object: &mut DynamicObject) {
    object.metadata.managed_fields = None;
}

/// Of who wrote what, only who asked for the restart is of interest.
fn prune_rollout(object: &mut DynamicObject) {
    if let Some(entries) = &mut object.metadata.managed_fields {
        entries.retain(|entry| {
            let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
            fields.and_then(|fields| fields.get("f:spec")?.get("f:restartAt")).is_some()
        });
    }
}

fn rollout_terms(object: &DynamicObject) -> Vec<String> {
    let rollout = typed(object);
    let namespace = rollout.metadata.namespace.clone().unwrap_or_default();
    let services = named_services(&rollout);
    let mut terms: Vec<String> = services.iter().map(|service| service_term(&namespace, &service.name)).collect();
    let workload = rollout.spec.workload_ref.as_ref();
    terms.extend(workload.and_then(|reference| workload_term(&namespace, reference)));
    terms
}

fn owner_term(metadata: &ObjectMeta) -> Vec<String> {
    owner(metadata).map(|owner| owner.uid.clone()).into_iter().collect()
}

fn replica_set_terms(set: &ReplicaSet) -> Vec<String> {
    let namespace = set.metadata.namespace.as_deref().unwrap_or_default();
    vec![owner(&set.metadata).map_or_else(|| orphans(namespace), |owner| owner.uid.clone())]
}

fn orphans(namespace: &str) -> String {
    format!("orphans/{namespace}")
}

fn service_term(namespace: &str, name: &str) -> String {
    format!("service/{namespace}/{name}")
}

fn workload_term(namespace: &str, reference: &WorkloadRef) -> Option<String> {
    WorkloadKind::of(reference).map(|kind| format!("{kind:?}/{namespace}/{}", reference.name))
}

pub(super) fn owner(metadata: &ObjectMeta) -> Option<&OwnerReference> {
    metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
}

/// Returns the typed view.
pub(super) fn typed(object: &DynamicObject) -> Rollout {
    Stored::new(serde_json::to_value(object).unwrap_or_default()).typed
}

impl Shared {
    fn rollout_changed(&self, change: &Change<DynamicObject>) {
        let key = Key::of(&**change.object());
        self.queue.add(key.clone());
        let (before, after) = match change {
            Change::Applied { old, new } => (old.clone(), Some(new)),
            Change::Deleted(last) => (Some(last.clone()), None),
        };
        let touched = |rollout: &DynamicObject| released::touched(&typed(rollout), &self.config.settings.routers);
        let kept = after.map(|rollout| touched(rollout)).unwrap_or_default();
        let left = before.iter().flat_map(|rollout| touched(rollout)).filter(|id| !kept.contains(id));
        left.for_each(|id| self.leftovers.add(id));
        if let Change::Deleted(last) = change {
            self.tell_deleted(typed(last));
        }
    }

    /// Told in the background: nothing waits for it.
    fn tell_deleted(&self, rollout: Rollout) {
        let recorder = self.recorder.clone();
        let (name, namespace) = (rollout.metadata.name.clone(), rollout.metadata.namespace.clone());
        let (name, namespace) = (name.unwrap_or_default(), namespace.unwrap_or_default());
        let text = format!("Rollout {name}/{namespace} is deleted.");
        let note = Note::normal(tiphys_api::constants::reasons::event::ROLLOUT_DELETED, text);
        tokio::spawn(async move { recorder.tell(&apply::reference(&rollout), &note).await });
    }

    fn replica_set_changed(&self, change: &Change<ReplicaSet>) {
        let set = change.object();
        let namespace = set.metadata.namespace.as_deref().unwrap_or_default();
        match owner(&set.metadata) {
            Some(owner) if owner.kind == "Rollout" => self.queue.add(Key::new(namespace, &owner.name)),
            Some(_) => self.of_experiment_changed(&set.metadata),
            None => self.add_all(namespace, |_| true),
        }
    }

    fn pod_changed(&self, change: &Change<WatchedPod>) {
        let pod = change.object();
        let Some((set, key)) = self.owners_of(pod) else { return };
        let (is_news, is_leaving) = match change {
            Change::Deleted(last) => (true, last.metadata.deletion_timestamp.is_none()),
            Change::Applied { old: None, new } => (true, new.metadata.deletion_timestamp.is_some()),
            Change::Applied { old: Some(old), new } => {
                let is_leaving = old.metadata.deletion_timestamp.is_none() && new.metadata.deletion_timestamp.is_some();
                (PodView::new(old, false) != PodView::new(new, false), is_leaving)
            }
        };
        if is_leaving && self.is_by_hand(pod, &set) {
            self.memories.gone(&key, pod, self.clock.now());
        }
        if is_news {
            self.queue.add(key);
        }
    }

    /// The ReplicaSet of a pod, and the Rollout of that.
    fn owners_of(&self, pod: &WatchedPod) -> Option<(Arc<ReplicaSet>, Key)> {
        let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
        let by = owner(&pod.metadata)?;
        let set = self.caches.replica_sets.get(&Key::new(namespace, &by.name))?;
        // One of the same name may have taken the place of a deleted one.
        let set = Some(set).filter(|set| set.metadata.uid.as_ref() == Some(&by.uid))?;
        let rollout = owner(&set.metadata).filter(|owner| owner.kind == "Rollout")?;
        let key = Key::new(namespace, &rollout.name);
        Some((set, key))
    }

    /// A pod that was neither evicted nor taken by a scale-down leaves its ReplicaSet with too few.
    fn is_by_hand(&self, pod: &WatchedPod, set: &ReplicaSet) -> bool {
        let is_disrupted =
            pod.status.conditions.iter().flatten().any(|c| c.kind == "DisruptionTarget" && c.status == "True");
        let is_finished = matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"));
        let key = Key::of(set);
        if is_disrupted
            || is_finished
            || set.metadata.deletion_timestamp.is_some()
            || !self.caches.replica_sets.is_current(&key)
        {
            return false;
        }
        let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        let pods = self.caches.pods.with_term(set.metadata.uid.as_deref().unwrap_or_default());
        let staying = pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).count();
        i32::try_from(staying).is_ok_and(|staying| staying < wanted)
    }

    fn service_changed(&self, change: &Change<Service>) {
        let service = change.object();
        let key = Key::of(&**service);
        for rollout in self.caches.rollouts.with_term(&service_term(&key.namespace, &key.name)) {
            self.queue.add(Key::of(&*rollout));
        }
        self.of_experiment_changed(&service.metadata);
        if matches!(change, Change::Deleted(_)) {
            self.service_returned(&service.metadata);
        }
        if released::is_managed(service) {
            self.leftovers.add(released::service_id(&key));
        }
    }

    /// A budget matters to restarts under way.
    fn budget_changed(&self, change: &Change<PodDisruptionBudget>) {
        let namespace = change.object().metadata.namespace.clone().unwrap_or_default();
        self.add_all(&namespace, |rollout| {
            let asked = rollout.data.pointer("/spec/restartAt").filter(|at| !at.is_null());
            asked.is_some() && asked != rollout.data.pointer("/status/restartedAt")
        });
    }

    fn workload_changed(&self, kind: WorkloadKind, change: &Change<DynamicObject>) {
        let key = Key::of(&**change.object());
        for rollout in self.caches.rollouts.with_term(&format!("{kind:?}/{}/{}", key.namespace, key.name)) {
            self.queue.add(Key::of(&*rollout));
        }
    }

    pub(super) fn add_all(&self, namespace: &str, is_wanted: impl Fn(&DynamicObject) -> bool) {
        let rollouts = self.caches.rollouts.list(Some(namespace));
        for rollout in rollouts.iter().filter(|rollout| is_wanted(rollout)) {
            self.queue.add(Key::of(&**rollout));
        }
    }
}
