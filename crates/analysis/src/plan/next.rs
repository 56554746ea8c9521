//! When a run is looked at again.

use jiff::Timestamp;
use tiphys_api::{AnalysisRun, constants::analysis_phase, duration, types::Metric};

use super::{ERROR_RETRY, effective_count, is_completed, last_measurement, result_of};

/// Returns the earliest time at which something is to be measured; `None` if nothing is.
#[must_use]
pub fn next(run: &AnalysisRun, metrics: &[Metric], now: Timestamp) -> Option<Timestamp> {
    metrics.iter().filter_map(|metric| one(run, metric, now)).min()
}

fn one(run: &AnalysisRun, metric: &Metric, now: Timestamp) -> Option<Timestamp> {
    let status = &run.status;
    if is_completed(status, metric) {
        return None;
    }
    let after = |at: Timestamp, wait: &str| at.checked_add(duration::parse(wait).ok()?).ok();
    let Some(last) = last_measurement(status, &metric.name) else {
        let started = status.started_at.as_ref().map_or(now, |at| at.0);
        return if metric.initial_delay.is_empty() { None } else { after(started, &metric.initial_delay) };
    };
    let Some(finished) = &last.finished_at else {
        return last.resume_at.as_ref().map(|at| at.0);
    };
    let count = result_of(status, &metric.name).map_or(0, |result| result.count);
    if effective_count(metric).is_some_and(|wanted| count >= wanted) {
        return None;
    }
    if last.phase == analysis_phase::ERROR {
        return finished.0.checked_add(ERROR_RETRY).ok();
    }
    if metric.interval.is_empty() { None } else { after(finished.0, &metric.interval) }
}
