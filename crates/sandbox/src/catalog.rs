//! Which resources are served now: the built-in ones and those of the established CustomResourceDefinitions.

use std::{
    cmp::Reverse,
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
        let served = self.groups.get_mut(&resource.gvk.group).and_then(|group| group.get_mut(&resource.plural));
        match served {
            Some(entry) => entry.versions.push(resource),
            None => self.insert(resource.clone(), vec![resource]),
        }
    }

    /// Enters a resource under the group that is served, which need not be that of its storage: events of both groups
    /// are one set of objects.
    fn insert(&mut self, storage: Arc<Resource>, versions: Vec<Arc<Resource>>) {
        let served = storage.gvk.group.clone();
        let (group, plural) = (storage.stored.group.clone(), storage.plural.clone());
        let storage = match self.entry(&group, &plural) {
            Some(shared) if group != served => shared.storage.clone(),
            _ => storage,
        };
        let head = TypeHead::new(&storage.stored.api_version(), &storage.stored.kind);
        let entry = Entry { shard: Arc::new((group, plural.clone())), storage, versions, head };
        self.groups.entry(served).or_default().insert(plural, entry);
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

/// Sorts versions as clients prefer them: stable before beta before alpha, then the higher number, then others by name.
pub(crate) type Preference = (u8, Reverse<u64>, Reverse<u64>, String);

/// Returns what versions are sorted by.
pub(crate) fn preference(version: &str) -> Preference {
    let parsed = version.strip_prefix('v').and_then(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let major: u64 = rest[..end].parse().ok()?;
        let (stage, minor) = match &rest[end..] {
            "" => (0, "0"),
            tail if tail.starts_with("beta") => (1, &tail[4..]),
            tail if tail.starts_with("alpha") => (2, &tail[5..]),
            _ => return None,
        };
        Some((stage, Reverse(major), Reverse(minor.parse::<u64>().ok()?)))
    });
    let (stage, major, minor) = parsed.unwrap_or((3, Reverse(0), Reverse(0)));
    (stage, major, minor, version.to_owned())
}

#[cfg(test)]
mod tests {
    use tiphys_machinery::resource::builtin;

    use super::*;

    fn resources() -> Arc<Resources> {
        Catalog::new(builtin().into_iter().map(Arc::new).collect()).resources()
    }

    #[test]
    fn events_of_both_groups_are_the_same_objects() {
        let resources = resources();
        let core = resources.entry("", "events").unwrap();
        let other = resources.entry("events.k8s.io", "events").unwrap();
        assert_eq!(core.shard, other.shard);
        assert_eq!(other.storage.gvk.api_version(), "v1");
        assert_eq!(resources.version("events.k8s.io", "v1", "events").unwrap().gvk.group, "events.k8s.io");
    }

    #[test]
    fn every_version_is_found_by_its_kind() {
        let resources = resources();
        for (api_version, kind) in [
            ("autoscaling/v1", "HorizontalPodAutoscaler"),
            ("autoscaling/v2", "HorizontalPodAutoscaler"),
            ("v1", "Pod"),
            ("events.k8s.io/v1", "Event"),
        ] {
            assert_eq!(resources.kind(api_version, kind).unwrap().gvk.api_version(), api_version, "{kind}");
        }
        let preferred = resources.preferred("autoscaling", "horizontalpodautoscalers").unwrap();
        assert_eq!(preferred.gvk.version, "v2");
    }

    #[test]
    fn versions_sort_as_clients_prefer_them() {
        let mut versions = ["v1alpha1", "v1", "foo", "v2beta1", "v2", "v1beta2", "v10"];
        versions.sort_by_key(|version| preference(version));
        assert_eq!(versions, ["v10", "v2", "v1", "v2beta1", "v1beta2", "v1alpha1", "foo"]);
    }
}
