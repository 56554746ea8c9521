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
    #[expect(dead_code, reason = "for routers that follow")]
    pub(crate) fn percent(&self) -> Split {
        self.wanted.split(self.max_weight(), 100)
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
    #[expect(dead_code, reason = "for routers that follow")]
    pub(crate) fn ping_pong(&self) -> Option<Services<'v>> {
        let pair = self.canary.ping_pong.as_ref()?;
        let (ping, pong) = (pair.ping_service.as_str(), pair.pong_service.as_str());
        let is_ping_stable = self.rollout.status.canary.stable_ping_pong == ping_pong::PING;
        let (canary, stable) = if is_ping_stable { (pong, ping) } else { (ping, pong) };
        Some(Services { canary, stable })
    }

    /// Returns whether a route of this name belongs to the controller.
    #[expect(dead_code, reason = "for routers that follow")]
    pub(crate) fn is_managed(&self, name: &str) -> bool {
        let mut owned = self.routing.managed_routes.iter().flatten().map(|route| route.name.as_str());
        let in_steps = |step: &tiphys_api::types::CanaryStep| {
            step.set_header_route.as_ref().is_some_and(|route| route.name == name)
                || step.set_mirror_route.as_ref().is_some_and(|route| route.name == name)
        };
        !name.is_empty() && (owned.any(|owned| owned == name) || self.canary.steps.iter().any(in_steps))
    }

    /// Returns the position of a route in `managedRoutes`; those that are not there come last.
    #[expect(dead_code, reason = "for routers that follow")]
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

/// Returns the Rollout's namespace.
pub(crate) fn namespace(rollout: &Rollout) -> &str {
    rollout.metadata.namespace.as_deref().unwrap_or_default()
}
