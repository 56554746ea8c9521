//! The objects that routers read.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde_json::Value;
use tiphys_machinery::selector::LabelSelector;
use tiphys_runtime::reason::ObjectRef;

/// A kind of object at one version of the API.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// API group; empty for the core group.
    pub group: String,
    /// Version such as `v1`.
    pub version: String,
    /// Kind such as `Ingress`.
    pub kind: String,
    /// Plural in paths such as `ingresses`.
    pub plural: String,
}

/// One object by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// Its kind.
    pub resource: Resource,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What was read: the objects that exist, and the kinds that could not be read. What is in neither does not exist.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Objects {
    found: BTreeMap<ObjectId, Arc<Value>>,
    unreadable: BTreeMap<Resource, String>,
}

impl Resource {
    /// Returns a kind.
    #[must_use]
    pub fn new(group: &str, version: &str, kind: &str, plural: &str) -> Self {
        Self { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned(), plural: plural.to_owned() }
    }

    /// Returns `group/version`, or the version alone for the core group.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Returns the name of the resource as messages have it: `ingresses.networking.k8s.io`.
    #[must_use]
    pub fn full_name(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// Returns one object of this kind.
    #[must_use]
    pub fn named(&self, namespace: &str, name: &str) -> ObjectId {
        ObjectId { resource: self.clone(), namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

impl ObjectId {
    /// Returns the reference that reasons carry.
    #[must_use]
    pub fn reference(&self) -> ObjectRef {
        ObjectRef::new(&self.resource.kind, &self.namespace, &self.name)
    }

    /// Returns the API server's text for an object that does not exist.
    #[must_use]
    pub fn not_found(&self) -> String {
        format!("{} \"{}\" not found", self.resource.full_name(), self.name)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reference().fmt(f)
    }
}

impl Objects {
    /// Adds an object that exists.
    pub fn insert(&mut self, id: ObjectId, object: impl Into<Arc<Value>>) {
        self.found.insert(id, object.into());
    }

    /// Takes out an object.
    pub fn remove(&mut self, id: &ObjectId) {
        self.found.remove(id);
    }

    /// Says why objects of a kind cannot be read: the kind is not installed, access is denied, the first list is not done.
    pub fn set_unreadable(&mut self, resource: Resource, why: impl Into<String>) {
        self.unreadable.insert(resource, why.into());
    }

    /// Returns an object if it exists.
    #[must_use]
    pub fn get(&self, id: &ObjectId) -> Option<&Value> {
        self.found.get(id).map(AsRef::as_ref)
    }

    /// Returns why objects of this kind cannot be read.
    #[must_use]
    pub fn unreadable(&self, resource: &Resource) -> Option<&str> {
        self.unreadable.get(resource).map(String::as_str)
    }

    /// Returns the objects of a kind and namespace that a selector selects, by name.
    pub fn selected<'o>(
        &'o self,
        resource: &'o Resource,
        namespace: &'o str,
        selector: &'o LabelSelector,
    ) -> impl Iterator<Item = (&'o ObjectId, &'o Value)> {
        let first = resource.named(namespace, "");
        let all =
            self.found.range(first..).take_while(move |(id, _)| &id.resource == resource && id.namespace == namespace);
        all.filter(move |(_, object)| selector.matches(&object["metadata"]["labels"]))
            .map(|(id, object)| (id, object.as_ref()))
    }
}
