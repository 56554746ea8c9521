//! Playing a template against past data: would it have passed?
//!
//! The planning is the controller's own, the time is made up, and only the measuring differs: a Prometheus query is asked at
//! the moments at which it would have been taken. What cannot be asked about the past (jobs, web endpoints and the like) is
//! said, not guessed.

use jiff::{SignedDuration, Timestamp};
use tiphys_api::{
    AnalysisRun,
    constants::analysis_phase::{FAILED, INCONCLUSIVE, SUCCESSFUL, is_completed},
    types::{AnalysisRunSpec, AnalysisRunStatus, Metric},
};

use crate::{
    arguments::{self, ResolveError, Resolved},
    plan::{self, Begin, Task, result_of},
    providers::{Asked, Services, Taking, take},
    reasons::is_without_data,
};

/// Measurements at most, so that no template plays for ever.
const MAX_MEASUREMENTS: usize = 10_000;

/// Why a template cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A metric's provider cannot be asked about the past.
    #[error("metric {0} cannot be asked about the past: only Prometheus can")]
    Present(String),
    /// The end is not after the start.
    #[error("the time ends before it begins")]
    Backwards,
    /// An argument has no value.
    #[error("Unable to resolve metric arguments: {0}")]
    Arguments(String),
    /// A Secret cannot be read.
    #[error("read the secrets of the template")]
    Secrets(#[source] Box<kube::Error>),
}

/// A measurement of a play.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// When.
    pub at: Timestamp,
    /// The metric.
    pub metric: String,
    /// Phase of the measurement.
    pub phase: String,
    /// The value as text.
    pub value: String,
    /// Why it is an error.
    pub message: String,
}

/// How a play went.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// Every measurement, in order.
    pub played: Vec<Played>,
    /// What the run came to. A run that did not end by itself was stopped at the end of the time, as a release's end stops a
    /// background analysis.
    pub status: AnalysisRunStatus,
    /// Whether it ended by itself.
    pub is_ended: bool,
    /// Metrics that decide and of which no measurement came to anything.
    pub unjudged: Vec<Unjudged>,
}

/// A metric about which nothing is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unjudged {
    /// Its name.
    pub metric: String,
    /// Whether there was no data; else every measurement erred, or none was taken.
    pub is_without_data: bool,
}

/// What is known at the end of a play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It would have passed.
    Passed,
    /// It would not.
    NotPassed,
    /// Some metric had no data: whether it would have passed is not known.
    NoData,
    /// Some metric could not be measured: whether it would have passed is not known.
    NotMeasured,
}

impl Replay {
    /// Returns what is known. A run that ends well only because nothing was measured has not passed.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self.status.phase.as_str() {
            FAILED | INCONCLUSIVE => Outcome::NotPassed,
            _ if self.unjudged.iter().any(|unjudged| !unjudged.is_without_data) => Outcome::NotMeasured,
            _ if !self.unjudged.is_empty() => Outcome::NoData,
            SUCCESSFUL => Outcome::Passed,
            _ => Outcome::NotPassed,
        }
    }
}

/// Plays a spec from `from` to `to`.
///
/// # Errors
/// Where a metric cannot be asked about the past, or an argument has no value.
pub async fn replay(
    spec: &AnalysisRunSpec,
    namespace: &str,
    from: Timestamp,
    to: Timestamp,
    services: &Services,
) -> Result<Replay, ReplayError> {
    if to < from {
        return Err(ReplayError::Backwards);
    }
    let present = spec.metrics.iter().find(|metric| metric.provider.prometheus.is_none());
    if let Some(metric) = present {
        return Err(ReplayError::Present(metric.name.clone()));
    }
    let mut run = AnalysisRun { spec: spec.clone(), ..AnalysisRun::default() };
    run.metadata.name = Some("replay".to_owned());
    run.metadata.namespace = Some(namespace.to_owned());
    let (mut now, mut played) = (from, Vec::new());
    while now <= to && played.len() < MAX_MEASUREMENTS {
        let next = step(&mut run, now, services, &mut played).await?;
        match next {
            // Strictly after the time that was asked for.
            Some(at) if !is_completed(&run.status.phase) => {
                now = plan::whole_second(at.max(now)).0 + SignedDuration::from_secs(1);
            }
            _ => break,
        }
    }
    let is_ended = is_completed(&run.status.phase);
    if !is_ended {
        run.spec.terminate = true;
        step(&mut run, to, services, &mut played).await?;
    }
    Ok(Replay { unjudged: unjudged(&run), played, status: run.status, is_ended })
}

fn unjudged(run: &AnalysisRun) -> Vec<Unjudged> {
    let Ok(checked) = plan::check(&run.spec) else { return Vec::new() };
    let decides = checked.metrics.iter().filter(|metric| !checked.rules.is_dry_run(&metric.name));
    let nothing = |metric: &Metric| {
        let result = result_of(&run.status, &metric.name);
        let is_without_data = result.is_some_and(is_without_data);
        result.is_none_or(|result| result.count == 0).then(|| Unjudged { metric: metric.name.clone(), is_without_data })
    };
    decides.filter_map(nothing).collect()
}

/// One pass; returns when the next one is due.
async fn step(
    run: &mut AnalysisRun,
    now: Timestamp,
    services: &Services,
    played: &mut Vec<Played>,
) -> Result<Option<Timestamp>, ReplayError> {
    match plan::begin(run, now) {
        Begin::Finished(_) => Ok(None),
        Begin::Refused(status, _) => {
            run.status = *status;
            Ok(None)
        }
        Begin::Measure(checked, tasks) => {
            let resolved = resolve(services, run, &tasks).await?;
            let mut taken = Vec::new();
            for (task, metric) in tasks.iter().zip(&resolved.metrics) {
                let asked = Asked { run, metric, now };
                let measured = take(Taking { task, asked, redactor: &resolved.redactor }, services).await;
                let measurement = measured.measurement.clone();
                played.push(Played {
                    at: now,
                    metric: task.metric.clone(),
                    phase: measurement.phase,
                    value: measurement.value,
                    message: measurement.message,
                });
                taken.push(measured);
            }
            let end = plan::end(run, &checked, taken, now);
            run.status = end.status;
            Ok(end.requeue)
        }
    }
}

async fn resolve(services: &Services, run: &AnalysisRun, tasks: &[Task]) -> Result<Resolved, ReplayError> {
    if tasks.is_empty() {
        return Ok(Resolved::default());
    }
    arguments::resolve(services, run, tasks).await.map_err(|error| match error {
        ResolveError::Wrong(message) => ReplayError::Arguments(message),
        ResolveError::Unreachable(source) => ReplayError::Secrets(source),
    })
}
