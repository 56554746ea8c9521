//! Planning and assessment.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use tiphys_analysis::plan::{self, Begin, Due, Taken};
use tiphys_api::{
    AnalysisRun,
    constants::analysis_phase::{RUNNING, SUCCESSFUL, is_completed},
    types::{Measurement, Metric, Time},
};

use super::{report, rows};

/// Steps that a run is followed for.
const STEPS: usize = 14;

fn time(json: &Json) -> Timestamp {
    json.as_str().unwrap().parse().unwrap()
}

fn assess(input: &Json) -> Json {
    let run: AnalysisRun = tiphys_api::decode(input["run"].clone()).object;
    let now = time(&input["now"]);
    let checked = plan::check(&run.spec).unwrap();
    let due: Vec<_> = plan::due(&run, &checked, now).into_iter().map(|task| task.metric).collect();
    let mut run = run;
    let (assessment, _) = plan::assess(&mut run, &checked, now);
    let results = run.status.metric_results.iter();
    let next = plan::next(&run, &checked.metrics, now).map(|at| at.to_string());
    json!({
        "due": due, "phase": assessment.phase, "message": assessment.message, "next": next,
        "results": results.map(|r| json!({"name": r.name, "phase": r.phase, "message": r.message})).collect::<Vec<_>>(),
        "runSummary": run.status.run_summary, "dryRunSummary": run.status.dry_run_summary,
    })
}

/// Providers that answer by a script.
struct Script {
    entries: BTreeMap<String, Vec<Json>>,
    begun: BTreeMap<String, usize>,
}

impl Script {
    fn entry(&self, metric: &str) -> &Json {
        let entries = &self.entries[metric];
        let at = self.begun[metric] - 1;
        &entries[at.min(entries.len() - 1)]
    }

    fn measure(&mut self, task: &plan::Task, now: Timestamp) -> Taken {
        let whole = Some(plan::whole_second(now));
        let (is_continued, measurement) = match &task.due {
            Due::Run => {
                *self.begun.entry(task.metric.clone()).or_default() += 1;
                let entry = self.entry(&task.metric);
                let started = Measurement { started_at: whole.clone(), ..Measurement::default() };
                let measurement = match entry["resumeAfter"].as_i64() {
                    Some(seconds) => Measurement {
                        phase: RUNNING.to_owned(),
                        resume_at: Some(Time(now + SignedDuration::from_secs(seconds))),
                        ..started
                    },
                    None => ended(entry, started, whole),
                };
                (false, measurement)
            }
            Due::Resume(last) => (true, ended(self.entry(&task.metric), last.clone(), whole)),
            Due::Terminate(last) => {
                let (phase, message) = (SUCCESSFUL.to_owned(), "Metric Terminated".to_owned());
                (true, Measurement { phase, message, finished_at: whole, ..last.clone() })
            }
        };
        Taken { metric: task.metric.clone(), measurement, is_continued, metadata: BTreeMap::new() }
    }
}

fn ended(entry: &Json, started: Measurement, finished_at: Option<Time>) -> Measurement {
    Measurement {
        phase: entry["phase"].as_str().unwrap().to_owned(),
        message: entry["message"].as_str().unwrap_or_default().to_owned(),
        finished_at,
        ..started
    }
}

fn follow(input: &Json) -> Json {
    let start = time(&input["start"]);
    let mut run = AnalysisRun { spec: serde_json::from_value(input["spec"].clone()).unwrap(), ..Default::default() };
    let mut script =
        Script { entries: serde_json::from_value(input["script"].clone()).unwrap(), begun: BTreeMap::new() };
    let (mut now, mut steps) = (start, Vec::new());
    for step in 0..STEPS {
        let terminate_at = input["terminateAtStep"].as_u64().and_then(|at| usize::try_from(at).ok());
        run.spec.terminate |= terminate_at.is_some_and(|at| step >= at);
        let at = now.duration_since(start).as_secs();
        let (requeue, measured) = pass(&mut run, &mut script, now);
        let mut told = json!({"at": at, "phase": run.status.phase});
        if !run.status.message.is_empty() {
            told["message"] = json!(run.status.message);
        }
        if !measured.is_empty() {
            told["measured"] = json!(measured);
        }
        let wait = requeue.map(|next| next.duration_since(now).as_secs().max(0));
        if let Some(wait) = wait {
            told["requeue"] = json!(wait);
        }
        steps.push(told);
        match wait {
            Some(wait) if !is_completed(&run.status.phase) => now += SignedDuration::from_secs(wait + 1),
            _ => break,
        }
    }
    whole(&run, &steps)
}

fn pass(run: &mut AnalysisRun, script: &mut Script, now: Timestamp) -> (Option<Timestamp>, BTreeSet<String>) {
    match plan::begin(run, now) {
        Begin::Finished(_) => (None, BTreeSet::new()),
        Begin::Refused(status, _) => {
            run.status = *status;
            (None, BTreeSet::new())
        }
        Begin::Measure(checked, tasks) => {
            let measured = tasks.iter().map(|task| task.metric.clone()).collect();
            let taken = tasks.iter().map(|task| script.measure(task, now)).collect();
            let end = plan::end(run, &checked, taken, now);
            run.status = end.status;
            // Upstream also looks again at a run that has ended, to no effect.
            let next = || plan::next(run, &checked.metrics, now);
            (if is_completed(&run.status.phase) { next() } else { end.requeue }, measured)
        }
    }
}

fn whole(run: &AnalysisRun, steps: &[Json]) -> Json {
    let status = &run.status;
    let mut results = status.metric_results.clone();
    results.sort_by(|a, b| a.name.cmp(&b.name));
    let result = |result: &tiphys_api::types::MetricResult| {
        let mut json = serde_json::to_value(result).unwrap();
        json["measurements"] = result.measurements.iter().map(|m| json!(m.phase)).collect();
        json
    };
    // No results at all are null there.
    let results = Some(results.iter().map(result).collect::<Vec<_>>()).filter(|results| !results.is_empty());
    json!({
        "phase": status.phase, "message": status.message, "steps": steps, "results": results,
        "runSummary": status.run_summary, "dryRunSummary": status.dry_run_summary.clone().unwrap_or_default(),
    })
}

fn answer(input: &Json) -> Json {
    match input["kind"].as_str().unwrap() {
        "assess" => assess(input),
        "run" => follow(input),
        _ => {
            let metrics: Vec<Metric> = serde_json::from_value(input["metrics"].clone()).unwrap_or_default();
            json!({"error": plan::validate(&metrics).err().map(|error| error.to_string())})
        }
    }
}

#[test]
fn vectors_analysis_assess() {
    let Some(rows) = rows("analysis-assess") else { return };
    let mut wrong = Vec::new();
    for row in &rows {
        let (id, got) = (row["id"].as_u64().unwrap(), answer(&row["in"]));
        if row["out"] != got {
            wrong.push(format!("{id}: {}\n    upstream {}\n    here     {got}", row["in"], row["out"]));
        }
    }
    report("analysis-assess", rows.len(), &wrong);
}
