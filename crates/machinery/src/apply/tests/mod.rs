//! Scenarios: objects that are written by several managers in turn.

mod applying;
mod random;
mod updating;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::{
    error::ApiError,
    schema::{self, Schema},
};

/// One object and its history.
pub(super) struct Object {
    gvk: Gvk,
    schema: Arc<Schema>,
    tracked: Tracked,
    status: Tracked,
    pub(super) live: Option<Value>,
    /// Seconds since the start; moves with each write.
    clock: i64,
}

impl Object {
    pub(super) fn builtin(api_version: &str, kind: &str) -> Self {
        let schema = schema::builtin(api_version, kind).unwrap();
        Self::new(api_version, kind, schema)
    }

    pub(super) fn custom(schema: Schema) -> Self {
        Self::new("example.com/v1", "Foo", Arc::new(schema))
    }

    fn new(api_version: &str, kind: &str, schema: Arc<Schema>) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let gvk = Gvk { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() };
        Self {
            gvk,
            schema,
            tracked: Tracked::except(&[&["status"]]),
            status: Tracked::except(&[&["spec"]]),
            live: None,
            clock: 0,
        }
    }

    /// Adds type and name.
    pub(super) fn whole(&self, body: &Value) -> Value {
        let mut object = body.clone();
        object["apiVersion"] = json!(self.gvk.api_version());
        object["kind"] = json!(self.gvk.kind);
        object["metadata"]["name"] = json!("x");
        object
    }

    fn write<'a>(&'a self, manager: &'a str, subresource: &'a str) -> WriteRequest<'a> {
        let tracked = if subresource == "status" { &self.status } else { &self.tracked };
        WriteRequest {
            gvk: &self.gvk,
            schema: &self.schema,
            subresource,
            manager,
            now: Timestamp::new(self.clock, 0).unwrap(),
            tracked: tracked.clone(),
        }
    }

    /// Creates the object, or replaces all but what the server keeps.
    pub(super) fn update(&mut self, manager: &str, body: &Value) -> &mut Self {
        self.update_sub(manager, "", body)
    }

    pub(super) fn update_sub(&mut self, manager: &str, subresource: &str, body: &Value) -> &mut Self {
        self.clock += 1;
        let mut new = self.whole(body);
        update_managed(&self.write(manager, subresource), self.live.as_ref(), &mut new);
        self.live = Some(new);
        self
    }

    pub(super) fn try_apply(&mut self, manager: &str, body: &Value, on_conflict: OnConflict) -> Result<bool, ApiError> {
        self.clock += 1;
        let config = self.whole(body);
        let request = ApplyRequest { write: self.write(manager, ""), on_conflict };
        let Applied { object, changed } = apply(&request, self.live.as_ref(), &config)?;
        self.live = Some(object);
        Ok(changed)
    }

    #[track_caller]
    pub(super) fn apply(&mut self, manager: &str, body: &Value) -> &mut Self {
        self.try_apply(manager, body, OnConflict::Refuse).unwrap();
        self
    }

    #[track_caller]
    pub(super) fn force(&mut self, manager: &str, body: &Value) -> &mut Self {
        self.try_apply(manager, body, OnConflict::Take).unwrap();
        self
    }

    /// Asserts the object apart from its type, name and entries.
    #[track_caller]
    pub(super) fn is(&mut self, body: &Value) -> &mut Self {
        let mut live = self.live.clone().unwrap();
        live["metadata"].as_object_mut().unwrap().remove("managedFields");
        assert_eq!(live, self.whole(body));
        self
    }

    /// Asserts the entries in their order: manager, operation, second of the last write, fields as printed.
    #[track_caller]
    pub(super) fn owned(&mut self, wanted: &[(&str, &str, i64, &str)]) -> &mut Self {
        let list = self.live.as_ref().unwrap().pointer("/metadata/managedFields").cloned().unwrap_or_default();
        let got: Vec<_> = ManagedFields::decode(&list)
            .unwrap()
            .entries()
            .iter()
            .map(|entry| {
                let operation = if entry.id.operation == Operation::Apply { "Apply" } else { "Update" };
                let second = entry.time.as_ref().map_or(-1, |time| time.parse::<Timestamp>().unwrap().as_second());
                (entry.id.manager.clone(), operation, second, entry.set().to_fields_v1_text())
            })
            .collect();
        let got: Vec<_> = got.iter().map(|(m, o, s, f)| (m.as_str(), *o, *s, f.as_str())).collect();
        assert_eq!(got, wanted);
        self
    }
}
