//! One cluster that is delivered to: what it has, and writing to it.
//!
//! ```text
//!   discovery ── kinds ──▶ one watch a kind ──▶ live state ──▶ which application is concerned
//!                            metadata only, until an object of the kind is tracked or wanted
//! ```
//!
//! Guarantees: an answer about live objects is given only once every kind that it needs has been listed
//! ([`Cluster::view`]); our own writes are in the copy as soon as they are answered.

mod follow;
mod kinds;
mod live;
mod node;
mod rest;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use jiff::Timestamp;
use kube::Client;
use serde_json::Value;
use tiphys_clock::Clock;
use tiphys_machinery::meta;
use tokio::sync::Notify;

use self::live::{GroupKind, Listing, Live};
pub use self::{
    kinds::{KindInfo, Kinds},
    live::{Told, Touch},
    node::{Node, Owner},
    rest::{MANAGER, PatchKind, Rest, RestError},
};
use crate::{
    health::HealthScript,
    object::{ResourceKey, group},
    tracking::{Method, Tracking},
};

/// What the live state depends on besides the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSettings {
    /// Where the name of the application is kept.
    pub method: Method,
    /// Key of the label.
    pub label_key: String,
    /// Identifier of the installation; empty: none.
    pub installation_id: String,
    /// Scripts for health.
    pub scripts: Vec<HealthScript>,
}

impl Default for LiveSettings {
    fn default() -> Self {
        Self {
            method: Method::Annotation,
            label_key: crate::tracking::INSTANCE_LABEL.to_owned(),
            installation_id: String::new(),
            scripts: Vec::new(),
        }
    }
}

impl LiveSettings {
    /// Returns how objects are tracked.
    #[must_use]
    pub fn tracking(&self) -> Tracking<'_> {
        Tracking { method: self.method, label_key: &self.label_key, installation_id: &self.installation_id }
    }
}

/// Why nothing can be said about live objects.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The first lists are under way; it is worth to come again.
    #[error("the objects of the cluster are being listed")]
    Loading,
    /// The cluster does not answer.
    #[error("{0}")]
    Unreachable(String),
    /// A kind cannot be listed.
    #[error("failed to list {kind}: {why}")]
    List {
        /// The kind.
        kind: String,
        /// What the server said.
        why: String,
    },
    /// An object cannot be read.
    #[error("failed to get {0}")]
    Get(String, #[source] RestError),
}

/// A cluster. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Cluster {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    clock: Clock,
    live: Live,
    settings: RwLock<Arc<LiveSettings>>,
    kinds: RwLock<Option<Arc<Kinds>>>,
    trouble: Mutex<Option<String>>,
    version: Mutex<String>,
    /// Kinds of which whole objects are watched.
    whole: Mutex<BTreeSet<GroupKind>>,
    rediscover: Notify,
    /// How often all kinds had to be listed anew.
    restarts: std::sync::atomic::AtomicU64,
}

impl Cluster {
    /// Returns a cluster that is not followed yet; see [`Cluster::run`].
    #[must_use]
    pub fn new(client: Client, clock: Clock, settings: LiveSettings, told: Told) -> Self {
        let whole = [("", "Pod"), ("apiextensions.k8s.io", "CustomResourceDefinition")];
        Self {
            shared: Arc::new(Shared {
                client,
                clock,
                live: Live::new(told),
                settings: RwLock::new(Arc::new(settings)),
                kinds: RwLock::default(),
                trouble: Mutex::default(),
                version: Mutex::default(),
                whole: Mutex::new(whole.iter().map(|(g, k)| ((*g).to_owned(), (*k).to_owned())).collect()),
                rediscover: Notify::new(),
                restarts: std::sync::atomic::AtomicU64::new(0),
            }),
        }
    }

    /// Follows the cluster until the future is dropped.
    pub async fn run(self) {
        follow::run(&self.shared).await;
    }

    /// Returns how live objects are read.
    #[must_use]
    pub fn settings(&self) -> Arc<LiveSettings> {
        self.shared.settings()
    }

    /// Reads live objects in another way from now on; all of them are listed again where that matters.
    pub fn set_settings(&self, settings: LiveSettings) {
        if *self.shared.settings() != settings {
            *self.shared.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
            self.shared.restart();
        }
    }

    /// Returns the kinds of the cluster; `None` while they are not known.
    #[must_use]
    pub fn kinds(&self) -> Option<Arc<Kinds>> {
        self.shared.kinds()
    }

    /// Returns the version of the cluster, for instance `1.34.1`; empty while it is not known.
    #[must_use]
    pub fn version(&self) -> String {
        self.shared.version.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns why the cluster cannot be reached; `None` where it can.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns whether all kinds were listed, or cannot be.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.kinds().is_some() && self.shared.live.loading().is_none()
    }

    /// Returns the present time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Returns requests to the cluster, in the name of `user` if given.
    #[must_use]
    pub fn rest(&self, user: Option<&str>) -> Rest {
        Rest::new(self.shared.client.clone(), user.map(str::to_owned))
    }

    /// Looks again at which kinds there are, soon.
    pub fn rediscover(&self) {
        self.shared.rediscover.notify_one();
    }

    /// Returns what the cluster has of an application: all that it tracks and nothing owns, and whatever is in the place
    /// of `targets`.
    ///
    /// # Errors
    /// While something that is needed for the answer is not known.
    pub async fn view(&self, application: &str, targets: &[ResourceKey]) -> Result<Vec<Value>, ViewError> {
        let kinds = self.certain_kinds(targets)?;
        let mut seen = BTreeSet::new();
        let mut objects = Vec::new();
        for node in self.shared.live.managed(application) {
            if seen.insert(node.key.clone()) {
                objects.extend(self.whole(&kinds, &node.key, Some(&node)).await?);
            }
        }
        for target in targets {
            let Some(info) = kinds.get(&target.group, &target.kind) else { continue };
            let mut key = target.clone();
            if !info.namespaced {
                key.namespace.clear();
            }
            if !seen.insert(key.clone()) {
                continue;
            }
            match self.shared.live.get(&key) {
                None if info.watchable => {}
                node => objects.extend(self.whole(&kinds, &key, node.as_deref()).await?),
            }
        }
        Ok(objects)
    }

    /// The kinds, if everything about the targets' is known.
    fn certain_kinds(&self, targets: &[ResourceKey]) -> Result<Arc<Kinds>, ViewError> {
        let Some(kinds) = self.kinds() else {
            return Err(self.trouble().map_or(ViewError::Loading, ViewError::Unreachable));
        };
        if self.shared.live.loading().is_some() {
            return Err(ViewError::Loading);
        }
        for target in targets {
            let kind = (target.group.clone(), target.kind.clone());
            let unknown = |why: String| ViewError::List { kind: target.kind.clone(), why };
            match kinds.get(&target.group, &target.kind) {
                Some(info) if info.watchable => {
                    self.shared.want_whole(&kind);
                    match self.shared.live.listing(&kind) {
                        Some(Listing::Complete) => {}
                        Some(Listing::Trouble(why)) => return Err(unknown(why)),
                        Some(Listing::Loading) | None => return Err(ViewError::Loading),
                    }
                }
                Some(_) => {}
                None if kinds.is_stale(&target.group) => {
                    return Err(unknown(format!("the server of group {} does not answer", target.group)));
                }
                None => {}
            }
        }
        Ok(kinds)
    }

    async fn whole(&self, kinds: &Kinds, key: &ResourceKey, node: Option<&Node>) -> Result<Option<Value>, ViewError> {
        if let Some(object) = node.and_then(|node| node.object.as_ref()) {
            return Ok(Some(Value::clone(object)));
        }
        let Some(info) = kinds.get(&key.group, &key.kind) else { return Ok(None) };
        let version = node.map_or("", |node| node.version.as_str());
        let path = info.path(version, &key.namespace, &key.name);
        self.rest(None).get(&path).await.map_err(|error| ViewError::Get(path, error))
    }

    /// Returns the health of an object of the copy.
    #[must_use]
    pub fn node(&self, key: &ResourceKey) -> Option<Arc<Node>> {
        self.shared.live.get(key)
    }

    /// Returns what an object owns.
    #[must_use]
    pub fn children(&self, uid: &str) -> Vec<Arc<Node>> {
        self.shared.live.children(uid)
    }

    /// Returns the objects of an application that no other object owns, as far as they are known.
    #[must_use]
    pub fn managed(&self, application: &str) -> Vec<Arc<Node>> {
        self.shared.live.managed(application)
    }

    /// Returns the objects of a namespace that no other object owns.
    #[must_use]
    pub fn roots_in(&self, namespace: &str) -> Vec<Arc<Node>> {
        self.shared.live.roots_in(namespace)
    }

    /// Returns the images of an application's pods, sorted.
    #[must_use]
    pub fn images(&self, application: &str) -> Vec<String> {
        let mut images = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut left: Vec<Arc<Node>> = self.managed(application);
        while let Some(node) = left.pop() {
            if seen.insert(node.key.clone()) {
                images.extend(node.images.iter().cloned());
                left.extend(self.children(&node.uid));
            }
        }
        images.into_iter().collect()
    }

    /// Takes in what the server answered to a write of ours.
    pub fn wrote(&self, answer: &Value) {
        if !meta::uid(answer).is_empty() && !meta::kind(answer).is_empty() {
            self.shared.take_in(answer.clone());
        }
    }

    /// Takes in that an object is gone.
    pub fn deleted(&self, object: &Value) {
        let mut key = ResourceKey::of(object);
        let namespaced = self.kinds().and_then(|kinds| Some(kinds.get(group(object), meta::kind(object))?.namespaced));
        if namespaced == Some(false) {
            key.namespace.clear();
        }
        self.shared.live.remove(&key, Some(meta::uid(object)));
    }
}

impl Shared {
    fn settings(&self) -> Arc<LiveSettings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn kinds(&self) -> Option<Arc<Kinds>> {
        self.kinds.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_trouble(&self, why: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Lets whole objects of a kind be watched from now on.
    fn want_whole(&self, kind: &GroupKind) {
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        if whole.insert(kind.clone()) {
            drop(whole);
            self.live.set_listing(kind, Listing::Loading);
            self.rediscover.notify_one();
        }
    }

    /// Lets every kind be listed anew.
    fn restart(&self) {
        self.restarts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.rediscover.notify_one();
    }

    fn is_whole(&self, kind: &GroupKind) -> bool {
        self.whole.lock().unwrap_or_else(PoisonError::into_inner).contains(kind)
    }

    fn take_in(&self, object: Value) {
        let settings = self.settings();
        self.live.upsert(Node::of(object, &settings.tracking(), &settings.scripts, self.clock.now()));
    }
}
