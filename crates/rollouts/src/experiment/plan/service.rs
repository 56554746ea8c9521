//! The Service of a template, where one is asked for.

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};
use tiphys_api::types::{TemplateSpec, TemplateStatus};

use super::{Pass, templates};
use crate::{
    action::Target,
    experiment::{
        action::{Action, Plan, Step},
        observe::Wanted,
    },
    observe::ReplicaSetView,
};

/// What can be said of the Service of a template.
pub(super) enum Standing {
    /// There is one, or none is needed.
    Served,
    /// Its name still belongs to another Experiment.
    Waiting,
    /// There cannot be one.
    Refused(String),
}

/// Plans the Service of a template.
pub(super) fn plan(
    pass: &Pass<'_>,
    template: &TemplateSpec,
    set: &ReplicaSetView,
    desired: i32,
    status: &mut TemplateStatus,
    plan: &mut Plan,
) -> Standing {
    let existing = pass.seen.service(&template.name);
    let name = name(template, set);
    if let Some(service) = existing
        && (name.is_none() || (desired == 0 && set.status_available == 0) || !has_name(service, name))
    {
        // One under a former name goes, too.
        remove(service, status, plan);
        return Standing::Served;
    }
    let Some(name) = name else { return Standing::Served };
    if existing.is_some() {
        name.clone_into(&mut status.service_name);
        status.pod_template_hash.clone_from(&set.hash);
        return Standing::Served;
    }
    if desired == 0 {
        return Standing::Served;
    }
    let ports = ports(set);
    if ports.is_empty() {
        let message = "its pods declare no containerPort";
        return if has_weight(pass, template) { refused(template, name, message) } else { Standing::Served };
    }
    if let Some(error) = pass.seen.recall.refusals.get(&Wanted::Service(template.name.clone())) {
        return refused(template, name, error);
    }
    if pass.seen.lent_services.contains(name) {
        return Standing::Waiting;
    }
    let object = object(pass, template, set, name, &ports);
    let action = Action::CreateService { template: template.name.clone(), name: name.to_owned(), object };
    plan.steps.push(Step { action, event: None });
    name.clone_into(&mut status.service_name);
    status.pod_template_hash.clone_from(&set.hash);
    Standing::Served
}

fn refused(template: &TemplateSpec, name: &str, error: &str) -> Standing {
    Standing::Refused(format!("Failed to create Service {name} for template '{}': {error}", template.name))
}

fn name<'a>(template: &'a TemplateSpec, set: &'a ReplicaSetView) -> Option<&'a str> {
    let service = template.service.as_ref()?;
    Some(if service.name.is_empty() { &set.name } else { &service.name })
}

fn has_name(service: &Service, name: Option<&str>) -> bool {
    service.metadata.name.as_deref() == name
}

/// A Rollout that sends users to the template needs the Service; for others it is of no use without ports.
fn has_weight(pass: &Pass<'_>, template: &TemplateSpec) -> bool {
    super::has_rollout(pass.experiment) && template.service.is_some()
}

fn remove(service: &Service, status: &mut TemplateStatus, plan: &mut Plan) {
    let metadata = &service.metadata;
    if metadata.deletion_timestamp.is_none() {
        let target =
            Target { name: metadata.name.clone().unwrap_or_default(), uid: metadata.uid.clone().unwrap_or_default() };
        plan.steps.push(Step { action: Action::DeleteService(target), event: None });
    }
    status.service_name.clear();
    status.pod_template_hash.clear();
}

/// One port a container port.
fn ports(set: &ReplicaSetView) -> Vec<Value> {
    let template = set.template();
    let containers = template["spec"]["containers"].as_array().cloned().unwrap_or_default();
    let declared = containers.iter().flat_map(|container| container["ports"].as_array().cloned().unwrap_or_default());
    let ports = declared.map(|port| {
        let number = &port["containerPort"];
        let mut made =
            json!({"port": number, "targetPort": number, "protocol": port["protocol"].as_str().unwrap_or("TCP")});
        if let Some(name) = port["name"].as_str() {
            made["name"] = json!(name);
        }
        made
    });
    ports.collect()
}

fn object(pass: &Pass<'_>, template: &TemplateSpec, set: &ReplicaSetView, name: &str, ports: &[Value]) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": pass.experiment.metadata.namespace,
            "annotations": templates::marks(pass, template),
            "ownerReferences": [templates::owner(pass)],
        },
        "spec": {"selector": set.labels(), "ports": ports},
    })
}
