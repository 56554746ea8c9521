//! Which object decides the way of a request.

use super::{
    Name, gateway, ingress, istio,
    plane::Plane,
    request::{Request, Target},
};

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// What decided: `service/…`, `ingress/…`, `virtualservice/…`, `httproute/…` with namespace and name; empty where
    /// nobody takes the request on.
    pub route: String,
    /// Where it goes; `None` where nothing takes it.
    pub destination: Option<istio::Destination>,
    /// Where copies go.
    pub mirrors: Vec<istio::Destination>,
    /// What ingress-nginx names in its metrics.
    pub ingress: Option<ingress::Chosen>,
}

impl Way {
    fn to(route: String, service: Option<Name>) -> Self {
        let destination = service.map(whole);
        Self { route, destination, mirrors: Vec::new(), ingress: None }
    }
}

/// Returns all pods of a Service as a destination.
fn whole(service: Name) -> istio::Destination {
    istio::Destination { service, subset: None }
}

/// Returns the way of a request. From outside an Ingress decides before a route of the Gateway API, and that before a
/// VirtualService at a gateway; inside the cluster a route attached to the Service before a VirtualService of the mesh.
#[must_use]
pub fn way(plane: &Plane, request: &Request, random: &mut fastrand::Rng) -> Way {
    if let Target::Host(_) = request.target
        && let Some(chosen) = ingress::choose(&plane.ingresses, request, random)
    {
        let way = Way::to(format!("ingress/{}", chosen.ingress), Some(chosen.service.clone()));
        return Way { ingress: Some(chosen), ..way };
    }
    if let Some(chosen) = gateway::choose(&plane.routes, request, random) {
        let way = Way::to(format!("httproute/{}", chosen.by), chosen.service);
        return Way { mirrors: chosen.mirrors.into_iter().map(whole).collect(), ..way };
    }
    if let Some(chosen) = istio::choose(&plane.virtual_services, request, random) {
        let route = format!("virtualservice/{}", chosen.by);
        return Way { route, destination: chosen.destination, mirrors: chosen.mirrors, ingress: None };
    }
    match &request.target {
        Target::Service(service) => Way::to(format!("service/{service}"), Some(service.clone())),
        Target::Host(_) => Way::to(String::new(), None),
    }
}

/// Draws one of several by weight; `None` where they weigh nothing.
pub(super) fn weighted<'a, T>(
    choices: impl Iterator<Item = (u32, &'a T)> + Clone,
    random: &mut fastrand::Rng,
) -> Option<&'a T> {
    let total: u64 = choices.clone().map(|(weight, _)| u64::from(weight)).sum();
    if total == 0 {
        return None;
    }
    let mut left = random.u64(0..total);
    for (weight, choice) in choices {
        if left < u64::from(weight) {
            return Some(choice);
        }
        left -= u64::from(weight);
    }
    None
}
