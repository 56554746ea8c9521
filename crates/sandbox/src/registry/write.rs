//! Create, update and modify.

use std::sync::Arc;

use serde_json::Value;
use tiphys_machinery::{apply::revert_times, error::ApiError, resource::Resource};

use super::{Registry, Subresource, WriteOptions, crd, metadata, stored};
use crate::{catalog::Entry, object::Object, store::Expected};

/// What a write left behind.
#[derive(Debug, Clone)]
pub struct Written {
    /// The object as it is now (as it would be, for a dry run).
    pub object: Arc<Object>,
    /// Whether it did not exist before.
    pub created: bool,
}

/// Alphabet of generated name suffixes.
const SUFFIX_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const SUFFIX_LENGTH: usize = 5;
/// Longest base of a generated name.
const MAX_BASE: usize = 58;
/// How often a colliding generated name is drawn again.
const NAME_ATTEMPTS: usize = 8;

impl Registry {
    /// Creates an object. `namespace` is empty for cluster-scoped resources.
    ///
    /// # Errors
    /// `AlreadyExists`, `NotFound` for the namespace, `Invalid`, and whatever admission refuses.
    pub fn create(
        &self,
        resource: &Resource,
        namespace: &str,
        mut value: Value,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, ApiError> {
        let resources = self.resources();
        let entry = resources.require(resource)?;
        if resource.namespaced {
            metadata::of(&mut value).insert("namespace".into(), namespace.into());
        }
        let base = generated_base(&value);
        for _ in 1..NAME_ATTEMPTS {
            match self.create_once(resource, entry, base.as_deref(), value.clone(), options) {
                Err(error) if base.is_some() && error.reason == "AlreadyExists" => {}
                done => return done,
            }
        }
        self.create_once(resource, entry, base.as_deref(), value, options)
    }

    /// Replaces an object, or the part of it that `subresource` addresses.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` when `metadata.resourceVersion` is given and stale, `Invalid`.
    pub fn update(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        subresource: Subresource,
        value: &Value,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, ApiError> {
        self.rewrite(resource, namespace, name, subresource, options, &mut |current, _| {
            metadata::check_uid(resource, current, value)?;
            metadata::check_revision(resource, name, current.revision(), value)?;
            Ok(value.clone())
        })
    }

    /// Reads an object, lets `change` edit it and writes it back, again if another writer was faster.
    ///
    /// A change that changes nothing writes nothing: same revision, no event.
    ///
    /// # Errors
    /// As [`Registry::update`], but never `Conflict`.
    pub fn modify(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        subresource: Subresource,
        options: &WriteOptions,
        mut change: impl FnMut(&mut Value),
    ) -> Result<Arc<Object>, ApiError> {
        self.try_modify(resource, namespace, name, subresource, options, |value| {
            change(value);
            Ok(())
        })
    }

    /// As [`Registry::modify`], with a change that may refuse.
    ///
    /// # Errors
    /// As [`Registry::modify`], and whatever `change` returns.
    pub fn try_modify(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        subresource: Subresource,
        options: &WriteOptions,
        mut change: impl FnMut(&mut Value) -> Result<(), ApiError>,
    ) -> Result<Arc<Object>, ApiError> {
        self.rewrite(resource, namespace, name, subresource, options, &mut |_, old| {
            let mut new = old.clone();
            change(&mut new)?;
            Ok(new)
        })
    }

    /// The loop below every update: read, compute, prepare, commit.
    pub(super) fn rewrite(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        subresource: Subresource,
        options: &WriteOptions,
        compute: &mut dyn FnMut(&Object, &Value) -> Result<Value, ApiError>,
    ) -> Result<Arc<Object>, ApiError> {
        loop {
            let current = self.get(resource, namespace, name)?;
            let old = current.value();
            let mut new = compute(&current, &old)?;
            if new == old {
                return Ok(current);
            }
            self.prepare_update(resource, subresource, &old, &mut new, options)?;
            if revert_times(&old, &mut new) {
                return Ok(current);
            }
            if let Some(done) = self.commit_update(resource, &current, &new, options)? {
                return Ok(done);
            }
        }
    }

    /// Writes a prepared new state. `None`: another writer was faster.
    fn commit_update(
        &self,
        resource: &Resource,
        current: &Arc<Object>,
        new: &Value,
        options: &WriteOptions,
    ) -> Result<Option<Arc<Object>>, ApiError> {
        let resources = self.resources();
        let entry = resources.require(resource)?;
        let mut object = stored(entry, new);
        check_size(&object)?;
        if object.same_content(current) {
            return Ok(Some(current.clone()));
        }
        if options.dry_run {
            object.set_revision(current.revision());
            return Ok(Some(Arc::new(object)));
        }
        let removed = metadata::is_finished(new);
        let expected = Expected::Revision(current.revision());
        let kept = (!removed).then(|| stored(entry, new));
        let Ok(change) = self.store().commit(&entry.storage, &entry.shard, current.key(), expected, kept) else {
            return Ok(None);
        };
        // What lets an object go is answered at the revision that it changed.
        object.set_revision(current.revision());
        self.after_commit(resource, change.new.as_deref(), Some(current));
        Ok(Some(change.new.clone().unwrap_or_else(|| Arc::new(object))))
    }

    /// What a write of some kinds sets off at once: definitions serve their kinds, and go when their objects have gone.
    pub(super) fn after_commit(&self, resource: &Resource, new: Option<&Object>, old: Option<&Object>) {
        if crd::is_definition(resource) {
            self.follow_definition(new, old);
        } else if new.is_none() && resource.custom && self.is_terminating(resource) {
            self.clean_up(&resource.gvk.group, &resource.plural);
        }
    }

    fn create_once(
        &self,
        resource: &Resource,
        entry: &Entry,
        base: Option<&str>,
        mut value: Value,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, ApiError> {
        if let Some(base) = base {
            let name = format!("{base}{}", self.name_suffix());
            metadata::of(&mut value).insert("name".into(), name.into());
        }
        self.prepare_create(resource, &mut value, options)?;
        let object = stored(entry, &value);
        check_size(&object)?;
        let exists = |found: Option<Arc<Object>>| {
            let mut error = ApiError::already_exists(&resource.gvk.group, &resource.plural, object_name(&value));
            if found.is_some_and(|found| found.is_deleting()) {
                error.message.insert_str(0, "object is being deleted: ");
            }
            error
        };
        if options.dry_run {
            return match self.store().get(&entry.shard, object.key()) {
                Some(found) => Err(exists(Some(found))),
                None => Ok(Arc::new(object)),
            };
        }
        let key = object.key().clone();
        match self.store().commit(&entry.storage, &entry.shard, &key, Expected::Absent, Some(object)) {
            Ok(change) => {
                self.after_commit(resource, change.new.as_deref(), None);
                Ok(change.object().clone())
            }
            Err(_) => Err(exists(self.store().get(&entry.shard, &key))),
        }
    }

    fn name_suffix(&self) -> String {
        self.random(|random| {
            (0..SUFFIX_LENGTH).map(|_| char::from(SUFFIX_ALPHABET[random.usize(..SUFFIX_ALPHABET.len())])).collect()
        })
    }
}

/// # Errors
/// 500 for an object that the store of a real cluster would not take.
fn check_size(object: &Object) -> Result<(), ApiError> {
    const MOST: usize = 3 << 19;
    if object.size() > MOST {
        return Err(ApiError::new(500, "", "etcdserver: request is too large"));
    }
    Ok(())
}

fn object_name(value: &Value) -> &str {
    value["metadata"]["name"].as_str().unwrap_or_default()
}

/// Returns the base of the name to generate, if one is to be.
fn generated_base(value: &Value) -> Option<String> {
    let base = value["metadata"]["generateName"].as_str().filter(|base| !base.is_empty())?;
    object_name(value).is_empty().then(|| base.chars().take(MAX_BASE).collect())
}
