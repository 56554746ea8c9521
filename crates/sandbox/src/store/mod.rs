//! The store: every object in memory under one revision counter, with history for watches and indexes for controllers.
//!
//! One lock guards all of it. Nothing is computed under the lock that could be computed outside: a writer prepares the
//! whole object and then commits it against the revision that it read.

mod index;
mod log;
mod subscription;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use tiphys_machinery::resource::Resource;
use tokio::sync::Notify;

use self::{index::Indexes, log::ShardLog};
pub use self::{
    log::HistoryLimits,
    subscription::{Subscription, SubscriptionQueue},
};
use crate::{durable::Journal, object::Object};

/// Where the objects of all versions of a resource live: group and plural.
pub type ShardId = Arc<(String, String)>;

/// One committed write.
#[derive(Debug, Clone)]
pub struct Change {
    /// The resource in its storage version.
    pub resource: Arc<Resource>,
    /// The object before, unless it was created.
    pub prev: Option<Arc<Object>>,
    /// The object after, unless it was removed.
    pub new: Option<Arc<Object>>,
    /// The revision of this write: higher than that of every change before.
    pub revision: u64,
}

impl Change {
    /// Returns the object after the write, or its last state if it was removed.
    ///
    /// # Panics
    /// Never: a change has at least one side.
    #[must_use]
    pub fn object(&self) -> &Arc<Object> {
        match (&self.new, &self.prev) {
            (Some(object), _) | (None, Some(object)) => object,
            (None, None) => unreachable!("a change has at least one side"),
        }
    }
}

/// What a writer believes about the present state of the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// There is none.
    Absent,
    /// It is at this revision.
    Revision(u64),
}

/// Refusal of a commit: the object is not what the writer believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale;

/// All objects, in memory.
#[derive(Debug)]
pub struct Store {
    state: RwLock<State>,
    limits: HistoryLimits,
    journal: Option<Journal>,
}

#[derive(Debug, Default)]
struct State {
    revision: u64,
    /// Nothing at or below this revision can be told: the process started after it.
    floor: u64,
    shards: BTreeMap<ShardId, Shard>,
    indexes: Indexes,
    log: log::Log,
    queues: Vec<SubscriptionQueue>,
}

#[derive(Debug)]
struct Shard {
    objects: BTreeMap<Arc<str>, Arc<Object>>,
    by_index: BTreeMap<Box<str>, BTreeSet<Arc<str>>>,
    log: ShardLog,
    wake: Arc<Notify>,
}

/// A consistent reading of one resource.
#[derive(Debug)]
pub struct Snapshot {
    /// The objects, in key order.
    pub objects: Vec<Arc<Object>>,
    /// The revision that the reading is of.
    pub revision: u64,
}

/// Why a past state cannot be told any more: it was compacted. Holds the oldest revision that still can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted(pub u64);

impl Store {
    /// Returns an empty store whose first write gets the revision after `revision`.
    #[must_use]
    pub fn new(revision: u64, limits: HistoryLimits) -> Self {
        let state = State { revision, floor: revision, ..State::default() };
        Self { state: RwLock::new(state), limits, journal: None }
    }

    /// Keeps every later commit on disk.
    pub(crate) fn keep(&mut self, journal: Journal) {
        self.journal = Some(journal);
    }

    /// Returns where commits are kept on disk, if they are.
    pub(crate) fn journal(&self) -> Option<&Journal> {
        self.journal.as_ref()
    }

    /// Returns the revision of the last write.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.read().revision
    }

    /// Returns one object.
    #[must_use]
    pub fn get(&self, shard: &ShardId, key: &str) -> Option<Arc<Object>> {
        self.read().shards.get(shard)?.objects.get(key).cloned()
    }

    /// Returns the objects of a resource, of one namespace or of all, in key order.
    #[must_use]
    pub fn list(&self, shard: &ShardId, namespace: Option<&str>) -> Snapshot {
        let state = self.read();
        let objects = state.shards.get(shard).map(|shard| shard.in_namespace(namespace)).unwrap_or_default();
        Snapshot { objects, revision: state.revision }
    }

    /// Returns the objects as they were at `revision`, by undoing what was written since.
    ///
    /// # Errors
    /// When the history does not reach back that far.
    pub fn list_at(&self, shard: &ShardId, namespace: Option<&str>, revision: u64) -> Result<Snapshot, Compacted> {
        let state = self.read();
        let oldest = state.shards.get(shard).map_or(state.floor, |shard| shard.log.compacted());
        if revision < oldest {
            return Err(Compacted(oldest));
        }
        let Some(shard) = state.shards.get(shard) else { return Ok(Snapshot { objects: Vec::new(), revision }) };
        let mut objects: BTreeMap<Arc<str>, Arc<Object>> =
            shard.in_namespace(namespace).into_iter().map(|object| (object.key().clone(), object)).collect();
        for change in shard.log.after(revision).rev() {
            let key = change.object().key();
            if namespace.is_some_and(|namespace| change.object().namespace() != namespace) {
                continue;
            }
            match &change.prev {
                Some(prev) => objects.insert(key.clone(), prev.clone()),
                None => objects.remove(key),
            };
        }
        Ok(Snapshot { objects: objects.into_values().collect(), revision })
    }

    /// Returns the objects whose secondary index has this value.
    #[must_use]
    pub fn by_index(&self, shard: &ShardId, value: &str) -> Vec<Arc<Object>> {
        let state = self.read();
        let Some(shard) = state.shards.get(shard) else { return Vec::new() };
        let keys = shard.by_index.get(value).into_iter().flatten();
        keys.filter_map(|key| shard.objects.get(key).cloned()).collect()
    }

    /// Returns the shards that have objects, with how many.
    #[must_use]
    pub fn populated(&self) -> Vec<(ShardId, usize)> {
        let state = self.read();
        let counts = state.shards.iter().map(|(id, shard)| (id.clone(), shard.objects.len()));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// Returns the objects that name this uid as an owner, ordered by resource and key.
    #[must_use]
    pub fn dependents(&self, uid: &str) -> Vec<(ShardId, Arc<Object>)> {
        let state = self.read();
        state.indexes.dependents(uid).filter_map(|place| state.at(place)).collect()
    }

    /// Returns the object of this uid.
    #[must_use]
    pub fn by_uid(&self, uid: &str) -> Option<(ShardId, Arc<Object>)> {
        let state = self.read();
        state.at(state.indexes.place(uid)?)
    }

    /// Writes one object, or removes it where `new` is absent, if the present state is as expected.
    ///
    /// # Errors
    /// When it is not; nothing was written then.
    pub fn commit(
        &self,
        resource: &Arc<Resource>,
        shard: &ShardId,
        key: &Arc<str>,
        expected: Expected,
        new: Option<Object>,
    ) -> Result<Arc<Change>, Stale> {
        let mut guard = self.write();
        let state = &mut *guard;
        let prev = state.shards.get(shard).and_then(|shard| shard.objects.get(key)).cloned();
        if prev.as_ref().map_or(Expected::Absent, |prev| Expected::Revision(prev.revision())) != expected {
            return Err(Stale);
        }
        state.revision += 1;
        let revision = state.revision;
        let new = new.map(|mut object| {
            object.set_revision(revision);
            Arc::new(object)
        });
        let change = Arc::new(Change { resource: resource.clone(), prev, new, revision });
        state.apply(shard, key, &change);
        if let Some(journal) = &self.journal {
            journal.append(shard, &change);
        }
        state.record(shard, &change, self.limits);
        Ok(change)
    }

    /// Puts back an object that was read from disk: no event, its revision unchanged.
    pub fn restore(&self, shard: &ShardId, object: Object) {
        let mut state = self.write();
        let revision = object.revision();
        let key = object.key().clone();
        state.revision = state.revision.max(revision);
        state.put(shard, &key, None, Some(Arc::new(object)));
    }

    /// Ends a restore: everything up to `revision` is past, and the next write comes after `gap` unused revisions.
    pub fn restored(&self, revision: u64, gap: u64) {
        let mut state = self.write();
        state.revision = state.revision.max(revision) + gap;
        state.floor = state.revision;
        let floor = state.floor;
        for shard in state.shards.values_mut() {
            shard.log = ShardLog::starting_at(floor);
        }
    }

    /// Subscribes to every change from now on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        let (subscription, queue) = Subscription::new();
        self.write().queues.push(queue);
        subscription
    }

    /// Returns the changes of a resource after `revision`, at most `limit`, and the revision up to which nothing more
    /// is to be told: that of the last change where the limit cut it off, else that of the store.
    ///
    /// # Errors
    /// When the history does not reach back that far.
    pub fn changes_after(
        &self,
        shard: &ShardId,
        revision: u64,
        limit: usize,
    ) -> Result<(Vec<Arc<Change>>, u64), Compacted> {
        let state = self.read();
        let Some(shard) = state.shards.get(shard) else {
            return if revision < state.floor { Err(Compacted(state.floor)) } else { Ok((Vec::new(), state.revision)) };
        };
        if revision < shard.log.compacted() {
            return Err(Compacted(shard.log.compacted()));
        }
        let changes: Vec<Arc<Change>> = shard.log.after(revision).take(limit).cloned().collect();
        let told = match changes.last() {
            Some(last) if changes.len() == limit => last.revision,
            _ => state.revision,
        };
        Ok((changes, told))
    }

    /// Returns what wakes watchers of a resource after each of its changes.
    #[must_use]
    pub fn wake(&self, shard: &ShardId) -> Arc<Notify> {
        if let Some(found) = self.read().shards.get(shard) {
            return found.wake.clone();
        }
        self.write().shard(shard).wake.clone()
    }

    /// Forgets the history up to `revision` (or all of it, if that lies in the future), as etcd's compaction does.
    pub fn compact(&self, revision: u64) {
        let mut guard = self.write();
        let state = &mut *guard;
        let revision = revision.min(state.revision);
        state.floor = state.floor.max(revision);
        for shard in state.shards.values_mut() {
            shard.log.compact(revision);
        }
        state.log.compact(revision);
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn shard(&mut self, id: &ShardId) -> &mut Shard {
        let floor = self.floor;
        self.shards.entry(id.clone()).or_insert_with(|| Shard::starting_at(floor))
    }

    fn apply(&mut self, id: &ShardId, key: &Arc<str>, change: &Change) {
        self.put(id, key, change.prev.as_ref(), change.new.clone());
    }

    fn put(&mut self, id: &ShardId, key: &Arc<str>, prev: Option<&Arc<Object>>, new: Option<Arc<Object>>) {
        self.indexes.update(id, key, prev.map(AsRef::as_ref), new.as_deref());
        let shard = self.shard(id);
        shard.reindex(key, prev.and_then(|p| p.index()), new.as_ref().and_then(|n| n.index()));
        match new {
            Some(object) => shard.objects.insert(object.key().clone(), object),
            None => shard.objects.remove(key),
        };
    }

    fn record(&mut self, id: &ShardId, change: &Arc<Change>, limits: HistoryLimits) {
        let shard = self.shard(id);
        shard.log.push(change.clone());
        shard.wake.notify_waiters();
        self.log.push(id.clone(), change);
        while let Some(forgotten) = self.log.pop_beyond(limits) {
            self.shard(&forgotten).log.pop_front();
        }
        self.queues.retain(|queue| queue.push(change));
    }

    fn at(&self, (id, key): &(ShardId, Arc<str>)) -> Option<(ShardId, Arc<Object>)> {
        let object = self.shards.get(id)?.objects.get(key)?;
        Some((id.clone(), object.clone()))
    }
}

impl Shard {
    fn starting_at(floor: u64) -> Self {
        Self {
            objects: BTreeMap::new(),
            by_index: BTreeMap::new(),
            log: ShardLog::starting_at(floor),
            wake: Arc::new(Notify::new()),
        }
    }

    fn in_namespace(&self, namespace: Option<&str>) -> Vec<Arc<Object>> {
        match namespace {
            None => self.objects.values().cloned().collect(),
            Some(namespace) => {
                // '0' is the character after '/'.
                let (from, to) = (format!("{namespace}/"), format!("{namespace}0"));
                let range = (Bound::Included(from.as_str()), Bound::Excluded(to.as_str()));
                self.objects.range::<str, _>(range).map(|(_, object)| object.clone()).collect()
            }
        }
    }

    fn reindex(&mut self, key: &Arc<str>, prev: Option<&str>, new: Option<&str>) {
        if prev == new {
            return;
        }
        if let Some(prev) = prev
            && let Some(keys) = self.by_index.get_mut(prev)
        {
            keys.remove(key);
            if keys.is_empty() {
                self.by_index.remove(prev);
            }
        }
        if let Some(new) = new {
            self.by_index.entry(new.into()).or_default().insert(key.clone());
        }
    }
}

#[cfg(test)]
mod tests;
