//! What is kept of an object of the cluster.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use tiphys_machinery::meta;

use crate::{
    health::{Health, HealthScript, Status, health},
    object::{ResourceKey, version},
    tracking::Tracking,
};

/// An owner of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its uid.
    pub uid: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// An object of the cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What identifies it.
    pub key: ResourceKey,
    /// Version of its group.
    pub version: String,
    /// Its uid.
    pub uid: String,
    /// Its resource version.
    pub resource_version: String,
    /// When it was created, as the API writes it.
    pub created_at: String,
    /// Its owners.
    pub owners: Vec<Owner>,
    /// Instance name of the application that it belongs to; empty for none.
    pub application: String,
    /// Images of a pod.
    pub images: Vec<String>,
    /// How it is; none where its kind has no health, or only metadata are known.
    pub health: Option<Health>,
    /// The object itself, where it is tracked.
    pub object: Option<Arc<Value>>,
}

impl Node {
    /// Returns what is kept of `object`: all of it where it is tracked and no other object owns it.
    #[must_use]
    pub fn of(mut object: Value, tracking: &Tracking<'_>, scripts: &[HealthScript], now: Timestamp) -> Self {
        let application = tracking.application(&object);
        let owners: Vec<Owner> = meta::owners(&object).iter().map(owner).collect();
        let health = match health(&object, scripts, now) {
            Ok(health) => health,
            Err(error) => Some(Health::new(Status::Unknown, error.to_string())),
        };
        drop_managers(&mut object);
        let keeps = !application.is_empty() && owners.is_empty();
        Self {
            key: ResourceKey::of(&object),
            version: version(&object).to_owned(),
            uid: meta::uid(&object).to_owned(),
            resource_version: meta::resource_version(&object).to_owned(),
            created_at: object["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned(),
            owners,
            application,
            images: images(&object),
            health,
            object: keeps.then(|| Arc::new(object)),
        }
    }

    /// Returns whether `other` differs in nothing that matters to a delivery: spec, metadata and health.
    #[must_use]
    pub fn is_as(&self, other: &Self) -> bool {
        let same = self.uid == other.uid
            && self.application == other.application
            && self.owners == other.owners
            && self.images == other.images
            && self.health == other.health
            && self.object.is_some() == other.object.is_some();
        match (&self.object, &other.object) {
            (Some(a), Some(b)) => same && essence(a) == essence(b),
            _ => same,
        }
    }
}

fn essence(object: &Value) -> Vec<(&String, &Value)> {
    let fields =
        object.as_object().into_iter().flatten().filter(|(key, _)| !matches!(key.as_str(), "status" | "metadata"));
    let noise = ["resourceVersion", "generation", "managedFields"];
    let metadata = object["metadata"].as_object().into_iter().flatten();
    fields.chain(metadata.filter(|(key, _)| !noise.contains(&key.as_str()))).collect()
}

fn owner(reference: &Value) -> Owner {
    let text = |field: &str| reference[field].as_str().unwrap_or_default().to_owned();
    Owner { uid: text("uid"), kind: text("kind"), name: text("name") }
}

/// Who wrote what is only needed of objects that the server merges for us.
fn drop_managers(object: &mut Value) {
    let is_applied = object["metadata"]["managedFields"]
        .as_array()
        .is_some_and(|entries| entries.iter().any(|entry| entry["operation"] == "Apply"));
    if !is_applied && let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
}

fn images(object: &Value) -> Vec<String> {
    if meta::kind(object) != "Pod" {
        return Vec::new();
    }
    let of = |list: &str| object["spec"][list].as_array().into_iter().flatten();
    let all = of("initContainers").chain(of("containers"));
    all.filter_map(|container| container["image"].as_str().map(str::to_owned)).collect()
}
