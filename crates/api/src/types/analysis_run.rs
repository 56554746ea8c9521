//! AnalysisRun.

use std::collections::BTreeMap;

use super::{Argument, DryRun, MeasurementRetention, Metric, Time, api_types};

api_types! {
    /// What an AnalysisRun measures.
    AnalysisRunSpec {
        /// Measurements.
        metrics!: Vec<Metric>,
        /// Arguments, fully merged.
        args: Vec<Argument>,
        /// Whether to stop early.
        terminate: bool,
        /// Metrics that do not decide.
        dry_run: Vec<DryRun>,
        /// How many measurements to keep.
        measurement_retention: Vec<MeasurementRetention>,
        /// When the finished run deletes itself.
        ttl_strategy: Option<TtlStrategy>,
    }

    /// When a finished run deletes itself.
    TtlStrategy {
        /// Seconds after any end.
        seconds_after_completion: Option<i32>,
        /// Seconds after a failure.
        seconds_after_failure: Option<i32>,
        /// Seconds after success.
        seconds_after_success: Option<i32>,
    }

    /// What an AnalysisRun has found.
    AnalysisRunStatus {
        /// One of [`crate::constants::analysis_phase`], or empty.
        phase!: String,
        /// Why.
        message: String,
        /// One for each metric, in the order of their first results.
        metric_results: Vec<MetricResult>,
        /// Start.
        started_at: Option<Time>,
        /// Numbers of metrics.
        run_summary: RunSummary,
        /// Numbers of metrics that do not decide.
        dry_run_summary: Option<RunSummary>,
        /// End.
        completed_at: Option<Time>,
    }

    /// Numbers of metrics.
    RunSummary {
        /// All.
        count: i32,
        /// Successful.
        successful: i32,
        /// Failed.
        failed: i32,
        /// Inconclusive.
        inconclusive: i32,
        /// Errored.
        error: i32,
    }

    /// What was found for one metric.
    MetricResult {
        /// Its name.
        name!: String,
        /// Its phase.
        phase!: String,
        /// The last measurements.
        measurements: Vec<Measurement>,
        /// Why.
        message: String,
        /// Measurements without error.
        count: i32,
        /// Successful ones.
        successful: i32,
        /// Failed ones.
        failed: i32,
        /// Inconclusive ones.
        inconclusive: i32,
        /// Errors.
        error: i32,
        /// Errors in a row.
        consecutive_error: i32,
        /// Whether it does not decide.
        dry_run: bool,
        /// Facts from the provider.
        metadata: BTreeMap<String, String>,
        /// Successes in a row.
        consecutive_success: i32,
    }

    /// One measurement.
    Measurement {
        /// Its phase.
        phase!: String,
        /// Why.
        message: String,
        /// Start.
        started_at: Option<Time>,
        /// End.
        finished_at: Option<Time>,
        /// The value as text.
        value: String,
        /// Facts from the provider.
        metadata: BTreeMap<String, String>,
        /// When an unfinished measurement is looked at again.
        resume_at: Option<Time>,
    }
}
