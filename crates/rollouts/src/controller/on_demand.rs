//! Kinds that are followed from their first use on.

use std::{
    collections::BTreeMap,
    sync::{Mutex, OnceLock, PoisonError},
};

use kube::api::DynamicObject;
use tiphys_runtime::cache::Cache;
use tokio::task::AbortHandle;

/// Begins to follow one kind into a cache.
pub(super) type StartFollowing<K> = dyn Fn(K, Cache<DynamicObject>) -> AbortHandle + Send + Sync;

/// Caches by kind.
pub(super) struct OnDemand<K> {
    caches: Mutex<BTreeMap<K, Cache<DynamicObject>>>,
    tasks: Mutex<Vec<Following>>,
    start: OnceLock<Box<StartFollowing<K>>>,
}

/// A task that ends with its owner.
struct Following(AbortHandle);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<K: Ord + Clone> OnDemand<K> {
    pub(super) fn new() -> Self {
        Self { caches: Mutex::default(), tasks: Mutex::default(), start: OnceLock::new() }
    }

    /// Says how a kind is followed. Only the first call counts: a controller starts once.
    pub(super) fn start_with(&self, start: Box<StartFollowing<K>>) {
        let _ = self.start.set(start);
    }

    /// Returns the cache of a kind, and begins to follow it.
    pub(super) fn get(&self, kind: &K) -> Cache<DynamicObject> {
        let mut caches = self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cache) = caches.get(kind) {
            return cache.clone();
        }
        let cache: Cache<DynamicObject> = Cache::new(|_| Vec::new());
        if let Some(start) = self.start.get() {
            let task = start(kind.clone(), cache.clone());
            self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(Following(task));
            caches.insert(kind.clone(), cache.clone());
        }
        cache
    }
}
