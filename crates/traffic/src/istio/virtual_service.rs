//! One VirtualService.

use std::borrow::Cow;

use serde_json::{Map, Value};
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
    outcome::{Act, Aspect, Change},
    patch,
    shape::{self, ShapeError},
    view::{View, managed_names},
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
    let changed = routing
        .changed(live)
        .map_err(|error| Fault::new(Router::Istio, format!("{id}: {error}")).on(&id).fix(error.remedy()))?;
    if changed.is_empty() {
        return Ok(None);
    }
    let notes = texts(view, &id.name, live, &changed).into_iter().map(|text| Note::normal(UPDATED, text)).collect();
    let spec: Map<String, Value> =
        changed.into_iter().map(|(protocol, routes)| (protocol.section.to_owned(), Value::Array(routes))).collect();
    // Moved, not interpolated, which would copy every route once more.
    let patch = Value::Object(Map::from_iter([("spec".to_owned(), Value::Object(spec))]));
    let act = Act::Patch { patch: patch::bound(patch, live) };
    let mut change = Change::new(Router::Istio, Aspect::Weights, id, act);
    change.events = notes;
    Ok(Some(change))
}

/// Sections that have to change, with their routes.
type Changed = Vec<(Protocol, Vec<Value>)>;

struct Routing<'v> {
    ends: Ends<'v>,
    reference: &'v IstioVirtualService,
    split: Split,
    host: Option<String>,
}

impl Routing<'_> {
    /// Only routes that carry weights are copied before it is known that anything changes: most passes change nothing.
    fn changed(&self, live: &Value) -> Result<Changed, RouteError> {
        let sections = [HTTP, TLS, TCP].map(|protocol| shape::list(live, &format!("spec.{}", protocol.section)));
        let [http, tls, tcp] = sections;
        let (http, tls, tcp) = (http?, tls?, tcp?);
        let mut changed = Vec::new();
        if http.is_empty() && tls.is_empty() && tcp.is_empty() {
            return Err(RouteError::NoRoutes);
        }
        if !http.is_empty() {
            let selected = selection::http(&self.ends.view, self.reference, http)?;
            changed.extend(different(HTTP, http, &self.http(http, &selected)?));
        }
        if !tls.is_empty() {
            let selected = selection::tls(self.reference, tls)?;
            changed.extend(different(TLS, tls, &self.weighed(TLS, tls, &selected)?));
        }
        if !tcp.is_empty() {
            let selected = selection::tcp(self.reference, tcp)?;
            changed.extend(different(TCP, tcp, &self.weighed(TCP, tcp, &selected)?));
        }
        Ok(changed)
    }

    fn weighed<'r>(
        &self,
        protocol: Protocol,
        routes: &'r [Value],
        selected: &Selected,
    ) -> Result<Vec<Cow<'r, Value>>, RouteError> {
        let mut after: Vec<Cow<'r, Value>> = routes.iter().map(Cow::Borrowed).collect();
        let weigh = |index: usize| self.ends.weighed(&routes[index], &selection::path(protocol, index), &self.split);
        match selected {
            Selected::Chosen(indices) => {
                for index in indices {
                    after[*index] = Cow::Owned(weigh(*index)?);
                }
            }
            Selected::Perhaps(index) => match weigh(*index) {
                Ok(route) => after[*index] = Cow::Owned(route),
                Err(RouteError::NoDestination { .. }) => {}
                Err(error) => return Err(error),
            },
        }
        Ok(after)
    }

    /// Managed routes come first, in the order of `managedRoutes`; all others keep their order.
    fn http<'r>(&self, routes: &'r [Value], selected: &Selected) -> Result<Vec<Cow<'r, Value>>, RouteError> {
        for (index, route) in routes.iter().enumerate() {
            if !route.is_object() {
                self.weighed(HTTP, routes, selected)?;
                return Err(ShapeError::new(selection::path(HTTP, index), "an object", route).into());
            }
        }
        let weighed = self.weighed(HTTP, routes, selected)?;
        let base = match selected {
            Selected::Chosen(indices) => indices.first().map(|index| &*weighed[*index]),
            Selected::Perhaps(index) => Some(&*weighed[*index]),
        };
        let wanted = managed::routes(&self.ends.view, &self.target(base), base);
        let managed = managed_names(self.ends.view.rollout);
        let mut after: Vec<Cow<'r, Value>> =
            wanted.into_iter().map(|route| Cow::Owned(kept_as_written(route, routes))).collect();
        after.extend(weighed.into_iter().filter(|route| !managed.contains(&name(route))));
        Ok(after)
    }

    fn target(&self, base: Option<&Value>) -> Target {
        let port = base.and_then(|base| base["route"].get(0)).and_then(|first| first["destination"].get("port"));
        let subset = self.ends.rule.map(|rule| rule.canary_subset_name.clone());
        let host = self.host.clone().unwrap_or_else(|| self.ends.services.canary.to_owned());
        Target { host, subset, port: port.cloned() }
    }
}

fn different(protocol: Protocol, before: &[Value], after: &[Cow<'_, Value>]) -> Option<(Protocol, Vec<Value>)> {
    let is_same = before.len() == after.len()
        && before.iter().zip(after).all(|(old, new)| match new {
            Cow::Borrowed(new) => std::ptr::eq(*new, old) || patch::is_same(old, new),
            Cow::Owned(new) => patch::is_same(old, new),
        });
    (!is_same).then(|| (protocol, after.iter().map(|route| route.clone().into_owned()).collect()))
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
fn texts(view: &View<'_>, service: &str, before: &Value, changed: &Changed) -> Vec<String> {
    let names = managed_names(view.rollout);
    let (old, old_own) = parted(&names, shape::list(before, "spec.http").unwrap_or_default());
    let http = changed.iter().find(|(protocol, _)| *protocol == HTTP);
    let (new, new_own) = http.map_or_else(|| (old.clone(), old_own.clone()), |(_, routes)| parted(&names, routes));
    let mut texts = Vec::new();
    if old_own != new_own || changed.iter().any(|(protocol, _)| *protocol != HTTP) {
        let weight = view.percent().canary;
        texts.push(format!("VirtualService `{service}` set to desiredWeight '{weight}'"));
    }
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

/// Parts routes into those that are managed and the others.
fn parted<'r>(managed: &[&str], routes: &'r [Value]) -> (Vec<&'r Value>, Vec<&'r Value>) {
    routes.iter().partition(|route| managed.contains(&name(route)))
}
