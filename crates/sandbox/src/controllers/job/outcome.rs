//! Whether a Job is over, and how that is told.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::failure_policy::Verdict;
use super::indexes;
use super::plan::{JobPod, Note, Tally};
use crate::controllers::conditions::{find, is_true, to_seconds};
use crate::controllers::view::{Condition, Job, JobStatus, Phase};

/// How a Job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It goes on.
    Running,
    /// It failed; pods that still run are stopped first.
    Failed { reason: String, message: String },
    /// It succeeded; pods that still run are stopped first.
    Succeeded { reason: String, message: String },
}

/// How a Job stands, and when to look again although nothing changed.
pub(crate) struct Decision {
    pub(crate) outcome: Outcome,
    pub(crate) wake: Option<Timestamp>,
}

impl Decision {
    pub(crate) fn is_failure(&self) -> bool {
        matches!(self.outcome, Outcome::Failed { .. })
    }
}

const REACHED: (&str, &str) = ("CompletionsReached", "Reached expected number of succeeded pods");

/// Decides whether the Job is over.
pub(crate) fn decide(job: &Job, tally: &Tally, pods: &[JobPod], now: Timestamp) -> Decision {
    let deadline = deadline(job);
    let wake = deadline.filter(|at| *at > now);
    if let Some(standing) = standing(job) {
        return Decision { outcome: standing, wake: None };
    }
    let failed = |reason: &str, message: &str| Outcome::Failed { reason: reason.into(), message: message.into() };
    let policy = pods.iter().find_map(|p| match &p.verdict {
        Verdict::FailJob(message) => Some(message.clone()),
        _ => None,
    });
    let outcome = if let Some(message) = policy {
        Outcome::Failed { reason: "PodFailurePolicy".into(), message }
    } else if exceeds_backoff(job, tally) {
        failed("BackoffLimitExceeded", "Job has reached the specified backoff limit")
    } else if deadline.is_some_and(|at| at <= now) {
        failed("DeadlineExceeded", "Job was active longer than specified deadline")
    } else if let Some(outcome) = index_outcome(job, tally) {
        outcome
    } else if is_complete(job, tally) {
        Outcome::Succeeded { reason: REACHED.0.into(), message: REACHED.1.into() }
    } else {
        Outcome::Running
    };
    Decision { outcome, wake }
}

/// What was decided in an earlier pass.
fn standing(job: &Job) -> Option<Outcome> {
    let told = |r#type: &str| find(&job.status.conditions, r#type).filter(|c| c.status == "True");
    let parts = |c: &Condition| (c.reason.clone(), c.message.clone());
    if let Some((reason, message)) = told("SuccessCriteriaMet").map(parts) {
        return Some(Outcome::Succeeded { reason, message });
    }
    told("FailureTarget").map(parts).map(|(reason, message)| Outcome::Failed { reason, message })
}

fn deadline(job: &Job) -> Option<Timestamp> {
    let seconds = job.spec.active_deadline_seconds.filter(|_| !job.spec.suspend)?;
    Some(job.status.start_time? + SignedDuration::from_secs(seconds))
}

/// Failed pods beyond the limit; where containers restart in place, their restarts up to it (0 allows none).
fn exceeds_backoff(job: &Job, tally: &Tally) -> bool {
    let limit = job.spec.backoff_limit.unwrap_or(6);
    if tally.failed > limit {
        return true;
    }
    if !job.restarts_in_place() {
        return false;
    }
    let running = tally.active.iter().filter(|pod| matches!(pod.phase, Phase::Running | Phase::Pending));
    let restarts: i64 = running.map(|pod| i64::from(pod.restarts_total)).sum();
    if limit == 0 { restarts > 0 } else { restarts >= limit }
}

fn index_outcome(job: &Job, tally: &Tally) -> Option<Outcome> {
    let completions = usize::try_from(job.spec.completions?).ok().filter(|_| job.is_indexed())?;
    let failed = tally.failed_indexes.len();
    let most = job.spec.max_failed_indexes.and_then(|n| usize::try_from(n).ok());
    let fail = |reason: &str, message: &str| Some(Outcome::Failed { reason: reason.into(), message: message.into() });
    if most.is_some_and(|most| failed > most) {
        return fail("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes");
    }
    if failed > 0 && failed + tally.succeeded_indexes.len() >= completions {
        return fail("FailedIndexes", "Job has failed indexes");
    }
    let rules = job.spec.success_policy.as_ref()?["rules"].as_array()?;
    let met = rules.iter().position(|rule| rule_is_met(rule, tally))?;
    let message = format!("Matched rules at index {met}");
    Some(Outcome::Succeeded { reason: "SuccessPolicy".into(), message })
}

fn rule_is_met(rule: &Value, tally: &Tally) -> bool {
    let listed = rule["succeededIndexes"].as_str().map(indexes::parse);
    let done = match &listed {
        Some(listed) => listed.intersection(&tally.succeeded_indexes).count(),
        None => tally.succeeded_indexes.len(),
    };
    match (rule["succeededCount"].as_u64(), &listed) {
        (Some(count), _) => done as u64 >= count,
        (None, Some(listed)) => done == listed.len(),
        (None, None) => false,
    }
}

fn is_complete(job: &Job, tally: &Tally) -> bool {
    let reached = job.spec.completions.map_or(tally.succeeded > 0, |wanted| tally.succeeded >= wanted);
    reached && tally.active.is_empty()
}

/// Writes the outcome into the status: the verdict at once, the end when no pod runs or stops any more.
pub(crate) fn conclude(job: &Job, outcome: &Outcome, status: &mut JobStatus, notes: &mut Vec<Note>, now: Timestamp) {
    let (verdict, end, reason, message) = match outcome {
        Outcome::Running => return,
        Outcome::Failed { reason, message } => ("FailureTarget", "Failed", reason, message),
        Outcome::Succeeded { reason, message } => ("SuccessCriteriaMet", "Complete", reason, message),
    };
    if !is_true(&job.status.conditions, verdict) {
        status.conditions.push(condition(verdict, "True", reason, message, now));
    }
    if status.active > 0 || status.terminating > 0 {
        return;
    }
    status.conditions.push(condition(end, "True", reason, message, now));
    if end == "Complete" {
        status.completion_time = Some(to_seconds(now));
        notes.push(Note { warning: false, reason: "Completed".into(), message: "Job completed".into() });
    } else {
        notes.push(Note { warning: true, reason: reason.clone(), message: message.clone() });
    }
}

/// Returns a condition in a Job's form: `lastProbeTime` is left out.
pub(crate) fn condition(r#type: &str, status: &str, reason: &str, message: &str, now: Timestamp) -> Condition {
    Condition::new(r#type, status, reason, message, now).without_update_time()
}
