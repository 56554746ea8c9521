//! Apache APISIX: weights of an ApisixRoute, and one more ApisixRoute for each header route.

mod header;

use serde_json::{Value, json};
use tiphys_api::{
    Rollout,
    types::{ApisixRoute, ApisixTrafficRouting},
};
use tiphys_runtime::recorder::Severity;

use crate::{
    fault::{Fault, Routed, Router},
    objects::{ObjectId, Resource},
    outcome::{Aspect, Change, Outcome},
    patch,
    shape::{self, ShapeError},
    view::{View, managed_names, namespace},
};

/// Returns the route and the routes that the controller may have made beside it.
pub(crate) fn needs(rollout: &Rollout, config: &ApisixTrafficRouting) -> Vec<ObjectId> {
    let Some(route) = &config.route else { return Vec::new() };
    let namespace = namespace(rollout);
    let managed = managed_names(rollout).into_iter().map(|name| resource().named(namespace, name));
    std::iter::once(resource().named(namespace, &route.name)).chain(managed).collect()
}

fn resource() -> Resource {
    Resource::new("apisix.apache.org", "v2", "ApisixRoute", "apisixroutes")
}

/// Brings the route to the wanted weights, and the header routes beside it into being.
pub(crate) fn route(view: &View<'_>, config: &ApisixTrafficRouting) -> Outcome {
    let mut outcome = Outcome::default();
    let Some(route) = &config.route else {
        let fault = Fault::new(Router::Apisix, "trafficRouting.apisix.route is missing");
        outcome.faults.push(*fault.fix("name the ApisixRoute in the Rollout"));
        return outcome;
    };
    let id = resource().named(view.namespace(), &route.name);
    let live = match find(view, &id) {
        Ok(live) => live,
        Err(fault) => {
            outcome.faults.push(*fault);
            return outcome;
        }
    };
    outcome.result(weigh(view, route, &id, live));
    outcome.merge(header::route(view, route, live));
    outcome
}

fn find<'v>(view: &View<'v>, id: &ObjectId) -> Routed<&'v Value> {
    view.find(&Router::Apisix, id)?.ok_or_else(|| {
        Fault::new(Router::Apisix, id.not_found())
            .on(id)
            .fix("create the ApisixRoute, or correct trafficRouting.apisix in the Rollout")
    })
}

/// What is wrong with an ApisixRoute.
#[derive(Debug, thiserror::Error)]
enum RouteError {
    #[error("{0}")]
    Shape(#[from] ShapeError),
    #[error("spec.http was not found in Apisix Route manifest")]
    NoHttp,
    #[error("Apisix http route rule {0} not found")]
    NoRule(String),
    #[error("Apisix http route backends not found")]
    NoBackends,
    #[error("apisix route {0} backend was not found")]
    NoBackend(String),
}

impl RouteError {
    fn fault(&self, id: &ObjectId) -> Box<Fault> {
        Fault::new(Router::Apisix, self.to_string()).on(id).fix("give each chosen rule a backend for both Services")
    }
}

fn weigh(view: &View<'_>, route: &ApisixRoute, id: &ObjectId, live: &Value) -> Routed<Option<Change>> {
    let mut after = live.clone();
    let split = view.two_way_percent();
    let names = view.services();
    let set = |rule: &mut Value| {
        let backends = backends(rule)?;
        for (service, weight) in [(names.canary, split.canary), (names.stable, split.stable)] {
            let found = backends.iter_mut().find(|backend| backend["serviceName"] == service && backend.is_object());
            found.ok_or_else(|| RouteError::NoBackend(service.to_owned()))?["weight"] = json!(weight);
        }
        Ok(())
    };
    each_rule(route, &mut after, set).map_err(|error| error.fault(id))?;
    let change = patch::difference(Router::Apisix, Aspect::Weights, id, live, &after);
    Ok(change.map(|change| {
        change
            .failing(format!("Error updating apisix route \"{}\": ", id.name))
            .failing_as((Severity::Warning, "ApisixRouteUpdateError".to_owned()))
    }))
}

/// The rules that the Rollout chose; without a choice the one that is named like the route.
fn chosen(route: &ApisixRoute) -> &[String] {
    if route.rules.is_empty() { std::slice::from_ref(&route.name) } else { &route.rules }
}

fn each_rule(
    route: &ApisixRoute,
    object: &mut Value,
    change: impl Fn(&mut Value) -> Result<(), RouteError>,
) -> Result<(), RouteError> {
    let rules = shape::list_mut(object, "spec.http")?.ok_or(RouteError::NoHttp)?;
    for name in chosen(route) {
        let rule = rules.iter_mut().find(|rule| rule["name"] == **name && rule.is_object());
        change(rule.ok_or_else(|| RouteError::NoRule(name.clone()))?)?;
    }
    Ok(())
}

fn backends(rule: &mut Value) -> Result<&mut Vec<Value>, RouteError> {
    shape::list_mut(rule, "backends")?.ok_or(RouteError::NoBackends)
}
