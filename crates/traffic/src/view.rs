//! What a router sees.

use serde_json::Value;
use tiphys_api::{
    Rollout,
    constants::ping_pong,
    defaults,
    types::{CanaryStrategy, TrafficRouting},
};

use crate::{
    fault::{Fault, Routed, Router},
    objects::{ObjectId, Objects},
    settings::Settings,
    wanted::{Split, Wanted},
};

/// Everything that one pass of a router is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'v> {
    pub(crate) rollout: &'v Rollout,
    pub(crate) canary: &'v CanaryStrategy,
    pub(crate) routing: &'v TrafficRouting,
    pub(crate) wanted: &'v Wanted,
    pub(crate) objects: &'v Objects,
    pub(crate) settings: &'v Settings,
}

/// The two Services that a router splits between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Services<'v> {
    pub(crate) canary: &'v str,
    pub(crate) stable: &'v str,
}

impl<'v> View<'v> {
    /// Returns the Rollout's name.
    pub(crate) fn name(&self) -> &'v str {
        self.rollout.metadata.name.as_deref().unwrap_or_default()
    }

    /// Returns the Rollout's namespace.
    pub(crate) fn namespace(&self) -> &'v str {
        namespace(self.rollout)
    }

    /// Returns the weight that means everybody.
    pub(crate) fn max_weight(&self) -> i32 {
        defaults::max_traffic_weight(self.rollout)
    }

    /// Returns the weights in per cent.
    pub(crate) fn percent(&self) -> Split {
        self.wanted.split(self.max_weight(), 100)
    }

    /// Returns the weights in per cent for a router that knows two destinations: stable takes the experiments' share.
    pub(crate) fn two_way_percent(&self) -> Split {
        let split = self.percent();
        Split { canary: split.canary, stable: 100 - split.canary, additional: Vec::new() }
    }

    /// Returns the weights on the Rollout's own scale.
    pub(crate) fn raw_split(&self) -> Split {
        self.wanted.split(self.max_weight(), self.max_weight())
    }

    /// Returns `canaryService` and `stableService`.
    pub(crate) fn services(&self) -> Services<'v> {
        Services { canary: &self.canary.canary_service, stable: &self.canary.stable_service }
    }

    /// Returns ping and pong in their present roles: stable is ping only if the status says so.
    pub(crate) fn ping_pong(&self) -> Option<Services<'v>> {
        let pair = self.canary.ping_pong.as_ref()?;
        let (ping, pong) = (pair.ping_service.as_str(), pair.pong_service.as_str());
        let is_ping_stable = self.rollout.status.canary.stable_ping_pong == ping_pong::PING;
        let (canary, stable) = if is_ping_stable { (pong, ping) } else { (ping, pong) };
        Some(Services { canary, stable })
    }

    /// Returns the named Services, or ping and pong where none is named.
    pub(crate) fn named_or_ping_pong(&self) -> Services<'v> {
        let named = self.services();
        let is_unnamed = named.canary.is_empty() && named.stable.is_empty();
        self.ping_pong().filter(|_| is_unnamed).unwrap_or(named)
    }

    /// Returns whether a route of this name belongs to the controller.
    pub(crate) fn is_managed(&self, name: &str) -> bool {
        managed_names(self.rollout).contains(&name)
    }

    /// Returns whether a Service was made for an experiment of this Rollout: by the recorded weights, by the steps, or by
    /// its name, `<rollout>-<hash>-<revision>-<step>-<template>`.
    pub(crate) fn is_experiment_service(&self, service: &str) -> bool {
        let recorded = self.wanted.previous.iter().flat_map(|weights| &weights.additional);
        let experiments = self.canary.steps.iter().filter_map(|step| step.experiment.as_ref());
        let named = experiments.flat_map(|experiment| &experiment.templates).filter_map(|one| one.service.as_ref());
        recorded.into_iter().any(|destination| destination.service_name == service)
            || named.into_iter().any(|named| named.name == service && !service.is_empty())
            || is_experiment_name(self.name(), service)
    }

    /// Returns the position of a route in `managedRoutes`; those that are not there come last.
    pub(crate) fn precedence(&self, name: &str) -> usize {
        let all = self.routing.managed_routes.as_deref().unwrap_or_default();
        all.iter().position(|route| route.name == name).unwrap_or(all.len())
    }

    /// Returns an object, or `None` if it does not exist.
    ///
    /// # Errors
    /// If its kind cannot be read.
    pub(crate) fn find(&self, router: &Router, id: &ObjectId) -> Routed<Option<&'v Value>> {
        match (self.objects.get(id), self.objects.unreadable(&id.resource)) {
            (Some(object), _) => Ok(Some(object)),
            (None, None) => Ok(None),
            (None, Some(why)) => Err(Fault::new(router.clone(), format!("cannot read {id}: {why}"))
                .on(id)
                .fix(format!("install {} and let the controller read it", id.resource.full_name()))),
        }
    }
}

fn is_experiment_name(rollout: &str, service: &str) -> bool {
    let rest = service.strip_prefix(rollout).and_then(|rest| rest.strip_prefix('-'));
    let mut parts = rest.into_iter().flat_map(|rest| rest.splitn(4, '-'));
    let is_number = |part: Option<&str>| part.is_some_and(|part| part.parse::<u32>().is_ok());
    parts.next().is_some() && is_number(parts.next()) && is_number(parts.next()) && parts.next().is_some()
}

/// Returns the names of routes that belong to the controller: `managedRoutes`, then those that only steps name.
pub(crate) fn managed_names(rollout: &Rollout) -> Vec<&str> {
    let canary = rollout.spec.strategy.canary.as_ref();
    let routing = canary.and_then(|canary| canary.traffic_routing.as_ref());
    let listed = routing.and_then(|routing| routing.managed_routes.as_deref()).unwrap_or_default();
    let steps = canary.map(|canary| canary.steps.as_slice()).unwrap_or_default();
    let headers = steps.iter().filter_map(|step| Some(step.set_header_route.as_ref()?.name.as_str()));
    let mirrors = steps.iter().filter_map(|step| Some(step.set_mirror_route.as_ref()?.name.as_str()));
    let mut names: Vec<&str> = Vec::new();
    for name in listed.iter().map(|route| route.name.as_str()).chain(headers).chain(mirrors) {
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Returns the Rollout's namespace.
pub(crate) fn namespace(rollout: &Rollout) -> &str {
    rollout.metadata.namespace.as_deref().unwrap_or_default()
}
