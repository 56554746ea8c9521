//! Which objects routers have to read.

use tiphys_api::Rollout;
use tiphys_machinery::selector::LabelSelector;

use crate::{
    alb, ambassador, apisix, app_mesh, gateway_api, istio, nginx,
    objects::{ObjectId, Objects, Resource},
    settings::Settings,
    smi, traefik,
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
    let canary = rollout.spec.strategy.canary.as_ref();
    let Some(routing) = canary.and_then(|canary| canary.traffic_routing.as_ref()) else { return Vec::new() };
    let mut ids = Vec::new();
    let (name, namespace) = (rollout.metadata.name.as_deref().unwrap_or_default(), namespace(rollout));
    if let Some(config) = &routing.istio {
        ids.extend(istio::needs(rollout, config, settings));
    }
    if let Some(config) = &routing.nginx {
        ids.extend(nginx::needs(config, name, namespace, settings));
    }
    if let Some(config) = &routing.alb {
        ids.extend(alb::needs(config, namespace, settings));
    }
    ids.extend(routing.smi.as_ref().map(|config| smi::need(config, name, namespace, settings)));
    if let Some(config) = &routing.ambassador {
        ids.extend(ambassador::needs(config, namespace, settings));
    }
    if let Some(config) = &routing.app_mesh {
        ids.extend(app_mesh::needs(rollout, config, objects, settings));
    }
    ids.extend(routing.traefik.as_ref().map(|config| traefik::need(config, namespace, settings)));
    if let Some(config) = &routing.apisix {
        ids.extend(apisix::needs(rollout, config));
    }
    let mut needs: Vec<Need> = ids.into_iter().map(Need::Named).collect();
    if let Some(config) = routing.plugins.get(gateway_api::PLUGIN) {
        needs.extend(gateway_api::needs(rollout, config));
    }
    needs
}
