//! Events: what happened to an object, in the words that `kubectl describe` shows.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tiphys_machinery::time;

use super::view::Key;
use crate::object::Object;
use crate::registry::{Registry, Subresource, WriteOptions};

/// How long the same event is counted up rather than written anew.
const AGGREGATION: SignedDuration = SignedDuration::from_mins(10);

/// The object that an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) key: Key,
    pub(crate) uid: String,
    pub(crate) resource_version: String,
    /// Part of the object, such as `spec.containers{main}`.
    pub(crate) field_path: String,
}

impl About {
    /// Returns a reference to an object by its parts.
    pub(crate) fn new(api_version: &str, kind: &str, key: &Key, uid: &str) -> Self {
        Self {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            key: key.clone(),
            uid: uid.to_owned(),
            resource_version: String::new(),
            field_path: String::new(),
        }
    }

    /// Returns a reference to a stored object.
    pub(crate) fn object(api_version: &str, kind: &str, object: &Object) -> Self {
        let key = Key::new(object.namespace(), object.name());
        let resource_version = object.revision().to_string();
        Self { resource_version, ..Self::new(api_version, kind, &key, object.uid()) }
    }

    /// Returns a reference to one part of the object.
    pub(crate) fn at(mut self, field_path: impl Into<String>) -> Self {
        self.field_path = field_path.into();
        self
    }

    fn reference(&self) -> Value {
        let mut reference = json!({
            "apiVersion": self.api_version, "kind": self.kind, "name": &*self.key.name, "uid": self.uid,
        });
        let optional = [
            ("namespace", &*self.key.namespace),
            ("resourceVersion", self.resource_version.as_str()),
            ("fieldPath", self.field_path.as_str()),
        ];
        for (field, text) in optional.into_iter().filter(|(_, text)| !text.is_empty()) {
            reference[field] = text.into();
        }
        reference
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) warning: bool,
    pub(crate) reason: String,
    pub(crate) message: String,
    /// Who says so, such as `replicaset-controller`.
    pub(crate) component: &'static str,
    /// Node of the kubelet that says so; empty for all others.
    pub(crate) host: String,
}

impl Note {
    /// Returns an event of type `Normal`.
    pub(crate) fn normal(component: &'static str, reason: &str, message: impl Into<String>) -> Self {
        Self { warning: false, reason: reason.to_owned(), message: message.into(), component, host: String::new() }
    }

    /// Returns an event of type `Warning`.
    pub(crate) fn warning(component: &'static str, reason: &str, message: impl Into<String>) -> Self {
        Self { warning: true, ..Self::normal(component, reason, message) }
    }

    /// Returns the same event as the kubelet of this node says it.
    pub(crate) fn on_host(mut self, node: &str) -> Self {
        self.host = node.to_owned();
        self
    }

    fn r#type(&self) -> &'static str {
        if self.warning { "Warning" } else { "Normal" }
    }
}

/// Writes events, and counts those that repeat.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    /// What was written lately, by a hash of what makes two events the same.
    recent: BTreeMap<u64, Recent>,
    sweep_at: usize,
}

#[derive(Debug)]
struct Recent {
    suffix: u64,
    last: Timestamp,
}

impl Recorder {
    /// Writes an event, or counts up the one written within the last 10 minutes. A namespace that ends takes no more
    /// events, which is no error.
    pub(crate) fn record(&mut self, registry: &Registry, about: &About, note: &Note, now: Timestamp) {
        let same = fingerprint(about, note);
        if let Some(recent) = self.recent.get_mut(&same).filter(|recent| recent.last + AGGREGATION > now) {
            recent.last = now;
            if count_up(registry, about, recent.suffix, now) {
                return;
            }
        }
        let suffix = registry.random(|random| random.u64(..));
        create(registry, about, note, suffix, now);
        self.recent.insert(same, Recent { suffix, last: now });
        self.sweep(now);
    }

    fn sweep(&mut self, now: Timestamp) {
        if self.recent.len() >= self.sweep_at.max(4096) {
            self.recent.retain(|_, recent| recent.last + AGGREGATION > now);
            self.sweep_at = 2 * self.recent.len();
        }
    }
}

fn fingerprint(about: &About, note: &Note) -> u64 {
    // Fixed keys: the same in every run.
    let mut hasher = DefaultHasher::new();
    (&about.uid, &about.key, &about.field_path).hash(&mut hasher);
    (&note.reason, &note.message, note.component, note.warning).hash(&mut hasher);
    hasher.finish()
}

/// Events about cluster-scoped objects live in `default`.
fn namespace(about: &About) -> &str {
    if about.key.namespace.is_empty() { "default" } else { &about.key.namespace }
}

fn name(about: &About, suffix: u64) -> String {
    format!("{}.{suffix:016x}", about.key.name)
}

fn count_up(registry: &Registry, about: &About, suffix: u64, now: Timestamp) -> bool {
    let Some(resource) = registry.resource("", "events") else { return false };
    let options = WriteOptions::by("kube-controller-manager");
    let edit = |event: &mut Value| {
        event["count"] = (event["count"].as_i64().unwrap_or(1) + 1).into();
        event["lastTimestamp"] = time::seconds(now).into();
    };
    registry.modify(&resource, namespace(about), &name(about, suffix), Subresource::Main, &options, edit).is_ok()
}

fn create(registry: &Registry, about: &About, note: &Note, suffix: u64, now: Timestamp) {
    let Some(resource) = registry.resource("", "events") else { return };
    let stamp = time::seconds(now);
    let mut source = json!({"component": note.component});
    if !note.host.is_empty() {
        source["host"] = note.host.as_str().into();
    }
    let event = json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": name(about, suffix), "namespace": namespace(about)},
        "involvedObject": about.reference(),
        "reason": note.reason, "message": note.message, "type": note.r#type(), "source": source,
        "firstTimestamp": stamp, "lastTimestamp": stamp, "count": 1, "eventTime": null,
        "reportingComponent": note.component, "reportingInstance": note.host,
    });
    let options = WriteOptions::by("kube-controller-manager");
    if let Err(error) = registry.create(&resource, namespace(about), event, &options) {
        tracing::debug!(%error, object = %about.key, reason = %note.reason, "event is lost");
    }
}
