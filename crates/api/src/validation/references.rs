//! Objects that a Rollout refers to.
//!
//! Not looked at here: whether analysis templates combine into a run (crate `analysis`), and the routes inside
//! VirtualServices, Ambassador mappings and App Mesh routers (crate `traffic`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tiphys_machinery::{error::Cause, field::Path};

use super::internal;
use crate::{
    constants::labels,
    types::{AnalysisTemplateRef, AnalysisTemplateSpec, CanaryStrategy, Rollout, TrafficRouting},
};

/// What is known about the objects of the Rollout's namespace, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct References {
    /// Services.
    pub services: BTreeMap<String, ServiceView>,
    /// AnalysisTemplates.
    pub analysis_templates: BTreeMap<String, AnalysisTemplateSpec>,
    /// ClusterAnalysisTemplates.
    pub cluster_analysis_templates: BTreeMap<String, AnalysisTemplateSpec>,
    /// Ingresses, each with the names of the Services behind its HTTP paths.
    pub ingresses: BTreeMap<String, BTreeSet<String>>,
}

/// The part of a Service that matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceView {
    /// `spec.selector`.
    pub selector: BTreeMap<String, String>,
    /// The Rollout that manages it (annotation), if any.
    pub managed_by: Option<String>,
}

/// A Service by name, and the field that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedService {
    /// For instance `spec.strategy.canary.stableService`.
    pub path: Path,
    /// Its name.
    pub name: String,
}

/// An analysis template by name, and the field that names it.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTemplate {
    /// For instance `spec.strategy.canary.steps[1].analysis.templates`.
    pub path: Path,
    /// The reference.
    pub reference: AnalysisTemplateRef,
}

/// Returns the Services that a Rollout names, in the order in which they are looked up.
#[must_use]
pub fn named_services(rollout: &Rollout) -> Vec<NamedService> {
    let strategy = &rollout.spec.strategy;
    let mut fields = Vec::new();
    if let Some(blue_green) = &strategy.blue_green {
        fields.push(("blueGreen.activeService", &blue_green.active_service));
        fields.push(("blueGreen.previewService", &blue_green.preview_service));
    } else if let Some(canary) = &strategy.canary {
        fields.push(("canary.stableService", &canary.stable_service));
        fields.push(("canary.canaryService", &canary.canary_service));
        if let Some(ping_pong) = &canary.ping_pong {
            fields.push(("canary.pingPong.pingService", &ping_pong.ping_service));
            fields.push(("canary.pingPong.pongService", &ping_pong.pong_service));
        }
    }
    let named = fields.into_iter().filter(|(_, name)| !name.is_empty());
    named.map(|(field, name)| NamedService { path: strategy_path().child(field), name: name.clone() }).collect()
}

/// Returns the analysis templates that a Rollout names, in the order in which they are looked up.
#[must_use]
pub fn named_templates(rollout: &Rollout) -> Vec<NamedTemplate> {
    let strategy = &rollout.spec.strategy;
    let mut lists = Vec::new();
    if let Some(blue_green) = &strategy.blue_green {
        let at = strategy_path().child("blueGreen");
        let analyses = [
            ("prePromotionAnalysis", &blue_green.pre_promotion_analysis),
            ("postPromotionAnalysis", &blue_green.post_promotion_analysis),
        ];
        for (field, analysis) in analyses {
            lists.extend(analysis.iter().map(|analysis| (at.child(field), &analysis.templates)));
        }
    } else if let Some(canary) = &strategy.canary {
        let at = strategy_path().child("canary");
        for (i, step) in canary.steps.iter().enumerate() {
            let path = at.child("steps").index(i).child("analysis");
            lists.extend(step.analysis.iter().map(|analysis| (path.clone(), &analysis.templates)));
        }
        lists.extend(canary.analysis.iter().map(|analysis| (at.child("analysis"), &analysis.templates)));
    }
    let named = |(path, templates): (Path, &Vec<AnalysisTemplateRef>)| {
        let path = path.child("templates");
        templates
            .iter()
            .map(move |reference| NamedTemplate { path: path.clone(), reference: reference.clone() })
            .collect()
    };
    lists.into_iter().flat_map::<Vec<_>, _>(named).collect()
}

/// Returns what is wrong with what `rollout` refers to: the first thing that is missing, or everything that does not fit.
#[must_use]
pub fn validate_references(rollout: &Rollout, references: &References) -> Vec<Cause> {
    if let Some(cause) = first_missing(rollout, references) {
        return vec![cause];
    }
    let services = named_services(rollout);
    let mut causes: Vec<Cause> =
        services.iter().flat_map(|service| validate_service(rollout, service, references)).collect();
    if let Some(canary) = &rollout.spec.strategy.canary {
        causes.extend(validate_ingresses(canary, references));
    }
    causes
}

fn first_missing(rollout: &Rollout, references: &References) -> Option<Cause> {
    let routing = rollout.spec.strategy.canary.as_ref().and_then(|canary| canary.traffic_routing.as_ref());
    missing_service(rollout, references)
        .or_else(|| missing_template(&named_templates(rollout), references, &mut BTreeSet::new()))
        .or_else(|| missing_ingress(routing?, references))
        .or_else(|| missing_mesh(routing?))
}

fn missing_service(rollout: &Rollout, references: &References) -> Option<Cause> {
    let services = named_services(rollout);
    let missing = services.iter().find(|service| !references.services.contains_key(&service.name))?;
    let detail = format!("service \"{}\" not found", missing.name);
    Some(missing.path.invalid(missing.name.as_str(), &detail))
}

/// Follows templates into templates; `seen` ends circles.
fn missing_template(
    named: &[NamedTemplate],
    references: &References,
    seen: &mut BTreeSet<(bool, String)>,
) -> Option<Cause> {
    named.iter().find_map(|template| {
        let name = &template.reference.template_name;
        let is_cluster = template.reference.cluster_scope.unwrap_or(false);
        let (kind, known) = if is_cluster {
            ("ClusterAnalysisTemplate", &references.cluster_analysis_templates)
        } else {
            ("AnalysisTemplate", &references.analysis_templates)
        };
        let Some(spec) = known.get(name) else {
            return Some(template.path.invalid(name.as_str(), &format!("{kind} '{name}' not found")));
        };
        if !seen.insert((is_cluster, name.clone())) {
            return None;
        }
        let path = Path::new("spec.templates");
        let nested = spec.templates.iter().cloned();
        let nested: Vec<_> = nested.map(|reference| NamedTemplate { path: path.clone(), reference }).collect();
        missing_template(&nested, references, seen)
    })
}

fn missing_ingress(routing: &TrafficRouting, references: &References) -> Option<Cause> {
    let path = routing_path();
    let nginx = routing.nginx.as_ref().map(|nginx| (&nginx.stable_ingress, &nginx.stable_ingresses));
    let alb = routing.alb.as_ref().map(|alb| (&alb.ingress, &alb.ingresses));
    let wrong = |field: &str, names: &str, (one, many): (&String, &Vec<String>)| {
        let which = match (one.is_empty(), many.is_empty()) {
            (false, false) => "Both",
            (true, true) => "Neither",
            _ => return None,
        };
        let text = format!("Either {names} must be configured. {which} are configured.");
        Some(internal(&path.child(field), &text))
    };
    if let Some(cause) = nginx.and_then(|given| wrong("nginx", "StableIngress or StableIngresses", given)) {
        return Some(cause);
    }
    if let Some(cause) = alb.and_then(|given| wrong("alb", "Ingress or Ingresses", given)) {
        return Some(cause);
    }
    // With both routers only the load balancer's are looked up.
    let (one, many, one_field, many_field) = match (alb, nginx) {
        (Some((one, many)), _) => (one, many, "alb.ingress", "alb.ingresses"),
        (None, Some((one, many))) => (one, many, "nginx.stableIngress", "nginx.StableIngresses"),
        (None, None) => return None,
    };
    let (names, field, value): (&[String], _, Value) = if many.is_empty() {
        (std::slice::from_ref(one), one_field, json!(one))
    } else {
        (many, many_field, json!(many))
    };
    let missing = names.iter().find(|name| !references.ingresses.contains_key(*name))?;
    let detail = format!("ingress.networking.k8s.io \"{missing}\" not found");
    Some(path.child(field).invalid(value, &detail))
}

fn missing_mesh(routing: &TrafficRouting) -> Option<Cause> {
    let path = routing_path();
    if routing.istio.as_ref().is_some_and(|i| i.virtual_service.is_some() != i.virtual_services.is_empty()) {
        let text = "either VirtualService or VirtualServices must be configured";
        return Some(internal(&path.child("istio"), text));
    }
    if routing.ambassador.as_ref().is_some_and(|ambassador| ambassador.mappings.is_empty()) {
        let at = path.child("ambassador.mappings");
        return Some(at.invalid(Value::Null, "must provide at least one mapping"));
    }
    if routing.app_mesh.as_ref().is_some_and(|mesh| mesh.virtual_service.is_none()) {
        let at = path.child("appmesh.virtualService");
        return Some(at.invalid(Value::Null, "must provide virtual-service"));
    }
    None
}

fn validate_service(rollout: &Rollout, named: &NamedService, references: &References) -> Vec<Cause> {
    let Some(service) = references.services.get(&named.name) else {
        return Vec::new();
    };
    let name = named.name.as_str();
    let metadata = rollout.spec.template.metadata.as_ref();
    let pod_labels = metadata.and_then(|metadata| metadata.labels.as_ref());
    let selector = service.selector.iter().filter(|(key, _)| *key != labels::POD_TEMPLATE_HASH);
    let unmatched = selector.filter(|(key, value)| pod_labels.and_then(|labels| labels.get(*key)) != Some(value));
    let mut causes: Vec<Cause> = unmatched
        .map(|(key, _)| named.path.invalid(name, &format!("Service \"{name}\" has unmatch label \"{key}\" in rollout")))
        .collect();
    let owner = rollout.metadata.name.as_deref().unwrap_or_default();
    if service.managed_by.as_deref().is_some_and(|manager| manager != owner) {
        causes.push(named.path.invalid(name, &format!("Service \"{name}\" is managed by another Rollout")));
    }
    causes
}

fn validate_ingresses(canary: &CanaryStrategy, references: &References) -> Vec<Cause> {
    let Some(routing) = &canary.traffic_routing else {
        return Vec::new();
    };
    let path = routing_path();
    let mut wanted: Vec<(Path, &str, &str)> = Vec::new();
    if let Some(alb) = &routing.alb {
        let service = if alb.root_service.is_empty() { &canary.stable_service } else { &alb.root_service };
        wanted.extend(alb.ingresses.iter().map(|name| (path.child("alb.ingresses"), name.as_str(), service.as_str())));
        if alb.ingresses.is_empty() {
            wanted.push((path.child("alb.ingress"), &alb.ingress, service));
        }
    } else if let Some(nginx) = &routing.nginx {
        let service = canary.stable_service.as_str();
        let many = nginx.stable_ingresses.iter();
        wanted.extend(many.map(|name| (path.child("nginx.stableIngresses"), name.as_str(), service)));
        if nginx.stable_ingresses.is_empty() {
            wanted.push((path.child("nginx.stableIngress"), &nginx.stable_ingress, service));
        }
    }
    let unused = wanted.into_iter().filter(|(_, name, service)| {
        references.ingresses.get(*name).is_some_and(|services| !services.contains(*service))
    });
    unused
        .map(|(path, name, service)| {
            path.invalid(name, &format!("ingress `{name}` has no rules using service {service} backend"))
        })
        .collect()
}

fn strategy_path() -> Path {
    Path::new("spec.strategy")
}

fn routing_path() -> Path {
    Path::new("spec.strategy.canary.trafficRouting")
}
