//! The CustomResourceDefinitions.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tiphys_api::crds::crds;
use tiphys_machinery::{
    field::Path,
    schema::{self, Schema, structural},
};

use crate::samples;

fn definition(kind: &str) -> Value {
    crds().into_iter().find(|crd| crd["spec"]["names"]["kind"] == kind).unwrap()
}

fn open_api(kind: &str) -> Value {
    definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

fn schema_of(kind: &str) -> Schema {
    schema::from_crd(Some(&open_api(kind)))
}

fn kinds() -> [(&'static str, Value); 5] {
    [
        ("AnalysisRun", samples::analysis_run()),
        ("AnalysisTemplate", samples::analysis_template()),
        ("ClusterAnalysisTemplate", samples::analysis_template()),
        ("Experiment", samples::experiment()),
        ("Rollout", samples::rollout()),
    ]
}

#[test]
fn every_schema_is_structural_and_small_enough_for_kubectl_apply() {
    for (kind, _) in kinds() {
        let schema = open_api(kind);
        let causes = structural::check(&schema, &Path::new("schema"));
        assert_eq!(causes, [], "{kind}");
        // `kubectl apply` keeps the whole definition in an annotation of at most 256 KiB.
        assert!(definition(kind).to_string().len() < 200_000, "{kind}");
    }
}

#[test]
fn an_object_with_every_field_is_accepted_and_kept_whole() {
    for (kind, sample) in kinds() {
        let schema = schema_of(kind);
        let mut value = sample.clone();
        value["apiVersion"] = json!("argoproj.io/v1alpha1");
        value["kind"] = json!(kind);
        let before = value.clone();
        assert_eq!(schema::prune(&mut value, &schema), Vec::<String>::new(), "{kind}");
        assert_eq!(value, before, "{kind}");
        assert_eq!(schema::validate(&value, None, &schema), [], "{kind}");
    }
}

/// Collects the fields of `schema` that `values` never have; Kubernetes' own types are left out.
fn unseen(schema: &Value, values: &[&Value], path: &str, found: &mut BTreeSet<String>) {
    let items: Vec<&Value> = values.iter().filter_map(|value| value.as_array()).flatten().collect();
    if schema.get("items").is_some() {
        unseen(&schema["items"], &items, path, found);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let below: Vec<&Value> = values.iter().filter_map(|value| value.get(name)).collect();
        if below.is_empty() {
            found.insert(path);
        } else if !["template", "selector", "metadata"].contains(&name.as_str()) && !path.ends_with("job.spec") {
            unseen(field, &below, &path, found);
        }
    }
}

#[test]
fn the_samples_have_every_field() {
    for (kind, mut sample) in kinds() {
        sample["apiVersion"] = json!("argoproj.io/v1alpha1");
        sample["kind"] = json!(kind);
        let mut found = BTreeSet::new();
        unseen(&open_api(kind), &[&sample], "", &mut found);
        assert_eq!(found, BTreeSet::new(), "{kind}");
    }
}

/// The cause without a field that stands beside the others where the kind has rules, which an invalid object skips.
const RULES_SKIPPED: &str = "<nil>";

#[track_caller]
fn check_refused(kind: &str, spec: &Value, field: &str) {
    let object = json!({"metadata": {"name": "a"}, "spec": spec});
    let causes = schema::validate(&object, None, &schema_of(kind));
    let fields: Vec<&str> = causes.iter().map(|cause| cause.field.as_str()).collect();
    // Of our kinds only Rollout has a rule: its selector is immutable.
    let expected = if kind == "Rollout" { vec![field, RULES_SKIPPED] } else { vec![field] };
    assert_eq!(fields, expected, "{spec}");
}

#[test]
fn required_fields_are_those_of_upstream() {
    check_refused("Rollout", &json!({"strategy": {"blueGreen": {}}}), "spec.strategy.blueGreen.activeService");
    let alb = json!({"strategy": {"canary": {"trafficRouting": {"alb": {}}}}});
    check_refused("Rollout", &alb, "spec.strategy.canary.trafficRouting.alb.servicePort");
    check_refused("AnalysisRun", &json!({}), "spec.metrics");
    check_refused("AnalysisTemplate", &json!({"metrics": [{"name": "a"}]}), "spec.metrics[0].provider");
    check_refused("Experiment", &json!({"templates": [{"name": "a", "selector": {}}]}), "spec.templates[0].template");
    let datadog = json!({"metrics": [{"name": "a", "provider": {"datadog": {"apiVersion": "v3"}}}]});
    check_refused("AnalysisTemplate", &datadog, "spec.metrics[0].provider.datadog.apiVersion");
}

#[test]
fn nothing_is_required_of_a_rollout_but_a_spec() {
    let schema = schema_of("Rollout");
    assert_eq!(schema::validate(&json!({"metadata": {"name": "a"}, "spec": {}}), None, &schema), []);
    let causes = schema::validate(&json!({"metadata": {"name": "a"}}), None, &schema);
    let fields: Vec<&str> = causes.iter().map(|cause| cause.field.as_str()).collect();
    assert_eq!(fields, ["spec", RULES_SKIPPED]);
}

#[test]
fn the_schema_fills_in_what_upstreams_does() {
    let mut object = json!({"spec": {"template": {"spec": {"containers": [{
        "name": "a",
        "ports": [{"containerPort": 80}],
        "env": [{"name": "E", "valueFrom": {"configMapKeyRef": {"key": "k"}}}],
    }]}}, "strategy": {"canary": {}}}});
    schema::apply_defaults(&mut object, &schema_of("Rollout"));
    let container = &object["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["ports"][0]["protocol"], "TCP");
    assert_eq!(container["env"][0]["valueFrom"]["configMapKeyRef"]["name"], "");
    assert_eq!(object["spec"]["strategy"], json!({"canary": {}}));
}

#[test]
fn opaque_places_keep_everything_and_templates_only_labels_and_annotations() {
    let mut object = json!({"spec": {
        "unknown": 1,
        "template": {
            "metadata": {"name": "gone", "labels": {"a": "b"}},
            "spec": {"volumes": [{"name": "v", "future": {"x": 1}}], "containers": [
                {"name": "a", "resources": {"limits": {"cpu": 0.5}, "future": 1}}]},
        },
        "strategy": {"canary": {"trafficRouting": {"plugins": {"a/b": {"x": [1]}}}}},
    }});
    let pruned = schema::prune(&mut object, &schema_of("Rollout"));
    assert_eq!(
        pruned,
        ["spec.template.metadata.name", "spec.template.spec.containers[0].resources.future", "spec.unknown"]
    );
    assert_eq!(object["spec"]["template"]["spec"]["volumes"][0]["future"], json!({"x": 1}));
    assert_eq!(object["spec"]["strategy"]["canary"]["trafficRouting"]["plugins"]["a/b"], json!({"x": [1]}));
    assert_eq!(schema::validate(&object, None, &schema_of("Rollout")), []);
}

#[test]
fn the_selector_is_immutable() {
    let rules = &open_api("Rollout")["properties"]["spec"]["properties"]["selector"]["x-kubernetes-validations"];
    assert_eq!(*rules, json!([{"rule": "self == oldSelf", "message": ".spec.selector is immutable"}]));
}

#[test]
fn names_columns_and_subresources_are_upstreams_with_more_columns_behind() {
    let rollout = definition("Rollout");
    assert_eq!(rollout["metadata"]["name"], "rollouts.argoproj.io");
    assert_eq!(rollout["spec"]["names"]["shortNames"], json!(["ro"]));
    let version = &rollout["spec"]["versions"][0];
    let columns = version["additionalPrinterColumns"].as_array().unwrap();
    let names: Vec<&str> = columns.iter().map(|column| column["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Desired", "Current", "Up-to-date", "Available", "Age", "Status", "Step", "Weight", "Message"]);
    assert_eq!(columns[8]["priority"], 1);
    assert_eq!(version["subresources"]["scale"]["statusReplicasPath"], ".status.HPAReplicas");
    assert_eq!(version["subresources"]["status"], json!({}));
    let cluster = definition("ClusterAnalysisTemplate");
    assert_eq!(cluster["spec"]["scope"], "Cluster");
    assert_eq!(cluster["spec"]["names"]["listKind"], "ClusterAnalysisTemplateList");
    assert_eq!(definition("Experiment")["spec"]["versions"][0]["subresources"], json!({}));
}
