//! Why a run is as it is, as data: for its Rollout's or Experiment's message, for `why`, for pages.

use jiff::Timestamp;
use tiphys_api::{
    AnalysisRun,
    constants::analysis_phase::{ERROR, FAILED, INCONCLUSIVE, SUCCESSFUL, is_completed},
    types::{Metric, MetricResult},
};
use tiphys_runtime::reason::{ObjectRef, Reason, Urgency};

use crate::{
    plan::{self, Checked, effective_count, result_of},
    providers::{NO_DATA_OUTCOME, OUTCOME},
};

/// Characters of a value that a sentence shows.
const SHOWN_MAX: usize = 200;

/// Returns the reason for the state of a run, with one cause for each metric that is not simply well.
pub fn explain(run: &AnalysisRun, now: Timestamp) -> Reason {
    let name = run.metadata.name.clone().unwrap_or_default();
    let namespace = run.metadata.namespace.clone().unwrap_or_default();
    let object = ObjectRef::new("AnalysisRun", namespace, name.clone());
    let since = run.status.started_at.as_ref().map(|at| at.0);
    if is_completed(&run.status.phase) {
        let reason = ended(run, &name).on(object).since(run.status.completed_at.as_ref().map(|at| at.0).or(since));
        return decisive(run).map(|result| last_seen(run, result)).fold(reason, Reason::because);
    }
    let Ok(checked) = plan::check(&run.spec) else {
        return Reason::new("AnalysisNotStarted", Urgency::Moving, format!("analysis {name} is not looked at yet"))
            .on(object);
    };
    let causes: Vec<Reason> = checked.metrics.iter().filter_map(|metric| cause(run, &checked, metric)).collect();
    // What a person should know comes first.
    let worst = causes.iter().max_by_key(|cause| cause.urgency == Urgency::NeedsDecision);
    let (code, message) = match worst {
        Some(cause) => (cause.code.clone(), format!("analysis {name}: {}", cause.message)),
        None => ("AnalysisRunning".to_owned(), format!("analysis {name} is measuring")),
    };
    let mut reason = Reason::new(code, Urgency::Moving, message).on(object).since(since);
    if let Some(at) = plan::next(run, &checked.metrics, now) {
        reason = reason.then("the next measurement is taken", at);
    }
    causes.into_iter().fold(reason, Reason::because)
}

/// Returns the state of a run in one sentence without full stop.
#[must_use]
pub fn sentence(run: &AnalysisRun, now: Timestamp) -> String {
    explain(run, now).message
}

/// Returns what a run that goes on waits for or what is wrong with it, in a sentence that stays the same while that does;
/// `None` where it simply measures. Metrics in dry-run do not count.
#[must_use]
pub fn trouble(run: &AnalysisRun) -> Option<String> {
    let checked = plan::check(&run.spec).ok().filter(|_| !is_completed(&run.status.phase))?;
    let decides = |metric: &&Metric| {
        let is_over = result_of(&run.status, &metric.name).is_some_and(|result| is_completed(&result.phase));
        !is_over && !checked.rules.is_dry_run(&metric.name)
    };
    let open: Vec<&Metric> = checked.metrics.iter().filter(decides).collect();
    let last = |metric: &Metric| {
        let result = result_of(&run.status, &metric.name)?;
        Some((result, result.measurements.last()?))
    };
    let wrong = open.iter().find_map(|metric| {
        let (result, last) = last(metric).filter(|(_, last)| last.phase == ERROR)?;
        let what = if is_without_data(result) { "gets no data" } else { "cannot be measured" };
        Some(format!("metric {} {what}: {}", metric.name, last.message.trim()))
    });
    let waits = || {
        let waiting = open.iter().find(|metric| last(metric).is_none() && !metric.initial_delay.is_empty())?;
        Some(format!("metric {} is measured after its initial delay of {}", waiting.name, waiting.initial_delay))
    };
    wrong.or_else(waits)
}

/// The metrics that made a run what it is, unless it is well.
fn decisive(run: &AnalysisRun) -> impl Iterator<Item = &MetricResult> {
    let phase = run.status.phase.as_str();
    let results = run.status.metric_results.iter();
    results.filter(move |result| phase != SUCCESSFUL && !result.dry_run && result.phase == phase)
}

/// What a metric said last, against what it was to say.
fn last_seen(run: &AnalysisRun, result: &MetricResult) -> Reason {
    let metric = run.spec.metrics.iter().find(|metric| metric.name == result.name);
    let wanted =
        metric.map_or_else(String::new, |metric| match (&metric.success_condition, &metric.failure_condition) {
            (success, _) if !success.is_empty() => format!(", wanted: {success}"),
            (_, failure) if !failure.is_empty() => format!(", not wanted: {failure}"),
            _ => String::new(),
        });
    let name = &result.name;
    let text = match result.measurements.last() {
        Some(last) if !last.value.is_empty() => format!("metric {name} was last {}{wanted}", shorten(&last.value)),
        Some(last) if !last.message.is_empty() => format!("metric {name}: {}", shorten(last.message.trim())),
        _ => format!("metric {name} came to {}", result.phase),
    };
    Reason::new("MetricSaid", Urgency::Settled, text)
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= SHOWN_MAX {
        return text.to_owned();
    }
    text.chars().take(SHOWN_MAX).chain(['…']).collect()
}

fn ended(run: &AnalysisRun, name: &str) -> Reason {
    let (code, urgency, word) = match run.status.phase.as_str() {
        SUCCESSFUL => ("AnalysisSuccessful", Urgency::Settled, "was successful"),
        FAILED => ("AnalysisFailed", Urgency::Broken, "failed"),
        INCONCLUSIVE => ("AnalysisInconclusive", Urgency::NeedsDecision, "came to no verdict"),
        _ if has_no_data(run) => ("AnalysisWithoutData", Urgency::Broken, "got no data"),
        _ => ("AnalysisError", Urgency::Broken, "could not measure"),
    };
    let why = if run.status.message.is_empty() { own_words(run) } else { run.status.message.trim().to_owned() };
    let colon = if why.is_empty() { "" } else { ": " };
    Reason::new(code, urgency, format!("analysis {name} {word}{colon}{why}"))
}

/// Where a limit of successes was missed, the run itself says nothing.
fn own_words(run: &AnalysisRun) -> String {
    let missed = run
        .status
        .metric_results
        .iter()
        .find(|result| !result.dry_run && matches!(result.phase.as_str(), FAILED | INCONCLUSIVE));
    missed.map_or_else(String::new, |result| {
        let (row, count) = (result.consecutive_success, result.count);
        format!("metric {} had {row} successes in a row after {count} measurements, fewer than it wants", result.name)
    })
}

fn has_no_data(run: &AnalysisRun) -> bool {
    let errors = run.status.metric_results.iter().filter(|result| !result.dry_run && result.phase == ERROR);
    errors.into_iter().any(is_without_data)
}

/// Whether the last measurement found no data.
pub(crate) fn is_without_data(result: &MetricResult) -> bool {
    let outcome = result.measurements.last().and_then(|last| last.metadata.get(OUTCOME));
    outcome.is_some_and(|outcome| outcome == NO_DATA_OUTCOME)
}

/// Returns what there is to say about a metric that has not ended.
fn cause(run: &AnalysisRun, checked: &Checked, metric: &Metric) -> Option<Reason> {
    let name = &metric.name;
    let result = result_of(&run.status, name);
    if result.is_some_and(|result| is_completed(&result.phase)) {
        return None;
    }
    let dry = if checked.rules.is_dry_run(name) { " (dry-run)" } else { "" };
    let Some((result, last)) = result.and_then(|result| Some((result, result.measurements.last()?))) else {
        let waits = if metric.initial_delay.is_empty() {
            format!("metric {name}{dry} is not measured yet")
        } else {
            format!("metric {name}{dry} is measured after its initial delay of {}", metric.initial_delay)
        };
        return Some(Reason::new("AnalysisWaits", Urgency::Moving, waits));
    };
    if last.phase == ERROR {
        let limit = tiphys_api::defaults::consecutive_error_limit(metric);
        let (code, what) = if is_without_data(result) {
            ("AnalysisWithoutData", "gets no data")
        } else {
            ("AnalysisErrs", "cannot be measured")
        };
        let count = result.consecutive_error;
        let text = format!("metric {name}{dry} {what} ({count} in a row, {limit} tolerated): {}", last.message.trim());
        return Some(Reason::new(code, Urgency::NeedsDecision, text));
    }
    if !is_completed(&last.phase) {
        return Some(Reason::new("AnalysisMeasures", Urgency::Moving, format!("metric {name}{dry} is being measured")));
    }
    let of = effective_count(metric).map_or_else(String::new, |count| format!(" of {count}"));
    let text = format!("metric {name}{dry} has {}{of} measurements, {} failed", result.count, result.failed);
    Some(Reason::new("AnalysisMeasures", Urgency::Moving, text))
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "`json!` makes values that a test has no further use for")]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(status: Value, code: &str, message: &str) {
        let metric = json!({"name": "m", "count": 3, "interval": "1m", "initialDelay": "30s",
            "provider": {"web": {"url": "http://u"}}});
        let run = json!({"metadata": {"name": "r", "namespace": "n"}, "spec": {"metrics": [metric]}, "status": status});
        let run: AnalysisRun = serde_json::from_value(run).unwrap();
        let reason = explain(&run, "2026-01-02T03:04:05Z".parse().unwrap());
        assert_eq!((reason.code.as_str(), reason.message.as_str()), (code, message));
    }

    #[test]
    fn run_says_in_one_sentence_why_it_is_as_it_is() {
        let with = |measurement: Value, more: Value| {
            let mut result = json!({"name": "m", "phase": "Running", "measurements": [measurement]});
            result.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({"phase": "Running", "startedAt": "2026-01-02T03:04:00Z", "metricResults": [result]})
        };
        let started = json!({"phase": "Running", "startedAt": "2026-01-02T03:04:00Z"});
        check(started, "AnalysisWaits", "analysis r: metric m is measured after its initial delay of 30s");
        let error = with(json!({"phase": "Error", "message": "no route"}), json!({"error": 2, "consecutiveError": 2}));
        let text = "analysis r: metric m cannot be measured (2 in a row, 4 tolerated): no route";
        check(error, "AnalysisErrs", text);
        let outcome = json!({"phase": "Error", "message": "none", "metadata": {"tiphys.dev/outcome": "NoData"}});
        let text = "analysis r: metric m gets no data (1 in a row, 4 tolerated): none";
        check(with(outcome, json!({"consecutiveError": 1})), "AnalysisWithoutData", text);
        let fine = with(json!({"phase": "Successful"}), json!({"count": 1, "successful": 1}));
        check(fine, "AnalysisMeasures", "analysis r: metric m has 1 of 3 measurements, 0 failed");
        let failed = json!({"phase": "Failed", "message": "Metric \"m\" assessed Failed due to x"});
        check(failed, "AnalysisFailed", "analysis r failed: Metric \"m\" assessed Failed due to x");
        let short = json!({"phase": "Inconclusive", "metricResults": [
            {"name": "m", "phase": "Inconclusive", "count": 3, "consecutiveSuccess": 1}]});
        let text = "analysis r came to no verdict: metric m had 1 successes in a row after 3 measurements, fewer than it \
                    wants";
        check(short, "AnalysisInconclusive", text);
    }

    #[test]
    fn an_end_says_what_was_measured_last() {
        let metric = json!({"name": "m", "successCondition": "result > 1", "provider": {"web": {"url": "http://u"}}});
        let result = json!({"name": "m", "phase": "Failed", "measurements": [
            {"phase": "Failed", "value": "1"}, {"phase": "Failed", "value": "0.5"}]});
        let dry = json!({"name": "d", "phase": "Failed", "dryRun": true});
        let run = json!({"metadata": {"name": "r"}, "spec": {"metrics": [metric]},
            "status": {"phase": "Failed", "message": "bad", "metricResults": [result, dry]}});
        let reason = explain(&serde_json::from_value(run).unwrap(), Timestamp::UNIX_EPOCH);
        let causes: Vec<&str> = reason.because.iter().map(|cause| cause.message.as_str()).collect();
        assert_eq!(causes, ["metric m was last 0.5, wanted: result > 1"]);
    }

    #[test]
    fn trouble_is_told_while_it_lasts_and_not_of_a_dry_run() {
        let metric = |name: &str| json!({"name": name, "provider": {"web": {"url": "http://u"}}});
        let result = |name: &str, phase: &str, outcome: &str| {
            json!({"name": name, "phase": "Running", "measurements": [
                {"phase": phase, "message": "why", "metadata": {"tiphys.dev/outcome": outcome}}]})
        };
        let check = |what: &str, results: Value, more: Value, expected: Option<&str>| {
            let mut delayed = metric("m");
            delayed.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let spec = json!({"metrics": [delayed, metric("d")], "dryRun": [{"metricName": "d"}]});
            let run = json!({"spec": spec, "status": {"phase": "Running", "metricResults": results}});
            assert_eq!(trouble(&serde_json::from_value(run).unwrap()).as_deref(), expected, "{what}");
        };
        check("nothing yet", json!([]), json!({}), None);
        let delay = Some("metric m is measured after its initial delay of 30s");
        check("waits", json!([]), json!({"initialDelay": "30s"}), delay);
        check("errs", json!([result("m", "Error", "")]), json!({}), Some("metric m cannot be measured: why"));
        check("no data", json!([result("m", "Error", "NoData")]), json!({}), Some("metric m gets no data: why"));
        check("measures", json!([result("m", "Successful", "")]), json!({"initialDelay": "30s"}), None);
        check("dry-run errs", json!([result("d", "Error", "")]), json!({}), None);
    }
}
