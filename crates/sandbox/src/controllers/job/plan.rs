//! What a Job does next: which ended pods it counts, whether it is over, which pods it starts or stops.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::failure_policy::Verdict;
use super::outcome::{self, Outcome};
use super::{backoff, indexes};
use crate::controllers::conditions::{find, to_seconds};
use crate::controllers::view::{Condition, Job, JobStatus, Phase, Pod, Uncounted};

/// Most pods started in one pass.
const BURST: usize = 500;

/// A pod of the Job, with what the failure policy says about it.
#[derive(Debug, Clone)]
pub(crate) struct JobPod {
    pub(crate) pod: Arc<Pod>,
    pub(crate) verdict: Verdict,
}

/// One pod to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Start {
    /// Completion index of an Indexed Job.
    pub(crate) index: Option<u32>,
}

/// An event about the Job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) warning: bool,
    pub(crate) reason: String,
    pub(crate) message: String,
}

/// What to do.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Plan {
    /// Status that lists the newly ended pods as uncounted; to be written before their finalizers go.
    pub(crate) announce: Option<JobStatus>,
    /// Names of pods whose finalizer is removed now.
    pub(crate) release: Vec<String>,
    /// Names of pods to delete.
    pub(crate) stop: Vec<String>,
    /// Pods to create.
    pub(crate) start: Vec<Start>,
    /// Status to write at last, if it differs from what is there.
    pub(crate) status: JobStatus,
    pub(crate) notes: Vec<Note>,
    /// When to look again although nothing changed.
    pub(crate) wake: Option<Timestamp>,
}

/// Plans the next step of a Job that is not finished.
pub(crate) fn plan(job: &Job, pods: &[JobPod], now: Timestamp) -> Plan {
    let mut status = job.status.clone();
    if status.start_time.is_none() && !job.spec.suspend {
        status.start_time = Some(to_seconds(now));
    }
    let mut tally = Tally::new(job, pods);
    let verdict = outcome::decide(job, &tally, pods, now);
    tally.close(verdict.is_failure());
    let mut plan = Plan { wake: verdict.wake, ..Plan::default() };
    match &verdict.outcome {
        Outcome::Running => manage(job, &tally, pods, &mut status, &mut plan, now),
        Outcome::Failed { .. } | Outcome::Succeeded { .. } => plan.stop = names(&tally.active),
    }
    if !tally.fresh.succeeded.is_empty() || !tally.fresh.failed.is_empty() {
        plan.announce = Some(JobStatus { uncounted_terminated_pods: tally.uncounted(job), ..status.clone() });
    }
    plan.release = tally.release.iter().map(|pod| pod.key.name.to_string()).collect();
    tally.count_into(job, &mut status);
    count_running(&tally, &plan, &mut status);
    outcome::conclude(job, &verdict.outcome, &mut status, &mut plan.notes, now);
    plan.status = status;
    plan
}

fn names(pods: &[Arc<Pod>]) -> Vec<String> {
    pods.iter().map(|pod| pod.key.name.to_string()).collect()
}

/// What the pods add up to.
pub(crate) struct Tally {
    pub(crate) active: Vec<Arc<Pod>>,
    pub(crate) terminating: usize,
    /// Ended pods seen for the first time, by uid.
    fresh: Uncounted,
    release: Vec<Arc<Pod>>,
    tracked: Vec<JobPod>,
    pub(crate) succeeded: i64,
    pub(crate) failed: i64,
    pub(crate) succeeded_indexes: BTreeSet<u32>,
    pub(crate) failed_indexes: BTreeSet<u32>,
    /// Failures of each index so far.
    failures: BTreeMap<u32, i64>,
}

impl Tally {
    fn new(job: &Job, pods: &[JobPod]) -> Self {
        let before = &job.status;
        let uncounted = &before.uncounted_terminated_pods;
        let mut tally = Self {
            active: pods.iter().filter(|p| p.pod.is_active()).map(|p| p.pod.clone()).collect(),
            terminating: pods.iter().filter(|p| p.pod.deleting && !p.pod.phase.is_terminal()).count(),
            fresh: Uncounted::default(),
            release: Vec::new(),
            tracked: pods.iter().filter(|p| p.pod.job_tracked).cloned().collect(),
            succeeded: before.succeeded + len(&uncounted.succeeded),
            failed: before.failed + len(&uncounted.failed),
            succeeded_indexes: indexes::parse(&before.completed_indexes),
            failed_indexes: indexes::parse(before.failed_indexes.as_deref().unwrap_or_default()),
            failures: BTreeMap::new(),
        };
        for JobPod { pod, verdict } in pods {
            tally.note_index(job, pod, *verdict != Verdict::Ignore);
        }
        for JobPod { pod, verdict } in tally.tracked.clone() {
            tally.note_end(job, &pod, &verdict);
        }
        if job.is_indexed() {
            tally.succeeded = i64::try_from(tally.succeeded_indexes.len()).unwrap_or(i64::MAX);
        }
        tally
    }

    fn note_index(&mut self, job: &Job, pod: &Pod, counts: bool) {
        let Some(index) = pod.completion_index.filter(|_| job.is_indexed()) else { return };
        if i64::from(index) >= job.spec.completions.unwrap_or(0) {
            return;
        }
        if pod.phase == Phase::Succeeded {
            self.succeeded_indexes.insert(index);
        } else if has_failed(job, pod) && counts {
            *self.failures.entry(index).or_default() += 1;
        }
    }

    fn note_end(&mut self, job: &Job, pod: &Arc<Pod>, verdict: &Verdict) {
        let known = |list: &[String]| list.iter().any(|uid| **uid == *pod.uid);
        let uncounted = &job.status.uncounted_terminated_pods;
        if pod.phase == Phase::Succeeded {
            self.release.push(pod.clone());
            if !known(&uncounted.succeeded) && !job.is_indexed() {
                self.fresh.succeeded.push(pod.uid.to_string());
                self.succeeded += 1;
            }
        } else if has_failed(job, pod) {
            self.release.push(pod.clone());
            if !known(&uncounted.failed) && *verdict != Verdict::Ignore {
                self.fresh.failed.push(pod.uid.to_string());
                self.failed += 1;
            }
        }
        self.fail_index(job, pod, verdict);
    }

    fn fail_index(&mut self, job: &Job, pod: &Pod, verdict: &Verdict) {
        let (Some(limit), Some(index)) = (job.spec.backoff_limit_per_index, pod.completion_index) else { return };
        let failures = self.failures.get(&index).copied().unwrap_or(0);
        let over = failures > limit || *verdict == Verdict::FailIndex;
        if over && !self.succeeded_indexes.contains(&index) {
            self.failed_indexes.insert(index);
        }
    }

    /// Lets go of what still runs once the Job is over: a failed Job counts it as failed.
    fn close(&mut self, failed: bool) {
        if !failed {
            return;
        }
        for JobPod { pod, .. } in self.tracked.clone() {
            if self.release.iter().all(|done| done.uid != pod.uid) {
                self.fresh.failed.push(pod.uid.to_string());
                self.failed += 1;
                self.release.push(pod);
            }
        }
    }

    fn uncounted(&self, job: &Job) -> Uncounted {
        let mut all = job.status.uncounted_terminated_pods.clone();
        all.succeeded.extend(self.fresh.succeeded.iter().cloned());
        all.failed.extend(self.fresh.failed.iter().cloned());
        all
    }

    fn count_into(&self, job: &Job, status: &mut JobStatus) {
        status.uncounted_terminated_pods = Uncounted::default();
        status.succeeded = self.succeeded;
        status.failed = self.failed;
        if job.is_indexed() {
            status.completed_indexes = indexes::format(&self.succeeded_indexes);
            if job.spec.backoff_limit_per_index.is_some() {
                status.failed_indexes = Some(indexes::format(&self.failed_indexes));
            }
        }
    }
}

fn len(list: &[String]) -> i64 {
    i64::try_from(list.len()).unwrap_or(i64::MAX)
}

/// Returns whether the Job takes a pod as failed. A pod being deleted is, unless replacements wait for the end.
pub(crate) fn has_failed(job: &Job, pod: &Pod) -> bool {
    pod.phase == Phase::Failed || (pod.deleting && pod.phase != Phase::Succeeded && !job.replaces_failed_only())
}

/// Starts or stops pods of a Job that goes on.
fn manage(job: &Job, tally: &Tally, pods: &[JobPod], status: &mut JobStatus, plan: &mut Plan, now: Timestamp) {
    if job.meta.is_deleting() {
        return;
    }
    if job.spec.suspend {
        plan.stop = names(&tally.active);
        suspend(status, &mut plan.notes, now);
        return;
    }
    resume(status, &mut plan.notes, now);
    let active = i64::try_from(tally.active.len()).unwrap_or(i64::MAX);
    let wanted = wanted(job, tally, active);
    if active > wanted {
        let excess = usize::try_from(active - wanted).unwrap_or(0);
        plan.stop = names(&surplus(&tally.active, excess));
        return;
    }
    let waiting = if job.replaces_failed_only() { i64::try_from(tally.terminating).unwrap_or(0) } else { 0 };
    let missing = usize::try_from(wanted - active - waiting).unwrap_or(0).min(BURST);
    if missing == 0 {
        return;
    }
    if job.spec.backoff_limit_per_index.is_none()
        && let Some(at) = backoff::next_start(job, pods).filter(|at| *at > now)
    {
        plan.wake = Some(plan.wake.map_or(at, |wake| wake.min(at)));
        return;
    }
    plan.start = if job.is_indexed() { pending(job, tally, missing) } else { vec![Start { index: None }; missing] };
}

fn wanted(job: &Job, tally: &Tally, active: i64) -> i64 {
    match job.spec.completions {
        None if tally.succeeded > 0 => active,
        None => job.parallelism(),
        Some(completions) => {
            let over = i64::try_from(tally.failed_indexes.len()).unwrap_or(0);
            (completions - tally.succeeded - over).clamp(0, job.parallelism())
        }
    }
}

/// The pods a shrinking Job stops: those that run the least.
fn surplus(active: &[Arc<Pod>], excess: usize) -> Vec<Arc<Pod>> {
    let mut ranked = active.to_vec();
    ranked.sort_by(|a, b| {
        let key = |pod: &Pod| (pod.node.is_some(), pod.phase, pod.is_ready(), std::cmp::Reverse(pod.created));
        key(a).cmp(&key(b)).then(a.uid.cmp(&b.uid))
    });
    ranked.truncate(excess);
    ranked
}

/// The lowest indexes that neither run nor are done.
fn pending(job: &Job, tally: &Tally, missing: usize) -> Vec<Start> {
    let running: BTreeSet<u32> = tally.active.iter().filter_map(|pod| pod.completion_index).collect();
    let count = u32::try_from(job.spec.completions.unwrap_or(0)).unwrap_or(0);
    let open = (0..count).filter(|index| {
        !running.contains(index) && !tally.succeeded_indexes.contains(index) && !tally.failed_indexes.contains(index)
    });
    open.take(missing).map(|index| Start { index: Some(index) }).collect()
}

fn suspend(status: &mut JobStatus, notes: &mut Vec<Note>, now: Timestamp) {
    status.start_time = None;
    if find(&status.conditions, "Suspended").is_none_or(|c| c.status != "True") {
        set_suspended(status, "True", "JobSuspended", "Job suspended", now);
        notes.push(Note { warning: false, reason: "Suspended".into(), message: "Job suspended".into() });
    }
}

fn resume(status: &mut JobStatus, notes: &mut Vec<Note>, now: Timestamp) {
    if find(&status.conditions, "Suspended").is_some_and(|c| c.status == "True") {
        status.start_time = Some(to_seconds(now));
        set_suspended(status, "False", "JobResumed", "Job resumed", now);
        notes.push(Note { warning: false, reason: "Resumed".into(), message: "Job resumed".into() });
    }
}

fn set_suspended(status: &mut JobStatus, value: &str, reason: &str, message: &str, now: Timestamp) {
    status.conditions.retain(|condition| condition.r#type != "Suspended");
    status.conditions.push(outcome::condition("Suspended", value, reason, message, now));
}

fn count_running(tally: &Tally, plan: &Plan, status: &mut JobStatus) {
    let stopping: BTreeSet<&str> = plan.stop.iter().map(String::as_str).collect();
    let left: Vec<_> = tally.active.iter().filter(|pod| !stopping.contains(&*pod.key.name)).collect();
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    status.active = count(left.len() + plan.start.len());
    status.ready = count(left.iter().filter(|pod| pod.is_ready()).count());
    status.terminating = count(tally.terminating + stopping.len());
}

/// Returns when a finished Job is deleted, if it has a time to live.
pub(crate) fn expires_at(job: &Job) -> Option<Timestamp> {
    let finish: &Condition = job.finish()?;
    Some(finish.last_transition_time? + SignedDuration::from_secs(job.spec.ttl_seconds_after_finished?))
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
