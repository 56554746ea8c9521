//! Taking objects out.

use serde_json::{Value, json};
use tiphys_machinery::meta;

use super::{Applier, ApplyError, printed};
use crate::{cluster::PatchKind, hook, plan::Propagation, tracking::Tracking};

pub(super) const fn policy(propagation: Propagation) -> &'static str {
    match propagation {
        Propagation::Foreground => "Foreground",
        Propagation::Background => "Background",
        Propagation::Orphan => "Orphan",
    }
}

/// Returns whether an object as the server has it now is still the one that was seen, and still belongs to the
/// application.
#[must_use]
pub fn still_belongs(seen: &Value, now: &Value, tracking: &Tracking<'_>, application: &str) -> bool {
    meta::uid(seen) == meta::uid(now) && tracking.application(now) == application
}

impl Applier {
    /// Deletes an object that Git does not have, if the server itself says that it is still that object and belongs to
    /// `application`: the copy may be old.
    ///
    /// # Errors
    /// When the server refuses or does not answer, or the object changed hands.
    pub async fn prune(&self, live: &Value, application: &str, propagation: Propagation) -> Result<(), ApplyError> {
        let place = self.place(live)?;
        let Some(now) = self.rest.get(&place.object).await? else {
            self.cluster.deleted(live);
            return Ok(());
        };
        let settings = self.cluster.settings();
        if !still_belongs(live, &now, &settings.tracking(), application) {
            return Err(ApplyError::ChangedHands(printed(live)));
        }
        self.delete_exactly(&now, propagation).await
    }

    /// Deletes this very object; one that is gone is fine.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn delete_exactly(&self, object: &Value, propagation: Propagation) -> Result<(), ApplyError> {
        let place = self.place(object)?;
        let options = json!({
            "propagationPolicy": policy(propagation),
            "preconditions": {"uid": meta::uid(object)},
        });
        match self.rest.delete(&place.object, &options).await {
            Ok(Some(left)) if meta::is_deleting(&left) => self.cluster.wrote(&left),
            Ok(_) => self.cluster.deleted(object),
            // Another object has its name by now.
            Err(error) if error.code() == 409 => self.cluster.deleted(object),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Deletes the hook that the server has under this name.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn delete_hook(&self, hook: &Value, propagation: Propagation) -> Result<(), ApplyError> {
        let place = self.place(hook)?;
        match self.rest.get(&place.object).await? {
            Some(now) if !meta::is_deleting(&now) => self.delete_exactly(&now, propagation).await,
            Some(_) => Ok(()),
            None => Ok(()),
        }
    }

    /// Takes the finalizer off a hook; one that is gone is fine.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn remove_hook_finalizer(&self, hook: &Value) -> Result<(), ApplyError> {
        let place = self.place(hook)?;
        let Some(now) = self.rest.get(&place.object).await? else { return Ok(()) };
        if !hook::has_finalizer(&now) {
            return Ok(());
        }
        let left: Vec<&str> = meta::finalizers(&now).filter(|finalizer| *finalizer != hook::FINALIZER).collect();
        let patch = json!({"metadata": {"finalizers": left, "resourceVersion": meta::resource_version(&now)}});
        match self.rest.patch(&place.object, PatchKind::Merge, &patch, "").await {
            Ok(answer) if meta::is_deleting(&answer) && left.is_empty() => self.cluster.deleted(&answer),
            Ok(answer) => self.cluster.wrote(&answer),
            Err(error) if error.code() == 404 => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Returns whether the server has an object.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn exists(&self, object: &Value) -> Result<bool, ApplyError> {
        let place = self.place(object)?;
        let found = self.rest.get(&place.object).await?;
        if let Some(found) = &found {
            self.cluster.wrote(found);
        }
        Ok(found.is_some())
    }
}
