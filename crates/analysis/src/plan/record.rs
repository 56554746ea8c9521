//! Taking a measurement into the results.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tiphys_api::{
    constants::analysis_phase::{self, ERROR, FAILED, INCONCLUSIVE, RUNNING, SUCCESSFUL},
    types::{Measurement, MetricResult},
};

use super::{Rules, whole_second};

/// A measurement that was taken.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Taken {
    /// Name of the metric.
    pub metric: String,
    /// The measurement.
    pub measurement: Measurement,
    /// Whether it continues the last one.
    pub is_continued: bool,
    /// Facts about the metric from its provider, for a first result.
    pub metadata: BTreeMap<String, String>,
}

/// Takes a measurement in: counts it and appends it, or puts it in place of the one that it continues.
pub fn record(results: &mut Vec<MetricResult>, rules: &Rules, taken: Taken, now: Timestamp) {
    let Taken { metric, mut measurement, is_continued, metadata } = taken;
    let position = results.iter().position(|result| result.name == metric);
    let at = position.unwrap_or_else(|| {
        results.push(MetricResult {
            phase: RUNNING.to_owned(),
            dry_run: rules.is_dry_run(&metric),
            name: metric,
            metadata,
            ..MetricResult::default()
        });
        results.len() - 1
    });
    let result = &mut results[at];
    if analysis_phase::is_completed(&measurement.phase) {
        measurement.finished_at.get_or_insert(whole_second(now));
        count(result, &measurement.phase);
    }
    match result.measurements.last_mut() {
        Some(last) if is_continued => *last = measurement,
        _ => result.measurements.push(measurement),
    }
}

fn count(result: &mut MetricResult, phase: &str) {
    match phase {
        SUCCESSFUL => result.successful += 1,
        FAILED => result.failed += 1,
        INCONCLUSIVE => result.inconclusive += 1,
        _ => result.error += 1,
    }
    if phase == ERROR {
        result.consecutive_error += 1;
    } else {
        result.count += 1;
        result.consecutive_error = 0;
    }
    result.consecutive_success = if phase == SUCCESSFUL { result.consecutive_success + 1 } else { 0 };
}
