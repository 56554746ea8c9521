//! A stored object: its JSON text and the few facts that indexes and selectors need.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The `apiVersion` and `kind` of every object of one resource, as the first bytes of their JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeHead {
    bytes: Bytes,
}

impl TypeHead {
    /// Returns the head of objects of this `apiVersion` and `kind`.
    #[must_use]
    pub fn new(api_version: &str, kind: &str) -> Self {
        let text = format!("{{\"apiVersion\":{},\"kind\":{},\"metadata\":{{", quoted(api_version), quoted(kind));
        Self { bytes: Bytes::from(text) }
    }

    /// Returns the head of items in the lists of built-in kinds, which repeat neither `apiVersion` nor `kind`.
    #[must_use]
    pub fn bare() -> Self {
        Self { bytes: Bytes::from_static(b"{\"metadata\":{") }
    }
}

/// A reference to an owner, as far as the garbage collector's index needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Uid of the owner, as written.
    pub uid: Arc<str>,
    /// Whether this owner is the controller.
    pub controller: bool,
}

/// An object as stored: immutable, shared by history, watches and lists.
///
/// The text is kept once; `apiVersion`, `kind` and `metadata.resourceVersion` are added when it is written out, so that
/// all served versions and all revisions of one content share the same bytes.
pub struct Object {
    head: TypeHead,
    key: Arc<str>,
    namespace_len: usize,
    revision: u64,
    uid: Arc<str>,
    labels: Box<[(Box<str>, Box<str>)]>,
    owners: Box<[Owner]>,
    deleting: bool,
    index: Option<Box<str>>,
    /// Length of the metadata in `tail`, closing brace included.
    metadata_len: usize,
    /// Everything after `"metadata":{`, without `resourceVersion`.
    tail: Bytes,
}

impl Object {
    /// Builds an object from its JSON form. `index` is the value of the resource's secondary index, if it has one.
    ///
    /// `apiVersion`, `kind` and `metadata.resourceVersion` in `value` are left out of the text; `revision` 0 stands for
    /// an object that was never stored (a dry run).
    #[must_use]
    pub fn new(head: TypeHead, revision: u64, index: Option<&str>, value: &Value) -> Self {
        let metadata = &value["metadata"];
        let namespace = text(&metadata["namespace"]);
        let (tail, metadata_len) = tail_of(value);
        Self {
            head,
            key: key_of(namespace, text(&metadata["name"])),
            namespace_len: namespace.len(),
            revision,
            uid: text(&metadata["uid"]).into(),
            labels: labels_of(metadata),
            owners: owners_of(metadata),
            deleting: metadata.get("deletionTimestamp").is_some_and(|t| !t.is_null()),
            index: index.map(Into::into),
            metadata_len,
            tail,
        }
    }

    /// Returns the namespace, empty for cluster-scoped objects.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.key[..self.namespace_len]
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        if self.namespace_len == 0 { &self.key } else { &self.key[self.namespace_len + 1..] }
    }

    /// Returns `namespace/name`, or `name` for cluster-scoped objects: the order of lists.
    #[must_use]
    pub fn key(&self) -> &Arc<str> {
        &self.key
    }

    /// Returns the revision of the last write: `metadata.resourceVersion`. 0 for the answer of a dry-run create.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns `metadata.uid`.
    #[must_use]
    pub fn uid(&self) -> &Arc<str> {
        &self.uid
    }

    /// Returns the value of a label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        let at = self.labels.binary_search_by(|(key, _)| key.as_ref().cmp(name)).ok()?;
        Some(&self.labels[at].1)
    }

    /// Returns the labels, sorted by key.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(key, value)| (key.as_ref(), value.as_ref()))
    }

    /// Returns the owner references in the order written.
    #[must_use]
    pub fn owners(&self) -> &[Owner] {
        &self.owners
    }

    /// Returns the uid of the owner that is marked as controller.
    #[must_use]
    pub fn controller_uid(&self) -> Option<&str> {
        self.owners.iter().find(|owner| owner.controller).map(|owner| owner.uid.as_ref())
    }

    /// Returns whether `metadata.deletionTimestamp` is set.
    #[must_use]
    pub fn is_deleting(&self) -> bool {
        self.deleting
    }

    /// Returns the value of the secondary index: the node of a pod, the uid that an event is about.
    #[must_use]
    pub fn index(&self) -> Option<&str> {
        self.index.as_deref()
    }

    /// Returns the whole object, with `apiVersion`, `kind` and `resourceVersion`.
    #[must_use]
    pub fn value(&self) -> Value {
        parse(&self.json())
    }

    /// Returns `metadata` alone, which costs less than [`Object::value`].
    #[must_use]
    pub fn metadata(&self) -> Value {
        let mut json = Vec::with_capacity(self.metadata_len + 48);
        json.push(b'{');
        self.write_revision(&mut json);
        json.extend_from_slice(&self.tail[..self.metadata_len]);
        parse(&json)
    }

    /// Decodes the object into a typed form.
    ///
    /// # Errors
    /// When the stored JSON does not fit the type.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.json())
    }

    /// Returns the JSON text in the stored version.
    #[must_use]
    pub fn json(&self) -> Vec<u8> {
        let mut json = Vec::with_capacity(self.size() + 128);
        self.write_json(&self.head, &mut json);
        json
    }

    /// Appends the JSON text under another head: another served version, or none in lists.
    pub fn write_json(&self, head: &TypeHead, out: &mut Vec<u8>) {
        out.extend_from_slice(&head.bytes);
        self.write_revision(out);
        out.extend_from_slice(&self.tail);
    }

    /// Appends an object of the given head that has this object's metadata and nothing else.
    pub fn write_metadata(&self, head: &TypeHead, out: &mut Vec<u8>) {
        out.extend_from_slice(&head.bytes);
        self.write_revision(out);
        out.extend_from_slice(&self.tail[..self.metadata_len]);
        out.push(b'}');
    }

    /// Returns the same content at another revision: what a DELETED event shows.
    #[must_use]
    pub fn at_revision(&self, revision: u64) -> Self {
        Self {
            head: self.head.clone(),
            key: self.key.clone(),
            namespace_len: self.namespace_len,
            revision,
            uid: self.uid.clone(),
            labels: self.labels.clone(),
            owners: self.owners.clone(),
            deleting: self.deleting,
            index: self.index.clone(),
            metadata_len: self.metadata_len,
            tail: self.tail.clone(),
        }
    }

    /// Returns whether both have the same content, whatever their revisions.
    #[must_use]
    pub fn same_content(&self, other: &Self) -> bool {
        self.tail == other.tail
    }

    /// Returns the bytes of text held.
    #[must_use]
    pub fn size(&self) -> usize {
        self.tail.len()
    }

    pub(crate) fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }

    fn write_revision(&self, out: &mut Vec<u8>) {
        if self.revision > 0 {
            out.extend_from_slice(b"\"resourceVersion\":\"");
            out.extend_from_slice(self.revision.to_string().as_bytes());
            out.extend_from_slice(b"\",");
        }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No content: it may be a Secret.
        write!(f, "Object({} @{})", self.key, self.revision)
    }
}

/// Returns the key of an object: `namespace/name`, or `name` where the namespace is empty.
#[must_use]
pub fn key_of(namespace: &str, name: &str) -> Arc<str> {
    if namespace.is_empty() { name.into() } else { format!("{namespace}/{name}").into() }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn quoted(text: &str) -> Value {
    Value::from(text)
}

fn parse(json: &[u8]) -> Value {
    // The text came out of a serializer and was never touched since.
    serde_json::from_slice(json).unwrap_or_default()
}

fn tail_of(value: &Value) -> (Bytes, usize) {
    let mut out = Vec::with_capacity(1024);
    let empty = Map::new();
    let metadata = value["metadata"].as_object().unwrap_or(&empty);
    write_fields(&mut out, metadata, &["resourceVersion"]);
    out.push(b'}');
    let metadata_len = out.len();
    if let Some(root) = value.as_object().filter(|root| root.keys().any(|key| !HEAD_FIELDS.contains(&key.as_str()))) {
        out.push(b',');
        write_fields(&mut out, root, &HEAD_FIELDS);
    }
    out.push(b'}');
    out.shrink_to_fit();
    (Bytes::from(out.into_boxed_slice()), metadata_len)
}

const HEAD_FIELDS: [&str; 3] = ["apiVersion", "kind", "metadata"];

fn write_fields(out: &mut Vec<u8>, map: &Map<String, Value>, except: &[&str]) {
    let mut first = true;
    for (key, value) in map.iter().filter(|(key, _)| !except.contains(&key.as_str())) {
        if !first {
            out.push(b',');
        }
        first = false;
        // Writing to a vector cannot fail, and a JSON value always serializes.
        let _ = serde_json::to_writer(&mut *out, key);
        out.push(b':');
        let _ = serde_json::to_writer(&mut *out, value);
    }
}

fn labels_of(metadata: &Value) -> Box<[(Box<str>, Box<str>)]> {
    let Some(labels) = metadata["labels"].as_object() else { return Box::default() };
    let mut pairs: Vec<(Box<str>, Box<str>)> =
        labels.iter().map(|(key, value)| (key.as_str().into(), text(value).into())).collect();
    pairs.sort_unstable();
    pairs.into_boxed_slice()
}

fn owners_of(metadata: &Value) -> Box<[Owner]> {
    let Some(owners) = metadata["ownerReferences"].as_array() else { return Box::default() };
    owners
        .iter()
        .map(|owner| Owner {
            uid: text(&owner["uid"]).into(),
            controller: owner["controller"].as_bool().unwrap_or_default(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": "a", "namespace": "ns", "uid": "u-1", "labels": {"b": "2", "a": "1"},
                "ownerReferences": [{"uid": "u-0", "controller": true}],
            },
            "spec": {"nodeName": "n"},
        })
    }

    #[test]
    fn the_text_survives_and_carries_the_revision() {
        let object = Object::new(TypeHead::new("v1", "Pod"), 7, Some("n"), &pod());
        let mut expected = pod();
        expected["metadata"]["resourceVersion"] = "7".into();
        assert_eq!(object.value(), expected);
        assert_eq!(object.metadata(), expected["metadata"]);
        assert_eq!((object.namespace(), object.name(), object.key().as_ref()), ("ns", "a", "ns/a"));
        assert_eq!((object.label("b"), object.label("c")), (Some("2"), None));
        assert_eq!(object.controller_uid(), Some("u-0"));
    }

    #[test]
    fn other_heads_share_the_text() {
        let object = Object::new(TypeHead::new("v1", "Pod"), 7, None, &pod());
        let mut out = Vec::new();
        object.write_metadata(&TypeHead::new("meta.k8s.io/v1", "PartialObjectMetadata"), &mut out);
        let partial = parse(&out);
        assert_eq!(partial["kind"], "PartialObjectMetadata");
        assert_eq!(partial["metadata"]["resourceVersion"], "7");
        assert!(partial.get("spec").is_none());
        let mut item = Vec::new();
        object.write_json(&TypeHead::bare(), &mut item);
        assert!(parse(&item).get("kind").is_none());
    }

    #[test]
    fn an_object_of_metadata_only_is_whole() {
        let value = json!({"metadata": {"name": "default"}});
        let object = Object::new(TypeHead::new("v1", "Namespace"), 0, None, &value);
        assert_eq!(object.value(), json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}));
    }

    #[test]
    fn content_is_compared_without_the_revision() {
        let old = Object::new(TypeHead::new("v1", "Pod"), 1, None, &pod());
        let mut changed = pod();
        changed["metadata"]["resourceVersion"] = "99".into();
        assert!(old.same_content(&Object::new(TypeHead::new("v1", "Pod"), 2, None, &changed)));
        changed["spec"]["nodeName"] = "m".into();
        assert!(!old.same_content(&Object::new(TypeHead::new("v1", "Pod"), 2, None, &changed)));
    }
}
