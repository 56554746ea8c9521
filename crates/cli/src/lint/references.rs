//! What Rollouts refer to: looked for in the same manifests, then in what a cluster knows.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;
use serde_json::Value;
use tiphys_api::{
    Rollout, decode,
    types::AnalysisTemplateSpec,
    validation::{self, References, ServiceView},
};
use tiphys_machinery::error::Cause;

use super::{Finding, Object};

/// Something that a Rollout refers to and that is nowhere to be found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Absent {
    /// Its kind.
    pub(crate) kind: String,
    /// The Rollout's namespace; empty where the manifest names none, and for kinds without.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
}

/// Objects that are known from elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The objects that were looked for; `None` for those that do not exist.
    pub(crate) objects: BTreeMap<Absent, Option<Value>>,
}

/// Everything that can be referred to.
pub(super) struct Referred<'a> {
    objects: &'a [Object],
    known: &'a Known,
}

/// What became of a reference.
enum Sought<'a> {
    Found(&'a Value),
    /// It does not exist.
    Missing,
    /// Nobody looked where it could be.
    Unknown,
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

impl<'a> Referred<'a> {
    pub(super) fn new(objects: &'a [Object], known: &'a Known) -> Self {
        Self { objects, known }
    }

    /// Fills in the template of the workload that a Rollout refers to.
    pub(super) fn resolve(&self, object: &Object, rollout: &mut Rollout, absent: &mut Vec<Absent>) -> Option<Finding> {
        let reference = rollout.spec.workload_ref.clone()?;
        let wanted = wanted(object, &reference.kind, &reference.name);
        let workload = match self.seek(&wanted) {
            Sought::Found(workload) => workload,
            Sought::Missing => {
                let text = format!("{} \"{}\" not found", reference.kind, reference.name);
                return Some(object.finding("spec.workloadRef", text));
            }
            Sought::Unknown => {
                absent.push(wanted);
                return None;
            }
        };
        let holder = if workload["template"].is_object() { workload } else { &workload["spec"] };
        let own = rollout.spec.template.metadata.as_ref();
        // A template of its own is an error that validation tells.
        if own.is_none_or(|own| own.labels.is_none() && own.annotations.is_none()) {
            rollout.spec.template = decode(holder["template"].clone()).object;
            rollout.spec.template_resolved_from_ref = true;
        }
        if rollout.spec.selector.is_none() && holder["selector"].is_object() {
            rollout.spec.selector = serde_json::from_value(holder["selector"].clone()).ok();
            rollout.spec.selector_resolved_from_ref = rollout.spec.selector.is_some();
        }
        None
    }

    /// Returns what is wrong with what a valid Rollout refers to. What nobody looked for counts as fitting.
    pub(super) fn validate(&self, object: &Object, rollout: &Rollout, absent: &mut Vec<Absent>) -> Vec<Cause> {
        let mut references = References::default();
        for service in validation::named_services(rollout) {
            let view = |service: &Value| ServiceView {
                selector: serde_json::from_value(service["spec"]["selector"].clone()).unwrap_or_default(),
                managed_by: service["metadata"]["annotations"][tiphys_api::constants::annotations::MANAGED_BY]
                    .as_str()
                    .map(str::to_owned),
            };
            let wanted = wanted(object, "Service", &service.name);
            let found = self.take(wanted, view, ServiceView::default(), absent);
            references.services.extend(found.map(|view| (service.name, view)));
        }
        self.ingresses(object, rollout, &mut references, absent);
        let named = validation::named_templates(rollout).into_iter().map(|template| template.reference);
        let mut queue: Vec<_> = named.collect();
        while let Some(reference) = queue.pop() {
            let is_cluster = reference.cluster_scope.unwrap_or(false);
            let kind = if is_cluster { "ClusterAnalysisTemplate" } else { "AnalysisTemplate" };
            let mut wanted = wanted(object, kind, &reference.template_name);
            let of_kind = if is_cluster {
                wanted.namespace.clear();
                &mut references.cluster_analysis_templates
            } else {
                &mut references.analysis_templates
            };
            if of_kind.contains_key(&reference.template_name) {
                continue;
            }
            let spec = |template: &Value| -> AnalysisTemplateSpec { decode(template["spec"].clone()).object };
            if let Some(spec) = self.take(wanted, spec, AnalysisTemplateSpec::default(), absent) {
                queue.extend(spec.templates.iter().cloned());
                of_kind.insert(reference.template_name, spec);
            }
        }
        validation::validate_references(rollout, &references)
    }

    fn ingresses(&self, object: &Object, rollout: &Rollout, references: &mut References, absent: &mut Vec<Absent>) {
        let Some(canary) = &rollout.spec.strategy.canary else { return };
        let Some(routing) = &canary.traffic_routing else { return };
        let nginx = routing.nginx.iter().flat_map(|nginx| nginx.stable_ingresses.iter().chain([&nginx.stable_ingress]));
        let alb = routing.alb.iter().flat_map(|alb| alb.ingresses.iter().chain([&alb.ingress]));
        let root = routing.alb.iter().map(|alb| alb.root_service.clone());
        let fitting: BTreeSet<String> = root.chain([canary.stable_service.clone()]).collect();
        for name in nginx.chain(alb).filter(|name| !name.is_empty()) {
            let wanted = wanted(object, "Ingress", name);
            let found = self.take(wanted, backends, fitting.clone(), absent);
            references.ingresses.extend(found.map(|services| (name.clone(), services)));
        }
    }

    /// What was found; `otherwise` where nobody looked.
    fn take<T>(&self, wanted: Absent, read: impl Fn(&Value) -> T, otherwise: T, absent: &mut Vec<Absent>) -> Option<T> {
        match self.seek(&wanted) {
            Sought::Found(value) => Some(read(value)),
            Sought::Missing => None,
            Sought::Unknown => {
                absent.push(wanted);
                Some(otherwise)
            }
        }
    }

    fn seek(&self, wanted: &Absent) -> Sought<'_> {
        let is_it = |object: &&Object| {
            let namespace = object.value()["metadata"]["namespace"].as_str().unwrap_or_default();
            let is_near = namespace.is_empty() || wanted.namespace.is_empty() || namespace == wanted.namespace;
            object.kind() == wanted.kind && object.name() == wanted.name && is_near
        };
        if let Some(object) = self.objects.iter().find(is_it) {
            return Sought::Found(object.value());
        }
        match self.known.objects.get(wanted) {
            Some(Some(value)) => Sought::Found(value),
            Some(None) => Sought::Missing,
            None => Sought::Unknown,
        }
    }
}

fn wanted(object: &Object, kind: &str, name: &str) -> Absent {
    let namespace = object.value()["metadata"]["namespace"].as_str().unwrap_or_default();
    Absent { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
}

/// Services behind the HTTP paths of an Ingress, of either version of the API.
fn backends(ingress: &Value) -> BTreeSet<String> {
    let rules = ingress["spec"]["rules"].as_array().into_iter().flatten();
    let paths = rules.flat_map(|rule| rule["http"]["paths"].as_array().into_iter().flatten());
    let names = paths.filter_map(|path| {
        let backend = &path["backend"];
        backend["service"]["name"].as_str().or_else(|| backend["serviceName"].as_str()).map(str::to_owned)
    });
    names.collect()
}
