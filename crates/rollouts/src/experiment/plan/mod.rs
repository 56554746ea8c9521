//! What to do next for an Experiment: a pure function of what was observed and the time.
//!
//! [`plan`] reads as the specification does: the spec is checked, then every template gets its ReplicaSet, its size and its
//! Service, then every analysis its run, then the phase follows from both.

mod analyses;
mod conditions;
mod explain;
mod phase;
mod service;
mod templates;
mod validate;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tiphys_api::{
    Experiment,
    constants::analysis_phase,
    defaults,
    types::{ExperimentStatus, Time},
};
use tiphys_machinery::go_duration;
use tiphys_runtime::recorder::{Note, Severity};

pub use self::explain::reasons;
use super::{action::Plan, observe::Observed};
use crate::plan::merge;

/// Returns what to do for one Experiment now.
///
/// Guarantees: the same arguments give the same plan; a plan for a settled Experiment is settled ([`Plan::is_settled`]).
pub fn plan(seen: &Observed, now: Timestamp) -> Plan {
    let experiment = &seen.experiment.typed;
    if experiment.metadata.deletion_timestamp.is_some() {
        // The garbage collector takes what it owns.
        return Plan::default();
    }
    if let Some(message) = validate::invalid(experiment) {
        return invalid(experiment, &message, now);
    }
    let pass = Pass::new(seen, now);
    let mut plan = Plan::default();
    let mut status = experiment.status.clone();
    conditions::clear_invalid(&mut status);
    status.template_statuses = templates::plan(&pass, &mut plan);
    status.analysis_runs = analyses::plan(&pass, &mut plan);
    phase::apply(&pass, &mut status);
    conditions::apply(&pass, &mut status);
    tell(experiment, &status, &mut plan);
    plan.requeue_at(pass.next_check(&status));
    plan.status = patch(experiment, &status);
    plan.reasons = explain::reasons(&Experiment { status, ..experiment.clone() }, now);
    plan
}

/// What the whole pass knows.
pub(super) struct Pass<'a> {
    pub(super) seen: &'a Observed,
    pub(super) experiment: &'a Experiment,
    pub(super) now: Timestamp,
    /// It is ending, by what was stored before this pass.
    pub(super) is_terminating: bool,
    /// Its time is over.
    pub(super) is_over: bool,
}

impl<'a> Pass<'a> {
    fn new(seen: &'a Observed, now: Timestamp) -> Self {
        let experiment = &seen.experiment.typed;
        let end = end(experiment);
        // Pods stay while an analysis that must complete still looks at them.
        let is_over = end.is_some_and(|end| now >= end) && !has_unfinished_required(experiment, &experiment.status);
        Self { seen, experiment, now, is_terminating: is_terminating(experiment), is_over }
    }

    pub(super) fn stamp(&self) -> Time {
        seconds(self.now)
    }

    fn next_check(&self, status: &ExperimentStatus) -> Option<Timestamp> {
        if self.is_terminating {
            return None;
        }
        let end = status.available_at.as_ref().and_then(|at| end_from(self.experiment, at.0));
        let deadlines = status.template_statuses.iter().filter_map(|template| templates::deadline(self, template));
        end.into_iter().filter(|at| *at > self.now).chain(deadlines).min()
    }
}

/// When its time is over; `None` without a limit or before all templates were available.
fn end(experiment: &Experiment) -> Option<Timestamp> {
    end_from(experiment, experiment.status.available_at.as_ref()?.0)
}

/// A duration that cannot be read is none, as upstream has it.
fn end_from(experiment: &Experiment, available: Timestamp) -> Option<Timestamp> {
    let duration =
        go_duration::parse(&experiment.spec.duration).ok().filter(|duration| *duration > SignedDuration::ZERO)?;
    available.checked_add(duration).ok()
}

/// Whether it is ending: it was told to, it has ended, a part of it has failed, or all that it waited for is done.
fn is_terminating(experiment: &Experiment) -> bool {
    let status = &experiment.status;
    let failed = [analysis_phase::FAILED, analysis_phase::ERROR];
    let unsuccessful = [analysis_phase::FAILED, analysis_phase::ERROR, analysis_phase::INCONCLUSIVE];
    experiment.spec.terminate
        || is_finished(&status.phase)
        || status.template_statuses.iter().any(|template| failed.contains(&template.status.as_str()))
        || status.analysis_runs.iter().any(|run| unsuccessful.contains(&run.phase.as_str()))
        || is_required_done(experiment, status)
}

/// Whether there are analyses that must complete, and all of them were successful.
fn is_required_done(experiment: &Experiment, status: &ExperimentStatus) -> bool {
    let mut required = experiment.spec.analyses.iter().filter(|analysis| analysis.required_for_completion).peekable();
    required.peek().is_some() && required.all(|analysis| phase_of(status, &analysis.name) == analysis_phase::SUCCESSFUL)
}

fn has_unfinished_required(experiment: &Experiment, status: &ExperimentStatus) -> bool {
    let mut required = experiment.spec.analyses.iter().filter(|analysis| analysis.required_for_completion);
    required.any(|analysis| !is_finished(phase_of(status, &analysis.name)))
}

fn phase_of<'a>(status: &'a ExperimentStatus, analysis: &str) -> &'a str {
    status.analysis_runs.iter().find(|run| run.name == analysis).map_or("", |run| run.phase.as_str())
}

/// Whether a phase is a last one.
pub(super) fn is_finished(phase: &str) -> bool {
    [analysis_phase::SUCCESSFUL, analysis_phase::FAILED, analysis_phase::ERROR, analysis_phase::INCONCLUSIVE]
        .contains(&phase)
}

/// An Experiment of which nothing can be done.
fn invalid(experiment: &Experiment, message: &str, now: Timestamp) -> Plan {
    let mut status = experiment.status.clone();
    let is_news = conditions::set_invalid(&mut status, message, now);
    let event = Note::warning("InvalidSpec", message);
    Plan {
        status: patch(experiment, &status),
        events: is_news.then_some(event).into_iter().collect(),
        reasons: vec![explain::invalid(experiment, message)],
        ..Plan::default()
    }
}

/// The words about every part that has another phase than before.
fn tell(experiment: &Experiment, status: &ExperimentStatus, plan: &mut Plan) {
    let before = &experiment.status;
    for template in &status.template_statuses {
        let former = before.template_statuses.iter().find(|former| former.name == template.name);
        let former = former.map_or("", |former| former.status.as_str());
        let subject = format!("Template '{}'", template.name);
        plan.events.extend(transition("Template", &subject, former, &template.status, &template.message));
    }
    for run in &status.analysis_runs {
        let subject = format!("AnalysisRun '{}'", run.name);
        let note = transition("AnalysisRun", &subject, phase_of(before, &run.name), &run.phase, &run.message);
        plan.events.extend(note.clone());
        plan.owner_events.extend(note.filter(|_| has_rollout(experiment)));
    }
    plan.events.extend(transition("Experiment", "Experiment", &before.phase, &status.phase, ""));
}

fn transition(kind: &str, subject: &str, before: &str, after: &str, message: &str) -> Option<Note> {
    if before == after || after.is_empty() {
        return None;
    }
    let bad = [analysis_phase::FAILED, analysis_phase::ERROR, analysis_phase::INCONCLUSIVE];
    let severity = if bad.contains(&after) { Severity::Warning } else { Severity::Normal };
    let why = if message.is_empty() { String::new() } else { format!(": {message}") };
    let message = format!("{subject} transitioned from {before} -> {after}{why}");
    Some(Note { severity, reason: format!("{kind}{after}"), message })
}

fn has_rollout(experiment: &Experiment) -> bool {
    experiment.metadata.owner_references.iter().flatten().any(|owner| owner.kind == "Rollout")
}

fn patch(experiment: &Experiment, status: &ExperimentStatus) -> Option<serde_json::Value> {
    let change = merge::diff(&json!(experiment.status), &json!(status))?;
    Some(json!({"status": change}))
}

/// The API keeps whole seconds.
fn seconds(at: Timestamp) -> Time {
    Time(Timestamp::from_second(at.as_second()).unwrap_or(at))
}

/// The seconds that a ReplicaSet stays up after the end.
fn delay(experiment: &Experiment) -> SignedDuration {
    defaults::experiment_scale_down_delay(experiment)
}

#[cfg(test)]
mod tests;
