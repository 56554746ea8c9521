//! The ReplicaSet of each template: made, sized, and judged.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tiphys_api::{
    Experiment,
    constants::{analysis_phase, annotations, labels, reasons},
    defaults, hash,
    types::{API_VERSION, TemplateSpec, TemplateStatus},
};
use tiphys_runtime::recorder::Note;

use super::{
    Pass, is_finished,
    service::{self, Standing},
};
use crate::{
    action::Target,
    experiment::{
        action::{Action, Plan, Step},
        observe::{TEMPLATE_NAME, Wanted},
    },
    observe::ReplicaSetView,
};

/// A template whose pods are not there yet.
const PROGRESSING: &str = "Progressing";

/// Plans all templates and returns their status, in the order in which they were first seen.
pub(super) fn plan(pass: &Pass<'_>, plan: &mut Plan) -> Vec<TemplateStatus> {
    let mut all = pass.experiment.status.template_statuses.clone();
    for template in &pass.experiment.spec.templates {
        let position = all.iter().position(|status| status.name == template.name);
        let former = position.map(|position| all[position].clone());
        let status = one(pass, template, &former.unwrap_or_default(), plan);
        match position {
            Some(position) => all[position] = status,
            None => all.push(status),
        }
    }
    all
}

/// When a template that is not complete has failed.
pub(super) fn deadline(pass: &Pass<'_>, status: &TemplateStatus) -> Option<Timestamp> {
    let template = pass.experiment.spec.templates.iter().find(|template| template.name == status.name)?;
    let is_short = || status.available_replicas != desired(pass, template, status);
    let is_waiting = status.status == PROGRESSING || status.status == analysis_phase::RUNNING && is_short();
    let since = status.last_transition_time.as_ref().filter(|_| is_waiting)?.0;
    since.checked_add(patience(pass.experiment)).ok()
}

/// How long a template may make no progress.
pub(super) fn patience(experiment: &Experiment) -> SignedDuration {
    SignedDuration::from_secs(defaults::experiment_progress_deadline_seconds(experiment).into())
}

/// The name of the ReplicaSet of a template.
pub(super) fn name(experiment: &Experiment, template: &str) -> String {
    format!("{}-{template}", experiment.metadata.name.as_deref().unwrap_or_default())
}

/// How many pods a template should have.
pub(super) fn desired(pass: &Pass<'_>, template: &TemplateSpec, former: &TemplateStatus) -> i32 {
    if pass.is_terminating || is_finished(&former.status) { 0 } else { defaults::experiment_replicas(template) }
}

fn one(pass: &Pass<'_>, template: &TemplateSpec, former: &TemplateStatus, plan: &mut Plan) -> TemplateStatus {
    let mut status = TemplateStatus { name: template.name.clone(), ..former.clone() };
    let Some(set) = pass.seen.replica_set(&template.name) else {
        return missing(pass, template, status, plan);
    };
    let desired = desired(pass, template, former);
    let standing = service::plan(pass, template, set, desired, &mut status, plan);
    if resize(pass, template, set, desired, plan) {
        status.last_transition_time = Some(pass.stamp());
    }
    count(pass, set, &mut status);
    let is_served = !matches!(standing, Standing::Waiting);
    match standing {
        Standing::Refused(message) if !is_finished(&former.status) => {
            fail(&mut status, analysis_phase::ERROR, message);
        }
        _ => judge(pass, desired == status.available_replicas && is_served, former, &mut status),
    }
    status
}

/// A ReplicaSet is made without pods; the next pass sizes it.
fn missing(pass: &Pass<'_>, template: &TemplateSpec, mut status: TemplateStatus, plan: &mut Plan) -> TemplateStatus {
    let name = name(pass.experiment, &template.name);
    if is_finished(&status.status) {
        return status;
    }
    if let Some(error) = pass.seen.recall.refusals.get(&Wanted::ReplicaSet(template.name.clone())) {
        let message = format!("Failed to create ReplicaSet for template '{}': {error}", template.name);
        let event = format!("Failed to create new replica set \"{name}\": {error}");
        plan.events.push(Note::normal(reasons::REPLICA_SET_CREATE_ERROR, event));
        fail(&mut status, analysis_phase::ERROR, message);
        return status;
    }
    if pass.is_terminating {
        // Nothing was started, so nothing is to be stopped.
        analysis_phase::SUCCESSFUL.clone_into(&mut status.status);
        return status;
    }
    let object = object(pass, template, &name);
    let action = Action::CreateReplicaSet { template: template.name.clone(), name, object };
    plan.steps.push(Step { action, event: None });
    status.last_transition_time.get_or_insert_with(|| pass.stamp());
    PROGRESSING.clone_into(&mut status.status);
    status
}

/// The hash is salted with whose template it is: pods of an Experiment must never be selected as those of the Rollout that
/// runs the same template.
fn object(pass: &Pass<'_>, template: &TemplateSpec, name: &str) -> Value {
    let mut pods = pass.seen.experiment.part(&["spec", "templates"]).and_then(Value::as_array).and_then(|all| {
        all.iter().find(|raw| raw["name"] == template.name.as_str()).map(|raw| raw["template"].clone())
    });
    let mut pods = pods.take().unwrap_or_else(|| json!(template.template));
    if let Some(labels) = pods["metadata"]["labels"].as_object_mut() {
        labels.remove(labels::POD_TEMPLATE_HASH);
    }
    let hash = hash::pod_template(&pods, Some(salt(pass.seen.name(), &template.name)));
    pods["metadata"]["labels"][labels::POD_TEMPLATE_HASH] = json!(hash);
    let mut selector = json!(template.selector);
    selector["matchLabels"][labels::POD_TEMPLATE_HASH] = json!(hash);
    json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": pass.experiment.metadata.namespace,
            "labels": pods["metadata"]["labels"],
            "annotations": marks(pass, template),
            "ownerReferences": [owner(pass)],
        },
        "spec": {
            "replicas": 0, "minReadySeconds": template.min_ready_seconds, "selector": selector, "template": pods,
        },
    })
}

/// FNV-1a of both names, as a number of collisions.
fn salt(experiment: &str, template: &str) -> i32 {
    let bytes = experiment.bytes().chain([b'/']).chain(template.bytes());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    i32::from_ne_bytes((hash | 1).to_ne_bytes())
}

/// The annotations by which ReplicaSets and Services are recognised.
pub(super) fn marks(pass: &Pass<'_>, template: &TemplateSpec) -> Value {
    json!({annotations::EXPERIMENT_NAME: pass.seen.name(), TEMPLATE_NAME: template.name})
}

/// The reference that makes the Experiment the controlling owner.
pub(super) fn owner(pass: &Pass<'_>) -> Value {
    json!({
        "apiVersion": API_VERSION, "kind": "Experiment", "name": pass.seen.name(),
        "uid": pass.experiment.metadata.uid, "controller": true, "blockOwnerDeletion": true,
    })
}

/// Moves a ReplicaSet to its size, at the end not before its delay has passed. Returns whether it is resized.
fn resize(pass: &Pass<'_>, template: &TemplateSpec, set: &ReplicaSetView, desired: i32, plan: &mut Plan) -> bool {
    if desired > 0 && set.deadline().is_some() {
        // One that is tried again has its delay before it again.
        let patch = json!({"metadata": {"annotations": {annotations::SCALE_DOWN_DEADLINE: null}}});
        plan.steps.push(Step { action: Action::AnnotateReplicaSet { target: target(set), patch }, event: None });
    }
    let goal = if desired == 0 && waits(pass, set, plan) { defaults::experiment_replicas(template) } else { desired };
    if set.deleting || set.spec_replicas == goal {
        return false;
    }
    let verb = if goal > set.spec_replicas { "up" } else { "down" };
    let event = format!("Scaled {verb} ReplicaSet {} from {} to {goal}", set.name, set.spec_replicas);
    let action = Action::ScaleReplicaSet { target: target(set), from: set.spec_replicas, to: goal };
    plan.steps.push(Step { action, event: Some(Note::normal(reasons::event::SCALING_REPLICA_SET, event)) });
    true
}

/// Whether a ReplicaSet stays up for a while after the end; the time is written on it.
fn waits(pass: &Pass<'_>, set: &ReplicaSetView, plan: &mut Plan) -> bool {
    let delay = super::delay(pass.experiment);
    if set.spec_replicas == 0 || delay <= SignedDuration::ZERO {
        return false;
    }
    if let Some(deadline) = set.deadline_at() {
        plan.requeue_at(Some(deadline).filter(|deadline| *deadline > pass.now));
        return deadline > pass.now;
    }
    let Ok(deadline) = pass.now.checked_add(delay) else { return false };
    let text = deadline.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let patch = json!({"metadata": {"annotations": {annotations::SCALE_DOWN_DEADLINE: text}}});
    plan.steps.push(Step { action: Action::AnnotateReplicaSet { target: target(set), patch }, event: None });
    plan.requeue_at(deadline);
    true
}

fn target(set: &ReplicaSetView) -> Target {
    Target { name: set.name.clone(), uid: set.uid.clone() }
}

fn count(pass: &Pass<'_>, set: &ReplicaSetView, status: &mut TemplateStatus) {
    let counts = |status: &TemplateStatus| (status.replicas, status.ready_replicas, status.available_replicas);
    let before = counts(status);
    status.replicas = set.status_replicas;
    status.updated_replicas = set.status_replicas;
    status.ready_replicas = set.status_ready;
    status.available_replicas = set.status_available;
    if counts(status) != before || status.last_transition_time.is_none() {
        status.last_transition_time = Some(pass.stamp());
    }
}

fn judge(pass: &Pass<'_>, is_complete: bool, former: &TemplateStatus, status: &mut TemplateStatus) {
    if is_finished(&former.status) {
        return;
    }
    let since = status.last_transition_time.as_ref().map_or(pass.now, |at| at.0);
    let is_late = since.checked_add(patience(pass.experiment)).is_ok_and(|deadline| pass.now >= deadline);
    if is_complete && !pass.is_over && !pass.is_terminating {
        analysis_phase::RUNNING.clone_into(&mut status.status);
    } else if pass.is_terminating || (is_complete && pass.is_over) {
        analysis_phase::SUCCESSFUL.clone_into(&mut status.status);
    } else if is_late {
        let seconds = defaults::experiment_progress_deadline_seconds(pass.experiment);
        let message = format!("Template '{}' exceeded its progressDeadlineSeconds ({seconds})", status.name);
        fail(status, analysis_phase::FAILED, message);
    } else {
        PROGRESSING.clone_into(&mut status.status);
    }
}

fn fail(status: &mut TemplateStatus, phase: &str, message: String) {
    phase.clone_into(&mut status.status);
    status.message = message;
}
