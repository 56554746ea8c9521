//! AWS load balancer controller: what an Ingress's annotations make of a rule.
//!
//! The action `actions.<service>` carries the weights of its target groups; each header route is an action and a condition
//! of its own, with a path that leads to it. An annotation keeps which keys belong to which Rollout.

mod action;
mod cleaning;
mod header;
mod ownership;
mod verify;

use serde_json::{Value, json};
use tiphys_api::types::AlbTrafficRouting;
use tiphys_runtime::recorder::Note;

pub use self::cleaning::clean_alb_ingress;
use self::{action::Action, ownership::Ownership};
use crate::{
    fault::{Fault, Routed, Router},
    nginx,
    objects::ObjectId,
    outcome::{Aspect, Change, Outcome, Verification},
    patch,
    settings::Settings,
    shape,
    view::{Services, View},
};

const DEFAULT_PREFIX: &str = "alb.ingress.kubernetes.io";

/// Returns the Ingresses.
pub(crate) fn needs(config: &AlbTrafficRouting, namespace: &str, settings: &Settings) -> Vec<ObjectId> {
    let resource = nginx::resource(settings);
    ingresses(config).map(|name| resource.named(namespace, name)).collect()
}

/// Brings the annotations of all Ingresses to the wanted state.
pub(crate) fn route(view: &View<'_>, config: &AlbTrafficRouting) -> Outcome {
    let mut outcome = Outcome::default();
    for name in ingresses(config) {
        let id = nginx::resource(view.settings).named(view.namespace(), name);
        match find(view, &id) {
            Ok(live) => {
                outcome.result(route_one(view, config, &id, live));
                let asked = std::mem::take(&mut outcome.verification);
                outcome.verification = asked.and(verify::verification(view, config, &id, live));
            }
            Err(fault) => outcome.faults.push(*fault),
        }
    }
    if !outcome.changes.is_empty() && matches!(outcome.verification, Verification::Ask(_)) {
        outcome.verification = Verification::NotYet { why: "the weights are being written".to_owned() };
    }
    outcome
}

fn ingresses(config: &AlbTrafficRouting) -> impl Iterator<Item = &str> {
    let one = Some(config.ingress.as_str()).filter(|name| !name.is_empty());
    one.into_iter().chain(config.ingresses.iter().map(String::as_str))
}

fn find<'v>(view: &View<'v>, id: &ObjectId) -> Routed<&'v Value> {
    view.find(&Router::Alb, id)?.ok_or_else(|| {
        Fault::new(Router::Alb, id.not_found())
            .on(id)
            .fix("create the Ingress, or correct trafficRouting.alb in the Rollout")
    })
}

/// Returns the Services of the target groups: ping and pong wherever they are named.
fn services<'v>(view: &View<'v>) -> Services<'v> {
    view.ping_pong().unwrap_or(view.services())
}

/// Returns the Service that names the action.
fn root<'v>(view: &View<'v>, config: &'v AlbTrafficRouting) -> &'v str {
    if config.root_service.is_empty() { view.services().stable } else { &config.root_service }
}

/// Returns a key below the prefix: `actions.<name>`, `conditions.<name>`.
fn key(config: &AlbTrafficRouting, kind: &str, name: &str) -> String {
    let prefix = if config.annotation_prefix.is_empty() { DEFAULT_PREFIX } else { &config.annotation_prefix };
    format!("{prefix}/{kind}.{name}")
}

fn route_one(view: &View<'_>, config: &AlbTrafficRouting, id: &ObjectId, live: &Value) -> Routed<Option<Change>> {
    let failed = |message: String| {
        Fault::new(Router::Alb, format!("error patching alb ingress `{}`: {message}", id.name)).on(id)
    };
    let root = root(view, config);
    if !has_path(live, root).map_err(|error| Fault::shape(Router::Alb, id, &error))? {
        let fault = Fault::new(Router::Alb, format!("ingress does not have service `{root}` in rules")).on(id);
        return Err(fault.fix(format!("add a path to Service {root} with port use-annotation to the Ingress")));
    }
    let weights = Action::split(config, services(view), &view.percent()).map_err(|error| failed(error.to_string()))?;
    let mut weighed = live.clone();
    let mut owned = Ownership::read(live).map_err(|error| {
        failed(error.to_string()).fix(format!("correct or remove annotation {}", ownership::ANNOTATION))
    })?;
    annotate(&mut weighed, &key(config, "actions", root), &weights.text())
        .map_err(|error| Fault::shape(Router::Alb, id, &error))?;
    owned.add(view.name(), &key(config, "actions", root));
    owned.write(&mut weighed).map_err(|error| Fault::shape(Router::Alb, id, &error))?;
    let after =
        header::routed(view, config, &weighed, &mut owned).map_err(|error| Fault::shape(Router::Alb, id, &error))?;
    let change = patch::difference(Router::Alb, Aspect::Weights, id, live, &after);
    Ok(change.map(|mut change| {
        let mut texts = Vec::new();
        if weighed != *live {
            texts.push(format!("Updating Ingress `{}` to desiredWeight '{}'", id.name, view.percent().canary));
        }
        texts.extend(header::texts(view, config, id, live, &after));
        change.events = texts.into_iter().map(|text| Note::normal("PatchingALBIngress", text)).collect();
        change.failing(format!("error patching alb ingress `{}`: ", id.name))
    }))
}

fn has_path(ingress: &Value, service: &str) -> Result<bool, shape::ShapeError> {
    for (index, rule) in shape::list(ingress, "spec.rules")?.iter().enumerate() {
        let paths = shape::list(rule, "http.paths").map_err(|error| error.below(&format!("spec.rules[{index}]")))?;
        if paths.iter().any(|path| backend(path) == service) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the Service behind a path, in either form of the API.
fn backend(path: &Value) -> &str {
    let backend = &path["backend"];
    let name = backend.get("serviceName").or_else(|| backend.pointer("/service/name"));
    name.and_then(Value::as_str).unwrap_or_default()
}

fn annotate(ingress: &mut Value, key: &str, text: &str) -> Result<(), shape::ShapeError> {
    shape::object_mut(ingress, "metadata.annotations")?.insert(key.to_owned(), json!(text));
    Ok(())
}
