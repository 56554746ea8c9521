//! Weights of backends.

use serde_json::{Value, json};

use super::{RouteError, config::Kind};
use crate::{
    objects::Resource,
    shape::{self, ShapeError},
    view::View,
    wanted::Share,
};

/// Port of a Service that has none.
const FALLBACK_PORT: i64 = 8080;

/// Returns the kind of Services.
pub(super) fn service_resource() -> Resource {
    Resource::new("", "v1", "Service", "services")
}

/// Returns whether a backend is a Service of this name.
pub(super) fn is_service(backend: &Value, name: &str) -> bool {
    let kind = backend["kind"].as_str().unwrap_or("Service");
    kind == "Service" && !name.is_empty() && backend["name"] == name
}

/// Returns whether a rule splits between the two Services.
pub(super) fn is_split(view: &View<'_>, rule: &Value) -> bool {
    let names = view.named_or_ping_pong();
    let backends = rule["backendRefs"].as_array().map(Vec::as_slice).unwrap_or_default();
    [names.canary, names.stable].iter().all(|name| backends.iter().any(|backend| is_service(backend, name)))
}

/// Returns the rules without the managed ones; those that split between the two Services have the wanted weights. A rule
/// with one of the two only is not a split: weight 0 there would be an outage.
pub(super) fn weighed(
    view: &View<'_>,
    kind: Kind,
    rules: &[Value],
    is_managed: impl Fn(&Value) -> bool,
) -> Result<Vec<Value>, RouteError> {
    let mut own = Vec::with_capacity(rules.len());
    let mut is_first = true;
    for (index, rule) in rules.iter().enumerate() {
        let path = format!("spec.rules[{index}]");
        if !rule.is_object() {
            return Err(ShapeError::new(path, "an object", rule).into());
        }
        shape::list(rule, "backendRefs").map_err(|error| error.below(&path))?;
        if is_managed(rule) {
            continue;
        }
        let takes_experiments = kind == Kind::Http && is_first;
        if is_split(view, rule) {
            own.push(weighed_rule(view, rule, takes_experiments)?);
            is_first = false;
        } else {
            own.push(rule.clone());
        }
    }
    if is_first {
        return Err(match kind {
            Kind::Http => RouteError::NoBackend("httpRoute"),
            Kind::Grpc => RouteError::NoBackend("grpcRoute"),
            Kind::Tcp => RouteError::NoBackendList("tcpRoute"),
            Kind::Tls => RouteError::NoBackendList("tlsRoute"),
        });
    }
    Ok(own)
}

fn weighed_rule(view: &View<'_>, rule: &Value, takes_experiments: bool) -> Result<Value, RouteError> {
    let names = view.named_or_ping_pong();
    let split = view.raw_split();
    let experiments = if takes_experiments { split.additional.as_slice() } else { &[] };
    let share: i64 = split.additional.iter().map(|share| share.weight).sum();
    let stable = if takes_experiments { split.stable } else { split.stable + share };
    let mut after = rule.clone();
    let Some(backends) = shape::list_mut(&mut after, "backendRefs")? else { return Ok(after) };
    if takes_experiments {
        backends.retain(|backend| !is_finished(view, backend, experiments));
    }
    for (name, weight) in [(names.canary, split.canary), (names.stable, stable)] {
        backends.iter_mut().filter(|backend| is_service(backend, name)).for_each(|backend| set(backend, weight));
    }
    for share in experiments.iter().filter(|share| !share.service.is_empty()) {
        match backends.iter_mut().find(|backend| is_service(backend, &share.service)) {
            Some(backend) => set(backend, share.weight),
            None => backends.push(json!({
                "group": "", "kind": "Service", "name": share.service, "namespace": view.namespace(),
                "port": port(view, &share.service), "weight": share.weight,
            })),
        }
    }
    Ok(after)
}

fn is_finished(view: &View<'_>, backend: &Value, experiments: &[Share]) -> bool {
    let name = backend["name"].as_str().unwrap_or_default();
    is_service(backend, name)
        && experiments.iter().all(|share| share.service != name)
        && view.is_experiment_service(name)
}

fn set(backend: &mut Value, weight: i64) {
    backend["weight"] = json!(weight);
}

/// The port named `http`, else the first one.
fn port(view: &View<'_>, service: &str) -> i64 {
    let object = view.objects.get(&service_resource().named(view.namespace(), service));
    let ports = object.and_then(|object| object["spec"]["ports"].as_array()).map(Vec::as_slice).unwrap_or_default();
    let named = ports.iter().find(|port| port["name"] == "http").or(ports.first());
    named.and_then(|port| port["port"].as_i64()).unwrap_or(FALLBACK_PORT)
}
