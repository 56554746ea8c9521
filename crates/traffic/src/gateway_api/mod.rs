//! Gateway API: weights and header routes of HTTPRoutes and GRPCRoutes, weights of TCPRoutes and TLSRoutes.
//!
//! Configured as the plugin `argoproj-labs/gatewayAPI` is, and built in: no process is started.

mod config;
mod managed;
mod weights;

use serde_json::{Value, json};
use tiphys_api::Rollout;
use tiphys_machinery::selector::LabelSelector;

use self::config::{Config, Kind, Listed};
use crate::{
    fault::{Fault, Routed, Router},
    need::Need,
    objects::{ObjectId, Resource},
    outcome::{Aspect, Change, Outcome, Verification},
    patch,
    shape::{self, ShapeError},
    view::{View, namespace},
};

/// The key under `trafficRouting.plugins`.
pub(crate) const PLUGIN: &str = "argoproj-labs/gatewayAPI";

impl Kind {
    fn resource(self) -> Resource {
        let (version, kind, plural) = match self {
            Self::Http => ("v1", "HTTPRoute", "httproutes"),
            Self::Grpc => ("v1", "GRPCRoute", "grpcroutes"),
            Self::Tcp => ("v1alpha2", "TCPRoute", "tcproutes"),
            Self::Tls => ("v1alpha2", "TLSRoute", "tlsroutes"),
        };
        Resource::new("gateway.networking.k8s.io", version, kind, plural)
    }
}

/// What is wrong with a route.
#[derive(Debug, thiserror::Error)]
enum RouteError {
    #[error("{0}")]
    Shape(#[from] ShapeError),
    #[error("backendRef was not found in {0}")]
    NoBackend(&'static str),
    #[error("backendRef list was not found in {0}")]
    NoBackendList(&'static str),
    #[error("invalid header match type")]
    HeaderMatch,
}

/// Returns the routes, and the Services of experiments, whose ports they take.
pub(crate) fn needs(rollout: &Rollout, config: &Value) -> Vec<Need> {
    let Ok(config) = Config::from_value(config) else { return Vec::new() };
    let namespace = config.namespace().unwrap_or(namespace(rollout));
    let mut needs = Vec::new();
    for kind in Kind::ALL {
        let named = config.listed(kind).into_iter().map(|listed| kind.resource().named(namespace, &listed.name));
        needs.extend(named.map(Need::Named));
        if let Ok(Some(selector)) = config.selector(kind) {
            needs.push(Need::Labelled { resource: kind.resource(), namespace: namespace.to_owned(), selector });
        }
    }
    let steps = rollout.spec.strategy.canary.iter().flat_map(|canary| &canary.steps);
    let mut templates = steps.filter_map(|step| step.experiment.as_ref()).flat_map(|experiment| &experiment.templates);
    if templates.any(|template| template.weight.is_some()) {
        let (resource, namespace) = (weights::service_resource(), crate::view::namespace(rollout).to_owned());
        needs.push(Need::Labelled { resource, namespace, selector: LabelSelector::default() });
    }
    needs
}

/// Brings all routes to the wanted state.
pub(crate) fn route(view: &View<'_>, config: &Value) -> Outcome {
    let mut outcome = Outcome { verification: Verification::Verified, ..Outcome::default() };
    let config = match Config::from_value(config) {
        Ok(config) => config,
        Err(message) => {
            let fault = Fault::new(Router::GatewayApi, format!("trafficRouting.plugins[{PLUGIN}]: {message}"));
            outcome.faults.push(*fault.fix("correct the configuration in the Rollout"));
            return outcome;
        }
    };
    if config.is_empty() {
        let message = "No routes configured. At least one of 'httpRoutes', 'grpcRoutes', 'tcpRoutes', 'tlsRoutes', \
                       'httpRoute', 'grpcRoute', 'tcpRoute' or 'tlsRoute' must be set";
        let fault = Fault::new(Router::GatewayApi, message);
        outcome.faults.push(*fault.fix(format!("name a route under trafficRouting.plugins[{PLUGIN}]")));
    }
    for kind in Kind::ALL {
        match routes(view, &config, kind) {
            Ok(all) => all.iter().for_each(|(id, uses)| outcome.result(route_one(view, &config, kind, id, *uses))),
            Err(fault) => outcome.faults.push(*fault),
        }
    }
    outcome
}

/// Returns the routes of a kind, each once, and whether header routes go into it.
fn routes(view: &View<'_>, config: &Config, kind: Kind) -> Routed<Vec<(ObjectId, bool)>> {
    let resource = kind.resource();
    let namespace = config.namespace().unwrap_or(view.namespace());
    let mut all: Vec<(ObjectId, bool)> = Vec::new();
    for Listed { name, use_header_routes } in config.listed(kind) {
        all.push((resource.named(namespace, &name), use_header_routes));
    }
    let selector = config.selector(kind).map_err(|error| {
        Fault::new(Router::GatewayApi, format!("trafficRouting.plugins[{PLUGIN}]: {error}"))
            .fix("correct the selector in the Rollout")
    })?;
    let Some(selector) = selector else { return Ok(all) };
    if let Some(why) = view.objects.unreadable(&resource) {
        return Err(Fault::new(Router::GatewayApi, format!("cannot read {}: {why}", resource.full_name())));
    }
    for (id, _) in view.objects.selected(&resource, namespace, &selector) {
        if all.iter().all(|(other, _)| other != id) {
            all.push((id.clone(), false));
        }
    }
    Ok(all)
}

fn route_one(
    view: &View<'_>,
    config: &Config,
    kind: Kind,
    id: &ObjectId,
    uses_headers: bool,
) -> Routed<Option<Change>> {
    let live = view.find(&Router::GatewayApi, id)?.ok_or_else(|| {
        let fix = format!("create the {}, or correct trafficRouting.plugins in the Rollout", id.resource.kind);
        Fault::new(Router::GatewayApi, id.not_found()).on(id).fix(fix)
    })?;
    let after = routed(view, config, kind, live, uses_headers).map_err(|error| {
        let fix = "let a rule of the route have both Services as backendRefs";
        Fault::new(Router::GatewayApi, format!("{id}: {error}")).on(id).fix(fix)
    })?;
    Ok(patch::difference(Router::GatewayApi, Aspect::Weights, id, live, &after))
}

fn routed(view: &View<'_>, config: &Config, kind: Kind, live: &Value, uses_headers: bool) -> Result<Value, RouteError> {
    let rules = shape::list(live, "spec.rules")?;
    let is_managed = |rule: &&Value| managed::has_headers(kind) && managed::is_ours(view, rule);
    let own = weights::weighed(view, kind, rules, |rule| is_managed(&rule))?;
    let wanted = if uses_headers { managed::rules(view, kind, &own)? } else { Vec::new() };
    let present: Vec<&Value> = rules.iter().filter(is_managed).collect();
    let mut all = own;
    all.extend(wanted.into_iter().map(|rule| managed::kept_as_written(kind, rule, &present)));
    let mut after = live.clone();
    shape::object_mut(&mut after, "spec")?.insert("rules".to_owned(), Value::Array(all));
    mark(view, config, &mut after)?;
    Ok(after)
}

/// Labels the route while the canary gets traffic, so that delivery tools can leave it alone.
fn mark(view: &View<'_>, config: &Config, route: &mut Value) -> Result<(), ShapeError> {
    let Some((key, value)) = config.label() else { return Ok(()) };
    if view.raw_split().canary > 0 {
        shape::object_mut(route, "metadata.labels")?.insert(key.to_owned(), json!(value));
    } else if let Some(labels) = route["metadata"].get_mut("labels").and_then(Value::as_object_mut) {
        labels.remove(key);
    }
    Ok(())
}

impl Config {
    fn from_value(value: &Value) -> Result<Self, serde_json::Error> {
        serde::Deserialize::deserialize(value)
    }
}
