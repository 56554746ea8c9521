//! Which resources are served now: the built-in ones and those of the established CustomResourceDefinitions.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use tiphys_machinery::{error::ApiError, resource::Resource};

use crate::{object::TypeHead, store::ShardId};

/// One resource with all its served versions.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Where its objects live.
    pub shard: ShardId,
    /// The version in which they are stored.
    pub storage: Arc<Resource>,
    /// Served versions, preferred first.
    pub versions: Vec<Arc<Resource>>,
    /// How a stored object's text begins.
    pub head: TypeHead,
}

/// The served resources. Cheap to read; replaced as a whole when a CustomResourceDefinition changes.
#[derive(Debug)]
pub struct Catalog {
    current: RwLock<Arc<Resources>>,
}

/// One state of the catalog.
#[derive(Debug, Clone, Default)]
pub struct Resources {
    /// By group, then plural.
    groups: BTreeMap<String, BTreeMap<String, Entry>>,
    /// Changes with every replacement: what discovery's ETag follows.
    generation: u64,
}

impl Catalog {
    /// Returns a catalog of these resources; of several versions of one resource the first is preferred and stored.
    #[must_use]
    pub fn new(resources: Vec<Arc<Resource>>) -> Self {
        let mut all = Resources::default();
        for resource in resources {
            all.add(resource);
        }
        Self { current: RwLock::new(Arc::new(all)) }
    }

    /// Returns the present state.
    #[must_use]
    pub fn resources(&self) -> Arc<Resources> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the versions of one resource; with none the resource is no longer served.
    pub fn replace(&self, group: &str, plural: &str, storage: Option<Arc<Resource>>, versions: Vec<Arc<Resource>>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = Resources::clone(&current);
        next.generation += 1;
        next.remove(group, plural);
        if let Some(storage) = storage {
            next.insert(storage, versions);
        }
        *current = Arc::new(next);
    }
}

impl Resources {
    /// Returns the entry of a resource.
    #[must_use]
    pub fn entry(&self, group: &str, plural: &str) -> Option<&Entry> {
        self.groups.get(group)?.get(plural)
    }

    /// Returns a resource in its preferred version.
    #[must_use]
    pub fn preferred(&self, group: &str, plural: &str) -> Option<Arc<Resource>> {
        self.entry(group, plural)?.versions.first().cloned()
    }

    /// Returns a resource in one version.
    #[must_use]
    pub fn version(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        self.entry(group, plural)?.versions.iter().find(|r| r.gvk.version == version).cloned()
    }

    /// Returns the resource whose objects carry this `apiVersion` and `kind`.
    #[must_use]
    pub fn kind(&self, api_version: &str, kind: &str) -> Option<Arc<Resource>> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let entries = self.groups.get(group)?.values();
        entries.flat_map(|e| &e.versions).find(|r| r.gvk.kind == kind && r.gvk.version == version).cloned()
    }

    /// Returns all entries, by group and plural.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.groups.values().flat_map(BTreeMap::values)
    }

    /// Returns a number that changes whenever the catalog does.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns the entry of a resource, or the error that a request for an unknown one gets.
    ///
    /// # Errors
    /// `NotFound` when it is not served (any more).
    pub(crate) fn require(&self, resource: &Resource) -> Result<&Entry, ApiError> {
        let (group, plural) = resource.group_plural();
        self.entry(group, plural)
            .ok_or_else(|| ApiError::new(404, "NotFound", "the server could not find the requested resource"))
    }

    fn add(&mut self, resource: Arc<Resource>) {
        let (group, plural) = resource.group_plural();
        match self.groups.get_mut(group).and_then(|group| group.get_mut(plural)) {
            Some(entry) => entry.versions.push(resource),
            None => self.insert(resource.clone(), vec![resource]),
        }
    }

    fn insert(&mut self, storage: Arc<Resource>, versions: Vec<Arc<Resource>>) {
        let (group, plural) = storage.group_plural();
        // Events of both groups are one set of objects, kept in the core form.
        let shard_group = if (group, plural) == ("events.k8s.io", "events") { "" } else { group };
        let storage = match self.entry(shard_group, plural) {
            Some(core) if shard_group != group => core.storage.clone(),
            _ => storage.clone(),
        };
        let entry = Entry {
            shard: Arc::new((shard_group.to_owned(), plural.to_owned())),
            head: TypeHead::new(&storage.gvk.api_version(), &storage.gvk.kind),
            storage: storage.clone(),
            versions,
        };
        let served = entry.versions.first().unwrap_or(&entry.storage).gvk.group.clone();
        self.groups.entry(served).or_default().insert(entry.shard.1.clone(), entry);
    }

    fn remove(&mut self, group: &str, plural: &str) {
        if let Some(entries) = self.groups.get_mut(group) {
            entries.remove(plural);
            if entries.is_empty() {
                self.groups.remove(group);
            }
        }
    }
}
