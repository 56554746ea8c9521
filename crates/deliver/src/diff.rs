//! Whether the cluster has what Git has.
//!
//! ```text
//!   target ─ typed, normalised ─┐
//!                               ├─ what the cluster would have ─┐
//!   live ── typed, normalised ──┘                               ├─ equal or not
//!                └──────────────────────────────────────────────┘
//! ```
//!
//! What is compared is never `target` itself but what applying it would make of `live`, so that an object whose
//! comparison is empty is in sync by definition.

mod client;
mod normal;
mod remove_fields;
mod server_side;
mod structured;
mod three_way;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use tiphys_machinery::{error::ApiError, resource::Gvk, schema::Schema};

pub use self::normal::{canonical_numbers, normalize_secret};
pub(crate) use self::{
    client::{as_typed, client_type, null_lists},
    three_way::last_applied,
};
use crate::object::{SYNC_OPTIONS, group, has_option, version};

/// The annotation in which client-side apply keeps what it applied.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// How to find out what applying would make of the live object.
#[derive(Debug, Clone, Copy)]
pub enum Mode<'a> {
    /// As client-side apply does: three-way where the live object says what was applied, else two-way.
    Merge,
    /// As server-side apply does, computed here.
    Structured {
        /// The field manager.
        manager: &'a str,
    },
    /// As the server answered a dry run.
    ServerSide {
        /// The field manager.
        manager: &'a str,
        /// The answer.
        dry_run: &'a Value,
        /// Whether changes by others than the manager, such as admission webhooks, count.
        webhooks: Webhooks,
    },
}

/// Whether changes by others than the manager count in a dry run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Webhooks {
    /// They do.
    Count,
    /// They do not.
    Ignored,
}

/// What a comparison needs to know.
pub struct DiffOptions<'a> {
    /// How to compare.
    pub mode: Mode<'a>,
    /// Whether the rules of aggregated roles do not count.
    pub ignore_aggregated_roles: bool,
    /// Takes away what does not count.
    pub normalizer: &'a dyn Fn(&mut Value),
    /// The schema of a kind, as the cluster knows it.
    pub types: &'a dyn Fn(&Gvk) -> Option<Arc<Schema>>,
    /// The time, for what server-side apply writes; it does not influence the result.
    pub now: Timestamp,
}

/// The result of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Diff {
    /// Whether the two differ.
    pub modified: bool,
    /// The live object as compared; `null` if there is none.
    pub live: Value,
    /// What the cluster would have; `null` if nothing wants the object.
    pub predicted: Value,
}

/// Why two objects cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    /// There is nothing to compare.
    #[error("both live and config are null objects")]
    NothingToCompare,
    /// The server does not know the kind.
    #[error("unable to resolve parseableType for GroupVersionKind: {0}, Kind={1}")]
    ResolveType(String, String),
    /// Merging failed.
    #[error("error calculating structured merge diff")]
    Merge(#[source] ApiErrorText),
    /// The live object has what its type does not.
    #[error("error calculating structured merge diff: error building typed value from live resource: {0}")]
    LiveMisfits(String),
    /// What merging made is no object of its type.
    #[error("error calculating structured merge diff: error applying default values: {0}")]
    Default(String),
    /// A dry run without owners of fields.
    #[error("predictedLive for resource {0} must have the managedFields")]
    NoManagedFields(String),
    /// A dry run in which the manager owns nothing.
    #[error("no managed fields found for manager: {0}")]
    NotManaged(String),
}

/// The text of an error of the API machinery.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ApiErrorText(String);

impl From<ApiError> for ApiErrorText {
    fn from(error: ApiError) -> Self {
        Self(error.message)
    }
}

/// Compares what Git has with what the cluster has.
///
/// # Errors
/// When both are missing, or the mode cannot be computed for the kind.
pub fn diff(target: Option<&Value>, live: Option<&Value>, options: &DiffOptions<'_>) -> Result<Diff, DiffError> {
    let is_server_side = matches!(options.mode, Mode::ServerSide { .. });
    let prepare = |object: &Value| {
        let mut object = normal::typed(object);
        normal::normalize(&mut object, options.ignore_aggregated_roles);
        // The dry run gets what Git has, so nothing is taken away before it.
        if !is_server_side {
            (options.normalizer)(&mut object);
        }
        object
    };
    let (target, live) = match (target.map(prepare), live.map(prepare)) {
        (None, None) => return Err(DiffError::NothingToCompare),
        (Some(target), None) => return Ok(Diff { modified: true, live: Value::Null, predicted: target }),
        (None, Some(live)) => return Ok(Diff { modified: false, live, predicted: Value::Null }),
        (Some(target), Some(live)) => (target, live),
    };
    match options.mode {
        Mode::ServerSide { manager, dry_run, webhooks } => server_side::diff(live, dry_run, manager, webhooks, options),
        Mode::Structured { manager } => structured::diff(&target, live, manager, options),
        Mode::Merge if has_option(&target, SYNC_OPTIONS, "ServerSideApply=true") => {
            structured::diff(&target, live, "", options)
        }
        Mode::Merge => Ok(three_way::diff(target, live, options)),
    }
}

impl Diff {
    fn of(live: Value, predicted: Value) -> Self {
        Self { modified: live != predicted, live, predicted }
    }
}

/// Returns group, version and kind of `object`.
pub(crate) fn gvk(object: &Value) -> Gvk {
    Gvk::new(group(object), version(object), tiphys_machinery::meta::kind(object))
}
