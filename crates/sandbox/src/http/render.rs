//! Objects in the form that the client wants: JSON, YAML, tables, metadata only, another version.

use serde_json::{Value, json};
use tiphys_clock::Clock;
use tiphys_machinery::{
    error::ApiError,
    resource::Resource,
    table::{self, Headers, TableOptions},
    view,
};

use super::{
    negotiate::{Transform, Wanted},
    reply::{Media, Reply},
};
use crate::object::{Object, TypeHead};

/// Writes the objects of one resource in one form.
#[derive(Debug, Clone)]
pub(super) struct Renderer {
    wanted: Wanted,
    resource: Resource,
    clock: Clock,
    /// How an object begins.
    head: TypeHead,
    /// How an item of a list begins.
    item_head: TypeHead,
    /// Whether a watch has told the columns.
    columns_told: bool,
}

/// What a list says beside its items.
#[derive(Debug, Clone, Default)]
pub(super) struct ListMeta {
    pub(super) revision: u64,
    /// Empty on the last page.
    pub(super) next: String,
    pub(super) remaining: Option<usize>,
}

impl ListMeta {
    /// Lists of custom resources always say how to continue.
    fn to_value(&self, custom: bool) -> Value {
        let mut meta = json!({"resourceVersion": self.revision.to_string()});
        if custom || !self.next.is_empty() {
            meta["continue"] = self.next.as_str().into();
        }
        if let Some(remaining) = self.remaining {
            meta["remainingItemCount"] = remaining.into();
        }
        meta
    }
}

impl Renderer {
    pub(super) fn new(resource: &Resource, wanted: Wanted, clock: Clock) -> Self {
        let head = TypeHead::new(&resource.gvk.api_version(), &resource.gvk.kind);
        let (head, item_head) = match wanted.transform {
            Transform::Metadata { version } | Transform::MetadataList { version } => {
                let head = TypeHead::new(&meta_version(version), "PartialObjectMetadata");
                (head.clone(), head)
            }
            _ if resource.custom => (head.clone(), head),
            _ => (head, TypeHead::bare()),
        };
        Self { wanted, resource: resource.clone(), clock, head, item_head, columns_told: false }
    }

    /// Answers with one object.
    pub(super) fn one(&self, status: u16, object: &Object) -> Reply {
        if let Some(options) = self.table_options(Headers::Columns) {
            let table = table::of_object(&self.resource, &object.value(), options);
            return Reply::value(status, self.wanted.media, &table);
        }
        let mut json = Vec::with_capacity(object.size() + 256);
        self.write(&self.head, object, &mut json);
        self.reply(status, json)
    }

    /// Answers with a list.
    ///
    /// # Errors
    /// 406 when the metadata of a single object was asked for.
    pub(super) fn list<'a>(
        &self,
        objects: impl IntoIterator<Item = &'a Object>,
        meta: &ListMeta,
    ) -> Result<Reply, ApiError> {
        if let Some(options) = self.table_options(Headers::Columns) {
            let objects: Vec<Value> = objects.into_iter().map(Object::value).collect();
            let table = table::of_list(&self.resource, &meta.to_value(false), &objects, options);
            return Ok(Reply::value(200, self.wanted.media, &table));
        }
        let (api_version, kind) = match self.wanted.transform {
            Transform::Metadata { .. } => return Err(self.not_a_list()),
            Transform::MetadataList { version } => (meta_version(version), "PartialObjectMetadataList"),
            _ => (self.resource.gvk.api_version(), self.resource.list_kind.as_str()),
        };
        let meta = meta.to_value(self.resource.custom && self.wanted.transform == Transform::None);
        let head = json!({"kind": kind, "apiVersion": api_version, "metadata": meta}).to_string();
        let mut json = head.into_bytes();
        json.pop();
        json.extend_from_slice(b",\"items\":[");
        for (position, object) in objects.into_iter().enumerate() {
            if position > 0 {
                json.push(b',');
            }
            self.write(&self.item_head, object, &mut json);
        }
        json.extend_from_slice(b"]}");
        Ok(self.reply(200, json))
    }

    /// Appends a frame of a watch.
    pub(super) fn event(&mut self, kind: &str, object: &Object, out: &mut Vec<u8>) {
        if let Some(options) = self.next_table() {
            return frame(kind, &table::of_object(&self.resource, &object.value(), options), out);
        }
        out.extend_from_slice(format!("{{\"type\":\"{kind}\",\"object\":").as_bytes());
        self.write(&self.head, object, out);
        out.extend_from_slice(b"}\n");
    }

    /// Appends a bookmark; the first one after the initial events is marked.
    pub(super) fn bookmark(&mut self, revision: u64, initial_end: bool, out: &mut Vec<u8>) {
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if initial_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let (api_version, kind) = match self.wanted.transform {
            Transform::Metadata { version } | Transform::MetadataList { version } => {
                (meta_version(version), "PartialObjectMetadata")
            }
            _ => (self.resource.gvk.api_version(), self.resource.gvk.kind.as_str()),
        };
        let object = json!({"kind": kind, "apiVersion": api_version, "metadata": metadata});
        match self.next_table() {
            Some(options) => frame("BOOKMARK", &table::of_object(&self.resource, &object, options), out),
            None => frame("BOOKMARK", &object, out),
        }
    }

    fn write(&self, head: &TypeHead, object: &Object, out: &mut Vec<u8>) {
        match self.wanted.transform {
            Transform::Metadata { .. } | Transform::MetadataList { .. } => object.write_metadata(head, out),
            _ if view::is_converted(&self.resource) => {
                let shown = view::in_version(&self.resource, &object.value());
                out.extend_from_slice(shown.to_string().as_bytes());
            }
            _ => object.write_json(head, out),
        }
    }

    /// Returns how to make a table, if one is wanted.
    fn table_options(&self, headers: Headers) -> Option<TableOptions> {
        let Transform::Table { version, include } = self.wanted.transform else { return None };
        Some(TableOptions { include, headers, version, now: self.clock.now() })
    }

    /// Returns how to make the next table of a watch: only the first says what the columns are.
    fn next_table(&mut self) -> Option<TableOptions> {
        let headers = if self.columns_told { Headers::Absent } else { Headers::Columns };
        self.columns_told = true;
        self.table_options(headers)
    }

    fn reply(&self, status: u16, mut json: Vec<u8>) -> Reply {
        if self.wanted.media == Media::Json {
            json.push(b'\n');
            return Reply::bytes(status, "application/json", json);
        }
        let value: Value = serde_json::from_slice(&json).unwrap_or_default();
        Reply::value(status, self.wanted.media, &value)
    }

    fn not_a_list(&self) -> ApiError {
        let message = format!(
            "you requested PartialObjectMetadata, but the requested object is a list (*core.{})",
            self.resource.list_kind
        );
        ApiError::not_acceptable(message)
    }
}

/// Appends a frame of a watch that shows any object.
pub(super) fn frame(kind: &str, object: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(json!({"type": kind, "object": object}).to_string().as_bytes());
    out.push(b'\n');
}

fn meta_version(version: &str) -> String {
    format!("meta.k8s.io/{version}")
}
