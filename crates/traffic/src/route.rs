//! All routers of a Rollout.

use tiphys_api::Rollout;

use crate::{
    alb, ambassador, apisix, app_mesh,
    fault::Routed,
    gateway_api, istio, nginx,
    objects::Objects,
    outcome::{Change, Outcome, PluginCall},
    settings::Settings,
    smi, traefik,
    view::View,
    wanted::Wanted,
};

/// Returns what brings all routers of a Rollout to the wanted state; nothing where they are there already.
///
/// Routers come in the order of [`crate::Router`], plugins last and by name. Applying the changes and routing again yields
/// no change.
pub fn route(rollout: &Rollout, wanted: &Wanted, objects: &Objects, settings: &Settings) -> Outcome {
    let mut outcome = Outcome::default();
    let Some(canary) = &rollout.spec.strategy.canary else { return outcome };
    let Some(routing) = &canary.traffic_routing else { return outcome };
    let view = View { rollout, canary, routing, wanted, objects, settings };
    let all = [
        routing.istio.as_ref().map(|config| istio::route(&view, config)),
        routing.nginx.as_ref().map(|config| nginx::route(&view, config)),
        routing.alb.as_ref().map(|config| alb::route(&view, config)),
        routing.smi.as_ref().map(|config| one(smi::route(&view, config))),
        routing.ambassador.as_ref().map(|config| ambassador::route(&view, config)),
        routing.app_mesh.as_ref().map(|config| app_mesh::route(&view, config)),
        routing.traefik.as_ref().map(|config| one(traefik::route(&view, config))),
        routing.apisix.as_ref().map(|config| apisix::route(&view, config)),
    ];
    all.into_iter().flatten().for_each(|part| outcome.merge(part));
    for (name, config) in &routing.plugins {
        if name == gateway_api::PLUGIN {
            outcome.merge(gateway_api::route(&view, config));
        } else {
            outcome.plugins.push(PluginCall { plugin: name.clone(), config: config.clone() });
        }
    }
    outcome
}

fn one(result: Routed<Option<Change>>) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.result(result);
    outcome
}
