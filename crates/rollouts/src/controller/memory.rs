//! What the controller knows from its own acts, by Rollout. Lost with the process, and found out again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use tiphys_runtime::cache::Key;
use tiphys_traffic::ObjectId;

use crate::{
    apply::{Kind, Outcome},
    observe::{CreateError, Gone, Recall, Refusal, WatchedPod},
};

/// Deleted pods are remembered for this long.
const GONE_KEPT: SignedDuration = SignedDuration::from_mins(10);
/// Refusals are remembered for this long.
const REFUSED_KEPT: SignedDuration = SignedDuration::from_mins(1);
/// Deleted pods that are remembered at most.
const GONE_MAX: usize = 64;

/// What is known about one Rollout.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// What plans see.
    pub(super) recall: Recall,
    /// Objects that we wrote and may not have seen since.
    unseen: BTreeSet<(Kind, String)>,
    /// Objects of routers that we wrote and may not have seen since.
    unseen_routes: BTreeSet<ObjectId>,
}

impl Memory {
    /// Notes that a ReplicaSet, or an object whose name is taken, could not be created.
    pub(super) fn could_not_create(&mut self, kind: Kind, name: String, is_taken: bool, message: String) {
        if kind != Kind::ReplicaSet {
            self.recall.taken_names.insert(name);
        } else if is_taken {
            self.recall.taken = Some(name);
        } else {
            self.recall.create_error = Some(CreateError { name, message });
        }
    }
}

/// The memories of all Rollouts.
#[derive(Debug, Default)]
pub(super) struct Memories {
    all: Mutex<BTreeMap<Key, Memory>>,
}

impl Memories {
    fn all(&self) -> MutexGuard<'_, BTreeMap<Key, Memory>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets a Rollout.
    pub(super) fn forget(&self, key: &Key) {
        self.all().remove(key);
    }

    /// Changes what is known about a Rollout.
    pub(super) fn change(&self, key: &Key, change: impl FnOnce(&mut Memory)) {
        change(self.all().entry(key.clone()).or_default());
    }

    /// Returns what a plan may know, without evictions whose effect can be seen in `pods` by now.
    pub(super) fn recall(&self, key: &Key, pods: &[Arc<WatchedPod>]) -> Recall {
        let mut all = self.all();
        let Some(memory) = all.get_mut(key) else { return Recall::default() };
        let is_staying = |uid: &String| {
            let pod = pods.iter().find(|pod| pod.metadata.uid.as_ref() == Some(uid));
            pod.is_some_and(|pod| pod.metadata.deletion_timestamp.is_none())
        };
        memory.recall.evicted.retain(|uid, _| is_staying(uid));
        memory.recall.refused.retain(|uid, _| is_staying(uid));
        memory.recall.clone()
    }

    /// Returns the first object that we wrote and whose copy is still older; forgets the others.
    pub(super) fn first_unseen(&self, key: &Key, is_current: impl Fn(Kind, &Key) -> bool) -> Option<(Kind, String)> {
        let mut all = self.all();
        let memory = all.get_mut(key)?;
        memory.unseen.retain(|(kind, name)| !is_current(*kind, &Key::new(&key.namespace, name)));
        memory.unseen.first().cloned()
    }

    /// Returns the first object of a router that we wrote and whose copy is still older; forgets the others.
    pub(super) fn first_unseen_route(&self, key: &Key, is_current: impl Fn(&ObjectId) -> bool) -> Option<ObjectId> {
        let mut all = self.all();
        let memory = all.get_mut(key)?;
        memory.unseen_routes.retain(|id| !is_current(id));
        memory.unseen_routes.first().cloned()
    }

    /// Takes in what came of a plan.
    pub(super) fn remember(&self, key: &Key, outcome: &Outcome, now: Timestamp) {
        let is_empty = outcome.written.is_empty() && outcome.evicted.is_empty() && outcome.refused.is_empty();
        if is_empty && outcome.routed.is_empty() {
            return;
        }
        self.change(key, |memory| {
            memory.unseen.extend(outcome.written.iter().map(|written| (written.kind, written.name.clone())));
            memory.unseen_routes.extend(outcome.routed.iter().map(|(id, _)| id.clone()));
            let recall = &mut memory.recall;
            recall.evicted.extend(outcome.evicted.iter().map(|uid| (uid.clone(), now)));
            recall.refused.retain(|_, refusal| now.duration_since(refusal.at) < REFUSED_KEPT);
            let refused = outcome.refused.iter();
            recall
                .refused
                .extend(refused.map(|(uid, message)| (uid.clone(), Refusal { message: message.clone(), at: now })));
        });
    }

    /// Notes a pod that somebody deleted; pods that we evicted ourselves do not count.
    pub(super) fn gone(&self, key: &Key, pod: &WatchedPod, now: Timestamp) {
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        let name = pod.metadata.name.clone().unwrap_or_default();
        self.change(key, |memory| {
            let gone = &mut memory.recall.gone;
            gone.retain(|known| now.duration_since(known.at) < GONE_KEPT);
            let is_known = gone.iter().any(|known| known.pod == name);
            if !is_known && !memory.recall.evicted.contains_key(&uid) && gone.len() < GONE_MAX {
                gone.push(Gone { pod: name, uid, at: now });
            }
        });
    }
}
