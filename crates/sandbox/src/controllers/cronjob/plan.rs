//! What a CronJob does next.

use jiff::{SignedDuration, Timestamp};

use super::schedule::Schedule;
use super::spec::{CronJob, Reference, Status};
use crate::controllers::view::Job;

/// More missed times than this are worth a warning.
const MANY: i64 = 100;
/// A time is looked at a moment after it has come.
const MOMENT: SignedDuration = SignedDuration::from_millis(100);

/// Something worth an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) warning: bool,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Plan {
    /// The time of the Job to start.
    pub(super) start: Option<Timestamp>,
    /// Names of Jobs that go.
    pub(super) delete: Vec<String>,
    pub(super) notes: Vec<Note>,
    pub(super) status: Status,
    pub(super) wake: Option<Timestamp>,
}

/// Compares the Jobs with what is wanted. `schedule` is absent where it or its time zone cannot be read.
pub(super) fn plan(cron: &CronJob, jobs: &[&Job], schedule: Option<&Schedule>, now: Timestamp) -> Plan {
    let mut plan = Plan { status: cron.status.clone(), ..Plan::default() };
    note_finished(jobs, &mut plan);
    plan.delete = excess(cron, jobs);
    let gone = &plan.delete;
    plan.status.active.retain(|active| !gone.contains(&active.name));
    if cron.meta.is_deleting() || cron.spec.suspend {
        return plan;
    }
    let Some(schedule) = schedule else { return plan };
    plan.wake = schedule.next(now).map(|at| at + MOMENT);
    let Some(at) = unmet(cron, schedule, now, &mut plan.notes) else { return plan };
    let deadline = cron.spec.starting_deadline_seconds.map(|seconds| at + SignedDuration::from_secs(seconds));
    if deadline.is_some_and(|deadline| deadline < now) {
        let time = at.strftime("%a, %d %b %Y %H:%M:%S UTC");
        plan.note(true, "MissSchedule", format!("Missed scheduled time to start a job: {time}"));
        return plan;
    }
    if plan.status.active.iter().any(|job| job.name == name_at(cron, at)) || cron.status.last_schedule_time == Some(at)
    {
        return plan;
    }
    match cron.spec.concurrency_policy.as_str() {
        "Forbid" if !plan.status.active.is_empty() => {
            let message = "Not starting job because prior execution is running and concurrency policy is Forbid";
            plan.note(false, "JobAlreadyActive", message.to_owned());
            return plan;
        }
        "Replace" => plan.delete.extend(plan.status.active.drain(..).map(|job| job.name)),
        _ => {}
    }
    plan.start = Some(at);
    plan
}

/// Returns the name of the Job of this time.
pub(super) fn name_at(cron: &CronJob, at: Timestamp) -> String {
    format!("{}-{}", cron.meta.name, at.as_second().div_euclid(60))
}

impl Plan {
    fn note(&mut self, warning: bool, reason: &'static str, message: String) {
        self.notes.push(Note { warning, reason, message });
    }
}

/// Takes finished and vanished Jobs out of the active ones.
fn note_finished(jobs: &[&Job], plan: &mut Plan) {
    for job in jobs {
        let Some(end) = job.finish() else { continue };
        let before = plan.status.active.len();
        plan.status.active.retain(|active| active.uid != job.meta.uid);
        if plan.status.active.len() < before {
            let message = format!("Saw completed job: {}, condition: {}", job.meta.name, end.r#type);
            plan.note(false, "SawCompletedJob", message);
        }
        if end.r#type == "Complete" {
            plan.status.last_successful_time = plan.status.last_successful_time.max(job.status.completion_time);
        }
    }
    let (kept, missing): (Vec<Reference>, Vec<Reference>) = std::mem::take(&mut plan.status.active)
        .into_iter()
        .partition(|active| jobs.iter().any(|job| job.meta.uid == active.uid));
    plan.status.active = kept;
    for job in missing {
        plan.note(false, "MissingJob", format!("Active job went missing: {}", job.name));
    }
}

/// Returns the names of finished Jobs beyond the history limits, the oldest first.
fn excess(cron: &CronJob, jobs: &[&Job]) -> Vec<String> {
    let of = |r#type: &str, limit: Option<i64>| {
        let Some(limit) = limit else { return Vec::new() };
        let ended = |job: &&&Job| job.finish().is_some_and(|end| end.r#type == r#type) && !job.meta.is_deleting();
        let mut ended: Vec<&Job> = jobs.iter().filter(ended).copied().collect();
        ended.sort_by_key(|job| (job.status.start_time.is_none(), job.status.start_time, job.meta.name.clone()));
        let count = ended.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
        ended.into_iter().take(count).map(|job| job.meta.name.clone()).collect::<Vec<_>>()
    };
    let mut names = of("Complete", cron.spec.successful_jobs_history_limit);
    names.extend(of("Failed", cron.spec.failed_jobs_history_limit));
    names
}

/// Returns the latest time that has come and that no Job was started for.
fn unmet(cron: &CronJob, schedule: &Schedule, now: Timestamp, notes: &mut Vec<Note>) -> Option<Timestamp> {
    let mut since = cron.status.last_schedule_time.unwrap_or(cron.meta.creation_timestamp);
    if let Some(seconds) = cron.spec.starting_deadline_seconds {
        since = since.max(now - SignedDuration::from_secs(seconds));
    }
    let first = schedule.next(since).filter(|first| *first <= now)?;
    let second = schedule.next(first).filter(|second| *second <= now);
    let Some(second) = second else { return Some(first) };
    let distance = (second.as_second() - first.as_second()).max(1);
    let missed = (now.as_second() - first.as_second()) / distance + 1;
    if missed > MANY {
        let message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
        notes.push(Note { warning: true, reason: "TooManyMissedTimes", message: message.to_owned() });
    }
    // Jump to shortly before the last one rather than step through years.
    let mut latest = first + SignedDuration::from_secs((missed - 2).max(0) * distance);
    while let Some(next) = schedule.next(latest).filter(|next| *next <= now) {
        latest = next;
    }
    Some(latest)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use serde_json::{Value, json};

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "tables write their JSON in place")]
    fn cron(spec: Value, status: Value) -> CronJob {
        let metadata = json!({"name": "c", "creationTimestamp": "2026-01-01T00:00:30Z"});
        serde_json::from_value(json!({"metadata": metadata, "spec": spec, "status": status})).unwrap()
    }

    fn job(name: &str, end: Option<&str>, started: &str) -> Job {
        let conditions: Value = end.map(|end| json!([{"type": end, "status": "True"}])).unwrap_or_default();
        serde_json::from_value(json!({"metadata": {"name": name, "uid": name},
            "status": {"startTime": started, "completionTime": started, "conditions": conditions}}))
        .unwrap()
    }

    fn active(names: &[&str]) -> Value {
        names.iter().map(|name| json!({"name": name, "uid": name})).collect()
    }

    fn made(cron: &CronJob, jobs: &[Job], now: &str) -> Plan {
        let schedule = Schedule::parse("*/5 * * * *", TimeZone::UTC);
        plan(cron, &jobs.iter().collect::<Vec<_>>(), schedule.as_ref(), now.parse().unwrap())
    }

    #[track_caller]
    fn check(
        name: &str,
        (spec, status): (Value, Value),
        jobs: &[Job],
        now: &str,
        start: Option<&str>,
        reasons: &[&str],
    ) {
        let plan = made(&cron(spec, status), jobs, now);
        let start = start.map(|start| start.parse::<Timestamp>().unwrap());
        let told: Vec<_> = plan.notes.iter().map(|note| note.reason).collect();
        assert_eq!((plan.start, told), (start, reasons.to_vec()), "{name}");
    }

    #[test]
    fn jobs_start_at_their_times() {
        let last = json!({"lastScheduleTime": "2026-01-01T00:05:00Z"});
        let running = || [job("j", None, "2026-01-01T00:05:00Z")];
        let with = |status: Value| json!({"lastScheduleTime": "2026-01-01T00:05:00Z", "active": status});
        let (at, none) = (Some("2026-01-01T00:10:00Z"), None);
        check("before the first", (json!({}), json!({})), &[], "2026-01-01T00:04:59Z", none, &[]);
        check("the first", (json!({}), json!({})), &[], "2026-01-01T00:05:00Z", Some("2026-01-01T00:05:00Z"), &[]);
        check("done already", (json!({}), last.clone()), &[], "2026-01-01T00:06:00Z", none, &[]);
        check("the latest of those missed", (json!({}), json!({})), &[], "2026-01-01T00:11:00Z", at, &[]);
        let late = (json!({}), json!({}));
        check(
            "far too many missed",
            late,
            &[],
            "2026-01-02T00:01:00Z",
            Some("2026-01-02T00:00:00Z"),
            &["TooManyMissedTimes"],
        );
        let deadline = (json!({"startingDeadlineSeconds": 30}), last.clone());
        check("too late", deadline, &[], "2026-01-01T00:11:00Z", none, &[]);
        check("suspended", (json!({"suspend": true}), json!({})), &[], "2026-01-01T00:10:00Z", none, &[]);
        let allow = (json!({}), with(active(&["j"])));
        check("beside another", allow, &running(), "2026-01-01T00:10:00Z", at, &[]);
        let forbid = (json!({"concurrencyPolicy": "Forbid"}), with(active(&["j"])));
        check("not beside another", forbid, &running(), "2026-01-01T00:10:00Z", none, &["JobAlreadyActive"]);
        let gone = (json!({"concurrencyPolicy": "Forbid"}), with(active(&["x"])));
        check("what vanished does not hinder", gone, &[], "2026-01-01T00:10:00Z", at, &["MissingJob"]);
    }

    #[test]
    fn a_replaced_job_goes() {
        let spec = json!({"concurrencyPolicy": "Replace"});
        let plan = made(
            &cron(spec, json!({"active": active(&["j"])})),
            &[job("j", None, "2026-01-01T00:05:00Z")],
            "2026-01-01T00:10:00Z",
        );
        assert_eq!((plan.delete, plan.status.active.len()), (vec!["j".to_owned()], 0));
        assert!(plan.start.is_some());
    }

    #[test]
    fn finished_jobs_are_noted_and_the_oldest_go() {
        let spec = json!({"successfulJobsHistoryLimit": 1, "failedJobsHistoryLimit": 0, "suspend": true});
        let jobs = [
            job("b", Some("Complete"), "2026-01-01T00:10:00Z"),
            job("a", Some("Complete"), "2026-01-01T00:05:00Z"),
            job("f", Some("Failed"), "2026-01-01T00:15:00Z"),
        ];
        let plan = made(&cron(spec, json!({"active": active(&["b", "f"])})), &jobs, "2026-01-01T01:00:00Z");
        assert_eq!((plan.delete, plan.status.active.len()), (vec!["a".to_owned(), "f".to_owned()], 0));
        let told: Vec<_> = plan.notes.iter().map(|note| note.message.as_str()).collect();
        assert_eq!(told, ["Saw completed job: b, condition: Complete", "Saw completed job: f, condition: Failed"]);
        assert_eq!(plan.status.last_successful_time.unwrap().to_string(), "2026-01-01T00:10:00Z");
    }
}
