use serde_json::{Value, json};

use super::*;
use crate::resource::builtin;

fn resource(plural: &str) -> Resource {
    builtin().into_iter().find(|r| r.plural == plural).unwrap()
}

fn created(plural: &str, mut object: Value) -> Value {
    let resource = resource(plural);
    defaults::apply(&mut object, &resource.stored);
    prepare_create(&mut object, &resource);
    object
}

fn updated(plural: &str, old: &Value, mut new: Value) -> Value {
    prepare_update(&mut new, old, &resource(plural));
    new
}

#[test]
fn new_objects_start_with_an_empty_status() {
    let set = created("replicasets", json!({"metadata": {"name": "r"}, "spec": {}, "status": {"replicas": 5}}));
    assert_eq!((&set["status"], meta::generation(&set)), (&json!({"replicas": 0}), 1));
    let pod = created("pods", json!({"spec": {"schedulingGates": [{"name": "g"}]}, "status": {"phase": "Running"}}));
    assert_eq!((&pod["status"]["phase"], &pod["status"]["qosClass"]), (&json!("Pending"), &json!("BestEffort")));
    assert_eq!(pod["status"]["conditions"][0]["reason"], "SchedulingGated");
    let map = created("configmaps", json!({"metadata": {"generation": 7}}));
    assert_eq!(meta::generation(&map), 7, "nothing is counted, so what was given stays");
    let space = created("namespaces", json!({"metadata": {"name": "n"}}));
    assert_eq!((&space["spec"]["finalizers"], &space["status"]["phase"]), (&json!(["kubernetes"]), &json!("Active")));
    let node = created("nodes", json!({"status": {"phase": "Running"}}));
    assert_eq!(node["status"]["phase"], "Running");
}

#[test]
fn empty_lists_that_go_always_writes_are_null() {
    let mut role = json!({"metadata": {"name": "r"}, "rules": []});
    complete(&mut role, &resource("roles"));
    assert_eq!(role["rules"], Value::Null);
    let mut full = json!({"rules": [{"verbs": ["get"]}]});
    complete(&mut full, &resource("roles"));
    assert_eq!(full["rules"][0]["verbs"][0], "get");
    let mut map = json!({"rules": []});
    complete(&mut map, &resource("configmaps"));
    assert_eq!(map["rules"], json!([]));
}

#[test]
fn a_job_selects_its_pods_by_uid() {
    let job = created("jobs", json!({"metadata": {"name": "j", "uid": "u"}, "spec": {"template": {}}}));
    let labels = json!({"job-name": "j", "batch.kubernetes.io/job-name": "j", "controller-uid": "u", "batch.kubernetes.io/controller-uid": "u"});
    assert_eq!(job["spec"]["template"]["metadata"]["labels"], labels);
    assert_eq!(job["metadata"]["labels"], labels);
    assert_eq!(job["spec"]["selector"], json!({"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}}));
    let by_hand = created("jobs", json!({"metadata": {"name": "j"}, "spec": {"manualSelector": true, "template": {}}}));
    assert!(by_hand["spec"].get("selector").is_none());
}

#[track_caller]
fn check_generation(plural: &str, change: impl Fn(&mut Value), moves: bool) {
    let old = created(plural, json!({"metadata": {"name": "a", "annotations": {"x": "y"}}, "spec": {}}));
    let mut new = old.clone();
    change(&mut new);
    assert_eq!(meta::generation(&updated(plural, &old, new)) > 1, moves, "{plural}");
}

#[test]
fn generation_moves_with_what_the_kind_counts() {
    let annotate = |object: &mut Value| meta::set_annotation(object, "x", "z");
    let label = |object: &mut Value| meta::set_label(object, "x", "z");
    let replicas = |object: &mut Value| object["spec"]["replicas"] = json!(9);
    let status = |object: &mut Value| object["status"] = json!({"replicas": 3});
    check_generation("deployments", annotate, true);
    check_generation("deployments", label, false);
    check_generation("deployments", replicas, true);
    check_generation("deployments", status, false);
    check_generation("replicasets", annotate, false);
    check_generation("replicasets", replicas, true);
    check_generation("endpointslices", annotate, false);
    check_generation("endpointslices", label, true);
    check_generation("endpointslices", |slice| slice["ports"] = json!([{"port": 1}]), true);
    check_generation("services", replicas, false);
    check_generation("priorityclasses", |class| class["description"] = json!("d"), false);
}

#[test]
fn a_custom_resource_without_status_counts_its_status() {
    let mut resource =
        Resource::new(crate::resource::Gvk::new("argoproj.io", "v1alpha1", "AnalysisRun"), "analysisruns");
    resource.custom = true;
    resource.generation = GenerationRule::AllButMetadata;
    let old = json!({"metadata": {"generation": 1}, "spec": {}, "status": {}});
    let mut new = json!({"metadata": {"generation": 1}, "spec": {}, "status": {"phase": "Running"}});
    prepare_update(&mut new, &old, &resource);
    assert_eq!((meta::generation(&new), &new["status"]["phase"]), (2, &json!("Running")));
    resource.add_subresource("status");
    let mut new = json!({"metadata": {"generation": 1}, "spec": {}, "status": {"phase": "Running"}});
    prepare_update(&mut new, &old, &resource);
    assert_eq!((meta::generation(&new), &new["status"]), (1, &json!({})));
    let mut status = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"x": 1}, "status": {"phase": "Running"}});
    prepare_status_update(&mut status, &old, &resource);
    assert_eq!(status, json!({"metadata": {"generation": 1}, "spec": {}, "status": {"phase": "Running"}}));
}

#[test]
fn a_daemon_set_counts_its_templates() {
    let old = created("daemonsets", json!({"metadata": {"name": "d"}, "spec": {}}));
    assert_eq!(meta::annotation(&old, TEMPLATE_GENERATION), Some("1"));
    let mut new = old.clone();
    new["spec"]["template"]["spec"]["hostNetwork"] = json!(true);
    assert_eq!(meta::annotation(&updated("daemonsets", &old, new), TEMPLATE_GENERATION), Some("2"));
    let mut new = old.clone();
    meta::remove_annotation(&mut new, TEMPLATE_GENERATION);
    assert_eq!(meta::annotation(&updated("daemonsets", &old, new), TEMPLATE_GENERATION), Some("1"));
}

#[test]
fn a_service_keeps_what_was_given_to_it() {
    let old = json!({"spec": {"type": "NodePort", "clusterIP": "10.96.0.5", "clusterIPs": ["10.96.0.5"],
        "ports": [{"name": "a", "port": 80, "nodePort": 30080}]}});
    let new = json!({"spec": {"type": "NodePort", "ports": [{"name": "a", "port": 81}, {"name": "b", "port": 82}]}});
    let kept = updated("services", &old, new);
    assert_eq!((&kept["spec"]["clusterIP"], &kept["spec"]["clusterIPs"]), (&json!("10.96.0.5"), &json!(["10.96.0.5"])));
    assert_eq!(kept["spec"]["ports"], json!([{"name": "a", "port": 81, "nodePort": 30080}, {"name": "b", "port": 82}]));
    let plain = updated(
        "services",
        &old,
        json!({"spec": {"type": "ClusterIP", "ports": [{"name": "a", "port": 80, "nodePort": 30080}]}}),
    );
    assert!(plain["spec"]["ports"][0].get("nodePort").is_none());
    let mut external = old.clone();
    external["spec"]["type"] = json!("ExternalName");
    let external = updated("services", &old, external);
    assert!(external["spec"].get("clusterIP").is_none() && external["spec"].get("clusterIPs").is_none());
}

#[test]
fn quality_of_service_follows_requests_and_limits() {
    #[track_caller]
    fn check(resources: &[Value], class: &str) {
        let containers: Vec<Value> = resources.iter().map(|r| json!({"resources": r})).collect();
        assert_eq!(qos_class(&json!({"spec": {"containers": containers}})), class);
    }
    let both = json!({"cpu": "1", "memory": "1Gi"});
    check(&[json!({})], "BestEffort");
    check(&[json!({"limits": both, "requests": {"cpu": "1000m", "memory": "1Gi"}})], "Guaranteed");
    check(&[json!({"limits": both, "requests": both}), json!({})], "Burstable");
    check(&[json!({"limits": both, "requests": {"cpu": "500m", "memory": "1Gi"}})], "Burstable");
    check(&[json!({"requests": {"cpu": "0"}})], "BestEffort");
}

#[test]
fn a_pod_status_keeps_what_old_clients_do_not_know() {
    let old = json!({"metadata": {"ownerReferences": [{"uid": "u"}]}, "status": {"qosClass": "Burstable", "observedGeneration": 2,
        "conditions": [{"type": "Ready", "observedGeneration": 2}]}});
    let mut new = json!({"metadata": {}, "status": {"phase": "Running", "conditions": [{"type": "Ready"}]}});
    prepare_status_update(&mut new, &old, &resource("pods"));
    assert_eq!(new["metadata"]["ownerReferences"], json!([{"uid": "u"}]));
    assert_eq!(
        new["status"],
        json!({"phase": "Running", "qosClass": "Burstable", "observedGeneration": 2,
        "conditions": [{"type": "Ready", "observedGeneration": 2}]})
    );
}

#[test]
fn a_deployment_takes_annotations_but_no_labels_with_its_status() {
    let old = json!({"metadata": {"generation": 2, "labels": {"a": "b"}}, "spec": {"replicas": 1}, "status": {}});
    let mut new = json!({"metadata": {"labels": {}, "annotations": {"r": "1"}}, "spec": {"replicas": 9}, "status": {"replicas": 1}});
    prepare_status_update(&mut new, &old, &resource("deployments"));
    let metadata = json!({"generation": 2, "labels": {"a": "b"}, "annotations": {"r": "1"}});
    assert_eq!(new, json!({"metadata": metadata, "spec": {"replicas": 1}, "status": {"replicas": 1}}));
}
