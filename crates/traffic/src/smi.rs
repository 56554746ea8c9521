//! Service Mesh Interface: a TrafficSplit of our own.

use serde_json::{Value, json};
use tiphys_api::types::SmiTrafficRouting;
use tiphys_runtime::recorder::{Note, Severity};

use crate::{
    fault::{Fault, Routed, Router},
    objects::{ObjectId, Resource},
    outcome::{Act, Aspect, Change},
    owner, patch,
    settings::Settings,
    shape,
    view::View,
};

const VERSIONS: [&str; 3] = ["v1alpha1", "v1alpha2", "v1alpha3"];

/// Returns the TrafficSplit.
pub(crate) fn need(config: &SmiTrafficRouting, rollout: &str, namespace: &str, settings: &Settings) -> ObjectId {
    let name = if config.traffic_split_name.is_empty() { rollout } else { &config.traffic_split_name };
    Resource::new("split.smi-spec.io", &settings.traffic_split_version, "TrafficSplit", "trafficsplits")
        .named(namespace, name)
}

/// Creates the TrafficSplit, or brings it to the wanted weights.
pub(crate) fn route(view: &View<'_>, config: &SmiTrafficRouting) -> Routed<Option<Change>> {
    let version = view.settings.traffic_split_version.as_str();
    if !VERSIONS.contains(&version) {
        let message = format!("Unsupported TrafficSplit API version `{version}`");
        return Err(
            Fault::new(Router::Smi, message).fix("start the controller with a known --traffic-split-api-version")
        );
    }
    let id = need(config, view.name(), view.namespace(), view.settings);
    match view.find(&Router::Smi, &id)? {
        None => Ok(Some(create(view, config, id))),
        Some(live) if !owner::controls(view.rollout, live) => {
            Err(Fault::new(Router::Smi, format!("Rollout does not own TrafficSplit `{}`", id.name))
                .on(&id)
                .fix("delete that TrafficSplit, or set trafficRouting.smi.trafficSplitName"))
        }
        Some(live) => update(view, config, &id, live),
    }
}

fn create(view: &View<'_>, config: &SmiTrafficRouting, id: ObjectId) -> Change {
    let object = json!({
        "apiVersion": id.resource.api_version(), "kind": id.resource.kind,
        "metadata": {
            "name": id.name, "namespace": id.namespace, "ownerReferences": [owner::reference(view.rollout)],
        },
        "spec": {"service": root(view, config), "backends": backends(view)},
    });
    let name = id.name.clone();
    Change::new(Router::Smi, Aspect::Weights, id, Act::Create { object })
        .told(Note::normal("TrafficSplitCreated", format!("TrafficSplit `{name}` created")))
        .failing(format!("TrafficSplit `{name}` failed creation: "))
        .failing_as((Severity::Warning, "TrafficSplitNotCreated".to_owned()))
}

fn update(view: &View<'_>, config: &SmiTrafficRouting, id: &ObjectId, live: &Value) -> Routed<Option<Change>> {
    let mut after = live.clone();
    let spec = shape::object_mut(&mut after, "spec").map_err(|error| Fault::shape(Router::Smi, id, &error))?;
    spec.insert("service".to_owned(), json!(root(view, config)));
    spec.insert("backends".to_owned(), backends(view));
    Ok(patch::difference(Router::Smi, Aspect::Weights, id, live, &after))
}

fn root<'v>(view: &View<'v>, config: &'v SmiTrafficRouting) -> &'v str {
    if config.root_service.is_empty() { view.services().stable } else { &config.root_service }
}

/// The first version writes weights as quantities.
fn backends(view: &View<'_>) -> Value {
    let split = view.percent();
    let names = view.services();
    let is_quantity = view.settings.traffic_split_version == "v1alpha1";
    let backend = |service: &str, weight: i64| {
        let weight = if is_quantity { json!(weight.to_string()) } else { json!(weight) };
        json!({"service": service, "weight": weight})
    };
    let mut all = vec![backend(names.canary, split.canary)];
    let experiments = split.additional.iter().filter(|share| !share.service.is_empty());
    all.extend(experiments.map(|share| backend(&share.service, share.weight)));
    all.push(backend(names.stable, split.stable));
    Value::Array(all)
}
