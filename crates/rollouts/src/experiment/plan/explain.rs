//! Why an Experiment is where it is.

use jiff::Timestamp;
use tiphys_api::{
    Experiment,
    constants::{analysis_phase, conditions::INVALID_SPEC},
    defaults,
    types::{ExperimentAnalysisRunStatus, ExperimentStatus, TemplateStatus},
};
use tiphys_runtime::reason::{ObjectRef, Reason, Urgency};

use super::{end_from, is_finished, templates};

/// Returns what an Experiment waits for by its status, most important first.
#[must_use]
pub fn reasons(experiment: &Experiment, now: Timestamp) -> Vec<Reason> {
    let (me, status) = (object(experiment), &experiment.status);
    if let Some(invalid) = status.conditions.iter().find(|condition| condition.kind == INVALID_SPEC) {
        return vec![self::invalid(experiment, &invalid.message)];
    }
    if is_finished(&status.phase) {
        return vec![finished(status).on(me)];
    }
    let mut reasons: Vec<Reason> = status
        .template_statuses
        .iter()
        .filter(|template| is_waiting(template))
        .map(|template| pods(experiment, template))
        .collect();
    let open = status.analysis_runs.iter().filter(|run| !is_finished(&run.phase));
    reasons.extend(open.map(|run| running(experiment, run)));
    let end = status.available_at.as_ref().and_then(|at| end_from(experiment, at.0));
    match end {
        Some(end) if end > now => reasons.push(
            Reason::new("ExperimentRuns", Urgency::Moving, "the experiment runs its time")
                .on(me)
                .then("the experiment ends", end),
        ),
        None if reasons.is_empty() && status.available_at.is_some() => reasons.push(
            Reason::new(
                "ExperimentHasNoEnd",
                Urgency::NeedsDecision,
                "the experiment has no duration and runs until it is told to end",
            )
            .on(me)
            .remedy(
                format!("terminate experiment {} -n {}", name(experiment), namespace(experiment)),
                "ends the experiment",
            ),
        ),
        None if reasons.is_empty() => {
            reasons.push(Reason::new("ExperimentStarts", Urgency::Moving, "the experiment has not begun yet").on(me))
        }
        _ => {}
    }
    reasons
}

/// An Experiment that nothing can be done for.
pub(super) fn invalid(experiment: &Experiment, message: &str) -> Reason {
    Reason::new("InvalidSpec", Urgency::Broken, message).on(object(experiment))
}

fn finished(status: &ExperimentStatus) -> Reason {
    let urgency = if status.phase == analysis_phase::SUCCESSFUL { Urgency::Settled } else { Urgency::Broken };
    let why = if status.message.is_empty() { String::new() } else { format!(": {}", status.message) };
    Reason::new(format!("Experiment{}", status.phase), urgency, format!("the experiment is {}{why}", status.phase))
}

fn is_waiting(template: &TemplateStatus) -> bool {
    template.status == "Progressing"
}

fn pods(experiment: &Experiment, template: &TemplateStatus) -> Reason {
    let wanted = experiment.spec.templates.iter().find(|spec| spec.name == template.name);
    let wanted = wanted.map_or(0, defaults::experiment_replicas);
    let text = if template.available_replicas == wanted {
        format!("template {} waits for its Service, whose name another experiment has", template.name)
    } else {
        format!("template {} has {} of {wanted} pods available", template.name, template.available_replicas)
    };
    let since = template.last_transition_time.as_ref().map(|at| at.0);
    let deadline = since.and_then(|since| since.checked_add(templates::patience(experiment)).ok());
    Reason::new("ExperimentPodsMissing", Urgency::Moving, text)
        .on(ObjectRef::new("ReplicaSet", namespace(experiment), templates::name(experiment, &template.name)))
        .since(since)
        .then("the experiment fails", deadline)
}

fn running(experiment: &Experiment, run: &ExperimentAnalysisRunStatus) -> Reason {
    let is_required = experiment.spec.analyses.iter().any(|one| one.name == run.name && one.required_for_completion);
    let rest = if is_required { ", which the experiment waits for" } else { "" };
    let text = format!("analysis {} is not decided yet{rest}", run.name);
    Reason::new("ExperimentAnalysisRuns", Urgency::Moving, text).on(ObjectRef::new(
        "AnalysisRun",
        namespace(experiment),
        &run.analysis_run,
    ))
}

fn name(experiment: &Experiment) -> &str {
    experiment.metadata.name.as_deref().unwrap_or_default()
}

fn object(experiment: &Experiment) -> ObjectRef {
    ObjectRef::new("Experiment", namespace(experiment), name(experiment))
}

fn namespace(experiment: &Experiment) -> &str {
    experiment.metadata.namespace.as_deref().unwrap_or_default()
}
