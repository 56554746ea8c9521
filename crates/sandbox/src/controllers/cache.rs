//! What the controllers remember of all objects, kept in step with the registry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::view::{Budget, Deployment, Interner, Job, Key, Pod, PodWire, ReplicaSet, Service};
use crate::object::Object;
use crate::store::Change;

/// One change in the slim form, before and after.
#[derive(Debug, Clone)]
pub(crate) enum Update {
    Pod(Sides<Pod>),
    ReplicaSet(Sides<ReplicaSet>),
    Deployment(Sides<Deployment>),
    Service(Sides<Service>),
    Budget(Sides<Budget>),
    Job(Sides<Job>),
    /// A kind that is not remembered.
    Other,
}

/// An object before and after a change.
#[derive(Debug, Clone)]
pub(crate) struct Sides<T> {
    pub(crate) old: Option<Arc<T>>,
    pub(crate) new: Option<Arc<T>>,
}

impl<T> Sides<T> {
    /// Returns whichever sides there are.
    pub(crate) fn each(&self) -> impl Iterator<Item = &Arc<T>> {
        self.old.iter().chain(&self.new)
    }
}

/// The objects.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    pub(crate) pods: Pods,
    pub(crate) replica_sets: BTreeMap<Key, Arc<ReplicaSet>>,
    pub(crate) deployments: BTreeMap<Key, Arc<Deployment>>,
    pub(crate) services: BTreeMap<Key, Arc<Service>>,
    pub(crate) budgets: BTreeMap<Key, Arc<Budget>>,
    pub(crate) jobs: BTreeMap<Key, Arc<Job>>,
    interner: Interner,
}

impl Cache {
    /// Takes in a change and returns it in the slim form.
    pub(crate) fn apply(&mut self, change: &Change) -> Update {
        let key = key_of(change.object());
        match change.resource.group_plural() {
            ("", "pods") => {
                let pod = decode::<PodWire>(change).map(|wire| Arc::new(Pod::decode(wire, &mut self.interner)));
                Update::Pod(self.pods.put(key, pod))
            }
            ("", "services") => Update::Service(put(&mut self.services, key, change)),
            ("apps", "replicasets") => Update::ReplicaSet(put(&mut self.replica_sets, key, change)),
            ("apps", "deployments") => Update::Deployment(put(&mut self.deployments, key, change)),
            ("batch", "jobs") => Update::Job(put(&mut self.jobs, key, change)),
            ("policy", "poddisruptionbudgets") => Update::Budget(put(&mut self.budgets, key, change)),
            _ => Update::Other,
        }
    }
}

/// Returns the key of a stored object.
pub(crate) fn key_of(object: &Object) -> Key {
    Key::new(object.namespace(), object.name())
}

/// Returns the objects of one namespace, in order.
pub(crate) fn in_namespace<'a, T>(
    map: &'a BTreeMap<Key, Arc<T>>,
    namespace: &Arc<str>,
) -> impl Iterator<Item = (&'a Key, &'a Arc<T>)> + use<'a, T> {
    let namespace = namespace.clone();
    map.range(Key::first_of(&namespace)..).take_while(move |(key, _)| key.namespace == namespace)
}

/// Returns the keys of one namespace, in order.
pub(crate) fn in_namespace_of<'a>(keys: &'a BTreeSet<Key>, namespace: &Arc<str>) -> impl Iterator<Item = &'a Key> {
    let namespace = namespace.clone();
    keys.range(Key::first_of(&namespace)..).take_while(move |key| key.namespace == namespace)
}

fn decode<T: DeserializeOwned>(change: &Change) -> Option<T> {
    let object = change.new.as_ref()?;
    match object.decode() {
        Ok(decoded) => Some(decoded),
        Err(error) => {
            // One bad object stops only itself: for the controllers it does not exist.
            tracing::warn!(%error, object = %object.key(), kind = %change.resource.gvk.kind, "object is not understood");
            None
        }
    }
}

fn put<T: DeserializeOwned>(map: &mut BTreeMap<Key, Arc<T>>, key: Key, change: &Change) -> Sides<T> {
    let new = decode(change).map(Arc::new);
    let old = match &new {
        Some(new) => map.insert(key, Arc::clone(new)),
        None => map.remove(&key),
    };
    Sides { old, new }
}

/// Pods, with the indexes that controllers look them up by.
#[derive(Debug, Default)]
pub(crate) struct Pods {
    all: BTreeMap<Key, Arc<Pod>>,
    by_controller: BTreeMap<Arc<str>, BTreeMap<Key, Arc<Pod>>>,
    orphans: BTreeMap<Key, Arc<Pod>>,
}

impl Pods {
    /// Returns the pods of a namespace, in order.
    pub(crate) fn in_namespace(&self, namespace: &Arc<str>) -> impl Iterator<Item = &Arc<Pod>> {
        in_namespace(&self.all, namespace).map(|(_, pod)| pod)
    }

    /// Returns the pods that the owner of this uid controls, in order.
    pub(crate) fn of_controller(&self, uid: &str) -> impl Iterator<Item = &Arc<Pod>> {
        self.by_controller.get(uid).into_iter().flat_map(BTreeMap::values)
    }

    /// Returns the pods of a namespace that nobody controls, in order.
    pub(crate) fn orphans(&self, namespace: &Arc<str>) -> impl Iterator<Item = &Arc<Pod>> {
        in_namespace(&self.orphans, namespace).map(|(_, pod)| pod)
    }

    fn put(&mut self, key: Key, new: Option<Arc<Pod>>) -> Sides<Pod> {
        let old = match &new {
            Some(new) => self.all.insert(key.clone(), new.clone()),
            None => self.all.remove(&key),
        };
        if let Some(old) = &old {
            self.unindex(&key, old);
        }
        if let Some(new) = &new {
            self.index(key, new);
        }
        Sides { old, new }
    }

    fn index(&mut self, key: Key, pod: &Arc<Pod>) {
        match &pod.controller {
            Some(owner) => {
                self.by_controller.entry(owner.uid.clone()).or_default().insert(key, pod.clone());
            }
            None => _ = self.orphans.insert(key, pod.clone()),
        }
    }

    fn unindex(&mut self, key: &Key, pod: &Pod) {
        match &pod.controller {
            Some(owner) => remove(&mut self.by_controller, &owner.uid, key),
            None => _ = self.orphans.remove(key),
        }
    }
}

fn remove(index: &mut BTreeMap<Arc<str>, BTreeMap<Key, Arc<Pod>>>, value: &Arc<str>, key: &Key) {
    if let Some(keys) = index.get_mut(value) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(value);
        }
    }
}

/// Marks of what is to be looked at, taken in order.
pub(crate) type Marks = BTreeSet<Key>;
