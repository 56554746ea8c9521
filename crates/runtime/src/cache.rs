//! A sorted copy of one kind of objects, fed by a watch.
//!
//! Guarantees: what leaves a cache is sorted by namespace and name; [`Cache::is_ready`] is true only once a first list was
//! complete; [`Cache::is_current`] is false while the copy of an object is older than our own last write of it, so that
//! nobody decides on a state that we ourselves have already changed.
//!
//! Assumptions: resource versions of one server are numbers that grow; one that is no number is taken as current.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kube::{
    Api, Resource,
    runtime::watcher::{self, Event},
};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::following::Following;

/// Namespace and name; the namespace is empty for cluster-scoped objects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Key {
    /// Returns a key.
    #[must_use]
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// Returns the key of an object.
    #[must_use]
    pub fn of<K: Resource>(object: &K) -> Self {
        let meta = object.meta();
        Self::new(meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.namespace.is_empty() { f.write_str(&self.name) } else { write!(f, "{}/{}", self.namespace, self.name) }
    }
}

/// What a watch told.
#[derive(Debug, Clone)]
pub enum Change<K> {
    /// An object is there; `old` is what was known before.
    Applied {
        /// The former copy.
        old: Option<Arc<K>>,
        /// The present copy.
        new: Arc<K>,
    },
    /// An object is gone; this was the last copy.
    Deleted(Arc<K>),
}

impl<K> Change<K> {
    /// Returns the newest copy.
    #[must_use]
    pub fn object(&self) -> &Arc<K> {
        match self {
            Self::Applied { new, .. } => new,
            Self::Deleted(last) => last,
        }
    }
}

/// Computes the index terms of an object, for instance the uid of its owner.
pub type IndexFn<K> = fn(&K) -> Vec<String>;

/// The copy. Cheap to clone; all clones are the same cache.
pub struct Cache<K> {
    shared: Arc<Shared<K>>,
}

impl<K> Clone for Cache<K> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<K> Debug for Cache<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("kind", &std::any::type_name::<K>()).finish_non_exhaustive()
    }
}

struct Shared<K> {
    state: Mutex<State<K>>,
    index: IndexFn<K>,
    ready: watch::Sender<bool>,
    trouble: Mutex<Option<String>>,
}

struct State<K> {
    objects: BTreeMap<Key, Arc<K>>,
    terms: BTreeMap<String, BTreeSet<Key>>,
    written: BTreeMap<Key, u64>,
    /// The latest deletions, so that a write whose answer comes after the deletion was seen is not waited for.
    deleted: VecDeque<(Key, u64)>,
}

/// How many deletions are remembered: many times what can happen while one answer is under way.
const DELETED_KEPT: usize = 1024;

impl<K> Cache<K>
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    /// Returns an empty cache with an index.
    #[must_use]
    pub fn new(index: IndexFn<K>) -> Self {
        let state = State {
            objects: BTreeMap::new(),
            terms: BTreeMap::new(),
            written: BTreeMap::new(),
            deleted: VecDeque::new(),
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                index,
                ready: watch::Sender::new(false),
                trouble: Mutex::default(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<K>> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns one object.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Arc<K>> {
        self.state().objects.get(key).cloned()
    }

    /// Returns all objects, or those of one namespace, sorted.
    #[must_use]
    pub fn list(&self, namespace: Option<&str>) -> Vec<Arc<K>> {
        let state = self.state();
        match namespace {
            None => state.objects.values().cloned().collect(),
            Some(ns) => {
                let range = state.objects.range(Key::new(ns, "")..);
                range.take_while(|(key, _)| key.namespace == ns).map(|(_, object)| object.clone()).collect()
            }
        }
    }

    /// Returns the objects with an index term, sorted.
    #[must_use]
    pub fn with_term(&self, term: &str) -> Vec<Arc<K>> {
        let state = self.state();
        let keys = state.terms.get(term).into_iter().flatten();
        keys.filter_map(|key| state.objects.get(key).cloned()).collect()
    }

    /// Returns whether a first list was complete.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        *self.shared.ready.borrow()
    }

    /// Returns why the last attempt to list or watch failed; `None` once one has succeeded.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_trouble(&self, why: Option<String>) {
        *self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Waits until a first list was complete.
    pub async fn ready(&self) {
        let mut ready = self.shared.ready.subscribe();
        // The sender lives as long as `self`, so this cannot fail.
        let _ = ready.wait_for(|ready| *ready).await;
    }

    /// Notes that we wrote an object and got this resource version back.
    pub fn wrote(&self, key: &Key, resource_version: Option<&str>) {
        let Some(version) = resource_version.and_then(|v| v.parse().ok()) else { return };
        let mut state = self.state();
        let gone = state.deleted.iter().any(|(deleted, at)| deleted == key && *at >= version);
        if !gone && state.version_of(key) < Some(version) {
            let known = state.written.entry(key.clone()).or_insert(version);
            *known = version.max(*known);
        }
    }

    /// Returns whether the copy of an object is at least as new as our last write of it.
    #[must_use]
    pub fn is_current(&self, key: &Key) -> bool {
        !self.state().written.contains_key(key)
    }

    /// Follows the objects that `api` and `config` select, for ever, and tells `on_change` of each change after the copy
    /// was updated. `prune` drops what nobody uses before an object is kept.
    ///
    /// Begins with a consistent read, never with what an older answer says. Errors of the watch are logged and retried with a
    /// doubling delay (200 ms to 30 s, no jitter: runs repeat exactly).
    pub async fn follow(
        self,
        api: Api<K>,
        config: watcher::Config,
        prune: fn(&mut K),
        mut on_change: impl FnMut(Change<K>) + Send,
    ) {
        let mut seen: Option<BTreeSet<Key>> = None;
        let told = |event: Result<Event<K>, &kube::Error>| match event {
            Ok(event) => {
                if !matches!(event, Event::Init) {
                    self.set_trouble(None);
                }
                for change in self.take_in(event, prune, &mut seen) {
                    on_change(change);
                }
            }
            Err(error) => {
                self.set_trouble(Some(trouble_of(error)));
                warn!(kind = std::any::type_name::<K>(), error = error as &dyn std::error::Error, "watch failed");
            }
        };
        Following::new(api, config).run(told).await;
    }

    fn take_in(&self, event: Event<K>, prune: fn(&mut K), seen: &mut Option<BTreeSet<Key>>) -> Vec<Change<K>> {
        match event {
            Event::Init => {
                *seen = Some(BTreeSet::new());
                Vec::new()
            }
            Event::InitApply(object) => {
                if let Some(seen) = seen {
                    seen.insert(Key::of(&object));
                }
                self.upsert(object, prune).into_iter().collect()
            }
            Event::InitDone => {
                let gone = seen.take().map(|seen| self.absent_from(&seen)).unwrap_or_default();
                let changes = gone.iter().filter_map(|key| self.remove(key, None)).collect();
                debug!(kind = std::any::type_name::<K>(), objects = self.state().objects.len(), "cache is ready");
                self.shared.ready.send_replace(true);
                changes
            }
            Event::Apply(object) => self.upsert(object, prune).into_iter().collect(),
            Event::Delete(object) => {
                let version = object.meta().resource_version.as_deref().and_then(|v| v.parse().ok());
                self.remove(&Key::of(&object), version).into_iter().collect()
            }
        }
    }

    fn upsert(&self, mut object: K, prune: fn(&mut K)) -> Option<Change<K>> {
        prune(&mut object);
        let (key, version) = (Key::of(&object), version(&object));
        let new = Arc::new(object);
        let mut state = self.state();
        if state.written.get(&key).is_some_and(|written| version.is_none_or(|v| v >= *written)) {
            state.written.remove(&key);
        }
        let old = state.objects.insert(key.clone(), new.clone());
        if let Some(old) = &old {
            // A relist shows again what is already known.
            if old.meta().resource_version == new.meta().resource_version && old.meta().uid == new.meta().uid {
                return None;
            }
            state.drop_terms((self.shared.index)(old), &key);
        }
        for term in (self.shared.index)(&new) {
            state.terms.entry(term).or_default().insert(key.clone());
        }
        Some(Change::Applied { old, new })
    }

    fn remove(&self, key: &Key, version: Option<u64>) -> Option<Change<K>> {
        let mut state = self.state();
        if state.written.get(key).is_some_and(|written| version.is_none_or(|v| v >= *written)) {
            state.written.remove(key);
        }
        if let Some(version) = version {
            state.deleted.push_back((key.clone(), version));
            if state.deleted.len() > DELETED_KEPT {
                state.deleted.pop_front();
            }
        }
        let old = state.objects.remove(key)?;
        state.drop_terms((self.shared.index)(&old), key);
        Some(Change::Deleted(old))
    }

    fn absent_from(&self, seen: &BTreeSet<Key>) -> Vec<Key> {
        self.state().objects.keys().filter(|key| !seen.contains(key)).cloned().collect()
    }
}

/// Returns in words what an answer to a list or watch says about its kind.
#[must_use]
pub fn trouble(code: u16, message: &str) -> String {
    match code {
        404 => "the kind is not installed".to_owned(),
        _ => message.to_owned(),
    }
}

fn trouble_of(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => trouble(status.code, &status.message),
        other => other.to_string(),
    }
}

fn version<K: Resource>(object: &K) -> Option<u64> {
    object.meta().resource_version.as_deref()?.parse().ok()
}

impl<K: Resource> State<K> {
    fn version_of(&self, key: &Key) -> Option<u64> {
        self.objects.get(key).and_then(|object| version(&**object))
    }

    fn drop_terms(&mut self, terms: Vec<String>, key: &Key) {
        for term in terms {
            if let Some(keys) = self.terms.get_mut(&term) {
                keys.remove(key);
                if keys.is_empty() {
                    self.terms.remove(&term);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    use super::*;

    fn object(name: &str, version: u64, owner: &str) -> ConfigMap {
        serde_json::from_value(json!({"metadata": {
            "namespace": "ns", "name": name, "uid": name, "resourceVersion": version.to_string(), "labels": {"owner": owner},
        }}))
        .unwrap()
    }

    fn cache() -> Cache<ConfigMap> {
        Cache::new(|object| object.metadata.labels.iter().flatten().map(|(_, owner)| owner.clone()).collect())
    }

    fn feed(cache: &Cache<ConfigMap>, events: Vec<Event<ConfigMap>>) -> Vec<String> {
        let mut seen = None;
        let changes = events.into_iter().flat_map(|event| cache.take_in(event, |_| {}, &mut seen));
        changes.map(|change| Key::of(&**change.object()).to_string()).collect()
    }

    fn first_list() -> Vec<Event<ConfigMap>> {
        vec![Event::Init, Event::InitApply(object("b", 2, "x")), Event::InitApply(object("a", 1, "x")), Event::InitDone]
    }

    #[test]
    fn is_sorted_indexed_and_ready_after_the_first_list() {
        let cache = cache();
        assert!(!cache.is_ready());
        feed(&cache, first_list());
        assert!(cache.is_ready());
        let names = |list: Vec<Arc<ConfigMap>>| list.iter().map(|o| Key::of(&**o).name).collect::<Vec<_>>();
        assert_eq!(names(cache.list(Some("ns"))), ["a", "b"]);
        assert_eq!(names(cache.with_term("x")), ["a", "b"]);
        feed(&cache, vec![Event::Apply(object("a", 3, "y"))]);
        assert_eq!(names(cache.with_term("x")), ["b"]);
        assert_eq!(names(cache.with_term("y")), ["a"]);
    }

    #[test]
    fn relist_tells_only_what_changed() {
        let cache = cache();
        feed(&cache, first_list());
        let changes = feed(&cache, vec![Event::Init, Event::InitApply(object("a", 1, "x")), Event::InitDone]);
        assert_eq!(changes, ["ns/b"], "b is gone, a is as it was");
    }

    #[test]
    fn own_write_makes_the_copy_stale_until_it_is_seen() {
        let cache = cache();
        feed(&cache, first_list());
        let key = Key::new("ns", "a");
        cache.wrote(&key, Some("7"));
        assert!(!cache.is_current(&key));
        feed(&cache, vec![Event::Apply(object("a", 5, "x"))]);
        assert!(!cache.is_current(&key), "5 is older than our write");
        feed(&cache, vec![Event::Apply(object("a", 7, "x"))]);
        assert!(cache.is_current(&key));
        cache.wrote(&key, Some("9"));
        feed(&cache, vec![Event::Delete(object("a", 10, "x"))]);
        assert!(cache.is_current(&key), "it was deleted after our write");
        cache.wrote(&key, Some("8"));
        assert!(cache.is_current(&key), "the answer came after the deletion");
        cache.wrote(&key, Some("4"));
        cache.wrote(&Key::new("ns", "b"), Some("2"));
        assert!(cache.is_current(&Key::new("ns", "b")), "already seen");
    }
}
