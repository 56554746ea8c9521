use serde_json::{Value, json};

use super::cluster::Cluster;
use crate::registry::Propagation;

fn job(name: &str, exit: i64, spec: Value) -> Value {
    let mut spec = spec;
    spec["template"] = json!({
        "metadata": {"labels": {"exit": exit.to_string()}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "image:1"}]},
    });
    json!({"metadata": {"name": name}, "spec": spec})
}

fn conditions(job: &Value) -> Vec<String> {
    let list = job["status"]["conditions"].as_array().cloned().unwrap_or_default();
    list.iter().map(|c| format!("{} {}", c["type"].as_str().unwrap(), c["reason"].as_str().unwrap())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_job_runs_its_pods_to_the_end_and_keeps_them() {
    let cluster = Cluster::start(1).await;
    cluster.create("batch", "jobs", job("work", 0, json!({"completions": 3, "parallelism": 2})));
    cluster.pass(5).await;
    let done = cluster.get("batch", "jobs", "work").unwrap();
    assert_eq!(conditions(&done), ["SuccessCriteriaMet CompletionsReached", "Complete CompletionsReached"]);
    assert_eq!(done["status"]["succeeded"], 3);
    let pods = cluster.list("", "pods");
    assert_eq!(pods.len(), 3);
    assert!(pods.iter().all(|pod| pod["metadata"].get("finalizers").is_none_or(|f| f == &json!([]))));
    assert_eq!(cluster.events("Completed"), ["Job completed"]);
    cluster.delete("batch", "jobs", "work", Propagation::Background);
    cluster.pass(1).await;
    assert!(cluster.list("", "pods").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_failing_job_backs_off_and_gives_up() {
    let cluster = Cluster::start(1).await;
    cluster.create("batch", "jobs", job("work", 1, json!({"backoffLimit": 2})));
    cluster.pass(5).await;
    assert_eq!(cluster.get("batch", "jobs", "work").unwrap()["status"]["failed"], 1);
    cluster.pass(9).await;
    assert_eq!(cluster.get("batch", "jobs", "work").unwrap()["status"]["failed"], 2);
    cluster.pass(30).await;
    let done = cluster.get("batch", "jobs", "work").unwrap();
    assert_eq!(conditions(&done), ["FailureTarget BackoffLimitExceeded", "Failed BackoffLimitExceeded"]);
    assert_eq!(cluster.events("BackoffLimitExceeded"), ["Job has reached the specified backoff limit"]);
}

#[tokio::test(start_paused = true)]
async fn a_finished_job_goes_after_its_time_to_live() {
    let cluster = Cluster::start(1).await;
    cluster.create("batch", "jobs", job("work", 0, json!({"ttlSecondsAfterFinished": 60})));
    cluster.pass(50).await;
    assert!(cluster.get("batch", "jobs", "work").is_some());
    cluster.pass(15).await;
    assert!(cluster.get("batch", "jobs", "work").is_none());
    assert!(cluster.list("", "pods").is_empty());
}
