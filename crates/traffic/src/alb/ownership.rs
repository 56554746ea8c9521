//! Which annotations belong to which Rollout.

use std::collections::BTreeMap;

use serde_json::Value;
use tiphys_machinery::meta;

use crate::shape::{self, ShapeError};

/// Where it is kept: JSON of Rollout name to keys.
pub(super) const ANNOTATION: &str = "rollouts.argoproj.io/managed-alb-annotations";
/// Where an older form was kept.
pub(super) const OBSOLETE: &str = "rollouts.argoproj.io/managed-alb-actions";

/// Keys of annotations by Rollout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ownership(BTreeMap<String, Vec<String>>);

/// The annotation does not parse.
#[derive(Debug, thiserror::Error)]
#[error("annotation {ANNOTATION} is no map of lists: {0}")]
pub(super) struct OwnershipError(serde_json::Error);

impl Ownership {
    /// Reads the annotation of an Ingress.
    ///
    /// # Errors
    /// If it does not parse.
    pub(super) fn read(ingress: &Value) -> Result<Self, OwnershipError> {
        let text = meta::annotation(ingress, ANNOTATION).unwrap_or_default();
        if text.is_empty() {
            return Ok(Self::default());
        }
        let read: BTreeMap<String, Option<Vec<String>>> = serde_json::from_str(text).map_err(OwnershipError)?;
        Ok(Self(read.into_iter().map(|(rollout, keys)| (rollout, keys.unwrap_or_default())).collect()))
    }

    /// Adds a key of a Rollout.
    pub(super) fn add(&mut self, rollout: &str, key: &str) {
        let keys = self.0.entry(rollout.to_owned()).or_default();
        if !keys.iter().any(|known| known == key) {
            keys.push(key.to_owned());
        }
    }

    /// Takes out a key of a Rollout.
    pub(super) fn remove(&mut self, rollout: &str, key: &str) {
        if let Some(keys) = self.0.get_mut(rollout) {
            keys.retain(|known| known != key);
        }
    }

    /// Takes out a Rollout with all its keys.
    pub(super) fn take(&mut self, rollout: &str) -> Vec<String> {
        self.0.remove(rollout).unwrap_or_default()
    }

    /// Returns the Rollouts.
    pub(super) fn rollouts(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// Writes the annotation; without Rollouts it goes.
    ///
    /// # Errors
    /// If the annotations are no object.
    pub(super) fn write(&self, ingress: &mut Value) -> Result<(), ShapeError> {
        let annotations = shape::object_mut(ingress, "metadata.annotations")?;
        if self.0.is_empty() {
            annotations.remove(ANNOTATION);
        } else {
            annotations.insert(ANNOTATION.to_owned(), serde_json::to_string(&self.0).unwrap_or_default().into());
        }
        Ok(())
    }
}
