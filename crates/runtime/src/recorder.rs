//! Kubernetes events: what happened to an object, told once and then counted.
//!
//! Our own recorder, because kube's asks the wall clock itself and cannot follow virtual time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::core::v1::{Event, EventSource, ObjectReference},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;
use tiphys_clock::Clock;
use tracing::{info, warn};

/// Same event again within this time: its count grows instead of a new object.
const AGGREGATE: SignedDuration = SignedDuration::from_mins(10);
/// How many recent events are remembered for counting.
const REMEMBERED: usize = 4096;

/// `Normal` or `Warning`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As expected.
    Normal,
    /// A person may have to act.
    Warning,
}

impl Severity {
    /// Returns the word that the API uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// An event to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// `Normal` or `Warning`.
    pub severity: Severity,
    /// CamelCase reason such as `RolloutCompleted`.
    pub reason: String,
    /// The sentence.
    pub message: String,
}

impl Note {
    /// Returns a `Normal` event.
    #[must_use]
    pub fn normal(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Normal, reason: reason.into(), message: message.into() }
    }

    /// Returns a `Warning` event.
    #[must_use]
    pub fn warning(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, reason: reason.into(), message: message.into() }
    }
}

#[derive(Debug, Clone)]
struct Told {
    namespace: String,
    name: String,
    count: i32,
    last: Timestamp,
}

/// Who hears of every event, before it is written.
pub type Heard = Arc<dyn Fn(&ObjectReference, &Note) + Send + Sync>;

/// Writes events. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    client: Client,
    clock: Clock,
    component: &'static str,
    told: Arc<Mutex<BTreeMap<String, Told>>>,
    heard: Option<Heard>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("component", &self.component).finish_non_exhaustive()
    }
}

impl Recorder {
    /// Returns a recorder that signs as `component`.
    #[must_use]
    pub fn new(client: Client, clock: Clock, component: &'static str) -> Self {
        Self { client, clock, component, told: Arc::default(), heard: None }
    }

    /// Returns the same recorder, of which `heard` hears every event.
    #[must_use]
    pub fn heard_by(self, heard: Heard) -> Self {
        Self { heard: Some(heard), ..self }
    }

    /// Tells an event about an object. Never fails: an event that cannot be written is logged, because nothing may wait
    /// for it.
    pub async fn tell(&self, about: &ObjectReference, note: &Note) {
        let (kind, namespace, name) = (
            about.kind.as_deref().unwrap_or_default(),
            about.namespace.as_deref().unwrap_or_default(),
            about.name.as_deref().unwrap_or_default(),
        );
        if let Some(heard) = &self.heard {
            heard(about, note);
        }
        info!(kind, namespace, name, event_reason = note.reason, message = note.message, "event");
        let key = [about.uid.as_deref().unwrap_or(name), &note.reason, &note.message].join("\n");
        let now = self.clock.now();
        let written = match self.repeated(&key, now) {
            Some(told) => self.count(&told, now).await,
            None => self.create(about, note, &key, now).await,
        };
        if let Err(error) = written {
            warn!(kind, namespace, name, error = &error as &dyn std::error::Error, "event was not written");
        }
    }

    fn repeated(&self, key: &str, now: Timestamp) -> Option<Told> {
        let mut all = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let told = all.get_mut(key).filter(|told| now.duration_since(told.last) < AGGREGATE)?;
        told.count += 1;
        told.last = now;
        Some(told.clone())
    }

    async fn count(&self, told: &Told, now: Timestamp) -> kube::Result<()> {
        let patch = json!({"count": told.count, "lastTimestamp": Time(now)});
        let api: Api<Event> = Api::namespaced(self.client.clone(), &told.namespace);
        api.patch(&told.name, &PatchParams::default(), &Patch::Merge(patch)).await.map(drop)
    }

    async fn create(&self, about: &ObjectReference, note: &Note, key: &str, now: Timestamp) -> kube::Result<()> {
        let namespace = about.namespace.clone().filter(|ns| !ns.is_empty()).unwrap_or_else(|| "default".to_owned());
        let name = format!("{}.{:x}", about.name.as_deref().unwrap_or_default(), self.unique(key, now));
        let event = Event {
            metadata: ObjectMeta { name: Some(name.clone()), namespace: Some(namespace.clone()), ..Default::default() },
            involved_object: about.clone(),
            reason: Some(note.reason.clone()),
            message: Some(note.message.clone()),
            type_: Some(note.severity.as_str().to_owned()),
            count: Some(1),
            first_timestamp: Some(Time(now)),
            last_timestamp: Some(Time(now)),
            source: Some(EventSource { component: Some(self.component.to_owned()), host: None }),
            reporting_component: Some(self.component.to_owned()),
            ..Default::default()
        };
        self.remember(key, Told { namespace: namespace.clone(), name, count: 1, last: now });
        let api: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        api.create(&PostParams::default(), &event).await.map(drop)
    }

    /// A number that differs between events of one object at one instant (upstream uses the nanosecond alone).
    fn unique(&self, key: &str, now: Timestamp) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ u64::try_from(now.as_nanosecond()).unwrap_or_default();
        for byte in key.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        hash
    }

    fn remember(&self, key: &str, told: Told) {
        let mut all = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            let now = told.last;
            all.retain(|_, old| now.duration_since(old.last) < AGGREGATE);
        }
        if all.len() < REMEMBERED {
            all.insert(key.to_owned(), told);
        }
    }
}
