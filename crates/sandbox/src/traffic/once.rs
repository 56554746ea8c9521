//! A single request, answered at once and counted nowhere: what `…/proxy` shows.

use std::sync::Arc;

use super::{
    Name,
    istio::Destination,
    plane::Plane,
    pod::Pod,
    request::Request,
    route::{self, Way},
    serve::{Lost, Outcome, answer, serve},
};
use crate::registry::Registry;

/// Sends one request the way that it would go now, and returns what decided its way and what became of it.
#[must_use]
pub fn send(registry: &Registry, request: &Request) -> (Way, Outcome) {
    let mut plane = Plane::default();
    plane.read(registry);
    plane.services.sort();
    plane.endpoints = Plane::all_endpoints(registry);
    let mut random = fastrand::Rng::with_seed(registry.random(|random| random.u64(..)));
    let way = route::way(&plane, request, &mut random);
    let outcome = match &way.destination {
        None => Outcome::lost(Lost::NoRoute),
        Some(to) => to_destination(registry, &plane, to, &mut random),
    };
    (way, outcome)
}

fn to_destination(registry: &Registry, plane: &Plane, to: &Destination, random: &mut fastrand::Rng) -> Outcome {
    serve(plane, to, &mut |name| find(registry, name), registry.now(), random)
}

/// Sends one request to a pod, whatever its Services say.
#[must_use]
pub fn send_to_pod(registry: &Registry, pod: &Name) -> Outcome {
    let mut random = fastrand::Rng::with_seed(registry.random(|random| random.u64(..)));
    match find(registry, pod) {
        None => Outcome::lost(Lost::Gone),
        Some(found) => answer(&pod.name, &found, registry.now(), &mut random),
    }
}

fn find(registry: &Registry, name: &Name) -> Option<Arc<Pod>> {
    let pods = registry.resource("", "pods")?;
    let object = registry.get(&pods, &name.namespace, &name.name).ok()?;
    Some(Arc::new(Pod::read(&object.value())))
}
