//! From an answer to a measurement.

use std::collections::BTreeMap;

use tiphys_api::{
    constants::analysis_phase::{self, ERROR, INCONCLUSIVE, RUNNING, SUCCESSFUL},
    types::{Measurement, Metric, Time},
};

use super::{Answer, Asked, ProviderError, Reading, Services, provider};
use crate::{
    Redactor,
    condition::judge,
    expr::Value,
    plan::{Due, Taken, Task, whole_second},
};

/// Metadata of a measurement that names its outcome beyond the phase.
pub const OUTCOME: &str = "tiphys.dev/outcome";
/// Value of [`OUTCOME`]: the provider had no data, which is neither success nor failure.
pub const NO_DATA_OUTCOME: &str = "NoData";

/// Characters of a value that are kept: it stands in the status.
const MAX_VALUE: usize = 4096;

/// A measurement to take.
#[derive(Debug, Clone, Copy)]
pub struct Taking<'a> {
    /// What is to be done.
    pub task: &'a Task,
    /// Run, metric and time.
    pub asked: Asked<'a>,
    /// Masks the secrets of the run.
    pub redactor: &'a Redactor,
}

/// Takes a measurement. Never fails: what goes wrong is the measurement's error.
pub async fn take(taking: Taking<'_>, services: &Services) -> Taken {
    let Taking { task, asked, redactor } = taking;
    let namespace = asked.run.metadata.namespace.as_deref().unwrap_or_default();
    let (answer, metadata) = match provider(asked.metric, namespace, services).await {
        Err(error) => (Err(error), BTreeMap::new()),
        Ok(provider) => {
            let answer = match &task.due {
                Due::Run => provider.begin(asked).await,
                Due::Resume(last) => provider.resume(asked, last).await,
                Due::Terminate(last) => provider.terminate(asked, last).await,
            };
            (answer, provider.metadata())
        }
    };
    let last = match &task.due {
        Due::Run => Measurement { started_at: Some(whole_second(asked.now)), ..Measurement::default() },
        Due::Resume(last) | Due::Terminate(last) => last.clone(),
    };
    let mut measurement = settle(asked, last, answer);
    if let Due::Terminate(_) = task.due {
        terminate(&mut measurement);
    }
    measurement.message = redactor.redact(&measurement.message);
    measurement.value = shorten(redactor.redact(&measurement.value));
    let masked = |map: BTreeMap<String, String>| -> BTreeMap<String, String> {
        map.into_iter().map(|(key, value)| (key, redactor.redact(&value))).collect()
    };
    measurement.metadata = masked(measurement.metadata);
    let is_continued = !matches!(task.due, Due::Run);
    Taken { metric: task.metric.clone(), measurement, is_continued, metadata: masked(metadata) }
}

/// One that was stopped without a verdict is neither good nor bad, and must not stay open.
fn terminate(measurement: &mut Measurement) {
    if !analysis_phase::is_completed(&measurement.phase) {
        INCONCLUSIVE.clone_into(&mut measurement.phase);
    }
    if matches!(measurement.phase.as_str(), SUCCESSFUL | INCONCLUSIVE) {
        "Metric Terminated".clone_into(&mut measurement.message);
    }
}

fn settle(asked: Asked<'_>, last: Measurement, answer: Result<Answer, ProviderError>) -> Measurement {
    let mut measurement = last;
    match answer {
        Err(error) => {
            ERROR.clone_into(&mut measurement.phase);
            measurement.message = error.to_string();
        }
        Ok(Answer::Unchanged) => {}
        Ok(Answer::Pending { metadata, resume_at }) => {
            RUNNING.clone_into(&mut measurement.phase);
            measurement.metadata.extend(metadata);
            measurement.resume_at = Some(Time(resume_at));
        }
        Ok(Answer::Verdict { phase, message, value }) => {
            phase.clone_into(&mut measurement.phase);
            measurement.message = message;
            measurement.value = value;
        }
        Ok(Answer::Reading(reading)) => read(asked, reading, &mut measurement),
    }
    if analysis_phase::is_completed(&measurement.phase) {
        measurement.finished_at.get_or_insert(whole_second(asked.now));
    }
    measurement
}

fn read(asked: Asked<'_>, reading: Reading, measurement: &mut Measurement) {
    let Metric { success_condition, failure_condition, .. } = asked.metric;
    let has_conditions = !success_condition.is_empty() || !failure_condition.is_empty();
    let outcome = judge(asked.metric, &reading.result, asked.now);
    let (mut phase, mut message) = (outcome.phase, outcome.message);
    if let Some(said) = reading.no_data
        && (phase == ERROR || !has_conditions)
    {
        phase = ERROR;
        said.clone_into(&mut message);
    }
    phase.clone_into(&mut measurement.phase);
    measurement.message = message;
    measurement.value = reading.text;
    measurement.metadata.extend(reading.metadata);
    if is_without_data(&reading.result) {
        measurement.metadata.insert(OUTCOME.to_owned(), NO_DATA_OUTCOME.to_owned());
    }
}

fn is_without_data(result: &Value) -> bool {
    result.is_empty()
}

fn shorten(value: String) -> String {
    if value.len() <= MAX_VALUE {
        return value;
    }
    let end = (0..=MAX_VALUE).rev().find(|at| value.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", &value[..end])
}
