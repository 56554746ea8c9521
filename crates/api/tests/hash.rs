//! Hashes.

use serde_json::{Value, json};
use tiphys_api::hash::{self, Form};

use tiphys_vectors as vectors;

#[test]
fn vectors_pod_template_hash() {
    let rows = vectors::rows("pod-template-hash");
    let mut differences = Vec::new();
    for row in &rows {
        let template = &row.input["template"];
        let collisions = row.input["collisionCount"].as_i64().map(|count| i32::try_from(count).unwrap());
        let found = json!({"hash": hash::pod_template(template, collisions), "json": hash::pod_template_json(template, Form::Present)});
        if found != row.output {
            differences.push(format!("{}: {found}\n  not {}", row.id, row.output));
        }
    }
    vectors::report("pod-template-hash", rows.len(), &differences);
}

#[test]
fn both_forms_of_a_template_hash_as_upstream_published() {
    let demo = |image: &str| {
        json!({"metadata": {"labels": {"app": "rollouts-demo"}}, "spec": {"containers": [{
            "name": "rollouts-demo", "image": image,
            "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
            "resources": {"requests": {"memory": "32Mi", "cpu": "5m"}},
        }]}})
    };
    assert_eq!(hash::pod_template_old(&demo("argoproj/rollouts-demo:blue"), None), "687d76d795");
    let small = json!({"metadata": {"labels": {"app": "demo"}}, "spec": {"containers": [{"name": "demo", "image": "nginx:1"}]}});
    assert_eq!(hash::pod_template(&small, None), "86965b87f7");
    assert_eq!(hash::pod_template(&small, Some(1)), "b6f8b8b5b");
    assert_eq!(hash::pod_template(&small, Some(2)), "54788d8b5f");
}

#[test]
fn steps_hash_as_upstream_published() {
    for (steps, expected) in [
        (json!(null), "5ffbfbbd64"),
        (json!([]), "5ffbfbbd64"),
        (json!([{"pause": {}}]), "6b9b86fbd5"),
        (json!([{"pause": {}}, {"pause": {}}]), "79c9b9f6bf"),
        (json!([{"setWeight": 10}, {"pause": {}}]), "849b756fd4"),
    ] {
        assert_eq!(hash::steps(&steps), expected, "{steps}");
    }
}

#[track_caller]
fn check_same(wanted: &Value, existing: &Value, same: bool) {
    assert_eq!(hash::same_pod_template(wanted, existing), same, "{wanted} {existing}");
}

#[test]
fn a_template_equals_itself_after_the_api_server_has_stored_it() {
    let wanted = json!({"metadata": {"labels": {"app": "x"}, "creationTimestamp": null}, "spec": {
        "serviceAccountName": "sa",
        "containers": [{"name": "a", "image": "b:1", "args": [], "resources": {"limits": {"cpu": "1000m"}}}],
    }});
    let mut existing = json!({"metadata": {"labels": {"app": "x", "rollouts-pod-template-hash": "abc"}}, "spec": {
        "serviceAccountName": "sa", "serviceAccount": "sa", "dnsPolicy": "ClusterFirst", "restartPolicy": "Always",
        "schedulerName": "default-scheduler", "securityContext": {}, "terminationGracePeriodSeconds": 30,
        "containers": [{
            "name": "a", "image": "b:1", "resources": {"limits": {"cpu": "1"}}, "imagePullPolicy": "IfNotPresent",
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        }],
    }});
    check_same(&wanted, &existing, true);
    existing["spec"]["containers"][0]["image"] = json!("b:2");
    check_same(&wanted, &existing, false);
}
