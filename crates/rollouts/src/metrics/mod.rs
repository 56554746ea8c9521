//! Metrics by the names, labels and types that upstream's dashboards and alerts use.
//!
//! | module | what it tells |
//! | --- | --- |
//! | here | what is counted while the controller works: passes, events, how long updates took |
//! | `state` | what is so when somebody asks: one set of gauges a Rollout |
//! | `objects` | the same for AnalysisRuns, Experiments and templates |

mod objects;
mod state;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tiphys_api::{Rollout, decode, types::RolloutDurationStatus};
use tiphys_runtime::{
    cache::Key,
    metrics::{Family, Kind, Metrics, Page},
    queue::Counts,
    recorder::Heard,
    request::{Asked, Told},
};

pub use self::objects::Objects;
pub(crate) use self::state::write as write_rollouts;

const OBJECT: &[&str] = &["namespace", "name"];
const PASSES: Kind = Kind::Histogram(&[0.01, 0.15, 0.25, 0.5, 1.0]);

static RECONCILE: Family =
    Family { name: "rollout_reconcile", help: "Rollout reconciliation performance.", kind: PASSES, labels: OBJECT };
static RECONCILE_ERROR: Family = Family {
    name: "rollout_reconcile_error",
    help: "Error occurring during the rollout",
    kind: Kind::Counter,
    labels: OBJECT,
};
static EVENTS: Family = Family {
    name: "rollout_events_total",
    help: "Count of rollout events",
    kind: Kind::Counter,
    labels: &["namespace", "name", "type", "reason"],
};
static DURATION: Family = Family {
    name: "rollout_duration_seconds",
    help: "Total wall-clock time for a rollout from start to completion/abort/supersede",
    kind: Kind::Histogram(&[30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0]),
    labels: &["status"],
};
static PROGRESSION: Family = Family {
    name: "rollout_progression_duration_seconds",
    help: "Active progression time for a rollout (excluding manual pause time)",
    kind: Kind::Histogram(&[30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0]),
    labels: &["status"],
};
static PAUSED: Family = Family {
    name: "rollout_manual_pause_duration_seconds",
    help: "Time spent in manual pause waiting for human intervention",
    kind: Kind::Histogram(&[0.0, 60.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0]),
    labels: &["status"],
};
static REQUESTS: Family = Family {
    name: "controller_clientset_k8s_request_total",
    help: "Number of kubernetes requests executed during application reconciliation.",
    kind: Kind::Counter,
    labels: &["kind", "namespace", "name", "verb", "status_code"],
};
static CONTROLLER: Family = Family {
    name: "argo_rollouts_controller_info",
    help: "Running Argo-rollouts version",
    kind: Kind::Gauge,
    labels: &["version"],
};
static BUILD: Family = Family {
    name: "build_info",
    help: "A metric with a constant '1' value labeled by version from which Argo-Rollouts was built.",
    kind: Kind::Gauge,
    labels: &["version", "goversion", "goarch", "commit"],
};

/// Counts a pass over a Rollout that took `seconds`.
pub(crate) fn passed(metrics: &Metrics, key: &Key, seconds: f64, is_failed: bool) {
    let labels = [key.namespace.as_str(), key.name.as_str()];
    metrics.observe(&RECONCILE, &labels, seconds);
    if is_failed {
        metrics.count(&RECONCILE_ERROR, &labels);
    }
}

/// Returns who counts the events of Rollouts.
pub(crate) fn events(metrics: &Metrics) -> Heard {
    let metrics = metrics.clone();
    Arc::new(move |about, note| {
        if about.kind.as_deref() == Some("Rollout") {
            let namespace = about.namespace.as_deref().unwrap_or_default();
            let name = about.name.as_deref().unwrap_or_default();
            metrics.count(&EVENTS, &[namespace, name, note.severity.as_str(), &note.reason]);
        }
    })
}

/// Returns who counts requests to the API.
#[must_use]
pub fn requests(metrics: &Metrics) -> Told {
    let metrics = metrics.clone();
    Arc::new(move |asked: &Asked, code| {
        let kind = asked.resource.rsplit('/').next().unwrap_or_default();
        let is_many = asked.verb == "list" || matches!(kind, "events" | "replicasets");
        // Kinds with as many names as there are pods would make as many series.
        let name = if is_many || kind == "pods" { "N/A" } else { asked.name.as_str() };
        let mut verb = asked.verb.to_owned();
        verb[..1].make_ascii_uppercase();
        metrics.count(&REQUESTS, &[kind, &asked.namespace, name, &verb, &code.to_string()]);
    })
}

/// Counts how long an update took, if `patch` is what ended it.
pub(crate) fn finished(metrics: &Metrics, rollout: &Rollout, patch: Option<&Value>) {
    let Some(record) = patch.and_then(|patch| ended(rollout, patch)) else { return };
    let at = |time: &Option<tiphys_api::types::Time>| time.as_ref().map(|time| time.0);
    let (Some(start), Some(end)) = (at(&record.rollout_started_at), at(&record.finished_at)) else { return };
    let status = record.completion_status.unwrap_or_default();
    let total = seconds(start, end);
    let paused = record.total_manual_pause_duration_seconds.and_then(|seconds| i32::try_from(seconds).ok());
    let paused = f64::from(paused.unwrap_or(0));
    metrics.observe(&DURATION, &[&status], total);
    metrics.observe(&PROGRESSION, &[&status], (total - paused).max(0.0));
    metrics.observe(&PAUSED, &[&status], paused);
}

/// The record of an update that ends with this patch of its status.
fn ended(rollout: &Rollout, patch: &Value) -> Option<RolloutDurationStatus> {
    let change = patch.pointer("/status/duration")?.as_object()?;
    change.get("finishedAt")?.as_str()?;
    let mut record = json!(rollout.status.duration.clone().unwrap_or_default());
    for (field, value) in change {
        record[field] = value.clone();
    }
    Some(decode(record).object)
}

fn seconds(start: Timestamp, end: Timestamp) -> f64 {
    end.duration_since(start).as_secs_f64().max(0.0)
}

/// Writes what is known of a work queue, as Kubernetes names it.
pub(crate) fn write_queues(page: &mut Page, queues: &[(&str, Counts)]) {
    static DEPTH: Family =
        Family { name: "workqueue_depth", help: "Current depth of workqueue", kind: Kind::Gauge, labels: &["name"] };
    static WORKING: Family = Family {
        name: "workqueue_unfinished",
        help: "Keys that are worked on now",
        kind: Kind::Gauge,
        labels: &["name"],
    };
    static ADDS: Family = Family {
        name: "workqueue_adds_total",
        help: "Total number of adds handled by workqueue",
        kind: Kind::Counter,
        labels: &["name"],
    };
    static RETRIES: Family = Family {
        name: "workqueue_retries_total",
        help: "Total number of retries handled by workqueue",
        kind: Kind::Counter,
        labels: &["name"],
    };
    let of = |read: fn(&Counts) -> u64| -> Vec<(Vec<String>, f64)> {
        let samples = queues.iter().map(|(name, counts)| (vec![(*name).to_owned()], number(read(counts))));
        samples.collect()
    };
    page.all(&ADDS, &of(|counts| counts.adds));
    page.all(&DEPTH, &of(|counts| counts.depth as u64));
    page.all(&RETRIES, &of(|counts| counts.retries));
    page.all(&WORKING, &of(|counts| counts.working as u64));
}

/// Counts stay exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "metrics are floating-point numbers")]
fn number(count: u64) -> f64 {
    count as f64
}

/// Writes which program this is.
pub fn write_version(page: &mut Page, version: &str) {
    let arch = std::env::consts::ARCH;
    page.all(&CONTROLLER, &[(vec![version.to_owned()], 1.0)]);
    page.all(&BUILD, &[([version, "none", arch, ""].map(str::to_owned).to_vec(), 1.0)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(metrics: &Metrics) -> String {
        let mut page = Page::default();
        metrics.write(&mut page);
        page.finish()
    }

    #[test]
    fn update_is_counted_once_when_it_ends() {
        let duration = json!({"rolloutStartedAt": "2026-03-01T10:00:00Z", "totalManualPauseDurationSeconds": 60});
        let rollout: Rollout = decode(json!({"status": {"duration": duration}})).object;
        let metrics = Metrics::default();
        finished(&metrics, &rollout, Some(&json!({"status": {"phase": "Paused"}})));
        finished(&metrics, &rollout, None);
        assert_eq!(text(&metrics), "");
        let end = json!({"finishedAt": "2026-03-01T10:05:00Z", "completionStatus": "Promoted"});
        finished(&metrics, &rollout, Some(&json!({"status": {"duration": end}})));
        let text = text(&metrics);
        for line in [
            "rollout_duration_seconds_sum{status=\"Promoted\"} 300",
            "rollout_progression_duration_seconds_sum{status=\"Promoted\"} 240",
            "rollout_manual_pause_duration_seconds_bucket{status=\"Promoted\",le=\"60\"} 1",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn requests_are_counted_by_verb_and_kind() {
        let metrics = Metrics::default();
        let told = requests(&metrics);
        let asked = |verb, resource: &str| Asked {
            verb,
            group: String::new(),
            resource: resource.to_owned(),
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
        };
        told(&asked("patch", "rollouts/status"), 200);
        told(&asked("create", "events"), 201);
        let text = text(&metrics);
        let line = |kind: &str, name: &str, verb: &str, code: u16| {
            format!(
                "controller_clientset_k8s_request_total{{kind=\"{kind}\",namespace=\"shop\",name=\"{name}\",verb=\"{verb}\",\
                 status_code=\"{code}\"}} 1"
            )
        };
        assert!(text.contains(&line("status", "web", "Patch", 200)), "{text}");
        assert!(text.contains(&line("events", "N/A", "Create", 201)), "{text}");
    }
}
