//! Jobs, on the sandbox's API.

use k8s_openapi::api::batch::v1::Job;
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::{Value as Json, json};
use tiphys_analysis::plan::Due;
use tiphys_api::types::Measurement;

use super::World;

fn metric() -> Json {
    let pod = json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}});
    let job =
        json!({"metadata": {"labels": {"mine": "yes"}}, "spec": {"backoffLimit": 0, "suspend": true, "template": pod}});
    json!({"provider": {"job": job}})
}

fn jobs(world: &World) -> Api<Job> {
    Api::default_namespaced(world.services.client.clone())
}

async fn set(world: &World, name: &str, status: Json) {
    let patch = Patch::Merge(json!({"status": status}));
    jobs(world).patch_status(name, &PatchParams::default(), &patch).await.unwrap();
}

fn condition(kind: &str, status: &str) -> Json {
    json!({"type": kind, "status": status, "lastTransitionTime": "2026-01-02T03:04:05Z"})
}

async fn begun(world: &World) -> (Measurement, String) {
    let begun = world.measure(metric()).await;
    assert_eq!(begun.phase, "Running", "{}", begun.message);
    let name = begun.metadata["job-name"].clone();
    (begun, name)
}

#[tokio::test]
async fn job_is_made_for_the_run() {
    let world = World::new(&[]).with_run().await;
    let (begun, name) = begun(&world).await;
    assert_eq!(name, format!("{}.m.1", world.run.metadata.uid.clone().unwrap()));
    assert_eq!(begun.metadata["job-namespace"], "default");
    let job = jobs(&world).get(&name).await.unwrap();
    let (labels, annotations) = (job.metadata.labels.unwrap(), job.metadata.annotations.unwrap());
    let uid = world.run.metadata.uid.clone().unwrap();
    assert_eq!((&labels["analysisrun.argoproj.io/uid"], labels["mine"].as_str()), (&uid, "yes"));
    assert_eq!(annotations["analysisrun.argoproj.io/metric-name"], "m");
    assert_eq!(job.metadata.owner_references.unwrap()[0].uid, uid);
    let pod = job.spec.unwrap().template.metadata.unwrap();
    assert_eq!(pod.labels.unwrap()["analysisrun.argoproj.io/uid"], uid);
    let again = world.measure(metric()).await;
    assert_eq!(again.metadata["job-name"], name, "the job of the same run is taken over");
}

#[tokio::test]
async fn failed_job_is_never_a_success_4393() {
    let world = World::new(&[]).with_run().await;
    let (begun, name) = begun(&world).await;
    let look = || world.take(metric(), Due::Resume(begun.clone()));
    assert_eq!(look().await.measurement.phase, "Running");
    let false_conditions = json!([condition("Complete", "False"), condition("Failed", "False")]);
    set(&world, &name, json!({"conditions": false_conditions})).await;
    assert_eq!(look().await.measurement.phase, "Running", "a condition that does not hold says nothing");
    set(
        &world,
        &name,
        json!({"startTime": "2026-01-02T03:04:05Z", "failed": 1,
        "conditions": [condition("FailureTarget", "True"), condition("Failed", "True")]}),
    )
    .await;
    assert_eq!(look().await.measurement.phase, "Failed");
    let stopped = world.take(metric(), Due::Terminate(begun.clone())).await.measurement;
    assert_eq!(stopped.phase, "Failed", "also when it is stopped");
}

#[tokio::test]
async fn complete_job_is_a_success() {
    let world = World::new(&[]).with_run().await;
    let (begun, name) = begun(&world).await;
    set(
        &world,
        &name,
        json!({"startTime": "2026-01-02T03:04:05Z", "completionTime": "2026-01-02T03:04:06Z", "succeeded": 1,
        "conditions": [condition("SuccessCriteriaMet", "True"), condition("Complete", "True")]}),
    )
    .await;
    let ended = world.take(metric(), Due::Resume(begun)).await.measurement;
    assert_eq!((ended.phase.as_str(), ended.value.as_str()), ("Successful", ""));
    assert!(ended.finished_at.is_some());
}

#[tokio::test]
async fn stopped_job_did_nothing_wrong() {
    let world = World::new(&[]).with_run().await;
    let (begun, name) = begun(&world).await;
    let stopped = world.take(metric(), Due::Terminate(begun.clone())).await.measurement;
    assert_eq!((stopped.phase.as_str(), stopped.message.as_str()), ("Successful", "Metric Terminated"));
    let left = jobs(&world).get_opt(&name).await.unwrap();
    assert!(left.is_none_or(|job| job.metadata.deletion_timestamp.is_some()));
    let mut lost = begun;
    lost.metadata.clear();
    let error = world.take(metric(), Due::Resume(lost)).await.measurement;
    assert_eq!((error.phase.as_str(), error.message.as_str()), ("Error", "job metadata reference missing"));
}

#[tokio::test]
async fn long_names_are_cut_and_stay_apart() {
    let world = World::new(&[]).with_run().await;
    let named = |name: &str| {
        let mut metric = metric();
        metric["name"] = json!(name);
        metric
    };
    let mut names = Vec::new();
    for name in ["a-very-long-metric-name-one", "a-very-long-metric-name-two"] {
        let measured = world.measure(named(name)).await;
        names.push(measured.metadata["job-name"].clone());
    }
    assert!(names.iter().all(|name| name.len() <= 63), "{names:?}");
    assert_ne!(names[0], names[1]);
    assert_eq!(jobs(&world).list(&ListParams::default()).await.unwrap().items.len(), 2);
}
