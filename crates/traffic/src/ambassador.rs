//! Ambassador, Emissary: a second Mapping takes the canary's share while it has one.

use std::time::Duration;

use serde_json::{Value, json};
use tiphys_api::types::AmbassadorTrafficRouting;
use tiphys_machinery::meta;
use tiphys_runtime::recorder::{Note, Severity};

use crate::{
    fault::{Fault, Routed, Router},
    nginx::stem_name,
    objects::{ObjectId, Resource},
    outcome::{Act, Aspect, Change, Outcome},
    owner, patch,
    settings::Settings,
    shape,
    view::View,
};

/// How long a Mapping without weight stays, so that every proxy has heard of the weight before it goes.
const LINGER: Duration = Duration::from_secs(5);

/// Returns the Mappings and their canary Mappings.
pub(crate) fn needs(config: &AmbassadorTrafficRouting, namespace: &str, settings: &Settings) -> Vec<ObjectId> {
    let resource = resource(settings);
    let both = |name: &String| [resource.named(namespace, name), resource.named(namespace, &stem_name(name))];
    config.mappings.iter().flat_map(both).collect()
}

fn resource(settings: &Settings) -> Resource {
    let flag = settings.ambassador_version.as_str();
    let (group, version) = flag.split_once('/').unwrap_or(("getambassador.io", flag));
    if group == "x.getambassador.io" {
        Resource::new(group, version, "AmbassadorMapping", "ambassadormappings")
    } else {
        Resource::new(group, version, "Mapping", "mappings")
    }
}

/// Brings the canary Mappings to the wanted weight.
pub(crate) fn route(view: &View<'_>, config: &AmbassadorTrafficRouting) -> Outcome {
    let mut outcome = Outcome::default();
    if config.mappings.is_empty() {
        let fault = Fault::new(Router::Ambassador, "must provide at least one mapping");
        outcome.faults.push(*fault.fix("list the Mappings in trafficRouting.ambassador.mappings"));
    }
    for name in &config.mappings {
        outcome.result(route_one(view, name));
    }
    if !outcome.changes.is_empty() {
        let message = format!("Set canary mapping weight to {}", view.percent().canary);
        outcome.events.push(Note::normal("CanaryMappingWeightUpdate", message));
    }
    outcome
}

fn route_one(view: &View<'_>, name: &str) -> Routed<Option<Change>> {
    let resource = resource(view.settings);
    let id = resource.named(view.namespace(), &stem_name(name));
    let weight = view.percent().canary;
    match view.find(&Router::Ambassador, &id)? {
        None if weight == 0 => Ok(None),
        None => create(view, &resource.named(view.namespace(), name), id).map(Some),
        Some(live) if weight == 0 && live["spec"]["weight"] == 0 => Ok(Some(delete(id, live))),
        Some(live) => update(&id, live, weight),
    }
}

fn create(view: &View<'_>, base_id: &ObjectId, id: ObjectId) -> Routed<Change> {
    let base = view.find(&Router::Ambassador, base_id)?.ok_or_else(|| {
        let message = format!("Ambassador mapping \"{}\" not found", base_id.name);
        Fault::new(Router::Ambassador, base_id.not_found())
            .on(base_id)
            .fix("create the Mapping, or correct trafficRouting.ambassador in the Rollout")
            .told("AmbassadorMappingNotFound", message)
    })?;
    let spec = canary_spec(view, base_id, base)?;
    let object = json!({
        "apiVersion": id.resource.api_version(), "kind": id.resource.kind,
        "metadata": {
            "name": id.name, "namespace": id.namespace, "ownerReferences": [owner::reference(view.rollout)],
        },
        "spec": spec,
    });
    Ok(Change::new(Router::Ambassador, Aspect::Weights, id, Act::Create { object })
        .failing("Error creating canary mapping: ")
        .failing_as((Severity::Warning, "CanaryMappingCreationError".to_owned())))
}

fn canary_spec(view: &View<'_>, id: &ObjectId, base: &Value) -> Routed<Value> {
    let wrong = |message: String| Fault::new(Router::Ambassador, message).on(id);
    if base["spec"].get("weight").is_some_and(|weight| *weight != 0 && !weight.is_null()) {
        let message = format!("Ambassador mapping \"{}\" can not define weight", id.name);
        return Err(wrong(message.clone())
            .fix("remove spec.weight from the Mapping")
            .told("AmbassadorMappingConfigError", message));
    }
    let service = shape::text(base, "spec.service").map_err(|error| Fault::shape(Router::Ambassador, id, &error))?;
    let names = view.services();
    if names.stable.is_empty() || !service.contains(names.stable) {
        let message = format!("{id}: spec.service '{service}' does not name Service {}", names.stable);
        return Err(wrong(message).fix("let spec.service of the Mapping name the stable Service"));
    }
    let mut spec = base["spec"].clone();
    spec["service"] = json!(service.replacen(names.stable, names.canary, 1));
    spec["weight"] = json!(view.percent().canary);
    Ok(spec)
}

fn update(id: &ObjectId, live: &Value, weight: i64) -> Routed<Option<Change>> {
    let mut after = live.clone();
    let spec = shape::object_mut(&mut after, "spec").map_err(|error| Fault::shape(Router::Ambassador, id, &error))?;
    spec.insert("weight".to_owned(), json!(weight));
    let change = patch::difference(Router::Ambassador, Aspect::Weights, id, live, &after);
    Ok(change.map(|change| change.failing_as((Severity::Warning, "CanaryMappingUpdateError".to_owned()))))
}

fn delete(id: ObjectId, live: &Value) -> Change {
    let mut change =
        Change::new(Router::Ambassador, Aspect::Weights, id, Act::Delete { uid: meta::uid(live).to_owned() });
    change.hold = LINGER;
    change.failing_as((Severity::Warning, "CanaryMappingCleanupError".to_owned()))
}
