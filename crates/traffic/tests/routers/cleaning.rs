//! What a Rollout leaves behind.

use serde_json::{Value, json};
use tiphys_machinery::patch::merge::apply;
use tiphys_traffic::cleaning::{clean_alb_ingress, clean_service};

use crate::scene::{scene, yaml};

fn service(managed_by: Option<&str>) -> Value {
    let annotations =
        managed_by.map(|name| json!({"argo-rollouts.argoproj.io/managed-by-rollouts": name, "theirs": "x"}));
    json!({
        "metadata": {"name": "web-canary", "namespace": "prod", "resourceVersion": "7", "annotations": annotations},
        "spec": {"selector": {"app": "web", "rollouts-pod-template-hash": "abc"}, "ports": [{"port": 80}]},
    })
}

#[test]
fn services_are_freed_only_from_a_rollout_that_does_not_name_them() {
    let names_it = scene("{}").rollout;
    let names_another = scene("{}").canary("canaryService: other").rollout;
    for (name, service, manager, is_freed) in [
        ("still named", service(Some("shop")), Some(&names_it), false),
        ("named no more", service(Some("shop")), Some(&names_another), true),
        ("the Rollout is gone", service(Some("shop")), None, true),
        ("nobody's", service(None), None, false),
    ] {
        assert_eq!(clean_service(&service, manager).is_some(), is_freed, "{name}");
    }
    let before = service(Some("shop"));
    let patch = clean_service(&before, None).unwrap();
    assert_eq!(patch["metadata"]["resourceVersion"], "7");
    let after = apply(before, &patch).unwrap();
    assert_eq!(after["metadata"]["annotations"], json!({"theirs": "x"}));
    assert_eq!(after["spec"], json!({"selector": {"app": "web"}, "ports": [{"port": 80}]}));
    assert_eq!(clean_service(&after, None), None, "freed once");
}

const INGRESS: &str = "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  resourceVersion: '7'
  annotations: {theirs: x, rollouts.argoproj.io/managed-alb-actions: old}
spec: {rules: [{http: {paths: [{path: /*, backend: {service: {name: web-root, port: {name: use-annotation}}}}]}}]}
";

#[test]
fn an_ingress_goes_back_to_one_service_and_loses_header_routes() {
    let routing = "{alb: {ingress: web, servicePort: 80, rootService: web-root, stickinessConfig: {enabled: true, durationSeconds: 9}}, managedRoutes: [{name: hdr}]}";
    let after = scene(routing)
        .with(INGRESS)
        .header("{name: hdr, match: [{headerName: a, headerValue: {exact: b}}]}")
        .weight(30)
        .play()
        .object("networking.k8s.io/v1", "Ingress", "web");
    assert_eq!(clean_alb_ingress(&after, |rollout| rollout == "shop"), None, "still named");
    let patch = clean_alb_ingress(&after, |_| false).unwrap();
    let cleaned = apply(after, &patch).unwrap();
    assert_eq!(cleaned["spec"], yaml(INGRESS)["spec"]);
    let action = r#"{"Type":"forward","ForwardConfig":{"TargetGroups":[{"ServiceName":"web-stable","ServicePort":"80","Weight":100}],"TargetGroupStickinessConfig":{"Enabled":true,"DurationSeconds":9}}}"#;
    assert_eq!(
        cleaned["metadata"]["annotations"],
        json!({"theirs": "x", "alb.ingress.kubernetes.io/actions.web-root": action})
    );
    assert_eq!(clean_alb_ingress(&cleaned, |_| false), None, "cleaned once");
}

#[test]
fn entries_of_other_rollouts_and_broken_annotations_stay() {
    let mut ingress = yaml(INGRESS);
    let annotations = &mut ingress["metadata"]["annotations"];
    annotations["rollouts.argoproj.io/managed-alb-annotations"] =
        json!(r#"{"gone":["p/actions.broken","p/actions.web"],"here":["p/actions.x"],"nulls":null}"#);
    annotations["p/actions.broken"] = json!("{");
    annotations["p/actions.x"] = json!("{}");
    annotations["p/actions.web"] = json!(
        r#"{"Type":"forward","ForwardConfig":{"TargetGroups":[{"ServiceName":"web","ServicePort":"80","Weight":1},{"ServiceName":"other","ServicePort":"80","Weight":99}]}}"#
    );
    let patch = clean_alb_ingress(&ingress, |rollout| rollout == "here").unwrap();
    let cleaned = apply(ingress, &patch).unwrap();
    let annotations = &cleaned["metadata"]["annotations"];
    assert_eq!(annotations["rollouts.argoproj.io/managed-alb-annotations"], r#"{"here":["p/actions.x"]}"#);
    assert_eq!(annotations["p/actions.broken"], "{");
    assert_eq!(
        annotations["p/actions.web"],
        r#"{"Type":"forward","ForwardConfig":{"TargetGroups":[{"ServiceName":"web","ServicePort":"80","Weight":100}]}}"#
    );
    assert_eq!(
        clean_alb_ingress(
            &json!({"metadata": {"annotations": {"rollouts.argoproj.io/managed-alb-annotations": "x"}}}),
            |_| false
        ),
        None
    );
    assert_eq!(clean_alb_ingress(&json!(null), |_| false), None);
}
