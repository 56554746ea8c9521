//! Server-side apply and `managedFields`: who owns which field, and what an applied configuration makes of an object.
//!
//! ```text
//!   config ──validate──▶ fields it mentions = what the applier owns from now on
//!      │                                   │
//!      ▼                                   ▼
//!   live ──merge──▶ merged ──prune what the applier had and dropped, and nobody else has──▶ new
//!                                          │
//!             compare(live, new) ──▶ fields of other managers that change: a conflict, or taken by force
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | `element`, `set`, `fields_v1` | field paths, sets of them, their JSON form |
//! | `typing`, `validate`, [`compare()`], [`from_value()`], [`merge()`], `reshape` | structured merge: walks of values along a schema |
//! | `managed`, `tracking`, `ownership` | the entries of an object, which fields count |
//! | `update`, `applying`, `last_applied`, [`scale`] | what a write does to them |
//!
//! All functions are pure; the time of a write is an argument. One version per object is assumed: entries of other
//! versions of a kind are compared in the version at hand.

mod applying;
mod compare;
mod element;
mod fields_v1;
mod from_value;
mod last_applied;
mod managed;
mod merge;
mod ownership;
mod reshape;
pub mod scale;
mod set;
mod tracking;
mod typing;
mod update;
mod validate;

#[cfg(test)]
mod tests;

pub use applying::{Applied, ApplyRequest, OnConflict, apply};
pub use compare::{Comparison, compare};
pub use element::{ElementError, PathElement};
pub use fields_v1::FieldsError;
pub use from_value::from_value;
use jiff::Timestamp;
pub use managed::{ANCIENT, Entry, MAX_UPDATERS, ManagedError, ManagedFields, ManagerId, Operation, revert_times};
pub use merge::{merge, remove};
pub use set::{Path, Set};
pub use tracking::Tracked;
pub use update::update_managed;

use crate::{
    error::Cause,
    resource::{Gvk, Resource},
    schema::Schema,
};

/// A write, as far as ownership is concerned.
#[derive(Debug, Clone)]
pub struct WriteRequest<'a> {
    /// Kind and version in which the object is written.
    pub gvk: &'a Gvk,
    /// Its schema.
    pub schema: &'a Schema,
    /// Empty for the main resource.
    pub subresource: &'a str,
    /// The manager; see [`manager_name`].
    pub manager: &'a str,
    /// Time of the write.
    pub now: Timestamp,
    /// The fields that this endpoint can change.
    pub tracked: Tracked,
}

impl<'a> WriteRequest<'a> {
    /// Returns a write of `manager` to `subresource` (empty: the main resource) of a resource.
    #[must_use]
    pub fn new(resource: &'a Resource, subresource: &'a str, manager: &'a str, now: Timestamp) -> Self {
        Self {
            gvk: &resource.gvk,
            schema: &resource.schema,
            subresource,
            manager,
            now,
            tracked: Tracked::of(resource, subresource),
        }
    }

    fn api_version(&self) -> String {
        self.gvk.api_version()
    }

    fn id(&self, operation: Operation) -> ManagerId {
        let manager = if self.manager.is_empty() { UNKNOWN } else { self.manager };
        ManagerId::new(manager, operation, &self.api_version(), self.subresource)
    }
}

const UNKNOWN: &str = "unknown";

/// How long the name of a manager may be, in bytes.
pub const MAX_MANAGER: usize = 128;

/// Returns the manager of a write: the parameter `fieldManager`, else the user agent up to the first slash without
/// unprintable characters, else `unknown`.
#[must_use]
pub fn manager_name(field_manager: &str, user_agent: &str) -> String {
    if !field_manager.is_empty() {
        return field_manager.to_owned();
    }
    let mut name = String::new();
    for c in user_agent.split('/').next().unwrap_or_default().chars().filter(|&c| is_printable(c)) {
        if name.len() + c.len_utf8() > MAX_MANAGER {
            break;
        }
        name.push(c);
    }
    if name.is_empty() { UNKNOWN.to_owned() } else { name }
}

/// Returns what is wrong with the parameter `fieldManager`: too long, or unprintable.
#[must_use]
pub fn validate_manager(field_manager: &str) -> Vec<Cause> {
    let cause = |reason, message| Cause { reason, message, field: "fieldManager".to_owned() };
    let mut causes = Vec::new();
    if field_manager.len() > MAX_MANAGER {
        causes.push(cause("FieldValueTooLong", format!("Too long: may not be more than {MAX_MANAGER} bytes")));
    }
    for (position, c) in field_manager.char_indices().filter(|&(_, c)| !is_printable(c)) {
        let message = format!(
            "Invalid value: {}: invalid character U+{:04X} (at position {position})",
            crate::field::quote(field_manager),
            u32::from(c)
        );
        causes.push(cause("FieldValueInvalid", message));
    }
    causes
}

/// Returns how `value` does not fit `schema`: fields that are not declared, values of the wrong kind, items without or
/// with the same key; in upstream's words.
#[must_use]
pub fn misfits(schema: &Schema, value: &serde_json::Value) -> Option<String> {
    validate::validate(schema, value).err().map(|misfits| misfits.to_string())
}

fn is_printable(c: char) -> bool {
    c == ' ' || !(c.is_control() || c.is_whitespace())
}
