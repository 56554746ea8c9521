//! Objects that a Rollout refers to, as far as its validity depends on them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tiphys_api::{Rollout, validation::References};
use tiphys_traffic::{Need, ObjectId, Objects, Settings, needs};

use crate::observe::Observed;

/// Returns what is known about the objects that a Rollout refers to.
///
/// A kind that cannot be read says nothing about its objects: they count as right, and the router says what is wrong.
#[must_use]
pub(crate) fn known(seen: &Observed, rollout: &Rollout, settings: &Settings) -> References {
    let ids = needs(rollout, &seen.routing, settings).into_iter().filter_map(|need| match need {
        Need::Named(id) if id.resource.kind == "Ingress" => Some(id),
        _ => None,
    });
    let ingresses = ids.filter_map(|id| Some((id.name.clone(), services(&id, &seen.routing, rollout)?)));
    References {
        services: seen.services.clone(),
        analysis_templates: seen.analysis.templates.namespaced.clone(),
        cluster_analysis_templates: seen.analysis.templates.cluster.clone(),
        ingresses: ingresses.collect::<BTreeMap<_, _>>(),
    }
}

fn services(id: &ObjectId, objects: &Objects, rollout: &Rollout) -> Option<BTreeSet<String>> {
    if objects.unreadable(&id.resource).is_some() {
        let canary = rollout.spec.strategy.canary.as_ref()?;
        let root =
            canary.traffic_routing.as_ref().and_then(|routing| routing.alb.as_ref()).map(|alb| &alb.root_service);
        return Some(root.into_iter().chain([&canary.stable_service]).cloned().collect());
    }
    Some(backends(objects.get(id)?).collect())
}

/// The Services behind the HTTP paths of an Ingress, in either form of the API.
fn backends(ingress: &Value) -> impl Iterator<Item = String> {
    let rules = ingress["spec"]["rules"].as_array().into_iter().flatten();
    let paths = rules.flat_map(|rule| rule["http"]["paths"].as_array().into_iter().flatten());
    let name = |path: &Value| {
        let backend = &path["backend"];
        backend["service"]["name"].as_str().or_else(|| backend["serviceName"].as_str()).map(str::to_owned)
    };
    paths.filter_map(name)
}
