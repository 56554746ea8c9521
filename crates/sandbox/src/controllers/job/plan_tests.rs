use serde_json::{Value, json};

use super::*;
use crate::controllers::fixtures::pod;

const NOW: &str = "2026-01-01T00:10:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

#[expect(clippy::needless_pass_by_value, reason = "tables write their JSON in place")]
fn job(spec: Value) -> Job {
    serde_json::from_value(json!({"metadata": {"name": "j", "namespace": "ns", "uid": "j"}, "spec": spec})).unwrap()
}

fn started(mut job: Job) -> Job {
    job.status.start_time = Some("2026-01-01T00:00:00Z".parse().unwrap());
    job
}

fn running(name: &str) -> JobPod {
    JobPod { pod: Arc::new(Pod { job_tracked: true, ..pod(name) }), verdict: Verdict::Count }
}

fn ended(name: &str, phase: Phase, at: &str) -> JobPod {
    let pod = Pod { phase, job_tracked: true, finished_at: Some(at.parse().unwrap()), ..pod(name) };
    JobPod { pod: Arc::new(pod), verdict: Verdict::Count }
}

fn indexed(mut pod: JobPod, index: u32) -> JobPod {
    Arc::make_mut(&mut pod.pod).completion_index = Some(index);
    pod
}

fn conditions(plan: &Plan) -> Vec<(&str, &str)> {
    plan.status.conditions.iter().map(|c| (c.r#type.as_str(), c.reason.as_str())).collect()
}

#[test]
fn a_new_job_starts_as_many_pods_as_may_run() {
    let plan = plan(&job(json!({"parallelism": 2, "completions": 5})), &[], now());
    assert_eq!((plan.start.len(), plan.status.active), (2, 2));
    assert_eq!(plan.status.start_time, Some(now()));
    assert_eq!(plan.announce, None);
}

#[test]
fn the_last_pods_are_not_started_twice() {
    let mut job = started(job(json!({"parallelism": 3, "completions": 5})));
    job.status.succeeded = 3;
    let plan = plan(&job, &[running("a")], now());
    assert_eq!((plan.start.len(), plan.status.active), (1, 2));
}

#[test]
fn an_ended_pod_is_announced_released_and_counted() {
    let job = started(job(json!({"parallelism": 1, "completions": 2})));
    let plan = plan(&job, &[ended("a", Phase::Succeeded, NOW)], now());
    assert_eq!(plan.announce.unwrap().uncounted_terminated_pods.succeeded, ["a"]);
    assert_eq!(plan.release, ["a"]);
    assert_eq!((plan.status.succeeded, plan.start.len()), (1, 1));
    assert_eq!(plan.status.uncounted_terminated_pods, Uncounted::default());
}

#[test]
fn counting_goes_on_where_it_was_interrupted() {
    let mut job = started(job(json!({"parallelism": 1, "completions": 2})));
    job.status.uncounted_terminated_pods.succeeded = vec!["a".into()];
    let held = plan(&job, &[ended("a", Phase::Succeeded, NOW)], now());
    assert_eq!((held.announce, held.release, held.status.succeeded), (None, vec!["a".to_owned()], 1));
    let mut gone = ended("a", Phase::Succeeded, NOW);
    Arc::make_mut(&mut gone.pod).job_tracked = false;
    assert_eq!(plan(&job, &[gone], now()).status.succeeded, 1);
}

#[test]
fn enough_successes_complete_the_job() {
    let job = started(job(json!({"parallelism": 1, "completions": 1})));
    let plan = plan(&job, &[ended("a", Phase::Succeeded, NOW)], now());
    assert_eq!(conditions(&plan), [("SuccessCriteriaMet", "CompletionsReached"), ("Complete", "CompletionsReached")]);
    assert_eq!(plan.status.completion_time, Some(now()));
    assert_eq!(plan.notes, [Note { warning: false, reason: "Completed".into(), message: "Job completed".into() }]);
}

#[test]
fn a_work_queue_is_complete_with_one_success_and_no_pod_running() {
    let queue = || started(job(json!({"parallelism": 2})));
    let done = ended("a", Phase::Succeeded, NOW);
    assert!(conditions(&plan(&queue(), &[done.clone(), running("b")], now())).is_empty());
    assert_eq!(conditions(&plan(&queue(), &[done], now())).len(), 2);
}

#[test]
fn failed_pods_are_replaced_after_a_growing_delay() {
    let job = started(job(json!({"parallelism": 1, "completions": 1})));
    let failures =
        [ended("a", Phase::Failed, "2026-01-01T00:09:00Z"), ended("b", Phase::Failed, "2026-01-01T00:09:50Z")];
    let waiting = plan(&job, &failures, now());
    assert_eq!((waiting.start.len(), waiting.wake), (0, Some("2026-01-01T00:10:10Z".parse().unwrap())));
    assert_eq!(waiting.status.failed, 2);
    let due = plan(&job, &failures, "2026-01-01T00:10:10Z".parse().unwrap());
    assert_eq!(due.start.len(), 1);
}

#[test]
fn too_many_failures_stop_what_runs_and_then_fail_the_job() {
    let mut job = started(job(json!({"parallelism": 2, "completions": 2, "backoffLimit": 0})));
    let pods = [ended("a", Phase::Failed, NOW), running("b")];
    let first = plan(&job, &pods, now());
    assert_eq!(conditions(&first), [("FailureTarget", "BackoffLimitExceeded")]);
    assert_eq!((first.stop.as_slice(), first.status.failed), (&["b".to_owned()][..], 2));
    assert!(first.notes.is_empty() && first.start.is_empty());
    job.status = first.status;
    let mut ended = pods.to_vec();
    for pod in &mut ended {
        Arc::make_mut(&mut pod.pod).job_tracked = false;
    }
    ended.pop();
    let second = plan(&job, &ended, now());
    assert_eq!(conditions(&second), [("FailureTarget", "BackoffLimitExceeded"), ("Failed", "BackoffLimitExceeded")]);
    assert_eq!((second.status.failed, second.notes.len(), second.notes[0].warning), (2, 1, true));
}

#[test]
fn restarts_in_place_count_against_the_limit() {
    let spec = json!({"parallelism": 1, "completions": 1, "backoffLimit": 3, "template": {"spec": {"restartPolicy": "OnFailure"}}});
    let restarted = |times: u32| {
        let mut pod = running("a");
        Arc::make_mut(&mut pod.pod).restarts_total = times;
        pod
    };
    assert!(conditions(&plan(&started(job(spec.clone())), &[restarted(2)], now())).is_empty());
    let over = plan(&started(job(spec)), &[restarted(3)], now());
    assert_eq!(conditions(&over), [("FailureTarget", "BackoffLimitExceeded")]);
}

#[test]
fn the_deadline_ends_the_job_and_is_waited_for() {
    let job =
        |seconds: i64| started(job(json!({"parallelism": 1, "completions": 1, "activeDeadlineSeconds": seconds})));
    let early = plan(&job(700), &[running("a")], now());
    assert_eq!(early.wake, Some("2026-01-01T00:11:40Z".parse().unwrap()));
    assert_eq!(conditions(&plan(&job(600), &[running("a")], now())), [("FailureTarget", "DeadlineExceeded")]);
}

#[test]
fn suspending_stops_pods_and_resuming_starts_the_time_anew() {
    let mut job = started(job(json!({"parallelism": 1, "completions": 1, "suspend": true})));
    let stopped = plan(&job, &[running("a")], now());
    assert_eq!((stopped.stop.as_slice(), stopped.status.start_time), (&["a".to_owned()][..], None));
    assert_eq!(conditions(&stopped), [("Suspended", "JobSuspended")]);
    job.status = stopped.status;
    job.spec.suspend = false;
    let resumed = plan(&job, &[], now());
    assert_eq!(conditions(&resumed), [("Suspended", "JobResumed")]);
    assert_eq!((resumed.status.start_time, resumed.start.len()), (Some(now()), 1));
}

#[test]
fn indexes_run_once_each_and_show_as_ranges() {
    let job = started(job(json!({"parallelism": 3, "completions": 5, "completionMode": "Indexed"})));
    let pods = [
        indexed(ended("a", Phase::Succeeded, NOW), 0),
        indexed(ended("b", Phase::Succeeded, NOW), 1),
        indexed(ended("c", Phase::Succeeded, NOW), 2),
        indexed(running("d"), 3),
    ];
    let plan = plan(&job, &pods, now());
    assert_eq!(plan.start, [Start { index: Some(4) }]);
    assert_eq!((plan.status.completed_indexes.as_str(), plan.status.succeeded), ("0-2", 3));
}

#[test]
fn an_index_fails_alone_where_each_has_its_own_limit() {
    let spec = json!({"parallelism": 2, "completions": 2, "completionMode": "Indexed", "backoffLimitPerIndex": 0,
        "backoffLimit": i32::MAX});
    let pods = [indexed(ended("a", Phase::Failed, NOW), 0), indexed(running("b"), 1)];
    let first = plan(&started(job(spec.clone())), &pods, now());
    assert_eq!(first.status.failed_indexes.as_deref(), Some("0"));
    assert!(first.start.is_empty() && conditions(&first).is_empty());
    let done = [pods[0].clone(), indexed(ended("b", Phase::Succeeded, NOW), 1)];
    assert_eq!(conditions(&plan(&started(job(spec)), &done, now()))[0], ("FailureTarget", "FailedIndexes"));
}

#[test]
fn a_policy_verdict_fails_the_job() {
    let mut pod = ended("a", Phase::Failed, NOW);
    pod.verdict = Verdict::FailJob("why".into());
    let plan = plan(&started(job(json!({"parallelism": 1, "completions": 1}))), &[pod], now());
    assert_eq!(conditions(&plan)[0], ("FailureTarget", "PodFailurePolicy"));
    assert_eq!(plan.status.conditions[0].message, "why");
}

#[test]
fn a_time_to_live_counts_from_the_end() {
    let mut job = job(json!({"ttlSecondsAfterFinished": 30}));
    assert_eq!(expires_at(&job), None);
    job.status.conditions = vec![outcome::condition("Complete", "True", "", "", now())];
    assert_eq!(expires_at(&job), Some("2026-01-01T00:10:30Z".parse().unwrap()));
}
