//! Health as a script says it.

use jiff::Timestamp;
use serde_json::Value;
use tiphys_machinery::glob;

use super::{Health, HealthError, Status};
use crate::lua::{Answer, Libraries, Script, run as run_lua};

/// A script of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthScript {
    /// `group/Kind`, or `Kind` of the core group, or a pattern of either.
    pub key: String,
    /// The script; an empty one is none.
    pub text: String,
    /// Whether it finds all libraries.
    pub open_libraries: bool,
}

/// Returns the script for a kind: that with the very key, else the first in order of keys whose pattern matches.
pub(super) fn find<'s>(scripts: &'s [HealthScript], group: &str, kind: &str) -> Option<&'s HealthScript> {
    let key = if group.is_empty() { kind.to_owned() } else { format!("{group}/{kind}") };
    let with_text = || scripts.iter().filter(|script| !script.text.is_empty());
    with_text()
        .find(|script| script.key == key)
        .or_else(|| with_text().filter(|script| glob::matches(&script.key, &key, &[])).min_by(|a, b| a.key.cmp(&b.key)))
}

pub(super) fn run(text: &str, libraries: Libraries, object: &Value, now: Timestamp) -> Result<Health, HealthError> {
    let answer = run_lua(Script { text, libraries, now }, object, &[])?;
    Ok(of(&answer))
}

/// Nothing, a list, and fields that are no texts all say nothing; a word that nobody knows is an error of the script.
fn of(answer: &Answer) -> Health {
    let nothing = Health { status: None, message: String::new() };
    let Answer::Table(Value::Object(fields)) = answer else { return nothing };
    let text = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Some(""),
        Some(value) => value.as_str(),
    };
    let (Some(status), Some(message)) = (text("status"), text("message")) else { return nothing };
    match Status::of(status) {
        Some(status) => Health::new(status, message),
        None => Health::new(Status::Unknown, "Lua returned an invalid health status"),
    }
}
