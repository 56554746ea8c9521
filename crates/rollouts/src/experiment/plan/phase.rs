//! The phase of the whole, from its templates and analyses.

use tiphys_api::{
    constants::analysis_phase::{ERROR, FAILED, INCONCLUSIVE, PENDING, RUNNING, SUCCESSFUL},
    types::ExperimentStatus,
};

use super::{Pass, is_finished, is_required_done};

/// From the best phase to the worst.
const TEMPLATES: [&str; 5] = [SUCCESSFUL, RUNNING, "Progressing", ERROR, FAILED];
const ANALYSES: [&str; 6] = [SUCCESSFUL, RUNNING, PENDING, INCONCLUSIVE, ERROR, FAILED];

/// Moves the phase on, and notes when everything was available for the first time.
pub(super) fn apply(pass: &Pass<'_>, status: &mut ExperimentStatus) {
    if pass.experiment.status.phase.is_empty() {
        PENDING.clone_into(&mut status.phase);
        return;
    }
    if is_finished(&pass.experiment.status.phase) {
        return;
    }
    let templates = worst(status.template_statuses.iter().map(|one| (one.status.as_str(), &one.message)), &TEMPLATES);
    let (templates, message) = (if templates.0 == "Progressing" { PENDING } else { templates.0 }, templates.1);
    if templates == RUNNING && status.available_at.is_none() {
        status.available_at = Some(pass.stamp());
    }
    let analyses = analyses(pass, status);
    let (phase, message) = if decides(pass, status, templates, analyses.0) { analyses } else { (templates, message) };
    phase.clone_into(&mut status.phase);
    status.message = message;
}

/// Whether the analyses say more than the templates do.
fn decides(pass: &Pass<'_>, status: &ExperimentStatus, templates: &str, analyses: &str) -> bool {
    let is_required_done = is_required_done(pass.experiment, status);
    if is_finished(templates) {
        let has_required = pass.experiment.spec.analyses.iter().any(|analysis| analysis.required_for_completion);
        return templates == SUCCESSFUL && (is_finished(analyses) || has_required);
    }
    is_required_done || (is_finished(analyses) && analyses != SUCCESSFUL)
}

/// The worst analysis. What must complete decides alone once it has, whatever else still runs.
fn analyses(pass: &Pass<'_>, status: &ExperimentStatus) -> (&'static str, String) {
    let of = |phase: &'static str, message: String| (phase, message);
    let phases = status.analysis_runs.iter().map(|run| {
        let phase = if run.phase.is_empty() { SUCCESSFUL } else { run.phase.as_str() };
        (phase, &run.message)
    });
    let (phase, message) = worst(phases, &ANALYSES);
    let is_unsuccessful = [INCONCLUSIVE, ERROR, FAILED].contains(&phase);
    if !is_unsuccessful && is_required_done(pass.experiment, status) {
        return of(SUCCESSFUL, "Required AnalysisRuns completed".to_owned());
    }
    of(if phase == PENDING { RUNNING } else { phase }, message)
}

/// Returns the worst of some phases with its message; the first of several, the best if there are none.
fn worst<'a>(phases: impl Iterator<Item = (&'a str, &'a String)>, order: &[&'static str]) -> (&'static str, String) {
    let mut worst = (0, String::new());
    for (phase, message) in phases {
        let rank = order.iter().position(|known| *known == phase).unwrap_or(0);
        if rank > worst.0 {
            worst = (rank, message.clone());
        }
    }
    (order[worst.0], worst.1)
}
