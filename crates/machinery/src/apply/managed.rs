//! `metadata.managedFields`: who owns which fields.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    fields_v1::FieldsError,
    set::{Set, path_text},
};

/// How a manager came to own fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// By any other write.
    Update,
}

impl Operation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// What tells entries apart. An applier is the same whatever version it applies.
///
/// Ordered as upstream's identifiers: by manager, operation and version; an entry of a subresource comes before one of
/// the main resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagerId {
    /// For instance `kubectl`.
    pub manager: String,
    /// Apply or Update.
    pub operation: Operation,
    /// Version of an updater; empty for an applier.
    pub api_version: String,
    /// Such as `status`; empty for the main resource.
    pub subresource: String,
}

impl ManagerId {
    /// Returns the identity of a writer.
    #[must_use]
    pub fn new(manager: &str, operation: Operation, api_version: &str, subresource: &str) -> Self {
        let api_version = if operation == Operation::Apply { "" } else { api_version };
        Self {
            manager: manager.to_owned(),
            operation,
            api_version: api_version.to_owned(),
            subresource: subresource.to_owned(),
        }
    }

    /// The form of conflict messages: `"m" with subresource "status" using apps/v1`.
    pub(super) fn described(&self) -> String {
        let mut text = format!("{:?}", self.manager);
        if !self.subresource.is_empty() {
            text.push_str(&format!(" with subresource {:?}", self.subresource));
        }
        if self.operation == Operation::Update {
            text.push_str(&format!(" using {}", self.api_version));
        }
        text
    }
}

impl Ord for ManagerId {
    fn cmp(&self, other: &Self) -> Ordering {
        let is_main = |id: &Self| id.subresource.is_empty();
        (self.manager.cmp(&other.manager))
            .then_with(|| self.operation.cmp(&other.operation))
            .then_with(|| self.api_version.cmp(&other.api_version))
            .then_with(|| is_main(self).cmp(&is_main(other)))
            .then_with(|| self.subresource.cmp(&other.subresource))
    }
}

impl PartialOrd for ManagerId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// One entry. Its set is read from JSON when somebody asks, and written only if it changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Whose entry it is.
    pub id: ManagerId,
    /// Version of the fields.
    pub api_version: String,
    /// When the entry last changed, as written.
    pub time: Option<String>,
    fields: Fields,
}

#[derive(Debug, Clone, PartialEq)]
enum Fields {
    Encoded(Value),
    Decoded(Set),
}

/// Why `managedFields` cannot be read; the texts are upstream's.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ManagedError {
    /// The list, or an entry, has the wrong JSON type.
    #[error("managedFields is not a list of entries")]
    NotEntries,
    /// Neither Apply nor Update.
    #[error("operation must be `Apply` or `Update`")]
    Operation,
    /// No apiVersion.
    #[error("apiVersion must not be empty")]
    ApiVersion,
    /// No fieldsType.
    #[error("missing fieldsType in managed fields entry {0}")]
    MissingFieldsType(usize),
    /// A fieldsType that is not `FieldsV1`.
    #[error("invalid fieldsType {kind:?} in managed fields entry {index}")]
    FieldsType {
        /// What the entry says.
        kind: String,
        /// Position of the entry.
        index: usize,
    },
    /// Unreadable fields.
    #[error("error decoding versioned set")]
    Fields(#[source] FieldsError),
}

/// The entries of one object, in the order in which they are written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ManagedFields {
    entries: Vec<Entry>,
}

impl ManagedFields {
    /// Reads a list of entries; an absent or `null` list has none. Of entries with one identity the last counts.
    ///
    /// # Errors
    /// See [`ManagedError`].
    pub fn decode(list: &Value) -> Result<Self, ManagedError> {
        let items = match list {
            Value::Null => return Ok(Self::default()),
            Value::Array(items) => items,
            _ => return Err(ManagedError::NotEntries),
        };
        let mut managed = Self::default();
        for (index, item) in items.iter().enumerate() {
            let mut entry = read_entry(index, item)?;
            entry.fields = Fields::Decoded(Set::from_fields_v1(entry.encoded()).map_err(ManagedError::Fields)?);
            managed.put(entry);
        }
        Ok(managed)
    }

    /// Takes a list that was written by [`ManagedFields::encode`]; sets stay unread. Malformed entries are dropped.
    pub(super) fn trusted(list: Value) -> Self {
        let Value::Array(items) = list else { return Self::default() };
        let mut managed = Self::default();
        for (index, mut item) in items.into_iter().enumerate() {
            let fields = item.get_mut("fieldsV1").map(Value::take).unwrap_or_default();
            if let Ok(mut entry) = read_entry(index, &item) {
                entry.fields = Fields::Encoded(fields);
                managed.put(entry);
            }
        }
        managed
    }

    /// Returns the list of entries in upstream's order: Apply before Update, then by time, manager, version and
    /// subresource. `None` without entries.
    #[must_use]
    pub fn encode(mut self) -> Option<Value> {
        if self.entries.is_empty() {
            return None;
        }
        self.entries.sort_by(Entry::written_order);
        Some(Value::Array(self.entries.into_iter().map(Entry::encode).collect()))
    }

    /// Returns the entries.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns whether nobody owns anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the entry of a manager.
    #[must_use]
    pub fn get(&self, id: &ManagerId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == *id)
    }

    /// Adds an entry, replacing one of the same identity.
    pub fn put(&mut self, entry: Entry) {
        match self.entries.iter_mut().find(|old| old.id == entry.id) {
            Some(old) => *old = entry,
            None => self.entries.push(entry),
        }
    }

    /// Removes and returns the entry of a manager.
    pub fn take(&mut self, id: &ManagerId) -> Option<Entry> {
        let at = self.entries.iter().position(|entry| entry.id == *id)?;
        Some(self.entries.remove(at))
    }

    pub(super) fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut()
    }

    /// Drops entries that own nothing.
    pub(super) fn drop_empty(&mut self) {
        self.entries.retain(|entry| !entry.owns_nothing());
    }

    /// Merges the oldest Update entries into one of [`ANCIENT`] per version until at most [`MAX_UPDATERS`] are left.
    pub(super) fn cap_updaters(&mut self) {
        let mut updaters: Vec<(i64, ManagerId, String)> = self
            .entries
            .iter()
            .filter(|entry| entry.id.operation == Operation::Update)
            .map(|entry| (entry.seconds(), entry.id.clone(), entry.api_version.clone()))
            .collect();
        let mut left = updaters.len();
        updaters.sort();
        let mut first_of_version: Vec<(String, ManagerId)> = Vec::new();
        for (_, id, version) in updaters {
            if left <= MAX_UPDATERS {
                return;
            }
            match first_of_version.iter().position(|(v, _)| *v == version) {
                None => first_of_version.push((version, id)),
                Some(at) => {
                    let bucket = ManagerId::new(ANCIENT, Operation::Update, &version, "");
                    if self.get(&bucket).is_none() {
                        self.move_into(&first_of_version[at].1, &bucket);
                    }
                    self.move_into(&id, &bucket);
                    left -= 1;
                }
            }
        }
    }

    /// Gives what one entry owns to another, with its time.
    fn move_into(&mut self, from: &ManagerId, to: &ManagerId) {
        if from == to {
            return;
        }
        let Some(entry) = self.take(from) else { return };
        let set = match self.take(to) {
            Some(old) => old.set().union(&entry.set()),
            None => entry.set(),
        };
        let time = entry.time.clone();
        self.put(Entry { time, ..Entry::new(to.clone(), &entry.api_version, set) });
    }
}

/// The manager that inherits from the oldest updaters.
pub const ANCIENT: &str = "ancient-changes";

/// How many Update entries an object keeps.
pub const MAX_UPDATERS: usize = 10;

impl Entry {
    /// Returns an entry without a time.
    #[must_use]
    pub fn new(id: ManagerId, api_version: &str, set: Set) -> Self {
        Self { id, api_version: api_version.to_owned(), time: None, fields: Fields::Decoded(set) }
    }

    /// Returns the fields that the manager owns; unreadable ones count as none.
    #[must_use]
    pub fn set(&self) -> Set {
        match &self.fields {
            Fields::Decoded(set) => set.clone(),
            Fields::Encoded(value) => Set::from_fields_v1(value).unwrap_or_default(),
        }
    }

    pub(super) fn set_fields(&mut self, set: Set) {
        self.fields = Fields::Decoded(set);
    }

    /// The JSON form while it is the only one.
    pub(super) fn undecoded(&self) -> Option<&Value> {
        match &self.fields {
            Fields::Encoded(value) => Some(value),
            Fields::Decoded(_) => None,
        }
    }

    pub(super) fn touch(&mut self, now: Timestamp) {
        self.time = Some(time_text(now));
    }

    fn encoded(&self) -> &Value {
        match &self.fields {
            Fields::Encoded(value) => value,
            Fields::Decoded(_) => &Value::Null,
        }
    }

    fn owns_nothing(&self) -> bool {
        match &self.fields {
            Fields::Decoded(set) => set.is_empty(),
            Fields::Encoded(value) => value.as_object().is_none_or(Map::is_empty),
        }
    }

    fn seconds(&self) -> i64 {
        self.time.as_deref().and_then(|time| time.parse::<Timestamp>().ok()).map_or(0, Timestamp::as_second)
    }

    fn written_order(&self, other: &Self) -> Ordering {
        (self.id.operation.cmp(&other.id.operation))
            .then_with(|| if self.time == other.time { Ordering::Equal } else { self.seconds().cmp(&other.seconds()) })
            .then_with(|| self.id.manager.cmp(&other.id.manager))
            .then_with(|| self.api_version.cmp(&other.api_version))
            .then_with(|| self.id.subresource.cmp(&other.id.subresource))
    }

    fn encode(self) -> Value {
        let fields = match self.fields {
            Fields::Encoded(value) => value,
            Fields::Decoded(set) => set.to_fields_v1(),
        };
        let mut entry = Map::new();
        let mut put = |key: &str, value: Value| {
            entry.insert(key.to_owned(), value);
        };
        put("manager", Value::String(self.id.manager));
        put("operation", Value::from(self.id.operation.as_str()));
        put("apiVersion", Value::String(self.api_version));
        if let Some(time) = self.time {
            put("time", Value::String(time));
        }
        put("fieldsType", Value::from("FieldsV1"));
        put("fieldsV1", fields);
        if !self.id.subresource.is_empty() {
            put("subresource", Value::String(self.id.subresource));
        }
        Value::Object(entry)
    }
}

/// Reads everything but the fields, which stay as they are.
fn read_entry(index: usize, item: &Value) -> Result<Entry, ManagedError> {
    let Value::Object(map) = item else { return Err(ManagedError::NotEntries) };
    let text = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default();
    let operation = match text("operation") {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return Err(ManagedError::Operation),
    };
    let api_version = text("apiVersion");
    if api_version.is_empty() {
        return Err(ManagedError::ApiVersion);
    }
    match text("fieldsType") {
        "FieldsV1" => {}
        "" => return Err(ManagedError::MissingFieldsType(index)),
        kind => return Err(ManagedError::FieldsType { kind: kind.to_owned(), index }),
    }
    Ok(Entry {
        id: ManagerId::new(text("manager"), operation, api_version, text("subresource")),
        api_version: api_version.to_owned(),
        time: map.get("time").and_then(Value::as_str).map(str::to_owned),
        fields: Fields::Encoded(map.get("fieldsV1").cloned().unwrap_or_default()),
    })
}

/// Seconds in UTC: `2026-01-02T03:04:05Z`.
pub(super) fn time_text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// What a write asks for by the `managedFields` of its body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// Go on from the live entries.
    Live,
    /// Go on from the entries in the body.
    Body,
    /// Forget all entries.
    Wipe,
}

impl Incoming {
    /// An empty list, or one empty entry, wipes.
    pub(super) fn of(list: Option<&Value>) -> Self {
        match list {
            Some(Value::Array(items)) => match items.as_slice() {
                [] => Self::Wipe,
                [Value::Object(map)] if map.values().all(Value::is_null) => Self::Wipe,
                _ => Self::Body,
            },
            _ => Self::Live,
        }
    }
}

/// Returns whether two objects are the same apart from the times in `managedFields`, which leave `new` then as they are
/// in `live`: a write that changes nothing else is none.
pub fn revert_times(live: &Value, new: &mut Value) -> bool {
    let (Some(old), Some(fresh)) = (live.as_object(), new.as_object()) else { return live == new };
    let rest_equal = old.len() == fresh.len()
        && old.iter().all(|(key, a)| {
            fresh.get(key).is_some_and(|b| if key == "metadata" { same_metadata(a, b) } else { a == b })
        });
    if rest_equal && let Some(list) = live.pointer("/metadata/managedFields") {
        new["metadata"]["managedFields"] = list.clone();
    }
    rest_equal
}

fn same_metadata(a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return a == b };
    a.len() == b.len()
        && a.iter().all(|(key, a)| {
            b.get(key).is_some_and(|b| if key == "managedFields" { same_but_times(a, b) } else { a == b })
        })
}

fn same_but_times(a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.as_array(), b.as_array()) else { return a == b };
    let without_time = |entry: &Value| {
        let mut entry = entry.clone();
        entry.as_object_mut().map(|map| map.remove("time"));
        entry
    };
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b || without_time(a) == without_time(b))
}

/// Conflicting fields, by manager, sorted.
#[derive(Debug, Default)]
pub(super) struct Conflicts(pub(super) Vec<(ManagerId, Set)>);

impl Conflicts {
    /// The 409 of a refused apply.
    pub(super) fn into_error(self) -> crate::error::ApiError {
        let all: Vec<(String, Vec<String>)> = (self.0.iter())
            .map(|(id, set)| (id.described(), set.paths().iter().map(|path| path_text(path)).collect()))
            .collect();
        let count: usize = all.iter().map(|(_, paths)| paths.len()).sum();
        let message = match all.as_slice() {
            [(manager, paths)] if count == 1 => {
                format!("Apply failed with 1 conflict: conflict with {manager}: {}", paths[0])
            }
            _ => {
                let lines: Vec<String> = (all.iter())
                    .flat_map(|(manager, paths)| {
                        std::iter::once(format!("conflicts with {manager}:"))
                            .chain(paths.iter().map(|path| format!("- {path}")))
                    })
                    .collect();
                format!("Apply failed with {count} conflicts: {}", lines.join("\n"))
            }
        };
        let causes: Vec<Value> = (all.iter())
            .flat_map(|(manager, paths)| {
                paths.iter().map(move |path| {
                    json!({"reason": "FieldManagerConflict", "message": format!("conflict with {manager}"), "field": path})
                })
            })
            .collect();
        let mut error = crate::error::ApiError::new(409, "Conflict", message);
        error.details = json!({"causes": causes});
        error
    }
}
