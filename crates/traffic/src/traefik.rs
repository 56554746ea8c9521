//! Traefik: the weights of a weighted TraefikService.

use serde_json::{Value, json};
use tiphys_api::types::TraefikTrafficRouting;
use tiphys_runtime::recorder::Severity;

use crate::{
    fault::{Fault, Routed, Router},
    objects::ObjectId,
    outcome::{Aspect, Change},
    patch,
    settings::Settings,
    shape::{self, ShapeError},
    view::View,
};

/// Returns the TraefikService.
pub(crate) fn need(config: &TraefikTrafficRouting, namespace: &str, settings: &Settings) -> ObjectId {
    let version = settings.traefik_version.rsplit('/').next().unwrap_or_default();
    let resource = crate::objects::Resource::new(&settings.traefik_group, version, "TraefikService", "traefikservices");
    resource.named(namespace, &config.weighted_traefik_service_name)
}

/// What is wrong with a TraefikService.
#[derive(Debug, thiserror::Error)]
enum ServiceError {
    #[error("{0}")]
    Shape(#[from] ShapeError),
    #[error("spec.weighted.services was not found in traefik service manifest")]
    NoServices,
    #[error("traefik canary service was not found")]
    NoCanary,
    #[error("traefik stable service was not found")]
    NoStable,
}

/// Brings the TraefikService to the wanted weights.
pub(crate) fn route(view: &View<'_>, config: &TraefikTrafficRouting) -> Routed<Option<Change>> {
    let id = need(config, view.namespace(), view.settings);
    let live = view.find(&Router::Traefik, &id)?.ok_or_else(|| {
        Fault::new(Router::Traefik, id.not_found())
            .on(&id)
            .fix("create the TraefikService, or correct trafficRouting.traefik in the Rollout")
    })?;
    let mut after = live.clone();
    weigh(view, &mut after).map_err(|error| {
        let fix = "list both Services under spec.weighted.services of the TraefikService";
        Fault::new(Router::Traefik, error.to_string()).on(&id).fix(fix)
    })?;
    let change = patch::difference(Router::Traefik, Aspect::Weights, &id, live, &after);
    Ok(change.map(|change| {
        let event = (Severity::Warning, "TraefikServiceUpdateError".to_owned());
        change.failing(format!("Error updating traefik service \"{}\": ", id.name)).failing_as(event)
    }))
}

fn weigh(view: &View<'_>, service: &mut Value) -> Result<(), ServiceError> {
    let names = view.services();
    let split = view.two_way_percent();
    let entries = shape::list_mut(service, "spec.weighted.services")?.ok_or(ServiceError::NoServices)?;
    for (name, weight, missing) in
        [(names.canary, split.canary, ServiceError::NoCanary), (names.stable, split.stable, ServiceError::NoStable)]
    {
        let entry = entries.iter_mut().find(|entry| entry["name"] == name && entry.is_object());
        entry.ok_or(missing)?["weight"] = json!(weight);
    }
    Ok(())
}
