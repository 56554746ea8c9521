//! What an AnalysisRun needs: pure functions of the run and the time.
//!
//! ```text
//!   run, now ──begin──> Refused (the spec is wrong) | Due (measurements to take) | Finished (kept, or its time is over)
//!   measurements taken ──record──> results ──assess──> phase, message, summaries, events
//!   results ──retire──> measurements beyond the retention   ──next──> when to look again
//! ```

mod assess;
mod due;
mod next;
mod record;
mod rules;
mod spec;
mod ttl;
mod validate;

use jiff::{SignedDuration, Timestamp};
use tiphys_api::{
    AnalysisRun,
    constants::analysis_phase,
    types::{AnalysisRunStatus, Measurement, Metric, MetricResult, Time},
};
use tiphys_runtime::recorder::Note;

pub use self::{
    assess::{Assessment, assess, limit_exceeded},
    due::{Due, Task, due},
    next::next,
    record::{Taken, record},
    rules::{DEFAULT_RETENTION, Rules},
    spec::{Checked, SpecError, check},
    ttl::expires_at,
    validate::{ValidateError, effective_count, validate},
};

/// Wait after a measurement that could not be taken.
pub const ERROR_RETRY: SignedDuration = SignedDuration::from_secs(10);

/// How long after its time something is looked at.
const AFTER: SignedDuration = SignedDuration::from_millis(1);

/// What a pass begins with.
#[derive(Debug, Clone, PartialEq)]
pub enum Begin {
    /// Nothing more happens in the run; it is deleted at the time given, if one is.
    Finished(Option<Timestamp>),
    /// The spec is wrong: the run ends with this status and these events.
    Refused(Box<AnalysisRunStatus>, Vec<Note>),
    /// Measurements are to be taken (perhaps none).
    Measure(Checked, Vec<Task>),
}

/// Looks at a run: is it finished, wrong, or what is to be measured now?
#[must_use]
pub fn begin(run: &AnalysisRun, now: Timestamp) -> Begin {
    if analysis_phase::is_completed(&run.status.phase) {
        return Begin::Finished(ttl::expires_at(run));
    }
    match spec::check(&run.spec) {
        Err(error) => {
            let (status, events) = refuse(run, &error.to_string(), now);
            Begin::Refused(Box::new(status), events)
        }
        Ok(checked) => {
            let tasks = due::due(run, &checked, now);
            Begin::Measure(checked, tasks)
        }
    }
}

/// Returns the status of a run that cannot go on, and what is told.
///
/// Upstream leaves the times empty, so that the run is never deleted.
#[must_use]
pub fn refuse(run: &AnalysisRun, message: &str, now: Timestamp) -> (AnalysisRunStatus, Vec<Note>) {
    let mut status = run.status.clone();
    status.phase = analysis_phase::ERROR.to_owned();
    message.clone_into(&mut status.message);
    status.completed_at.get_or_insert(whole_second(now));
    (status, vec![assess::completion(analysis_phase::ERROR)])
}

/// What a pass ends with.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    /// The status.
    pub status: AnalysisRunStatus,
    /// Told once the status is written.
    pub events: Vec<Note>,
    /// When to look again though nothing changes.
    pub requeue: Option<Timestamp>,
    /// Metrics whose measurements were trimmed, with how many stay: their providers may clean up.
    pub trimmed: Vec<(String, usize)>,
}

/// Takes in the measurements that were taken and decides.
#[must_use]
pub fn end(run: &AnalysisRun, checked: &Checked, taken: Vec<Taken>, now: Timestamp) -> End {
    let was_terminating = due::is_terminating(run);
    let mut run = run.clone();
    for taken in taken {
        record::record(&mut run.status.metric_results, &checked.rules, taken, now);
    }
    debug_assert!(was_terminating == due::is_terminating(&run), "measurements alone end no run");
    let events = assess::apply(&mut run, checked, now);
    let trimmed = trim(&mut run.status.metric_results, &checked.rules);
    // A measurement is due strictly after its time: asking again at that time itself would find nothing, for ever.
    let requeue = next::next(&run, &checked.metrics, now).map(|at| at.max(now) + AFTER);
    let requeue = if analysis_phase::is_completed(&run.status.phase) { ttl::expires_at(&run) } else { requeue };
    End { status: run.status, events, requeue, trimmed }
}

fn trim(results: &mut [MetricResult], rules: &Rules) -> Vec<(String, usize)> {
    let mut trimmed = Vec::new();
    for result in results {
        let limit = rules.retention(&result.name);
        if result.measurements.len() > limit {
            result.measurements.drain(..result.measurements.len() - limit);
            trimmed.push((result.name.clone(), limit));
        }
    }
    trimmed
}

/// Returns the result of a metric.
#[must_use]
pub fn result_of<'s>(status: &'s AnalysisRunStatus, metric: &str) -> Option<&'s MetricResult> {
    status.metric_results.iter().find(|result| result.name == metric)
}

fn last_measurement<'s>(status: &'s AnalysisRunStatus, metric: &str) -> Option<&'s Measurement> {
    result_of(status, metric)?.measurements.last()
}

fn is_completed(status: &AnalysisRunStatus, metric: &Metric) -> bool {
    result_of(status, &metric.name).is_some_and(|result| analysis_phase::is_completed(&result.phase))
}

/// Times in the API have whole seconds.
#[must_use]
pub fn whole_second(at: Timestamp) -> Time {
    Time(Timestamp::from_second(at.as_second()).unwrap_or(at))
}
