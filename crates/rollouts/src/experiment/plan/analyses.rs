//! The AnalysisRun of each analysis.

use std::collections::BTreeMap;

use serde_json::json;
use tiphys_analysis::template::{ExperimentTemplate, experiment_argument, resolve_references, run_spec, same_run};
use tiphys_api::{
    AnalysisRun,
    constants::{analysis_phase, labels::INSTANCE_ID},
    types::{
        API_VERSION, AnalysisRunSpec, AnalysisTemplateRef, Argument, ExperimentAnalysis, ExperimentAnalysisRunStatus,
        ObjectMeta,
    },
};
use tiphys_runtime::recorder::Note;

use super::{Pass, is_finished, templates};
use crate::{
    action::Target,
    experiment::{
        action::{Action, Plan, Step},
        observe::Wanted,
    },
};

/// Plans all analyses and returns what is known of their runs.
pub(super) fn plan(pass: &Pass<'_>, plan: &mut Plan) -> Vec<ExperimentAnalysisRunStatus> {
    let mut all = pass.experiment.status.analysis_runs.clone();
    for analysis in &pass.experiment.spec.analyses {
        let position = all.iter().position(|status| status.name == analysis.name);
        let former = position.map(|position| all[position].clone());
        let Some(status) = one(pass, analysis, former, plan) else { continue };
        match position {
            Some(position) => all[position] = status,
            None => all.push(status),
        }
    }
    all
}

fn one(
    pass: &Pass<'_>,
    analysis: &ExperimentAnalysis,
    former: Option<ExperimentAnalysisRunStatus>,
    plan: &mut Plan,
) -> Option<ExperimentAnalysisRunStatus> {
    if let Some(status) = former.filter(|status| !status.analysis_run.is_empty() || is_finished(&status.phase)) {
        return Some(follow(pass, analysis, status, plan));
    }
    if pass.is_terminating {
        return None;
    }
    let built = build(pass, analysis);
    if pass.experiment.status.available_at.is_none() {
        // Everything that can be known is checked before pods cost anything.
        return built.err().map(|error| failed(analysis, verification(analysis, &error)));
    }
    let refusal = pass.seen.recall.refusals.get(&Wanted::Run(analysis.name.clone()));
    match (built, refusal) {
        (Ok(wanted), None) => {
            let name = wanted.metadata.name.clone().unwrap_or_default();
            let status = ExperimentAnalysisRunStatus {
                name: analysis.name.clone(),
                analysis_run: name.clone(),
                phase: analysis_phase::PENDING.to_owned(),
                message: String::new(),
            };
            if !pass.seen.runs.contains_key(&name) {
                let mut object = json!(wanted);
                object["apiVersion"] = json!(API_VERSION);
                object["kind"] = json!("AnalysisRun");
                let action = Action::CreateRun { analysis: analysis.name.clone(), name, object };
                plan.steps.push(Step { action, event: None });
            }
            Some(status)
        }
        (Err(error), _) => Some(failed(analysis, creation(analysis, &error))),
        (_, Some(error)) => Some(failed(analysis, creation(analysis, error))),
    }
}

/// Copies what a run says, also at the end, and asks it to end when the Experiment does.
fn follow(
    pass: &Pass<'_>,
    analysis: &ExperimentAnalysis,
    mut status: ExperimentAnalysisRunStatus,
    plan: &mut Plan,
) -> ExperimentAnalysisRunStatus {
    let Some(run) = pass.seen.runs.get(&status.analysis_run) else {
        if !is_finished(&status.phase) && !status.analysis_run.is_empty() {
            let message = format!("analysisruns.argoproj.io \"{}\" not found", status.analysis_run);
            return ExperimentAnalysisRunStatus { analysis_run: status.analysis_run, ..failed(analysis, message) };
        }
        return status;
    };
    if is_finished(&status.phase) {
        return status;
    }
    if !run.status.phase.is_empty() {
        status.phase.clone_from(&run.status.phase);
        status.message.clone_from(&run.status.message);
    }
    if pass.is_terminating && !run.spec.terminate && !is_finished(&run.status.phase) {
        plan.steps.push(terminate(analysis, run));
    }
    status
}

fn terminate(analysis: &ExperimentAnalysis, run: &AnalysisRun) -> Step {
    let name = run.metadata.name.clone().unwrap_or_default();
    let event = Note::normal("AnalysisRunTerminating", format!("Terminating {} ({name})", analysis.name));
    let target = Target { name, uid: run.metadata.uid.clone().unwrap_or_default() };
    Step { action: Action::TerminateRun(target), event: Some(event) }
}

fn failed(analysis: &ExperimentAnalysis, message: String) -> ExperimentAnalysisRunStatus {
    let phase = analysis_phase::ERROR.to_owned();
    ExperimentAnalysisRunStatus { name: analysis.name.clone(), phase, message, ..Default::default() }
}

fn verification(analysis: &ExperimentAnalysis, error: &str) -> String {
    let kind = if analysis.cluster_scope == Some(true) { "ClusterAnalysisTemplate" } else { "AnalysisTemplate" };
    format!("{kind} verification failed for analysis '{}': {error}", analysis.name)
}

fn creation(analysis: &ExperimentAnalysis, error: &str) -> String {
    format!("Failed to create AnalysisRun for analysis '{}': {error}", analysis.name)
}

/// Returns the run of an analysis.
fn build(pass: &Pass<'_>, analysis: &ExperimentAnalysis) -> Result<AnalysisRun, String> {
    let reference =
        AnalysisTemplateRef { template_name: analysis.template_name.clone(), cluster_scope: analysis.cluster_scope };
    let found = resolve_references(&[reference], &pass.seen.templates).map_err(|error| error.to_string())?;
    let arguments = arguments(pass, analysis)?;
    let (dry_run, retention) = (&pass.experiment.spec.dry_run, &pass.experiment.spec.measurement_retention);
    let spec = run_spec(found, &arguments, dry_run, retention).map_err(|error| error.to_string())?;
    let own = &pass.experiment.metadata;
    let more = &pass.experiment.spec.analysis_run_metadata;
    let instance = own.labels.iter().flatten().filter(|(key, _)| *key == INSTANCE_ID);
    let labels = instance.chain(&more.labels).map(|(key, value)| (key.clone(), value.clone()));
    let metadata = ObjectMeta {
        name: Some(free_name(pass, &format!("{}-{}", pass.seen.name(), analysis.name), &spec)),
        namespace: own.namespace.clone(),
        labels: Some(labels.collect()),
        annotations: Some(more.annotations.clone().into_iter().collect()),
        owner_references: serde_json::from_value(json!([templates::owner(pass)])).ok(),
        ..ObjectMeta::default()
    };
    Ok(AnalysisRun { metadata, spec, ..AnalysisRun::default() })
}

/// `.1`, `.2` and so on are appended to a name that somebody else has, or a run of an earlier try. A run of ours that a death
/// has kept out of the status is taken.
fn free_name(pass: &Pass<'_>, base: &str, spec: &AnalysisRunSpec) -> String {
    let is_free = |name: &String| match pass.seen.runs.get(name) {
        Some(run) => !is_finished(&run.status.phase) && !run.spec.terminate && same_run(spec, &run.spec),
        None => !pass.seen.recall.taken.contains(name),
    };
    let mut names = std::iter::once(base.to_owned()).chain((1..).map(|number| format!("{base}.{number}")));
    names.find(is_free).unwrap_or_else(|| base.to_owned())
}

/// Before the pods are there the placeholders for them stand for anything.
fn arguments(pass: &Pass<'_>, analysis: &ExperimentAnalysis) -> Result<Vec<Argument>, String> {
    let known = pass.experiment.spec.templates.iter().map(|template| {
        let set = pass.seen.replica_set(&template.name);
        let view =
            set.map(|set| ExperimentTemplate { pod_template_hash: set.hash.clone(), replica_set: set.name.clone() });
        (template.name.clone(), view.unwrap_or_default())
    });
    let templates: BTreeMap<String, ExperimentTemplate> = known.collect();
    let available = pass.experiment.status.available_at.as_ref().map_or(pass.now, |at| at.0);
    let filled = analysis.args.iter().map(|argument| {
        let value = argument
            .value
            .as_ref()
            .map(|value| experiment_argument(value, Some(available), &pass.experiment.spec.duration, &templates));
        let value = value.transpose().map_err(|error| error.to_string())?;
        Ok(Argument { value, value_from: None, ..argument.clone() })
    });
    filled.collect()
}
