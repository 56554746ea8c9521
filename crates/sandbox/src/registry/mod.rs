//! The registry: what the API does to an object between a request and the store.
//!
//! The HTTP layer and the built-in controllers both write through here, so that generation, managed fields, validation
//! and finalizers follow the same rules for all.

mod admit;
mod allocate;
mod crd;
mod delete;
mod metadata;
mod options;
mod patch;
mod prepare;
mod write;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use jiff::Timestamp;
use serde_json::Value;
use tiphys_clock::Clock;
use tiphys_machinery::{error::ApiError, meta, resource::Resource};

#[cfg(test)]
mod tests;

pub use self::{
    delete::Deleted,
    options::{DeleteOptions, FieldValidation, Propagation, Subresource, WriteOptions},
    patch::PatchKind,
    write::Written,
};
use crate::{
    catalog::{Catalog, Entry, Resources},
    durable::{Journal, NotPersisted, OpenError, REVISION_GAP},
    object::{Object, TypeHead, key_of},
    store::{HistoryLimits, ShardId, Store, Subscription},
};

/// What a cluster begins with: lower revisions are of another one, and clients that come with them start anew.
const FIRST_REVISION: u64 = 100;

/// How a registry is set up.
#[derive(Debug, Clone)]
pub struct RegistryOptions {
    /// The clock of all time stamps.
    pub clock: Clock,
    /// Seed of uids, name suffixes and addresses.
    pub seed: u64,
    /// How much history watches can go back.
    pub history: HistoryLimits,
}

/// The API's objects and the rules for changing them. Cheap to clone; all clones are the same registry.
#[derive(Debug, Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    catalog: Catalog,
    clock: Clock,
    random: Mutex<fastrand::Rng>,
    /// The certificate authority of the API, in PEM form, once it is served over TLS.
    authority: OnceLock<String>,
}

impl Registry {
    /// Returns an empty registry that keeps everything in memory and serves these resources.
    #[must_use]
    pub fn in_memory(options: &RegistryOptions, resources: Vec<Arc<Resource>>) -> Self {
        let store = Store::new(FIRST_REVISION, options.history);
        let random = Mutex::new(fastrand::Rng::with_seed(options.seed));
        let catalog = Catalog::new(resources);
        let inner = Inner { store, catalog, clock: options.clock, random, authority: OnceLock::new() };
        Self { inner: Arc::new(inner) }
    }

    /// Returns a registry that keeps everything in this folder too and starts from what is there.
    ///
    /// Revisions continue above every one that a client may have seen; watches from before the restart get 410.
    ///
    /// # Errors
    /// When the folder is in use by another process, has another format or cannot be read.
    pub fn open(folder: &Path, options: &RegistryOptions, resources: Vec<Arc<Resource>>) -> Result<Self, OpenError> {
        let (journal, recovered) = Journal::open(folder)?;
        let mut store = Store::new(FIRST_REVISION, options.history);
        let mut heads = Heads::default();
        for (shard, revision, json) in recovered.objects {
            store.restore(&shard, revived(&mut heads, &shard, revision, &json));
        }
        store.restored(recovered.revision, REVISION_GAP);
        store.keep(journal);
        // Another stretch of the generator's numbers after each start: uids must not come again.
        let seed = options.seed ^ store.revision().rotate_left(32);
        let random = Mutex::new(fastrand::Rng::with_seed(seed));
        let catalog = Catalog::new(resources);
        let inner = Inner { store, catalog, clock: options.clock, random, authority: OnceLock::new() };
        let registry = Self { inner: Arc::new(inner) };
        registry.serve_stored_definitions();
        Ok(registry)
    }

    /// Waits until every write so far is on disk; at once where nothing is kept on disk.
    ///
    /// # Errors
    /// When the disk failed: the writes are in memory only.
    pub async fn persisted(&self) -> Result<(), NotPersisted> {
        match self.store().journal() {
            Some(journal) => journal.persisted(self.revision()).await,
            None => Ok(()),
        }
    }

    /// Returns the present time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Returns the clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.inner.clock
    }

    /// Returns the certificate authority of the API, in PEM form; empty while it is not served over TLS.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.inner.authority.get().map_or("", String::as_str)
    }

    /// Notes the certificate authority of the API. The first one stays.
    pub(crate) fn set_authority(&self, pem: &str) {
        let _ = self.inner.authority.set(pem.to_owned());
    }

    /// Draws from the seeded generator.
    pub fn random<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        draw(&mut self.inner.random.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the present state of the catalog.
    #[must_use]
    pub fn resources(&self) -> Arc<Resources> {
        self.inner.catalog.resources()
    }

    /// Returns a resource in its preferred version, for instance `("apps", "deployments")`.
    #[must_use]
    pub fn resource(&self, group: &str, plural: &str) -> Option<Arc<Resource>> {
        self.resources().preferred(group, plural)
    }

    /// Returns the resource whose objects carry this `apiVersion` and `kind`, if it is served.
    #[must_use]
    pub fn resource_for_kind(&self, api_version: &str, kind: &str) -> Option<Arc<Resource>> {
        self.resources().kind(api_version, kind)
    }

    /// Returns the revision of the last write.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.inner.store.revision()
    }

    /// Returns one object. `namespace` is empty for cluster-scoped resources.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Result<Arc<Object>, ApiError> {
        let resources = self.resources();
        let entry = resources.require(resource)?;
        self.inner
            .store
            .get(&entry.shard, &key_of(namespace, name))
            .ok_or_else(|| ApiError::not_found(&resource.gvk.group, &resource.plural, name))
    }

    /// Returns the objects of a resource, of one namespace or of all, in key order.
    #[must_use]
    pub fn list(&self, resource: &Resource, namespace: Option<&str>) -> Vec<Arc<Object>> {
        let resources = self.resources();
        let Ok(entry) = resources.require(resource) else { return Vec::new() };
        self.inner.store.list(&entry.shard, namespace).objects
    }

    /// Returns the objects that name this uid as an owner, ordered by resource and key.
    #[must_use]
    pub fn dependents(&self, uid: &str) -> Vec<(Arc<Resource>, Arc<Object>)> {
        let resources = self.resources();
        let found = self.inner.store.dependents(uid).into_iter();
        found
            .filter_map(|(shard, object)| Some((resources.entry(&shard.0, &shard.1)?.storage.clone(), object)))
            .collect()
    }

    /// Returns the object of this uid, if it exists.
    #[must_use]
    pub fn by_uid(&self, uid: &str) -> Option<(Arc<Resource>, Arc<Object>)> {
        let (shard, object) = self.inner.store.by_uid(uid)?;
        Some((self.resources().entry(&shard.0, &shard.1)?.storage.clone(), object))
    }

    /// Returns the pods bound to a node, in key order.
    #[must_use]
    pub fn pods_on(&self, node: &str) -> Vec<Arc<Object>> {
        self.by_index("", "pods", node)
    }

    /// Returns the events about the object of this uid, in key order.
    #[must_use]
    pub fn events_about(&self, uid: &str) -> Vec<Arc<Object>> {
        self.by_index("", "events", uid)
    }

    /// Subscribes to every change of every resource from now on, in revision order.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        self.inner.store.subscribe()
    }

    /// Returns the store below, for watches and paged lists.
    #[must_use]
    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    fn by_index(&self, group: &str, plural: &str, value: &str) -> Vec<Arc<Object>> {
        let resources = self.resources();
        let Some(entry) = resources.entry(group, plural) else { return Vec::new() };
        self.inner.store.by_index(&entry.shard, value)
    }

    /// Returns a new random uid (version 4).
    fn new_uid(&self) -> String {
        let bits = self.random(|random| random.u128(..));
        let bits = (bits & !(0xf << 76) & !(0xc << 60)) | (0x4 << 76) | (0x8 << 60);
        let hex = format!("{bits:032x}");
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

type Heads = BTreeMap<(String, String), TypeHead>;

/// Builds an object from its text on disk; objects of one kind share their head.
fn revived(heads: &mut Heads, shard: &ShardId, revision: u64, json: &[u8]) -> Object {
    let value: Value = serde_json::from_slice(json).unwrap_or_default();
    let kind = (meta::api_version(&value).to_owned(), meta::kind(&value).to_owned());
    let head = heads.entry(kind).or_insert_with_key(|(api_version, kind)| TypeHead::new(api_version, kind));
    Object::new(head.clone(), revision, index_value(shard, &value), &value)
}

/// Builds the stored form of an object.
fn stored(entry: &Entry, value: &Value) -> Object {
    Object::new(entry.head.clone(), 0, index_value(&entry.shard, value), value)
}

/// Returns the value of the resource's secondary index.
fn index_value<'v>(shard: &ShardId, value: &'v Value) -> Option<&'v str> {
    let index = match (shard.0.as_str(), shard.1.as_str()) {
        ("", "pods") => value["spec"]["nodeName"].as_str(),
        ("", "events") => value["involvedObject"]["uid"].as_str(),
        _ => None,
    };
    index.filter(|text| !text.is_empty())
}
