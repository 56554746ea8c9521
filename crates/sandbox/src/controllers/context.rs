//! What a controller is, and what it is given to work with.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tiphys_machinery::error::ApiError;
use tiphys_machinery::resource::Resource;

use super::cache::{Cache, Marks, Update};
use super::recorder::{About, Note, Recorder};
use super::timers::Timers;
use super::view::Key;
use crate::object::Object;
use crate::registry::{DeleteOptions, Registry, Subresource, WriteOptions};
use crate::store::Change;

/// One loop of the control plane.
///
/// `on_change` only marks keys; `reconcile` looks at one marked key, decides from the present state alone and writes.
/// It may be called at any time for any key, also for one whose object is gone, and must do nothing if nothing is to
/// be done.
pub(crate) trait Controller: Send {
    /// Returns the name that logs show.
    fn name(&self) -> &'static str;

    /// Marks what has to be looked at because of a change. The cache has seen it already.
    fn on_change(&mut self, change: &Change, update: &Update, cache: &Cache, marks: &mut Marks);

    /// Brings the object of this key closer to what is wanted.
    ///
    /// # Errors
    /// Whatever a write returned: the key is tried again later, with a growing delay. That a namespace takes nothing
    /// new because it ends is not tried again.
    fn reconcile(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), ApiError>;
}

/// What a controller works with while it looks at one key.
pub(crate) struct Context<'a> {
    /// The API.
    pub(crate) registry: &'a Registry,
    /// What the controllers remember of all objects; as new as the registry when the work on the key began.
    pub(crate) cache: &'a Cache,
    /// The present time.
    pub(crate) now: Timestamp,
    pub(super) recorder: &'a mut Recorder,
    pub(super) timers: &'a mut Timers,
    pub(super) owner: usize,
}

impl Context<'_> {
    /// Has the key looked at again at this time, in place of any time set before.
    pub(crate) fn wake(&mut self, key: &Key, at: Timestamp) {
        self.timers.set((self.owner, key.clone()), at);
    }

    /// Records an event.
    pub(crate) fn note(&mut self, about: &About, note: &Note) {
        self.recorder.record(self.registry, about, note, self.now);
    }

    /// Returns a writer with the name of the controller manager.
    pub(crate) fn writer(&self) -> Writer<'_> {
        Writer::new(self.registry, "kube-controller-manager")
    }
}

/// Writes to the registry under the name of one manager.
#[derive(Clone, Copy)]
pub(crate) struct Writer<'a> {
    registry: &'a Registry,
    manager: &'static str,
}

impl<'a> Writer<'a> {
    /// Returns a writer whose changes are owned by `manager`.
    pub(crate) fn new(registry: &'a Registry, manager: &'static str) -> Self {
        Self { registry, manager }
    }

    /// Returns the resource.
    ///
    /// # Errors
    /// `NotFound` where it is not served.
    pub(crate) fn resource(&self, group: &str, plural: &str) -> Result<Arc<Resource>, ApiError> {
        let missing = || ApiError::new(404, "NotFound", "the server could not find the requested resource");
        self.registry.resource(group, plural).ok_or_else(missing)
    }

    /// Creates an object.
    ///
    /// # Errors
    /// As [`Registry::create`].
    pub(crate) fn create(&self, of: (&str, &str), namespace: &str, value: Value) -> Result<Arc<Object>, ApiError> {
        self.registry.create(&*self.resource(of.0, of.1)?, namespace, value, &WriteOptions::by(self.manager))
    }

    /// Edits an object.
    ///
    /// # Errors
    /// As [`Registry::modify`].
    pub(crate) fn modify(
        &self,
        of: (&str, &str),
        key: &Key,
        change: impl FnMut(&mut Value),
    ) -> Result<Arc<Object>, ApiError> {
        self.edit(of, key, Subresource::Main, change)
    }

    /// Edits the status of an object.
    ///
    /// # Errors
    /// As [`Registry::modify`].
    pub(crate) fn modify_status(
        &self,
        of: (&str, &str),
        key: &Key,
        change: impl FnMut(&mut Value),
    ) -> Result<Arc<Object>, ApiError> {
        self.edit(of, key, Subresource::Status, change)
    }

    /// Replaces the status of an object. One that vanished meanwhile needs no status.
    ///
    /// # Errors
    /// As [`Registry::modify`] but for `NotFound`.
    pub(crate) fn put_status(&self, of: (&str, &str), key: &Key, status: &impl Serialize) -> Result<(), ApiError> {
        let status = json!(status);
        gone_is_fine(self.modify_status(of, key, |object| object["status"] = status.clone()))
    }

    /// Edits what a subresource addresses.
    ///
    /// # Errors
    /// As [`Registry::modify`].
    pub(crate) fn edit(
        &self,
        of: (&str, &str),
        key: &Key,
        subresource: Subresource,
        change: impl FnMut(&mut Value),
    ) -> Result<Arc<Object>, ApiError> {
        let resource = self.resource(of.0, of.1)?;
        let options = WriteOptions::by(self.manager);
        self.registry.modify(&resource, &key.namespace, &key.name, subresource, &options, change)
    }

    /// Edits what a subresource addresses, unless the edit refuses.
    ///
    /// # Errors
    /// As [`Registry::try_modify`].
    pub(crate) fn try_edit(
        &self,
        resource: &Resource,
        key: &Key,
        subresource: Subresource,
        change: impl FnMut(&mut Value) -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        let options = WriteOptions::by(self.manager);
        self.registry.try_modify(resource, &key.namespace, &key.name, subresource, &options, change).map(drop)
    }

    /// Deletes an object. One that is gone already, or is another one of the same name, is no error.
    ///
    /// # Errors
    /// As [`Registry::delete`] but for `NotFound` and `Conflict`.
    pub(crate) fn delete(&self, of: (&str, &str), key: &Key, options: &DeleteOptions) -> Result<(), ApiError> {
        let resource = self.resource(of.0, of.1)?;
        match self.registry.delete(&resource, &key.namespace, &key.name, options) {
            Err(error) if !matches!(error.code, 404 | 409) => Err(error),
            _ => Ok(()),
        }
    }
}

/// An object that vanished meanwhile needs no more writes.
///
/// # Errors
/// Whatever the write returned but `NotFound`.
pub(crate) fn gone_is_fine<T>(written: Result<T, ApiError>) -> Result<(), ApiError> {
    match written {
        Err(error) if error.code != 404 => Err(error),
        _ => Ok(()),
    }
}
