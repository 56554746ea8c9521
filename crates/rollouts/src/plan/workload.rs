//! The wanted pod template: the Rollout's own, or that of the workload it refers to.

use serde_json::{Value, json};
use tiphys_api::{
    Rollout,
    constants::{annotations, messages},
    types::{ObjectRef, PodTemplateSpec},
};

use super::release::Release;
use crate::{
    action::{Action, Step},
    observe::{Observed, WorkloadKind},
};

/// A Rollout whose pod template is known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    /// The Rollout with the template (and selector) of its workload filled in.
    pub rollout: Rollout,
    /// The template as JSON, unknown fields included.
    pub template: Value,
}

/// Returns the Rollout with its pod template.
///
/// # Errors
///
/// The text to report if the referenced workload is missing or cannot be used.
pub(crate) fn resolve(seen: &Observed) -> Result<Wanted, String> {
    let mut rollout = seen.rollout.typed.clone();
    let Some(reference) = rollout.spec.workload_ref.clone() else {
        let template = seen.rollout.part(&["spec", "template"]).cloned().unwrap_or_else(|| json!({}));
        return Ok(Wanted { rollout, template });
    };
    let template = referenced_template(seen, &reference, &rollout.spec.template)?;
    rollout.spec.template = serde_json::from_value(template.clone()).unwrap_or_default();
    rollout.spec.template_resolved_from_ref = true;
    if rollout.spec.selector.is_none() {
        let selector = seen.workload.as_ref().and_then(|workload| workload.selector.clone());
        rollout.spec.selector = selector.and_then(|selector| serde_json::from_value(selector).ok());
        rollout.spec.selector_resolved_from_ref = rollout.spec.selector.is_some();
    }
    Ok(Wanted { rollout, template })
}

fn referenced_template(seen: &Observed, reference: &ObjectRef, own: &PodTemplateSpec) -> Result<Value, String> {
    let Some(kind) = WorkloadKind::of(reference) else {
        let group = reference.api_version.split_once('/').map_or("", |(group, _)| group);
        return Err(format!("workload of type {group}/{} is not supported", reference.kind));
    };
    let metadata = own.metadata.clone().unwrap_or_default();
    if metadata.labels.is_some_and(|all| !all.is_empty()) || metadata.annotations.is_some_and(|all| !all.is_empty()) {
        return Err("template must be empty for workload reference rollout".to_owned());
    }
    match &seen.workload {
        Some(workload) => Ok(workload.template.clone()),
        None => Err(format!("{} \"{}\" not found", kind.resource(), reference.name)),
    }
}

/// Returns the condition text of a workload that cannot be used.
#[must_use]
pub(crate) fn message(rollout: &Rollout, error: &str) -> String {
    messages::invalid_spec(rollout.metadata.name.as_deref().unwrap_or_default(), error)
}

/// Returns the generation of the workload that this pass is about; empty without one.
#[must_use]
pub(crate) fn observed_generation(release: &Release<'_>) -> String {
    match (&release.rollout.spec.workload_ref, &release.seen.workload) {
        (Some(_), Some(workload)) => workload.generation.to_string(),
        _ => String::new(),
    }
}

/// Notes the generation of the workload on the Rollout, where clients compare it with the status.
#[must_use]
pub(crate) fn note_generation(release: &Release<'_>) -> Option<Step> {
    let generation = observed_generation(release);
    if generation.is_empty() || release.annotation(annotations::WORKLOAD_GENERATION) == Some(generation.as_str()) {
        return None;
    }
    let patch = json!({"metadata": {"annotations": {annotations::WORKLOAD_GENERATION: generation}}});
    Some(Step::quiet(Action::PatchRollout { patch }))
}
