//! ingress-nginx: a second Ingress takes the canary's share.
//!
//! The stable Ingress is never changed. The canary Ingress is a copy of its paths to the stable Service, pointed at the
//! canary Service and annotated with the weight; it stays with weight 0 between updates and goes with the Rollout.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tiphys_api::types::NginxTrafficRouting;
use tiphys_machinery::meta;
use tiphys_runtime::recorder::Note;

use crate::{
    fault::{Fault, Routed, Router},
    objects::{ObjectId, Resource},
    outcome::{Act, Aspect, Change, Outcome},
    owner, patch,
    settings::{IngressApi, Settings},
    shape::{self, ShapeError},
    view::View,
};

const DEFAULT_PREFIX: &str = "nginx.ingress.kubernetes.io";
const CLASS: &str = "kubernetes.io/ingress.class";
/// Longest stem that leaves room for `-canary` in a name of 253 bytes.
const LONGEST_STEM: usize = 246;

/// Returns the kind of Ingresses.
pub(crate) fn resource(settings: &Settings) -> Resource {
    match settings.ingress_api {
        IngressApi::NetworkingV1 => Resource::new("networking.k8s.io", "v1", "Ingress", "ingresses"),
        IngressApi::ExtensionsV1beta1 => Resource::new("extensions", "v1beta1", "Ingress", "ingresses"),
    }
}

/// Returns the stable and the canary Ingresses.
pub(crate) fn needs<'v>(
    config: &'v NginxTrafficRouting,
    rollout: &'v str,
    namespace: &'v str,
    settings: &Settings,
) -> impl Iterator<Item = ObjectId> + use<'v> {
    let resource = resource(settings);
    stable_ingresses(config).flat_map(move |stable| {
        [resource.named(namespace, stable), resource.named(namespace, &canary_name(rollout, stable))]
    })
}

/// Brings the canary Ingresses to the wanted weight.
pub(crate) fn route(view: &View<'_>, config: &NginxTrafficRouting) -> Outcome {
    let mut outcome = Outcome::default();
    for stable in stable_ingresses(config) {
        outcome.result(route_one(view, config, stable));
    }
    outcome
}

fn stable_ingresses(config: &NginxTrafficRouting) -> impl Iterator<Item = &str> {
    let one = Some(config.stable_ingress.as_str()).filter(|name| !name.is_empty());
    one.into_iter().chain(config.stable_ingresses.iter().map(String::as_str))
}

fn canary_name(rollout: &str, stable: &str) -> String {
    stem_name(&format!("{rollout}-{stable}"))
}

/// Returns `stem`, cut to fit, with `-canary`.
pub(crate) fn stem_name(stem: &str) -> String {
    format!("{}-canary", &stem[..stem.floor_char_boundary(LONGEST_STEM)])
}

fn route_one(view: &View<'_>, config: &NginxTrafficRouting, stable: &str) -> Routed<Option<Change>> {
    let resource = resource(view.settings);
    let stable_id = resource.named(view.namespace(), stable);
    let id = resource.named(view.namespace(), &canary_name(view.name(), stable));
    let source = view.find(&Router::Nginx, &stable_id)?.ok_or_else(|| {
        let why = stable_id.not_found();
        Fault::new(Router::Nginx, format!("error retrieving stableIngress `{stable}` from cache: {why}"))
            .on(&stable_id)
            .fix("create the Ingress, or correct trafficRouting.nginx in the Rollout")
    })?;
    let spec = canary_spec(view, &stable_id, source)?;
    let annotations = annotations(view, config, source);
    match view.find(&Router::Nginx, &id)? {
        None => Ok(Some(create(view, id, &spec, &annotations))),
        Some(live) if !owner::controls(view.rollout, live) => {
            Err(Fault::new(Router::Nginx, format!("canary ingress `{}` controlled by different object", id.name))
                .on(&id)
                .fix("rename or delete that Ingress"))
        }
        Some(live) => update(view, config, &id, live, spec, &annotations),
    }
}

fn create(view: &View<'_>, id: ObjectId, spec: &Map<String, Value>, annotations: &BTreeMap<String, String>) -> Change {
    let object = json!({
        "apiVersion": id.resource.api_version(), "kind": id.resource.kind,
        "metadata": {
            "name": id.name, "namespace": id.namespace, "annotations": annotations,
            "ownerReferences": [owner::reference(view.rollout)],
        },
        "spec": spec,
    });
    let (name, weight) = (id.name.clone(), view.raw_split().canary);
    Change::new(Router::Nginx, Aspect::Weights, id, Act::Create { object })
        .told(Note::normal("CreatingCanaryIngress", format!("Creating canary ingress `{name}` with weight `{weight}`")))
        .failing(format!("error creating canary ingress `{name}`: "))
}

fn update(
    view: &View<'_>,
    config: &NginxTrafficRouting,
    id: &ObjectId,
    live: &Value,
    spec: Map<String, Value>,
    annotations: &BTreeMap<String, String>,
) -> Routed<Option<Change>> {
    let mut after = live.clone();
    set_annotations(&mut after, config, annotations)
        .and_then(|()| set_spec(&mut after, spec))
        .map_err(|error| Fault::shape(Router::Nginx, id, &error))?;
    let message = format!("Updating Ingress `{}` to desiredWeight '{}'", id.name, view.raw_split().canary);
    let change = patch::difference(Router::Nginx, Aspect::Weights, id, live, &after);
    Ok(change.map(|change| {
        change
            .told(Note::normal("PatchingCanaryIngress", message))
            .failing(format!("error patching canary ingress `{}`: ", id.name))
    }))
}

/// Annotations that somebody else put there stay, except a total that no longer holds.
fn set_annotations(
    after: &mut Value,
    config: &NginxTrafficRouting,
    wanted: &BTreeMap<String, String>,
) -> Result<(), ShapeError> {
    let live = shape::object_mut(after, "metadata.annotations")?;
    live.remove(&key(config, "canary-weight-total"));
    live.extend(wanted.iter().map(|(key, value)| (key.clone(), json!(value))));
    Ok(())
}

fn set_spec(after: &mut Value, spec: Map<String, Value>) -> Result<(), ShapeError> {
    let live = shape::object_mut(after, "spec")?;
    for field in ["ingressClassName", "tls", "rules"] {
        live.remove(field);
    }
    live.extend(spec);
    Ok(())
}

fn key(config: &NginxTrafficRouting, name: &str) -> String {
    format!("{}/{name}", prefix(config))
}

fn prefix(config: &NginxTrafficRouting) -> &str {
    if config.annotation_prefix.is_empty() { DEFAULT_PREFIX } else { &config.annotation_prefix }
}

fn annotations(view: &View<'_>, config: &NginxTrafficRouting, stable: &Value) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    if let Some(class) = meta::annotation(stable, CLASS) {
        all.insert(CLASS.to_owned(), class.to_owned());
    }
    all.extend(config.additional_ingress_annotations.iter().map(|(name, value)| {
        let key = if name.starts_with(prefix(config)) { name.clone() } else { key(config, name) };
        (key, value.clone())
    }));
    all.extend(config.canary_ingress_annotations.clone());
    all.insert(key(config, "canary"), "true".to_owned());
    all.insert(key(config, "canary-weight"), view.raw_split().canary.to_string());
    if let Some(total) = view.routing.max_traffic_weight {
        all.insert(key(config, "canary-weight-total"), total.to_string());
    }
    all
}

/// Returns what the canary Ingress takes over from the stable one.
fn canary_spec(view: &View<'_>, id: &ObjectId, stable: &Value) -> Routed<Map<String, Value>> {
    let services = view.services();
    let rules = canary_rules(stable, services.stable, services.canary)
        .map_err(|error| Fault::shape(Router::Nginx, id, &error))?;
    if rules.is_empty() {
        let message = format!("ingress `{}` has no rules using service {} backend", id.name, services.stable);
        let fix = format!("add a path to Service {} to the Ingress", services.stable);
        return Err(Fault::new(Router::Nginx, message).on(id).fix(fix));
    }
    let mut spec = Map::new();
    for field in ["ingressClassName", "tls"] {
        if let Some(value) = stable["spec"].get(field).filter(|value| !value.is_null()) {
            spec.insert(field.to_owned(), value.clone());
        }
    }
    spec.insert("rules".to_owned(), Value::Array(rules));
    Ok(spec)
}

/// Returns the rules with a path to the stable Service, with these paths only, pointed at the canary Service.
fn canary_rules(ingress: &Value, stable: &str, canary: &str) -> Result<Vec<Value>, ShapeError> {
    let mut rules = Vec::new();
    for (index, rule) in shape::list(ingress, "spec.rules")?.iter().enumerate() {
        let paths = shape::list(rule, "http.paths").map_err(|error| error.below(&format!("spec.rules[{index}]")))?;
        let ours: Vec<Value> = paths.iter().filter_map(|path| pointed_at(path, stable, canary)).collect();
        if !ours.is_empty() {
            let mut rule = rule.clone();
            rule["http"]["paths"] = Value::Array(ours);
            rules.push(rule);
        }
    }
    Ok(rules)
}

fn pointed_at(path: &Value, stable: &str, canary: &str) -> Option<Value> {
    let mut path = path.clone();
    let name = backend_mut(&mut path).filter(|name| **name == *stable)?;
    *name = json!(canary);
    Some(path)
}

/// Returns the name of the Service behind a path, in either form of the API.
fn backend_mut(path: &mut Value) -> Option<&mut Value> {
    let backend = path.get_mut("backend")?;
    let pointer = if backend.get("serviceName").is_some() { "/serviceName" } else { "/service/name" };
    backend.pointer_mut(pointer)
}
