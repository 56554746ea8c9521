//! Why an Experiment is where it is.

use tiphys_api::{
    AnalysisRun, Experiment,
    constants::analysis_phase,
    types::{ExperimentStatus, TemplateStatus},
};
use tiphys_runtime::reason::{ObjectRef, Reason, Urgency};

use super::{Pass, end_from, is_finished, templates};

/// Returns what it waits for, most important first.
pub(super) fn reasons(pass: &Pass<'_>, status: &ExperimentStatus) -> Vec<Reason> {
    let me = object(pass.experiment);
    if is_finished(&status.phase) {
        return vec![finished(status).on(me)];
    }
    let waiting = status.template_statuses.iter().filter(|template| is_waiting(template));
    let mut reasons: Vec<Reason> = waiting.map(|template| pods(pass, template)).collect();
    let runs = pass.experiment.spec.analyses.iter().filter_map(|analysis| {
        let known = status.analysis_runs.iter().find(|run| run.name == analysis.name)?;
        let run = pass.seen.runs.get(&known.analysis_run)?;
        (!is_finished(&known.phase)).then(|| running(pass.experiment, &analysis.name, run))
    });
    reasons.extend(runs);
    let end = status.available_at.as_ref().and_then(|at| end_from(pass.experiment, at.0));
    match end {
        Some(end) if end > pass.now => reasons.push(
            Reason::new("ExperimentRuns", Urgency::Moving, "the experiment runs its time")
                .on(me)
                .then("the experiment ends", end),
        ),
        None if reasons.is_empty() => reasons.push(
            Reason::new(
                "ExperimentHasNoEnd",
                Urgency::NeedsDecision,
                "the experiment has no duration and runs until it is told to end",
            )
            .on(me)
            .remedy(format!("terminate experiment {}", pass.seen.name()), "ends the experiment"),
        ),
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

fn pods(pass: &Pass<'_>, template: &TemplateStatus) -> Reason {
    let wanted = pass.experiment.spec.templates.iter().find(|spec| spec.name == template.name);
    let wanted = wanted.map_or(0, |spec| templates::desired(pass, spec, template));
    let text = format!("template {} has {} of {wanted} pods available", template.name, template.available_replicas);
    let reason = Reason::new("ExperimentPodsMissing", Urgency::Moving, text)
        .then("the experiment fails", templates::deadline(pass, template));
    match pass.seen.replica_set(&template.name) {
        Some(set) => reason.on(ObjectRef::new("ReplicaSet", namespace(pass.experiment), &set.name)),
        None => reason.on(object(pass.experiment)),
    }
}

fn running(experiment: &Experiment, analysis: &str, run: &AnalysisRun) -> Reason {
    let name = run.metadata.name.as_deref().unwrap_or_default();
    Reason::new("ExperimentAnalysisRuns", Urgency::Moving, format!("analysis {analysis} is not decided yet"))
        .on(ObjectRef::new("AnalysisRun", namespace(experiment), name))
}

fn object(experiment: &Experiment) -> ObjectRef {
    ObjectRef::new("Experiment", namespace(experiment), experiment.metadata.name.as_deref().unwrap_or_default())
}

fn namespace(experiment: &Experiment) -> &str {
    experiment.metadata.namespace.as_deref().unwrap_or_default()
}
