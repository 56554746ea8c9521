//! How an object is.
//!
//! ```text
//!   being deleted ─▶ Progressing
//!   a script of the settings ─▶ what it says
//!   argoproj.io kinds, in Rust ─┐
//!   other custom kinds, in Lua ─┼─▶ what they say
//!   built-in kinds, in Rust ────┘
//!   everything else has no health
//! ```

mod argoproj;
mod autoscaler;
mod built_in;
mod checks;
mod fields;
mod pod;
mod script;
mod workload;

use jiff::Timestamp;
use serde_json::Value;
use tiphys_machinery::meta;

pub use self::script::HealthScript;
use crate::{
    hook,
    lua::{Libraries, LuaError},
    object::group,
};

/// How an object is, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// It does what it is for.
    Healthy,
    /// It waits for a person.
    Suspended,
    /// It is on its way.
    Progressing,
    /// It is not there.
    Missing,
    /// It failed, or does not get on.
    Degraded,
    /// Nobody knows.
    Unknown,
}

impl Status {
    /// Returns the name that status and scripts use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Suspended => "Suspended",
            Self::Progressing => "Progressing",
            Self::Missing => "Missing",
            Self::Degraded => "Degraded",
            Self::Unknown => "Unknown",
        }
    }

    /// Returns the status with a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        [Self::Healthy, Self::Suspended, Self::Progressing, Self::Missing, Self::Degraded, Self::Unknown]
            .into_iter()
            .find(|status| status.name() == name)
    }
}

/// How an object is, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The status; `None` where a script said nothing, which is no worse than healthy.
    pub status: Option<Status>,
    /// Why.
    pub message: String,
}

impl Health {
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status: Some(status), message: message.into() }
    }
}

/// Why nobody knows how an object is. It counts as [`Status::Unknown`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HealthError {
    /// The type of the kind does not take the object.
    #[error("failed to convert unstructured {0} to typed: {1}")]
    Convert(String, String),
    /// Only other versions of the kind are known.
    #[error("unsupported {0} GVK: {1}, Kind={0}")]
    Version(String, String),
    /// Conditions in an annotation that are no list of them.
    #[error("failed to convert conditions annotation to typed")]
    Conditions,
    /// A status that a check cannot make sense of.
    #[error("the status has neither phase nor conditions")]
    Status,
    /// The script failed.
    #[error("{0}")]
    Script(#[from] LuaError),
}

/// Returns how `object` is; `None` when its kind has no health.
///
/// `scripts` are those of the settings, by kind; the time is for scripts that ask for it.
///
/// # Errors
/// When nobody knows; see [`HealthError`].
pub fn health(object: &Value, scripts: &[HealthScript], now: Timestamp) -> Result<Option<Health>, HealthError> {
    if meta::is_deleting(object) && !hook::has_finalizer(object) {
        return Ok(Some(Health::new(Status::Progressing, "Pending deletion")));
    }
    if let Some(script) = script::find(scripts, group(object), meta::kind(object)) {
        let libraries = if script.open_libraries { Libraries::All } else { Libraries::Base };
        return Ok(Some(script::run(&script.text, libraries, object, now)?));
    }
    if let Some(health) = argoproj::check(object) {
        return health.map(Some);
    }
    if let Some(check) = checks::find(group(object), meta::kind(object)) {
        return Ok(Some(script::run(&check, Libraries::All, object, now)?));
    }
    built_in::check(object)
}
