//! Runs that Rollouts start.

use serde_json::{Value as Json, json};
use tiphys_analysis::template::{Hashes, Purpose, RunIdentity, Templates, run_for_rollout, same_run};
use tiphys_api::{Rollout, types::RolloutAnalysis};

fn rollout() -> Rollout {
    serde_json::from_value(json!({
        "metadata": {"name": "web", "namespace": "shop", "uid": "u1",
            "labels": {"argo-rollouts.argoproj.io/controller-instance-id": "blue", "tier": "front"}},
        "spec": {"selector": {"matchLabels": {"app": "web", "team": "selector"}}},
    }))
    .unwrap()
}

fn templates() -> Templates {
    let template = json!({
        "args": [{"name": "hash"}, {"name": "tier", "value": "none"}],
        "metrics": [{"name": "m", "provider": {"web": {"url": "http://{{args.hash}}"}}}],
    });
    let namespaced = [("t".to_owned(), serde_json::from_value(template).unwrap())].into_iter().collect();
    Templates { namespaced, ..Templates::default() }
}

fn analysis() -> RolloutAnalysis {
    serde_json::from_value(json!({
        "templates": [{"templateName": "t"}],
        "args": [{"name": "hash", "valueFrom": {"podTemplateHashValue": "Latest"}},
            {"name": "tier", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['tier']"}}}],
        "analysisRunMetadata": {"labels": {"team": "own", "extra": "1"}, "annotations": {"a": "b"}},
        "dryRun": [{"metricName": "m"}],
    }))
    .unwrap()
}

#[track_caller]
fn check(purpose: Purpose, collision: u32, name: &str, more: &Json) {
    let hashes = Hashes { stable: "s1".to_owned(), latest: "l1".to_owned() };
    let identity = RunIdentity { hashes, replica_set: "web-l1".to_owned(), revision: 7, collision };
    let run = run_for_rollout(&rollout(), &analysis(), purpose, &identity, &templates()).unwrap();
    let mut labels = json!({"rollouts-pod-template-hash": "l1", "app": "web", "team": "selector", "extra": "1",
        "argo-rollouts.argoproj.io/controller-instance-id": "blue"});
    labels.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    assert_eq!(json!(run.metadata.name), json!(name));
    assert_eq!(json!(run.metadata.labels), labels);
    assert_eq!(json!(run.metadata.annotations), json!({"rollout.argoproj.io/revision": "7", "a": "b"}));
    let owner = &run.metadata.owner_references.as_ref().unwrap()[0];
    assert_eq!((owner.kind.as_str(), owner.uid.as_str(), owner.controller), ("Rollout", "u1", Some(true)));
    assert_eq!(json!(run.spec.args), json!([{"name": "hash", "value": "l1"}, {"name": "tier", "value": "front"}]));
    assert!(same_run(&run.spec, &run.spec));
}

#[test]
fn runs_are_named_and_labelled_as_upstream_does() {
    check(Purpose::Background, 0, "web-l1-7", &json!({"rollout-type": "Background"}));
    check(Purpose::Step(2), 1, "web-l1-7-2.1", &json!({"rollout-type": "Step", "step-index": "2"}));
    check(Purpose::PrePromotion, 0, "web-l1-7-pre", &json!({"rollout-type": "PrePromotion"}));
    check(Purpose::PostPromotion, 2, "web-l1-7-post.2", &json!({"rollout-type": "PostPromotion"}));
}

#[test]
fn run_without_pod_hash_is_refused() {
    let identity = RunIdentity { replica_set: "web-x".to_owned(), ..RunIdentity::default() };
    let error = run_for_rollout(&rollout(), &analysis(), Purpose::Background, &identity, &templates()).unwrap_err();
    assert_eq!(error.to_string(), "Latest ReplicaSet 'web-x' has no pod hash in the labels");
}
