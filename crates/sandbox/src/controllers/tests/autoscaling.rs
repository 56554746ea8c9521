use serde_json::{Value, json};

use super::cluster::{Cluster, deployment};

const CPU: &str = "sandbox.tiphys.dev/cpu";

#[expect(clippy::needless_pass_by_value, reason = "tables write their JSON in place")]
fn autoscaler(target: Value, metrics: Value) -> Value {
    json!({"metadata": {"name": "web"}, "spec": {
        "scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 10, "metrics": metrics}})
}

fn cpu() -> Value {
    json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}])
}

fn web_target() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"})
}

/// A Deployment whose pods reserve a core and share so much usage.
fn loaded(replicas: i64, usage: &str) -> Value {
    let mut deployment = deployment("web", replicas, "image:1", json!({}));
    deployment["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "1"}});
    deployment["metadata"]["annotations"] = json!({CPU: usage});
    deployment
}

fn replicas(cluster: &Cluster) -> i64 {
    cluster.get("apps", "deployments", "web").unwrap()["spec"]["replicas"].as_i64().unwrap()
}

fn status(cluster: &Cluster) -> Value {
    cluster.get("autoscaling", "horizontalpodautoscalers", "web").unwrap()["status"].clone()
}

fn reason(cluster: &Cluster, r#type: &str) -> Value {
    let status = status(cluster);
    let mut conditions = status["conditions"].as_array().into_iter().flatten();
    let found = conditions.find(|condition| condition["type"] == r#type);
    found.map(|condition| condition["reason"].clone()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn replicas_follow_the_load_up_at_once_and_down_after_five_minutes() {
    let cluster = Cluster::start(1).await;
    cluster.create("apps", "deployments", loaded(2, "total:2"));
    cluster.pass(60).await;
    cluster.create("autoscaling", "horizontalpodautoscalers", autoscaler(web_target(), cpu()));
    cluster.pass(1).await;
    assert_eq!(replicas(&cluster), 4, "two cores at half of what each pod reserves");
    let message = "New size: 4; reason: cpu resource utilization (percentage of request) above target";
    assert_eq!(cluster.events("SuccessfulRescale"), [message]);
    cluster.pass(60).await;
    let found = status(&cluster);
    assert_eq!((&found["currentReplicas"], &found["desiredReplicas"]), (&json!(4), &json!(4)));
    assert_eq!(
        found["currentMetrics"],
        json!([{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 50, "averageValue": "500m"}}}])
    );
    let reasons = ["AbleToScale", "ScalingActive", "ScalingLimited"].map(|r#type| reason(&cluster, r#type));
    assert_eq!(reasons, ["ReadyForNewScale", "ValidMetricFound", "DesiredWithinRange"]);
    cluster.modify("apps", "deployments", "web", |d| d["metadata"]["annotations"][CPU] = "total:500m".into());
    cluster.pass(200).await;
    assert_eq!((replicas(&cluster), reason(&cluster, "AbleToScale")), (4, json!("ScaleDownStabilized")));
    cluster.pass(200).await;
    assert_eq!((replicas(&cluster), reason(&cluster, "AbleToScale")), (1, json!("ReadyForNewScale")));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_measured_is_told_and_changes_nothing() {
    let cluster = Cluster::start(1).await;
    cluster.create("apps", "deployments", deployment("web", 2, "image:1", json!({})));
    cluster.create("autoscaling", "horizontalpodautoscalers", autoscaler(web_target(), cpu()));
    cluster.pass(20).await;
    assert_eq!((replicas(&cluster), reason(&cluster, "ScalingActive")), (2, json!("FailedGetResourceMetric")));
    let told = "failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource \
                metrics API";
    assert_eq!(cluster.events("FailedGetResourceMetric"), [told]);
    cluster
        .modify("autoscaling", "horizontalpodautoscalers", "web", |a| a["spec"]["scaleTargetRef"]["name"] = "x".into());
    cluster.pass(1).await;
    assert_eq!(reason(&cluster, "AbleToScale"), "FailedGetScale");
}

#[tokio::test(start_paused = true)]
async fn a_custom_resource_is_scaled_through_its_scale() {
    let cluster = Cluster::start(1).await;
    let version = json!({"name": "v1", "served": true, "storage": true,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
        "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.replicas", "labelSelectorPath": ".status.selector"}}});
    cluster.create(
        "apiextensions.k8s.io",
        "customresourcedefinitions",
        json!({
        "metadata": {"name": "fleets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "versions": [version],
            "names": {"plural": "fleets", "singular": "fleet", "kind": "Fleet", "listKind": "FleetList"}}}),
    );
    cluster.create("example.com", "fleets", json!({"metadata": {"name": "f"}, "spec": {"replicas": 2}}));
    cluster.status("example.com", "fleets", "f", json!({"replicas": 2, "selector": "app=f"}));
    let external = json!([{"type": "External", "external": {
        "metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "10"}}}]);
    let target = json!({"apiVersion": "example.com/v1", "kind": "Fleet", "name": "f"});
    let mut autoscaler = autoscaler(target, external);
    autoscaler["metadata"]["annotations"] = json!({"metric.sandbox.tiphys.dev/queue": "75"});
    cluster.create("autoscaling", "horizontalpodautoscalers", autoscaler);
    cluster.pass(1).await;
    assert_eq!(
        cluster.get("example.com", "fleets", "f").unwrap()["spec"]["replicas"],
        4,
        "doubled: the rate is limited"
    );
    assert_eq!(reason(&cluster, "ScalingLimited"), "ScaleUpLimit");
    assert_eq!(cluster.events("SuccessfulRescale"), ["New size: 4; reason: external metric queue(nil) above target"]);
    cluster.pass(15).await;
    assert_eq!(cluster.get("example.com", "fleets", "f").unwrap()["spec"]["replicas"], 8);
}

#[tokio::test(start_paused = true)]
async fn pods_and_objects_have_metrics_of_their_own() {
    let cluster = Cluster::start(1).await;
    let mut web = deployment("web", 2, "image:1", json!({}));
    web["metadata"]["annotations"] = json!({"metric.sandbox.tiphys.dev/depth": "30"});
    cluster.create("apps", "deployments", web);
    let service = json!({"metadata": {"name": "web", "annotations": {"metric.sandbox.tiphys.dev/hits": "500"}},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}});
    cluster.create("", "services", service);
    cluster.pass(5).await;
    let pods = json!({"type": "Pods", "pods": {"metric": {"name": "depth"}, "target": {"type": "AverageValue", "averageValue": "10"}}});
    let object = json!({"type": "Object", "object": {"describedObject": {"apiVersion": "v1", "kind": "Service", "name": "web"},
        "metric": {"name": "hits"}, "target": {"type": "Value", "value": "250"}}});
    cluster.create("autoscaling", "horizontalpodautoscalers", autoscaler(web_target(), json!([object, pods])));
    cluster.pass(1).await;
    assert_eq!(replicas(&cluster), 4, "6 by the pods' metric, doubled at most");
    assert_eq!(cluster.events("SuccessfulRescale"), ["New size: 4; reason: pods metric depth above target"]);
    let found = status(&cluster)["currentMetrics"].clone();
    assert_eq!(found[0]["object"]["current"], json!({"value": "500"}));
    assert_eq!(found[1]["pods"]["current"], json!({"averageValue": "30"}));
}
