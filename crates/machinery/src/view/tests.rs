use serde_json::{Value, json};

use super::*;
use crate::resource::{Gvk, ScalePaths, builtin};

fn resource(api_version: &str, plural: &str) -> Resource {
    builtin().into_iter().find(|r| r.gvk.api_version() == api_version && r.plural == plural).unwrap()
}

#[test]
fn events_of_both_groups_are_one() {
    let new = json!({"metadata": {"name": "e"}, "regarding": {"kind": "Pod", "name": "p"}, "note": "n", "reason": "R",
        "reportingController": "c", "reportingInstance": "i", "eventTime": "2026-01-01T00:00:00.000000Z", "deprecatedCount": 2});
    let events = resource("events.k8s.io/v1", "events");
    let stored = to_stored(&events, new.clone());
    assert_eq!(
        (&stored["involvedObject"]["name"], &stored["message"], &stored["count"]),
        (&json!("p"), &json!("n"), &json!(2))
    );
    assert_eq!((&stored["apiVersion"], &stored["reportingComponent"]), (&json!("v1"), &json!("c")));
    let mut shown = in_version(&events, &stored);
    shown.as_object_mut().unwrap().retain(|key, _| new.get(key).is_some());
    assert_eq!(shown, new);
}

#[test]
fn an_old_autoscaler_keeps_the_new_parts_in_annotations() {
    let stored = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"},
        "spec": {"maxReplicas": 5, "metrics": [
            {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}},
            {"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "10"}}}],
            "behavior": {"scaleDown": {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}}},
        "status": {"conditions": [{"type": "AbleToScale", "status": "True"}], "currentMetrics": [
            {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 12, "averageValue": "24m"}}}]}});
    let v1 = resource("autoscaling/v1", "horizontalpodautoscalers");
    let shown = in_version(&v1, &stored);
    assert_eq!(shown["spec"], json!({"maxReplicas": 5, "targetCPUUtilizationPercentage": 70}));
    assert_eq!(shown["status"], json!({"currentCPUUtilizationPercentage": 12}));
    let annotation = |key: &str| -> Value {
        let key = format!("autoscaling.alpha.kubernetes.io/{key}");
        serde_json::from_str(shown["metadata"]["annotations"][key].as_str().unwrap()).unwrap()
    };
    assert_eq!(
        annotation("metrics"),
        json!([{"type": "Pods", "pods": {"metricName": "rps", "targetAverageValue": "10"}}])
    );
    assert_eq!(
        annotation("current-metrics"),
        json!([{"type": "Resource", "resource": {"name": "cpu", "currentAverageUtilization": 12, "currentAverageValue": "24m"}}])
    );
    assert_eq!(
        annotation("behavior"),
        json!({"ScaleDown": {"SelectPolicy": "Max", "Policies": [{"Type": "Percent", "Value": 100, "PeriodSeconds": 15}]}})
    );
    let mut back = to_stored(&v1, shown);
    back["spec"]["metrics"].as_array_mut().unwrap().reverse();
    assert_eq!(back, stored);
}

#[test]
fn metadata_alone_is_a_kind_of_its_own() {
    let object = json!({"kind": "Pod", "metadata": {"name": "p"}, "spec": {}});
    let partial = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": {"name": "p"}});
    assert_eq!(super::partial(&object, "v1"), partial);
    let list = partial_list(&json!({"resourceVersion": "1"}), [&object], "v1");
    assert_eq!((&list["kind"], &list["items"]), (&json!("PartialObjectMetadataList"), &json!([partial])));
}

#[test]
fn a_deployment_shows_and_takes_its_scale() {
    let deployments = resource("apps/v1", "deployments");
    let object = json!({"metadata": {"name": "d", "namespace": "n", "uid": "u", "resourceVersion": "7"},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "In", "values": ["d"]}]}},
        "status": {"replicas": 2}});
    let scale = read_scale(&deployments, &object).unwrap();
    assert_eq!(
        scale,
        json!({"kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {"name": "d", "namespace": "n", "uid": "u", "resourceVersion": "7"},
        "spec": {"replicas": 3}, "status": {"replicas": 2, "selector": "a=b,c in (d)"}})
    );
    let mut wanted = scale.clone();
    wanted["spec"] = json!({});
    assert_eq!(write_scale(&deployments, &object, &wanted).unwrap()["spec"]["replicas"], 0);
    wanted["spec"] = json!({"replicas": -1});
    let error = write_scale(&deployments, &object, &wanted).unwrap_err();
    assert_eq!(
        error.message,
        "Scale.autoscaling \"d\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0"
    );
    wanted["metadata"]["uid"] = json!("x");
    wanted["spec"] = json!({"replicas": 1});
    assert_eq!(write_scale(&deployments, &object, &wanted).unwrap_err().code, 409);
}

#[test]
fn a_custom_resource_scales_by_its_paths() {
    let mut rollouts = Resource::new(Gvk::new("argoproj.io", "v1alpha1", "Rollout"), "rollouts");
    rollouts.custom = true;
    rollouts.scale_paths = Some(ScalePaths {
        spec_replicas: ".spec.replicas".to_owned(),
        status_replicas: ".status.HPAReplicas".to_owned(),
        selector: Some(".status.selector".to_owned()),
    });
    let object =
        json!({"metadata": {"name": "r"}, "spec": {"replicas": 3}, "status": {"HPAReplicas": 4, "selector": "a=b"}});
    assert_eq!(read_scale(&rollouts, &object).unwrap()["status"], json!({"replicas": 4, "selector": "a=b"}));
    let bare = json!({"metadata": {"name": "r"}, "spec": {}});
    let error = read_scale(&rollouts, &bare).unwrap_err();
    assert_eq!(error.message, "Internal error occurred: the spec replicas field \".spec.replicas\" does not exist");
    let start = scale_for_update(&rollouts, &bare).unwrap();
    let error = write_scale(&rollouts, &bare, &start).unwrap_err();
    assert_eq!(error.message, "the spec replicas field \".spec.replicas\" cannot be empty");
    let mut scale = start;
    scale["spec"]["replicas"] = json!(2);
    assert_eq!(write_scale(&rollouts, &bare, &scale).unwrap()["spec"]["replicas"], 2);
}
