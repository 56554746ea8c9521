//! Malformed objects.

use serde_json::{Value, json};
use tiphys_api::{AnalysisTemplate, Rollout, Stored, decode};

#[track_caller]
fn check(value: Value, problems: &[&str]) -> Rollout {
    let decoded = decode::<Rollout>(value);
    let found: Vec<String> = decoded.problems.iter().map(ToString::to_string).collect();
    assert_eq!(found, problems);
    decoded.object
}

#[test]
fn a_wrong_field_is_dropped_and_the_rest_decodes() {
    let rollout = check(
        json!({
            "metadata": {"name": "a"},
            "spec": {
                "replicas": "three",
                "paused": true,
                "minReadySeconds": 1.5,
                "selector": {"matchLabels": {"app": "x"}},
                "strategy": {"canary": {"steps": {"setWeight": 20}, "maxSurge": [1], "canaryService": 7}},
            },
            "status": {"conditions": "none", "stableRS": "abc"},
        }),
        &[
            "spec.minReadySeconds: expected an integer, found a fraction; give it such a value or remove it",
            "spec.replicas: expected an integer, found a string; give it such a value or remove it",
            "spec.strategy.canary.canaryService: expected a string, found a number; give it such a value or remove it",
            "spec.strategy.canary.maxSurge: expected an integer or a string, found a list; give it such a value or remove it",
            "spec.strategy.canary.steps: expected a list, found an object; give it such a value or remove it",
            "status.conditions: expected a list, found a string; give it such a value or remove it",
        ],
    );
    assert!(rollout.spec.paused);
    assert_eq!(rollout.spec.replicas, None);
    assert_eq!(rollout.status.stable_rs, "abc");
    assert!(rollout.spec.strategy.canary.is_some());
}

#[test]
fn a_null_field_is_the_empty_value() {
    let rollout = check(
        json!({
            "metadata": {"name": "a", "creationTimestamp": null},
            "spec": {
                "selector": null, "replicas": null, "paused": null, "restartAt": null,
                "template": {"metadata": {"creationTimestamp": null}, "spec": {"containers": null}},
                "strategy": {"canary": {"steps": null, "trafficRouting": null, "canaryService": null}},
            },
            "status": null,
        }),
        &[],
    );
    assert_eq!(rollout.status, Default::default());
    check(json!({"spec": null}), &[]);
}

#[test]
fn a_wrong_item_leaves_the_others_in_their_places() {
    let rollout = check(
        json!({"spec": {"strategy": {"canary": {"steps": [{"setWeight": 1}, null, {"setWeight": 3}]}}}}),
        &["spec.strategy.canary.steps[1]: expected an object, found null; give it such a value or remove it"],
    );
    let steps = rollout.spec.strategy.canary.unwrap().steps;
    assert_eq!(steps.iter().map(|s| s.set_weight).collect::<Vec<_>>(), [Some(1), None, Some(3)]);
}

#[test]
fn a_wrong_field_deep_in_a_pod_template_is_dropped_alone() {
    let rollout = check(
        json!({"spec": {"template": {"spec": {"containers": [
            {"name": "a", "image": "b", "args": [1, "x"], "ports": [{"containerPort": "http"}],
             "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}},
        ]}}}}),
        &[
            "spec.template.spec.containers[0].args[0]: expected a string, found a number; give it such a value or remove it",
            "spec.template.spec.containers[0].ports[0].containerPort: expected an integer, found a string; give it such a \
             value or remove it",
        ],
    );
    let container = &rollout.spec.template.spec.unwrap().containers[0];
    assert_eq!(container.args, Some(vec![String::new(), "x".to_owned()]));
    let limits = container.resources.as_ref().unwrap().limits.as_ref().unwrap();
    assert_eq!(limits["cpu"].0, "1");
}

#[test]
fn a_list_is_no_object() {
    let rollout = check(
        json!({"spec": {"strategy": {"canary": {"steps": [{"pause": ["1h"]}, {"pause": {}}]}}}}),
        &["spec.strategy.canary.steps[0].pause: expected an object, found a list; give it such a value or remove it"],
    );
    let steps = rollout.spec.strategy.canary.unwrap().steps;
    assert_eq!(steps.iter().map(|s| s.pause.is_some()).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_wrong_time_and_a_number_out_of_range_are_reported() {
    check(
        json!({"spec": {"replicas": 99_999_999_999_i64, "restartAt": "tomorrow"}}),
        &[
            "spec.replicas: expected an integer, found integer `99999999999`; give it such a value or remove it",
            "spec.restartAt: expected a time such as 2026-01-02T15:04:05Z, found \"tomorrow\"; give it such a value or \
             remove it",
        ],
    );
}

#[test]
fn what_is_no_object_at_all_is_the_empty_object() {
    for value in [json!(null), json!([]), json!("x"), json!(1)] {
        let decoded = decode::<AnalysisTemplate>(value);
        assert_eq!(decoded.object, AnalysisTemplate::default());
        assert_eq!(decoded.problems.len(), 1);
    }
}

#[test]
fn unknown_fields_survive_beside_the_typed_view() {
    let raw = json!({
        "metadata": {"name": "a"},
        "spec": {"replicas": 2, "futureField": {"x": [1]}, "template": {"spec": {"futurePodField": 1, "containers": []}}},
        "status": {"futureStatus": true},
    });
    let mut stored = Stored::<Rollout>::new(raw.clone());
    assert_eq!(stored.typed.spec.replicas, Some(2));
    assert_eq!(stored.part(&["spec", "template", "spec", "futurePodField"]), Some(&json!(1)));
    // A read-modify-write of the whole object: the change goes into the raw JSON.
    stored.raw["spec"]["replicas"] = json!(3);
    let written = Stored::<Rollout>::new(stored.raw);
    assert_eq!(written.typed.spec.replicas, Some(3));
    assert_eq!(written.raw["spec"]["futureField"], raw["spec"]["futureField"]);
    assert_eq!(written.raw["status"], raw["status"]);
}
