//! Which measurements are taken now.

use jiff::{SignedDuration, Timestamp};
use tiphys_api::{
    AnalysisRun,
    constants::analysis_phase,
    duration,
    types::{Measurement, Metric},
};

use super::{Checked, ERROR_RETRY, effective_count, is_completed, last_measurement, result_of};

/// What is done about a metric now.
#[derive(Debug, Clone, PartialEq)]
pub enum Due {
    /// Begin a measurement.
    Run,
    /// Look at one that was begun.
    Resume(Measurement),
    /// Stop one that was begun: the run ends.
    Terminate(Measurement),
}

/// A metric and what is done about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Position of the metric in the spec.
    pub index: usize,
    /// Its name.
    pub metric: String,
    /// What is done.
    pub due: Due,
}

/// Returns whether a run ends: somebody asked, or a metric that decides has ended badly.
#[must_use]
pub(super) fn is_terminating(run: &AnalysisRun) -> bool {
    let is_bad =
        |phase: &str| matches!(phase, analysis_phase::FAILED | analysis_phase::ERROR | analysis_phase::INCONCLUSIVE);
    run.spec.terminate || run.status.metric_results.iter().any(|result| !result.dry_run && is_bad(&result.phase))
}

/// Returns what is to be measured now, in the order of the spec.
#[must_use]
pub fn due(run: &AnalysisRun, checked: &Checked, now: Timestamp) -> Vec<Task> {
    let is_terminating = is_terminating(run);
    let task = |(index, metric): (usize, &Metric)| {
        let due = one(run, metric, is_terminating, now)?;
        Some(Task { index, metric: metric.name.clone(), due })
    };
    checked.metrics.iter().enumerate().filter_map(task).collect()
}

fn one(run: &AnalysisRun, metric: &Metric, is_terminating: bool, now: Timestamp) -> Option<Due> {
    if is_completed(&run.status, metric) {
        return None;
    }
    match last_measurement(&run.status, &metric.name) {
        Some(last) if last.finished_at.is_none() => {
            let is_early = last.resume_at.as_ref().is_some_and(|at| at.0 > now);
            match (is_terminating, is_early) {
                (true, _) => Some(Due::Terminate(last.clone())),
                (false, true) => None,
                (false, false) => Some(Due::Resume(last.clone())),
            }
        }
        _ if is_terminating => None,
        None => is_delay_over(run, metric, now).then_some(Due::Run),
        Some(last) => is_overdue(run, metric, last, now).then_some(Due::Run),
    }
}

fn is_delay_over(run: &AnalysisRun, metric: &Metric, now: Timestamp) -> bool {
    if metric.initial_delay.is_empty() {
        return true;
    }
    let started = run.status.started_at.as_ref();
    let begins = started.and_then(|started| started.0.checked_add(duration::parse(&metric.initial_delay).ok()?).ok());
    begins.is_some_and(|begins| begins <= now)
}

fn is_overdue(run: &AnalysisRun, metric: &Metric, last: &Measurement, now: Timestamp) -> bool {
    let count = result_of(&run.status, &metric.name).map_or(0, |result| result.count);
    if effective_count(metric).is_some_and(|wanted| count >= wanted) {
        return false;
    }
    let at = last.finished_at.as_ref().and_then(|at| at.0.checked_add(wait(metric, last)?).ok());
    at.is_some_and(|at| now > at)
}

/// Returns how long to wait after a measurement.
fn wait(metric: &Metric, last: &Measurement) -> Option<SignedDuration> {
    if last.phase == analysis_phase::ERROR || metric.interval.is_empty() {
        Some(ERROR_RETRY)
    } else {
        duration::parse(&metric.interval).ok()
    }
}
