//! Typed view and raw JSON side by side.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::decode::{Problem, decode};

/// An object as it is stored: the typed view to decide on, and the JSON that it came from.
///
/// # How fields that nobody here knows survive
///
/// The types hold only the fields of this version. So that a field of another version, or of another tool, is never lost:
///
/// - **Write by patch.** A merge patch of the fields that changed leaves everything else alone. This is how status and
///   annotations are written.
/// - **Where a whole object must be sent** (PUT), send [`Stored::raw`] with the change made in it, never the typed view.
/// - **Where a part is copied to another object** (a pod template to a ReplicaSet), copy it from [`Stored::raw`]:
///   [`Stored::part`].
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<T> {
    /// The typed view. Read from it; changes to it are not written anywhere.
    pub typed: T,
    /// The JSON as it was received.
    pub raw: Value,
    /// What did not fit the types.
    pub problems: Vec<Problem>,
}

impl<T: DeserializeOwned + Default> Stored<T> {
    /// Returns both views of `raw`.
    #[must_use]
    pub fn new(raw: Value) -> Self {
        let decoded = decode(raw.clone());
        Self { typed: decoded.object, raw, problems: decoded.problems }
    }
}

impl<T> Stored<T> {
    /// Returns the raw JSON below the fields `path`, for instance `["spec", "template"]`; `None` where there is none.
    #[must_use]
    pub fn part(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(&self.raw, |value, field| value.get(field)).filter(|value| !value.is_null())
    }
}
