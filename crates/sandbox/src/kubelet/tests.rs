//! Pods on simulated nodes, in virtual time.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tiphys_clock::Clock;
use tiphys_machinery::{error::ApiError, resource};

use crate::{
    controllers::Manager,
    eviction::evict,
    logs::{LogOptions, logs},
    nodes::{self, NodeOptions},
    registry::{DeleteOptions, Registry, RegistryOptions, WriteOptions},
    store::HistoryLimits,
};

/// A registry with namespace `ns` and nodes, and a manager at work.
fn sandbox(count: usize) -> Registry {
    let clock = Clock::starting_at("2026-01-02T03:04:05Z".parse().unwrap());
    let options = RegistryOptions { clock, seed: 1, history: HistoryLimits::default() };
    let registry = Registry::in_memory(&options, resource::builtin().into_iter().map(Arc::new).collect());
    create(&registry, "", "namespaces", json!({"metadata": {"name": "ns"}}));
    nodes::add(&registry, &NodeOptions { count, ..NodeOptions::default() }).unwrap();
    tokio::spawn(Manager::new(&registry).run());
    registry
}

fn create(registry: &Registry, group: &str, plural: &str, mut value: Value) {
    let resource = registry.resource(group, plural).unwrap();
    value["apiVersion"] = resource.gvk.api_version().into();
    value["kind"] = resource.gvk.kind.clone().into();
    let namespace = if resource.namespaced { "ns" } else { "" };
    registry.create(&resource, namespace, value, &WriteOptions::by("tester")).unwrap();
}

fn get(registry: &Registry, plural: &str, name: &str) -> Option<Value> {
    let resource = registry.resource("", plural).unwrap();
    let namespace = if resource.namespaced { "ns" } else { "" };
    registry.get(&resource, namespace, name).ok().map(|object| object.value())
}

fn pod(registry: &Registry, annotations: &[(&str, &str)], container: &Value) {
    let mut main = json!({"name": "c", "image": "app:1"});
    for (field, value) in container.as_object().into_iter().flatten() {
        main[field] = value.clone();
    }
    let annotations: Value = annotations
        .iter()
        .map(|(name, value)| (format!("sandbox.tiphys.dev/{name}"), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let metadata = json!({"name": "p", "labels": {"app": "a"}, "annotations": annotations});
    create(registry, "", "pods", json!({"metadata": metadata, "spec": {"containers": [main]}}));
}

async fn seconds(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

fn condition(pod: &Value, r#type: &str) -> Value {
    let all = pod["status"]["conditions"].as_array().unwrap();
    all.iter().find(|condition| condition["type"] == r#type).cloned().unwrap_or_default()
}

fn reasons(registry: &Registry) -> Vec<String> {
    let pod = get(registry, "pods", "p").unwrap();
    let mut events = registry.events_about(pod["metadata"]["uid"].as_str().unwrap());
    events.sort_by_key(|event| event.revision());
    events.iter().map(|event| event.value()["reason"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_pod_becomes_running_and_ready() {
    let registry = sandbox(2);
    pod(&registry, &[], &json!({}));
    seconds(0.1).await;
    let creating = get(&registry, "pods", "p").unwrap();
    assert_eq!(creating["status"]["containerStatuses"][0]["state"]["waiting"]["reason"], "ContainerCreating");
    assert_eq!(condition(&creating, "Ready")["message"], "containers with unready status: [c]");
    seconds(0.1).await;
    let ready = get(&registry, "pods", "p").unwrap();
    assert_eq!(ready["spec"]["nodeName"], "node-1");
    assert_eq!((&ready["status"]["phase"], &ready["status"]["podIP"]), (&json!("Running"), &json!("10.244.1.2")));
    assert_eq!(condition(&ready, "PodScheduled")["status"], "True");
    assert_eq!(condition(&ready, "Ready")["status"], "True", "{:#}", ready["status"]);
    assert_eq!(reasons(&registry), ["Scheduled", "Pulling", "Pulled", "Created", "Started"]);
    let before = registry.revision();
    seconds(100.0).await;
    assert_eq!(registry.revision(), before, "nothing moves any more");
}

#[tokio::test(start_paused = true)]
async fn readiness_waits_for_probe_delay_and_knob() {
    let registry = sandbox(1);
    let probe = json!({"readinessProbe": {"initialDelaySeconds": 10, "httpGet": {"port": 80}}});
    pod(&registry, &[("ready-delay", "2s")], &probe);
    seconds(12.1).await;
    assert_eq!(condition(&get(&registry, "pods", "p").unwrap(), "Ready")["status"], "False");
    seconds(0.1).await;
    assert_eq!(condition(&get(&registry, "pods", "p").unwrap(), "Ready")["status"], "True");
}

#[tokio::test(start_paused = true)]
async fn a_crashing_container_backs_off_longer_each_time() {
    let registry = sandbox(1);
    pod(&registry, &[("crash-loop", "3@1s")], &json!({}));
    let status = || get(&registry, "pods", "p").unwrap()["status"]["containerStatuses"][0].clone();
    seconds(1.2).await;
    assert_eq!(status()["state"]["terminated"]["exitCode"], 3, "the first restart is immediate: {:#}", status());
    seconds(1.5).await;
    let message = status()["state"]["waiting"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("back-off 10s restarting failed container=c pod=p_ns("), "{message}");
    assert_eq!(
        (&status()["restartCount"], &status()["state"]["waiting"]["reason"]),
        (&json!(1), &json!("CrashLoopBackOff"))
    );
    assert_eq!(status()["lastState"]["terminated"]["exitCode"], 3);
    seconds(60.0).await;
    assert_eq!(status()["restartCount"], 3, "{:#}", status());
    let message = status()["state"]["waiting"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("back-off 40s "), "{message}");
    assert!(reasons(&registry).contains(&"BackOff".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn an_image_that_cannot_be_pulled_is_tried_again() {
    let registry = sandbox(1);
    pod(&registry, &[("image-pull", "fail")], &json!({}));
    let waiting = || get(&registry, "pods", "p").unwrap()["status"]["containerStatuses"][0]["state"]["waiting"].clone();
    seconds(0.2).await;
    assert_eq!(waiting()["reason"], "ErrImagePull");
    seconds(1.0).await;
    assert_eq!(waiting(), json!({"reason": "ImagePullBackOff", "message": "Back-off pulling image \"app:1\""}));
    assert_eq!(reasons(&registry), ["Scheduled", "Pulling", "Failed", "Failed", "BackOff", "Failed"]);
    seconds(9.1).await;
    assert_eq!(waiting()["reason"], "ErrImagePull", "the second attempt");
    let resource = registry.resource("", "pods").unwrap();
    let error = logs(&registry, "ns", "p", &LogOptions::default()).unwrap_err();
    assert_eq!(error.message, "container \"c\" in pod \"p\" is waiting to start: image can't be pulled");
    assert_eq!(registry.list(&resource, None).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn commands_end_pods() {
    for (command, policy, phase, reason) in [
        (&["sh", "-c", "sleep 2 && exit 0"][..], "Never", "Succeeded", "Completed"),
        (&["sh", "-c", "sleep 2 && exit 3"], "Never", "Failed", "Error"),
        (&["exit", "1"], "Never", "Failed", "StartError"),
        (&["run-tests"], "OnFailure", "Succeeded", "Completed"),
    ] {
        let registry = sandbox(1);
        let container = json!({"name": "c", "image": "app:1", "command": command});
        create(
            &registry,
            "",
            "pods",
            json!({"metadata": {"name": "p"}, "spec": {"restartPolicy": policy, "containers": [container]}}),
        );
        seconds(3.0).await;
        let pod = get(&registry, "pods", "p").unwrap();
        let terminated = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
        assert_eq!((&pod["status"]["phase"], &terminated["reason"]), (&json!(phase), &json!(reason)), "{command:?}");
        assert_eq!(condition(&pod, "Ready")["status"], "False", "{command:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn init_containers_run_first() {
    let registry = sandbox(1);
    let init = json!([{"name": "i", "image": "app:1", "command": ["sleep", "5"]}]);
    let spec = json!({"initContainers": init, "containers": [{"name": "c", "image": "app:1"}]});
    create(&registry, "", "pods", json!({"metadata": {"name": "p"}, "spec": spec}));
    seconds(4.0).await;
    let pod = get(&registry, "pods", "p").unwrap();
    assert_eq!(condition(&pod, "Initialized")["message"], "containers with incomplete status: [i]");
    assert_eq!(pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"], "PodInitializing");
    seconds(2.0).await;
    let pod = get(&registry, "pods", "p").unwrap();
    assert_eq!(
        (&condition(&pod, "Initialized")["status"], &condition(&pod, "Ready")["status"]),
        (&json!("True"), &json!("True"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_readiness_gate_holds_a_pod_back_until_it_is_true() {
    let registry = sandbox(1);
    let spec = json!({"readinessGates": [{"conditionType": "x/y"}], "containers": [{"name": "c", "image": "app:1"}]});
    create(&registry, "", "pods", json!({"metadata": {"name": "p"}, "spec": spec}));
    seconds(1.0).await;
    let ready = condition(&get(&registry, "pods", "p").unwrap(), "Ready");
    assert_eq!(ready["message"], "corresponding condition of pod readiness gate \"x/y\" does not exist.");
    let (pods, options) = (registry.resource("", "pods").unwrap(), WriteOptions::by("tester"));
    let add = |pod: &mut Value| {
        pod["status"]["conditions"].as_array_mut().unwrap().push(json!({"type": "x/y", "status": "True"}));
    };
    registry.modify(&pods, "ns", "p", crate::registry::Subresource::Status, &options, add).unwrap();
    seconds(0.1).await;
    assert_eq!(condition(&get(&registry, "pods", "p").unwrap(), "Ready")["status"], "True");
}

async fn delete(registry: &Registry, grace: Option<i64>) {
    let pods = registry.resource("", "pods").unwrap();
    let options = DeleteOptions { grace_period_seconds: grace, ..DeleteOptions::background() };
    registry.delete(&pods, "ns", "p", &options).unwrap();
    seconds(0.05).await;
}

#[tokio::test(start_paused = true)]
async fn a_deleted_pod_stops_and_goes() {
    let registry = sandbox(1);
    pod(&registry, &[], &json!({}));
    seconds(1.0).await;
    delete(&registry, None).await;
    assert_eq!(reasons(&registry).last().unwrap(), "Killing");
    seconds(0.1).await;
    assert_eq!(get(&registry, "pods", "p"), None);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_ignores_the_request_is_killed_at_its_deadline() {
    let registry = sandbox(1);
    pod(&registry, &[("termination", "never")], &json!({}));
    seconds(1.0).await;
    delete(&registry, Some(10)).await;
    seconds(8.0).await;
    assert_eq!(condition(&get(&registry, "pods", "p").unwrap(), "Ready")["status"], "True");
    seconds(2.0).await;
    assert_eq!(get(&registry, "pods", "p"), None);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_fits_nowhere_waits_for_room() {
    let registry = sandbox(0);
    pod(&registry, &[], &json!({"resources": {"requests": {"cpu": "8"}}}));
    seconds(1.0).await;
    let scheduled = condition(&get(&registry, "pods", "p").unwrap(), "PodScheduled");
    assert_eq!(
        (&scheduled["reason"], &scheduled["message"]),
        (&json!("Unschedulable"), &json!("no nodes available to schedule pods"))
    );
    nodes::add(&registry, &NodeOptions::default()).unwrap();
    seconds(1.0).await;
    assert_eq!(get(&registry, "pods", "p").unwrap()["status"]["phase"], "Running");
    assert_eq!(reasons(&registry)[..2], ["FailedScheduling", "Scheduled"]);
}

#[tokio::test(start_paused = true)]
async fn an_eviction_needs_the_budget_to_allow_it() {
    let registry = sandbox(1);
    let budget = |min| json!({"metadata": {"name": "b"}, "spec": {"minAvailable": min, "selector": {"matchLabels": {"app": "a"}}}});
    create(&registry, "policy", "poddisruptionbudgets", budget(1));
    pod(&registry, &[], &json!({}));
    seconds(1.0).await;
    let try_it = || -> Result<Value, ApiError> { evict(&registry, "ns", "p", &json!({"metadata": {"name": "p"}})) };
    let error = try_it().unwrap_err();
    assert_eq!((error.code, error.reason), (429, "TooManyRequests"));
    let cause = json!({"reason": "DisruptionBudget", "message": "The disruption budget b needs 1 healthy pods and has 1 currently"});
    assert_eq!(error.details, json!({"causes": [cause]}));
    let (budgets, options) = (registry.resource("policy", "poddisruptionbudgets").unwrap(), WriteOptions::by("tester"));
    let loosen = |budget: &mut Value| budget["spec"]["minAvailable"] = 0.into();
    registry.modify(&budgets, "ns", "b", crate::registry::Subresource::Main, &options, loosen).unwrap();
    assert!(try_it().unwrap_err().details["retryAfterSeconds"] == 10, "the controller has not looked yet");
    seconds(0.1).await;
    assert_eq!(try_it().unwrap()["code"], 201);
    let target = condition(&get(&registry, "pods", "p").unwrap(), "DisruptionTarget");
    assert_eq!(
        (&target["reason"], &target["message"]),
        (&json!("EvictionByEvictionAPI"), &json!("Eviction API: evicting"))
    );
    seconds(1.0).await;
    assert_eq!(get(&registry, "pods", "p"), None);
}

#[tokio::test(start_paused = true)]
async fn pods_leave_a_lost_node_in_the_end_and_a_recovered_node_goes_on() {
    let registry = sandbox(1);
    pod(&registry, &[], &json!({}));
    seconds(1.0).await;
    nodes::fail(&registry, "node-1").unwrap();
    seconds(41.0).await;
    let ready = |value: Option<Value>| condition(&value.unwrap(), "Ready");
    assert_eq!(ready(get(&registry, "nodes", "node-1"))["reason"], "NodeStatusUnknown");
    assert_eq!(ready(get(&registry, "pods", "p"))["reason"], "NodeNotReady");
    nodes::recover(&registry, "node-1").unwrap();
    seconds(1.0).await;
    assert_eq!(ready(get(&registry, "nodes", "node-1"))["status"], "True");
    assert_eq!(ready(get(&registry, "pods", "p"))["status"], "True");
    assert_eq!(get(&registry, "nodes", "node-1").unwrap()["spec"]["taints"].as_array().map_or(0, Vec::len), 0);
    nodes::fail(&registry, "node-1").unwrap();
    seconds(400.0).await;
    let gone = get(&registry, "pods", "p").unwrap();
    assert!(!gone["metadata"]["deletionTimestamp"].is_null(), "deleted, but nobody is there to stop it");
    nodes::recover(&registry, "node-1").unwrap();
    seconds(1.0).await;
    assert_eq!(get(&registry, "pods", "p"), None);
}

#[tokio::test(start_paused = true)]
async fn a_new_manager_changes_nothing_and_goes_on() {
    let registry = sandbox(1);
    pod(&registry, &[("crash-loop", "1@30m")], &json!({}));
    seconds(2.0).await;
    let before = registry.revision();
    tokio::spawn(Manager::new(&registry).run());
    seconds(2.0).await;
    assert_eq!(registry.revision(), before);
}

#[tokio::test(start_paused = true)]
async fn replica_sets_come_up_whole() {
    let registry = sandbox(3);
    let template =
        json!({"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c", "image": "app:1"}]}});
    let spec = json!({"replicas": 30, "selector": {"matchLabels": {"app": "a"}}, "template": template});
    create(&registry, "apps", "replicasets", json!({"metadata": {"name": "r"}, "spec": spec}));
    seconds(2.0).await;
    let sets = registry.resource("apps", "replicasets").unwrap();
    assert_eq!(registry.get(&sets, "ns", "r").unwrap().value()["status"]["readyReplicas"], 30);
    let on = |node| registry.pods_on(node).len();
    assert_eq!((on("node-1"), on("node-2"), on("node-3")), (10, 10, 10));
}

#[tokio::test(start_paused = true)]
async fn logs_grow_with_time() {
    let registry = sandbox(1);
    pod(&registry, &[("logs", "{{pod}} {{n}}")], &json!({}));
    seconds(2.5).await;
    let read = |options: LogOptions| logs(&registry, "ns", "p", &options).unwrap();
    let all = read(LogOptions::default());
    assert_eq!(all.text, "p 0\np 1\np 2\n");
    assert_eq!(read(LogOptions { tail_lines: Some(1), ..LogOptions::default() }).text, "p 2\n");
    seconds(1.0).await;
    assert_eq!(read(LogOptions { after: Some(all.until), ..LogOptions::default() }).text, "p 3\n");
}

#[tokio::test(start_paused = true)]
async fn many_pods_come_up() {
    let registry = sandbox(200);
    let template =
        json!({"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c", "image": "app:1"}]}});
    for n in 0..4 {
        let spec = json!({"replicas": 500, "selector": {"matchLabels": {"app": "a"}}, "template": template});
        create(&registry, "apps", "replicasets", json!({"metadata": {"name": format!("r{n}")}, "spec": spec}));
    }
    seconds(60.0).await;
    let sets = registry.resource("apps", "replicasets").unwrap();
    let ready = registry
        .list(&sets, None)
        .iter()
        .map(|set| set.value()["status"]["readyReplicas"].as_i64().unwrap_or(0))
        .sum::<i64>();
    assert_eq!(ready, 2_000);
}
