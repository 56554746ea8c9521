//! The watches.

use k8s_openapi::{
    api::{
        apps::v1::ReplicaSet,
        core::v1::{Event, Pod},
        policy::v1::PodDisruptionBudget,
    },
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};
use kube::{
    Api, Client, Resource,
    api::{ApiResource, DynamicObject},
    runtime::watcher,
};
use tiphys_api::{AnalysisRun, Rollout, constants::labels};
use tiphys_runtime::cache::{Cache, Change, Key};
use tokio::task::JoinSet;

use super::Board;

/// Copies of objects.
pub(super) struct Caches {
    pub(super) rollouts: Cache<DynamicObject>,
    pub(super) replica_sets: Cache<ReplicaSet>,
    pub(super) pods: Cache<Pod>,
    pub(super) budgets: Cache<PodDisruptionBudget>,
    pub(super) runs: Cache<DynamicObject>,
    pub(super) events: Cache<Event>,
}

impl Caches {
    pub(super) fn new() -> Self {
        Self {
            rollouts: Cache::new(|_| Vec::new()),
            replica_sets: Cache::new(|set| owner_term(&set.metadata)),
            pods: Cache::new(|pod| owner_term(&pod.metadata)),
            budgets: Cache::new(|_| Vec::new()),
            runs: Cache::new(|run| owner_term(&run.metadata)),
            events: Cache::new(|_| Vec::new()),
        }
    }

    pub(super) async fn ready(&self) {
        self.rollouts.ready().await;
        self.replica_sets.ready().await;
        self.pods.ready().await;
        self.budgets.ready().await;
    }
}

fn owner(metadata: &ObjectMeta) -> Option<&OwnerReference> {
    metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
}

fn owner_term(metadata: &ObjectMeta) -> Vec<String> {
    owner(metadata).map(|owner| owner.uid.clone()).into_iter().collect()
}

fn scoped<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
{
    namespace.map_or_else(|| Api::all(client.clone()), |namespace| Api::namespaced(client.clone(), namespace))
}

fn dynamic<K: Resource<DynamicType = ()>>(client: &Client, namespace: Option<&str>) -> Api<DynamicObject> {
    let resource = ApiResource::erase::<K>(&());
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

/// Starts to follow everything.
pub(super) fn follow(board: &Board, namespace: Option<&str>, tasks: &mut JoinSet<()>) {
    let client = &board.client;
    let caches = &board.caches;
    let hashed = || watcher::Config::default().labels(labels::POD_TEMPLATE_HASH);
    let all = watcher::Config::default;
    let told = board.clone();
    let on_rollout = move |change: Change<DynamicObject>| told.mark(Key::of(&**change.object()));
    let rollouts = dynamic::<Rollout>(client, namespace);
    tasks.spawn(caches.rollouts.clone().follow(
        rollouts,
        all(),
        |object| object.metadata.managed_fields = None,
        on_rollout,
    ));
    let told = board.clone();
    let on_set = move |change: Change<ReplicaSet>| told.owner_changed(&change.object().metadata);
    tasks.spawn(caches.replica_sets.clone().follow(scoped(client, namespace), hashed(), prune, on_set));
    let told = board.clone();
    let on_pod = move |change: Change<Pod>| told.pod_changed(change.object());
    tasks.spawn(caches.pods.clone().follow(scoped(client, namespace), hashed(), prune_pod, on_pod));
    let told = board.clone();
    let on_budget = move |change: Change<PodDisruptionBudget>| told.namespace_changed(&change.object().metadata);
    tasks.spawn(caches.budgets.clone().follow(scoped(client, namespace), all(), prune, on_budget));
    let told = board.clone();
    let on_run = move |change: Change<DynamicObject>| told.owner_changed(&change.object().metadata);
    let runs = dynamic::<AnalysisRun>(client, namespace);
    tasks.spawn(caches.runs.clone().follow(runs, all(), |object| object.metadata.managed_fields = None, on_run));
    let told = board.clone();
    let on_event = move |change: Change<Event>| {
        let about = &change.object().involved_object;
        if about.kind.as_deref() == Some("Rollout") {
            let (namespace, name) = (about.namespace.clone(), about.name.clone());
            // Nobody may listen.
            let _ = told.changed.send(Key::new(namespace.unwrap_or_default(), name.unwrap_or_default()));
        }
    };
    tasks.spawn(caches.events.clone().follow(scoped(client, namespace), all(), prune, on_event));
}

fn prune<K: Resource>(object: &mut K) {
    object.meta_mut().managed_fields = None;
}

/// Of the spec only the containers' names, images and restart policies are shown.
fn prune_pod(pod: &mut Pod) {
    pod.metadata.managed_fields = None;
    let Some(spec) = &mut pod.spec else { return };
    spec.volumes = None;
    spec.affinity = None;
    spec.tolerations = None;
    for container in spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()) {
        container.env = None;
        container.env_from = None;
        container.volume_mounts = None;
        container.args = None;
        container.command = None;
    }
}

impl Board {
    /// Something that a Rollout owns changed.
    fn owner_changed(&self, metadata: &ObjectMeta) {
        if let Some(owner) = owner(metadata).filter(|owner| owner.kind == "Rollout") {
            self.mark(Key::new(metadata.namespace.clone().unwrap_or_default(), &owner.name));
        }
    }

    fn pod_changed(&self, pod: &Pod) {
        let Some(owner) = owner(&pod.metadata) else { return };
        let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
        if let Some(set) = self.caches.replica_sets.get(&Key::new(namespace, &owner.name)) {
            self.owner_changed(&set.metadata);
        }
    }

    /// A budget matters to what is restarting.
    fn namespace_changed(&self, metadata: &ObjectMeta) {
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        for rollout in self.caches.rollouts.list(Some(namespace)) {
            if !rollout.data["spec"]["restartAt"].is_null() {
                self.mark(Key::of(&*rollout));
            }
        }
    }
}
