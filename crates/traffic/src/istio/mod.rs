//! Istio: weights, header routes and mirrors of VirtualServices; subsets of a DestinationRule.
//!
//! Split by host: the two Services are two destinations. Split by subset: one Service, and a DestinationRule whose two
//! subsets select pods by hash.

mod cleaning;
mod destination_rule;
mod error;
mod managed;
mod selection;
mod virtual_service;
mod weights;

use tiphys_api::{
    Rollout,
    types::{IstioDestinationRule, IstioTrafficRouting, IstioVirtualService},
};

pub use self::cleaning::clean_destination_rule;
use crate::{
    fault::{Fault, Router},
    objects::{ObjectId, Resource},
    outcome::Outcome,
    settings::Settings,
    view::{View, namespace},
    wanted::Order,
};

const GROUP: &str = "networking.istio.io";

/// Returns the VirtualServices and the DestinationRule.
pub(crate) fn needs(rollout: &Rollout, config: &IstioTrafficRouting, settings: &Settings) -> Vec<ObjectId> {
    let namespace = namespace(rollout);
    let services = references(config).into_iter().map(|reference| virtual_service_id(reference, namespace, settings));
    let rule = config.destination_rule.as_ref().map(|rule| destination_rule_id(rule, namespace, settings));
    services.chain(rule).collect()
}

/// Brings VirtualServices and DestinationRule to the wanted state.
pub(crate) fn route(view: &View<'_>, config: &IstioTrafficRouting) -> Outcome {
    let mut outcome = Outcome::default();
    let selection = destination_rule::route(view, config);
    let are_weights_free = selection.faults.is_empty() || view.wanted.order == Order::WeightsFirst;
    let weights = if are_weights_free { virtual_services(view, config) } else { Outcome::default() };
    let (first, second) = match view.wanted.order {
        Order::SelectionFirst => (selection, weights),
        Order::WeightsFirst => (weights, selection),
    };
    outcome.merge(first);
    outcome.merge(second);
    outcome
}

fn virtual_services(view: &View<'_>, config: &IstioTrafficRouting) -> Outcome {
    let mut outcome = Outcome::default();
    let all = references(config);
    if all.is_empty() || (config.virtual_service.is_some() && !config.virtual_services.is_empty()) {
        let fault = Fault::new(Router::Istio, "either VirtualService or VirtualServices must be configured")
            .fix("set exactly one of trafficRouting.istio.virtualService and virtualServices");
        outcome.faults.push(*fault);
        return outcome;
    }
    for reference in all {
        outcome.result(virtual_service::route(view, config, reference));
    }
    outcome
}

fn references(config: &IstioTrafficRouting) -> Vec<&IstioVirtualService> {
    config.virtual_service.iter().chain(&config.virtual_services).collect()
}

/// `name` or `name.namespace`: the last segment is the namespace.
fn virtual_service_id(reference: &IstioVirtualService, namespace: &str, settings: &Settings) -> ObjectId {
    let resource = Resource::new(GROUP, &settings.istio_version, "VirtualService", "virtualservices");
    let name = reference.name.strip_suffix(".cluster.local").unwrap_or(&reference.name);
    match name.rsplit_once('.') {
        Some((name, namespace)) => resource.named(namespace, name),
        None => resource.named(namespace, name),
    }
}

fn destination_rule_id(rule: &IstioDestinationRule, namespace: &str, settings: &Settings) -> ObjectId {
    let resource = Resource::new(GROUP, &settings.istio_version, "DestinationRule", "destinationrules");
    resource.named(namespace, &rule.name)
}
