//! Objects in the form that the client wants: JSON, YAML, metadata only.

use serde_json::{Value, json};
use tiphys_clock::Clock;
use tiphys_machinery::{error::ApiError, resource::Resource};

use super::{
    negotiate::{Transform, Wanted},
    reply::{Media, Reply},
};
use crate::object::{Object, TypeHead};

/// Writes the objects of one resource in one form.
#[derive(Debug, Clone)]
pub(super) struct Renderer {
    wanted: Wanted,
    head: TypeHead,
    item_head: TypeHead,
    api_version: String,
    list_kind: String,
    kind: String,
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
    fn to_value(&self) -> Value {
        let mut meta = json!({"resourceVersion": self.revision.to_string()});
        if !self.next.is_empty() {
            meta["continue"] = self.next.as_str().into();
        }
        if let Some(remaining) = self.remaining {
            meta["remainingItemCount"] = remaining.into();
        }
        meta
    }
}

impl Renderer {
    pub(super) fn new(resource: &Resource, wanted: Wanted, _clock: Clock) -> Self {
        let api_version = resource.gvk.api_version();
        let head = TypeHead::new(&api_version, &resource.gvk.kind);
        let metadata_head = |version| TypeHead::new(version, "PartialObjectMetadata");
        let (head, item_head) = match wanted.transform {
            Transform::Metadata { version } | Transform::MetadataList { version } => {
                (metadata_head(version), metadata_head(version))
            }
            _ if resource.custom => (head.clone(), head),
            _ => (head, TypeHead::bare()),
        };
        Self {
            wanted,
            head,
            item_head,
            api_version,
            list_kind: resource.list_kind.clone(),
            kind: resource.gvk.kind.clone(),
        }
    }

    /// Answers with one object.
    pub(super) fn one(&self, status: u16, object: &Object) -> Reply {
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
        let (api_version, kind) = match self.wanted.transform {
            Transform::Metadata { .. } => return Err(self.not_a_list()),
            Transform::MetadataList { version } => (version, "PartialObjectMetadataList"),
            _ => (self.api_version.as_str(), self.list_kind.as_str()),
        };
        let head = json!({"kind": kind, "apiVersion": api_version, "metadata": meta.to_value()}).to_string();
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
    pub(super) fn event(&self, kind: &str, object: &Object, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("{{\"type\":\"{kind}\",\"object\":").as_bytes());
        self.write(&self.head, object, out);
        out.extend_from_slice(b"}\n");
    }

    /// Appends a bookmark; the first one after the initial events is marked.
    pub(super) fn bookmark(&self, revision: u64, initial_end: bool, out: &mut Vec<u8>) {
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if initial_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let (api_version, kind) = match self.wanted.transform {
            Transform::Metadata { version } | Transform::MetadataList { version } => (version, "PartialObjectMetadata"),
            _ => (self.api_version.as_str(), self.kind.as_str()),
        };
        let object = json!({"kind": kind, "apiVersion": api_version, "metadata": metadata});
        frame("BOOKMARK", &object, out);
    }

    fn write(&self, head: &TypeHead, object: &Object, out: &mut Vec<u8>) {
        match self.wanted.transform {
            Transform::Metadata { .. } | Transform::MetadataList { .. } => object.write_metadata(head, out),
            _ => object.write_json(head, out),
        }
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
            self.list_kind
        );
        ApiError::new(406, "NotAcceptable", message)
    }
}

/// Appends a frame of a watch that shows any object.
pub(super) fn frame(kind: &str, object: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(json!({"type": kind, "object": object}).to_string().as_bytes());
    out.push(b'\n');
}
