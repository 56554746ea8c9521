//! What the results say about the metrics and the run.

use jiff::Timestamp;
use tiphys_api::{
    AnalysisRun,
    constants::analysis_phase::{self, ERROR, FAILED, INCONCLUSIVE, PENDING, RUNNING, SUCCESSFUL},
    defaults::{consecutive_error_limit, int_value},
    types::{Metric, MetricResult, RunSummary},
};
use tiphys_runtime::recorder::Note;

use super::{Checked, due::is_terminating, effective_count, whole_second};

/// What is thought of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// Its phase.
    pub phase: String,
    /// Why.
    pub message: String,
}

/// Sets phases, messages, summaries and times of a run; returns what is told.
pub(super) fn apply(run: &mut AnalysisRun, checked: &Checked, now: Timestamp) -> Vec<Note> {
    let (assessment, mut events) = assess(run, checked, now);
    if assessment.phase != run.status.phase {
        let is_completed = analysis_phase::is_completed(&assessment.phase);
        run.status.phase = assessment.phase;
        run.status.message = assessment.message;
        if is_completed {
            events.push(completion(&run.status.phase));
            run.status.completed_at.get_or_insert(whole_second(now));
        }
    }
    events
}

/// Returns the event of a run that has ended.
pub(super) fn completion(phase: &str) -> Note {
    note(phase, format!("AnalysisRun{phase}"), format!("Analysis Completed. Result: {phase}"))
}

fn note(phase: &str, reason: String, message: String) -> Note {
    if matches!(phase, ERROR | FAILED) { Note::warning(reason, message) } else { Note::normal(reason, message) }
}

/// Assesses every metric, in the order of the spec, and then the run; sets `startedAt`, the metrics' phases and messages and
/// the summaries. Metrics in dry-run never change what the run comes to.
pub fn assess(run: &mut AnalysisRun, checked: &Checked, now: Timestamp) -> (Assessment, Vec<Note>) {
    let is_terminating = is_terminating(run);
    run.status.started_at.get_or_insert(whole_second(now));
    let mut events = Vec::new();
    let mut whole = Whole::new(run.spec.terminate);
    for metric in &checked.metrics {
        let is_dry_run = checked.rules.is_dry_run(&metric.name);
        whole.summary(is_dry_run).count += 1;
        let found = run.status.metric_results.iter_mut().find(|result| result.name == metric.name);
        let Some(result) = found else {
            whole.is_complete = false;
            continue;
        };
        events.extend(update(metric, result, is_terminating));
        if analysis_phase::is_completed(&result.phase) {
            whole.take_in(metric, result, is_dry_run);
        } else {
            whole.is_complete = false;
        }
    }
    run.status.run_summary = whole.decisive.clone();
    run.status.dry_run_summary = Some(whole.dry_run.clone());
    (whole.verdict(is_terminating), events)
}

/// Sets the phase of a metric; returns what is told if it ended.
fn update(metric: &Metric, result: &mut MetricResult, is_terminating: bool) -> Option<Note> {
    let phase = metric_phase(metric, result, is_terminating);
    if result.phase == phase {
        return None;
    }
    phase.clone_into(&mut result.phase);
    if let Some(last) = result.measurements.last() {
        result.message.clone_from(&last.message);
    }
    let text = || format!("Metric '{}' Completed. Result: {phase}", metric.name);
    analysis_phase::is_completed(&phase).then(|| note(&phase, format!("Metric{phase}"), text()))
}

/// The run as it adds up.
struct Whole {
    worst: String,
    message: String,
    is_complete: bool,
    decisive: RunSummary,
    dry_run: RunSummary,
}

impl Whole {
    fn new(is_terminated: bool) -> Self {
        Self {
            worst: String::new(),
            message: if is_terminated { "Run Terminated".to_owned() } else { String::new() },
            is_complete: true,
            decisive: RunSummary::default(),
            dry_run: RunSummary::default(),
        }
    }

    fn summary(&mut self, is_dry_run: bool) -> &mut RunSummary {
        if is_dry_run { &mut self.dry_run } else { &mut self.decisive }
    }

    fn take_in(&mut self, metric: &Metric, result: &mut MetricResult, is_dry_run: bool) {
        let exceeded = limit_exceeded(metric, result);
        let summary = self.summary(is_dry_run);
        match exceeded.as_ref().map(|(phase, _)| *phase) {
            Some(ERROR) => summary.error += 1,
            Some(FAILED) => summary.failed += 1,
            Some(INCONCLUSIVE) => summary.inconclusive += 1,
            _ => summary.successful += 1,
        }
        let why = exceeded.map(|(_, why)| why);
        if is_dry_run {
            if self.worst.is_empty() {
                SUCCESSFUL.clone_into(&mut self.worst);
            }
            if let Some(why) = why {
                result.message = format!("Metric assessed {} due to {why}", result.phase);
            }
        } else if self.worst.is_empty() || rank(&result.phase) > rank(&self.worst) {
            self.worst.clone_from(&result.phase);
            if let Some(why) = why {
                self.message = format!("Metric \"{}\" assessed {} due to {why}", metric.name, result.phase);
                if !result.message.is_empty() {
                    self.message.push_str(&format!(": \"Error Message: {}\"", result.message));
                }
            }
        }
    }

    fn verdict(self, is_terminating: bool) -> Assessment {
        let message = self.message.trim().to_owned();
        if is_terminating {
            let phase = if self.worst.is_empty() { SUCCESSFUL.to_owned() } else { self.worst };
            return Assessment { phase, message };
        }
        if !self.is_complete || self.worst.is_empty() {
            return Assessment { phase: RUNNING.to_owned(), message: String::new() };
        }
        Assessment { phase: self.worst, message }
    }
}

/// From best to worst.
fn rank(phase: &str) -> usize {
    let order = [SUCCESSFUL, RUNNING, PENDING, INCONCLUSIVE, ERROR, FAILED];
    order.iter().position(|known| *known == phase).unwrap_or(0)
}

/// Returns the phase that a metric is in.
fn metric_phase(metric: &Metric, result: &MetricResult, is_terminating: bool) -> String {
    if analysis_phase::is_completed(&result.phase) {
        return result.phase.clone();
    }
    let phase = match result.measurements.last() {
        None if is_terminating => SUCCESSFUL,
        None => PENDING,
        Some(last) if !analysis_phase::is_completed(&last.phase) => RUNNING,
        Some(_) => match limit_exceeded(metric, result) {
            Some((phase, _)) => phase,
            None => within_limits(metric, result, is_terminating),
        },
    };
    phase.to_owned()
}

/// The phase of a metric of which no limit is exceeded.
fn within_limits(metric: &Metric, result: &MetricResult, is_terminating: bool) -> &'static str {
    let wanted = metric.consecutive_success_limit.as_ref().map_or(0, int_value);
    if wanted > 0 && result.consecutive_success >= wanted {
        return SUCCESSFUL;
    }
    if effective_count(metric).is_some_and(|count| result.count >= count) {
        let may_fail = metric.failure_limit.as_ref().is_none_or(|limit| int_value(limit) >= 0);
        return match (wanted > 0, may_fail) {
            (true, true) => INCONCLUSIVE,
            (true, false) => FAILED,
            (false, _) => SUCCESSFUL,
        };
    }
    if is_terminating { SUCCESSFUL } else { RUNNING }
}

/// Returns the limit that a metric has exceeded: the phase that it means, and how it is put. Of several, errors weigh most,
/// then inconclusive measurements.
#[must_use]
pub fn limit_exceeded(metric: &Metric, result: &MetricResult) -> Option<(&'static str, String)> {
    let limit = consecutive_error_limit(metric);
    if result.consecutive_error > limit {
        let count = result.consecutive_error;
        return Some((ERROR, format!("consecutiveErrors ({count}) > consecutiveErrorLimit ({limit})")));
    }
    let limit = metric.inconclusive_limit.as_ref().map_or(0, int_value);
    if result.inconclusive > limit {
        let count = result.inconclusive;
        return Some((INCONCLUSIVE, format!("inconclusive ({count}) > inconclusiveLimit ({limit})")));
    }
    let limit = metric.failure_limit.as_ref().map_or(0, int_value);
    let is_failed = limit >= 0 && result.failed > limit;
    is_failed.then(|| (FAILED, format!("failed ({}) > failureLimit ({limit})", result.failed)))
}
