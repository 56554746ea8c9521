//! Playing a template against past data: would it have passed?
//!
//! The planning is the controller's own, the time is made up, and only the measuring differs: a Prometheus query is asked at
//! the moments at which it would have been taken. What cannot be asked about the past (jobs, web endpoints and the like) is
//! said, not guessed.

use jiff::{SignedDuration, Timestamp};
use tiphys_api::{
    AnalysisRun,
    constants::analysis_phase::is_completed,
    types::{AnalysisRunSpec, AnalysisRunStatus, Metric},
};

use crate::{
    Redactor,
    plan::{self, Begin, Due, Task},
    providers::{Asked, Services, Taking, take},
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
}

/// One pass of a play.
#[derive(Debug, Clone, PartialEq)]
pub struct Pass {
    /// When.
    pub at: Timestamp,
    /// Metrics measured.
    pub measured: Vec<String>,
    /// Phase of the run afterwards.
    pub phase: String,
}

/// How a play went.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// Every pass in which something was measured or that ended the run.
    pub passes: Vec<Pass>,
    /// What the run came to. A run that did not end by itself was stopped at the end of the time, as a release's end stops a
    /// background analysis.
    pub status: AnalysisRunStatus,
    /// Whether it ended by itself.
    pub is_ended: bool,
}

/// Plays a spec from `from` to `to`. Secrets must be values already.
///
/// # Errors
/// Where a metric cannot be asked about the past.
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
    let (mut now, mut passes, mut measurements) = (from, Vec::new(), 0);
    while now <= to && measurements < MAX_MEASUREMENTS {
        let (pass, next) = step(&mut run, now, services).await;
        measurements += pass.measured.len();
        let is_ended = is_completed(&pass.phase);
        if is_ended || !pass.measured.is_empty() {
            passes.push(pass);
        }
        match next {
            // Strictly after the time that was asked for.
            Some(at) if !is_ended => now = plan::whole_second(at.max(now)).0 + SignedDuration::from_secs(1),
            _ => break,
        }
    }
    let is_ended = is_completed(&run.status.phase);
    if !is_ended {
        run.spec.terminate = true;
        let (pass, _) = step(&mut run, to, services).await;
        passes.push(pass);
    }
    Ok(Replay { passes, status: run.status, is_ended })
}

async fn step(run: &mut AnalysisRun, now: Timestamp, services: &Services) -> (Pass, Option<Timestamp>) {
    let (measured, next) = match plan::begin(run, now) {
        Begin::Finished(_) => (Vec::new(), None),
        Begin::Refused(status, _) => {
            run.status = *status;
            (Vec::new(), None)
        }
        Begin::Measure(checked, tasks) => {
            let mut taken = Vec::new();
            for task in &tasks {
                taken.push(measure(run, &checked.metrics[task.index], task, now, services).await);
            }
            let end = plan::end(run, &checked, taken, now);
            run.status = end.status;
            (tasks.into_iter().map(|task| task.metric).collect(), end.requeue)
        }
    };
    (Pass { at: now, measured, phase: run.status.phase.clone() }, next)
}

async fn measure(run: &AnalysisRun, metric: &Metric, task: &Task, now: Timestamp, services: &Services) -> plan::Taken {
    debug_assert!(matches!(task.due, Due::Run), "queries end at once");
    let redactor = Redactor::default();
    take(Taking { task, asked: Asked { run, metric, now }, redactor: &redactor }, services).await
}
