//! One VirtualService.

use serde_json::Value;
use tiphys_api::types::{IstioTrafficRouting, IstioVirtualService};
use tiphys_runtime::recorder::Note;

use super::{
    destination_rule,
    error::RouteError,
    managed::{self, Target},
    selection::{self, HTTP, Protocol, Selected, TCP, TLS},
    virtual_service_id,
    weights::Ends,
};
use crate::{
    fault::{Fault, Routed, Router},
    outcome::{Aspect, Change},
    patch,
    shape::{self, ShapeError},
    view::View,
    wanted::Split,
};

/// Upstream's reason, space included: dashboards match on it.
const UPDATED: &str = "Updated VirtualService";

/// Brings one VirtualService to the wanted state.
pub(super) fn route(
    view: &View<'_>,
    config: &IstioTrafficRouting,
    reference: &IstioVirtualService,
) -> Routed<Option<Change>> {
    let id = virtual_service_id(reference, view.namespace(), view.settings);
    let Some(live) = view.find(&Router::Istio, &id)? else {
        return Err(Fault::new(Router::Istio, id.not_found())
            .on(&id)
            .fix("create the VirtualService, or correct trafficRouting.istio in the Rollout")
            .told("VirtualServiceNotFound", format!("VirtualService `{}` not found", id.name)));
    };
    let host = destination_rule::host(view, config)?;
    let ends = Ends { view: *view, services: view.named_or_ping_pong(), rule: config.destination_rule.as_ref() };
    let routing = Routing { ends, reference, split: view.percent(), host };
    let after = routing
        .routed(live)
        .map_err(|error| Fault::new(Router::Istio, format!("{id}: {error}")).on(&id).fix(error.remedy()))?;
    let change = patch::difference(Router::Istio, Aspect::Weights, &id, live, &after);
    Ok(change.map(|mut change| {
        let told = texts(view, &id.name, live, &after);
        change.events = told.into_iter().map(|text| Note::normal(UPDATED, text)).collect();
        change
    }))
}

struct Routing<'v> {
    ends: Ends<'v>,
    reference: &'v IstioVirtualService,
    split: Split,
    host: Option<String>,
}

impl Routing<'_> {
    fn routed(&self, live: &Value) -> Result<Value, RouteError> {
        let sections = [HTTP, TLS, TCP].map(|protocol| shape::list(live, &format!("spec.{}", protocol.section)));
        let [http, tls, tcp] = sections;
        let (http, tls, tcp) = (http?, tls?, tcp?);
        let mut after = live.clone();
        if http.is_empty() && tls.is_empty() && tcp.is_empty() {
            return Err(RouteError::NoRoutes);
        }
        if !http.is_empty() {
            let selected = selection::http(&self.ends.view, self.reference, http)?;
            after["spec"]["http"] = Value::Array(self.http(http, &selected)?);
        }
        if !tls.is_empty() {
            let selected = selection::tls(self.reference, tls)?;
            after["spec"]["tls"] = Value::Array(self.weighed(TLS, tls, &selected)?);
        }
        if !tcp.is_empty() {
            let selected = selection::tcp(self.reference, tcp)?;
            after["spec"]["tcp"] = Value::Array(self.weighed(TCP, tcp, &selected)?);
        }
        Ok(after)
    }

    fn weighed(&self, protocol: Protocol, routes: &[Value], selected: &Selected) -> Result<Vec<Value>, RouteError> {
        let mut after = routes.to_vec();
        match selected {
            Selected::Chosen(indices) => {
                for index in indices {
                    after[*index] =
                        self.ends.weighed(&routes[*index], &selection::path(protocol, *index), &self.split)?;
                }
            }
            Selected::Perhaps(index) => {
                match self.ends.weighed(&routes[*index], &selection::path(protocol, *index), &self.split) {
                    Ok(route) => after[*index] = route,
                    Err(RouteError::NoDestination { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(after)
    }

    /// Managed routes come first, in the order of `managedRoutes`; all others keep their order.
    fn http(&self, routes: &[Value], selected: &Selected) -> Result<Vec<Value>, RouteError> {
        let weighed = self.weighed(HTTP, routes, selected)?;
        let base = match selected {
            Selected::Chosen(indices) => indices.first().map(|index| &weighed[*index]),
            Selected::Perhaps(index) => Some(&weighed[*index]),
        };
        let wanted = managed::routes(&self.ends.view, &self.target(base), base);
        let mut after: Vec<Value> = Vec::with_capacity(weighed.len() + wanted.len());
        after.extend(wanted.into_iter().map(|route| kept_as_written(route, routes)));
        after.extend(weighed.iter().filter(|route| !self.ends.view.is_managed(name(route))).cloned());
        for (index, route) in routes.iter().enumerate() {
            if !route.is_object() {
                return Err(ShapeError::new(selection::path(HTTP, index), "an object", route).into());
            }
        }
        Ok(after)
    }

    fn target(&self, base: Option<&Value>) -> Target {
        let port = base.and_then(|base| base["route"].get(0)).and_then(|first| first["destination"].get("port"));
        let subset = self.ends.rule.map(|rule| rule.canary_subset_name.clone());
        let host = self.host.clone().unwrap_or_else(|| self.ends.services.canary.to_owned());
        Target { host, subset, port: port.cloned() }
    }
}

/// A managed route that says the same as the live one in other words (a weight of 100 left out) is left as it is.
fn kept_as_written(wanted: Value, live: &[Value]) -> Value {
    let same_name = live.iter().find(|route| name(route) == name(&wanted));
    match same_name {
        Some(live) if normal(live) == normal(&wanted) => live.clone(),
        _ => wanted,
    }
}

fn normal(route: &Value) -> Value {
    let mut route = route.clone();
    if let Some([only]) = route["route"].as_array_mut().map(Vec::as_mut_slice)
        && only.is_object()
        && only.get("weight").is_none()
    {
        only["weight"] = 100.into();
    }
    route
}

fn name(route: &Value) -> &str {
    route["name"].as_str().unwrap_or_default()
}

/// Says what changed, in the words of upstream's events.
fn texts(view: &View<'_>, service: &str, before: &Value, after: &Value) -> Vec<String> {
    let mut texts = Vec::new();
    let weight = view.percent().canary;
    let rest = |object: &Value| {
        let mut spec = object["spec"].clone();
        if let Some(routes) = spec["http"].as_array_mut() {
            routes.retain(|route| !view.is_managed(name(route)));
        }
        spec
    };
    if rest(before) != rest(after) {
        texts.push(format!("VirtualService `{service}` set to desiredWeight '{weight}'"));
    }
    let managed = |object: &'_ Value| -> Vec<Value> {
        let routes = object["spec"]["http"].as_array().cloned().unwrap_or_default();
        routes.into_iter().filter(|route| view.is_managed(name(route))).collect()
    };
    let (old, new) = (managed(before), managed(after));
    for route in new.iter().filter(|route| !old.contains(route)) {
        let kind = if route.get("mirror").is_some() { "mirrorRoute" } else { "headerRoute" };
        texts.push(format!("VirtualService `{service}` set {kind} '{}'", name(route)));
    }
    let gone = old.iter().filter(|route| new.iter().all(|kept| name(kept) != name(route)));
    if new.is_empty() && !old.is_empty() {
        texts.push(format!("VirtualService `{service}` removed all managed routes."));
    } else {
        texts.extend(gone.map(|route| format!("VirtualService `{service}` removed managed route '{}'", name(route))));
    }
    if texts.is_empty() {
        texts.push(format!("VirtualService `{service}` set the order of its routes"));
    }
    texts
}
