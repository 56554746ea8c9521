//! Which objects routers have to read.

use tiphys_api::Rollout;
use tiphys_machinery::selector::LabelSelector;

use crate::{
    nginx,
    objects::{ObjectId, Objects, Resource},
    settings::Settings,
    view::namespace,
};

/// Objects that a router has to read.
#[derive(Debug, Clone, PartialEq)]
pub enum Need {
    /// One object.
    Named(ObjectId),
    /// All objects of a kind and namespace that a selector selects.
    Labelled {
        /// The kind.
        resource: Resource,
        /// The namespace.
        namespace: String,
        /// The selector.
        selector: LabelSelector,
    },
}

impl Need {
    /// Returns the kind that is needed.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        match self {
            Self::Named(id) => &id.resource,
            Self::Labelled { resource, .. } => resource,
        }
    }
}

/// Returns the objects that routing this Rollout has to read.
///
/// Some objects name others: call it again with what was found until it asks for nothing new.
#[must_use]
pub fn needs(rollout: &Rollout, objects: &Objects, settings: &Settings) -> Vec<Need> {
    let _ = objects;
    let mut needs = Vec::new();
    let canary = rollout.spec.strategy.canary.as_ref();
    let Some(routing) = canary.and_then(|canary| canary.traffic_routing.as_ref()) else { return needs };
    let name = rollout.metadata.name.as_deref().unwrap_or_default();
    if let Some(config) = &routing.nginx {
        needs.extend(nginx::needs(config, name, namespace(rollout), settings).map(Need::Named));
    }
    needs
}
