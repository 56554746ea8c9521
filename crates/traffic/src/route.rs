//! All routers of a Rollout.

use tiphys_api::Rollout;

use crate::{nginx, objects::Objects, outcome::Outcome, settings::Settings, view::View, wanted::Wanted};

/// Returns what brings all routers of a Rollout to the wanted state; nothing where they are there already.
///
/// Routers come in the order of [`crate::Router`], plugins last and by name. Applying the changes and routing again yields
/// no change.
pub fn route(rollout: &Rollout, wanted: &Wanted, objects: &Objects, settings: &Settings) -> Outcome {
    let mut outcome = Outcome::default();
    let Some(canary) = &rollout.spec.strategy.canary else { return outcome };
    let Some(routing) = &canary.traffic_routing else { return outcome };
    let view = View { rollout, canary, routing, wanted, objects, settings };
    if let Some(config) = &routing.nginx {
        outcome.merge(nginx::route(&view, config));
    }
    outcome
}
