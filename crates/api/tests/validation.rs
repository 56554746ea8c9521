//! Validation.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tiphys_api::{
    Rollout, decode,
    validation::{self, References, ServiceView, error_text},
};
use tiphys_machinery::error::Cause;

use tiphys_vectors as vectors;

/// Compares one error as far as the vector tells it.
fn agrees(cause: &Cause, expected: &Value) -> bool {
    let detail = expected["detail"].as_str().unwrap_or_default();
    cause.field == expected["field"]
        && cause.reason == expected["type"]
        && cause.message.ends_with(detail)
        && expected["error"].as_str().is_none_or(|error| error_text(cause) == error)
}

#[test]
fn vectors_validation() {
    let rows = vectors::rows("validation");
    let mut differences = Vec::new();
    for row in &rows {
        let rollout = decode::<Rollout>(row.input["rollout"].clone()).object;
        let found = validation::validate(&rollout);
        let expected = row.output["errors"].as_array().unwrap();
        let same = found.len() == expected.len() && found.iter().zip(expected).all(|(f, e)| agrees(f, e));
        if !same {
            let found: Vec<String> = found.iter().map(|f| format!("{} {}", f.reason, error_text(f))).collect();
            differences.push(format!("{}: {found:#?}\n  not {:#}", row.id, row.output["errors"]));
        }
    }
    vectors::report("validation", rows.len(), &differences);
}

fn canary(strategy: &Value) -> Rollout {
    let rollout = json!({
        "metadata": {"name": "demo"},
        "spec": {
            "selector": {"matchLabels": {"app": "x"}},
            "template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}},
            "strategy": strategy,
        },
    });
    decode(rollout).object
}

#[track_caller]
fn check_references(strategy: &Value, references: &References, expected: &[&str]) {
    let found: Vec<String> =
        validation::validate_references(&canary(strategy), references).iter().map(error_text).collect();
    assert_eq!(found, expected);
}

fn services(services: &[(&str, &str, Option<&str>)]) -> References {
    let view = |label: &str, manager: Option<&str>| ServiceView {
        selector: BTreeMap::from([
            ("app".to_owned(), label.to_owned()),
            ("rollouts-pod-template-hash".to_owned(), "abc".to_owned()),
        ]),
        managed_by: manager.map(str::to_owned),
    };
    let services = services.iter().map(|(name, label, manager)| ((*name).to_owned(), view(label, *manager))).collect();
    References { services, ..References::default() }
}

#[test]
fn services_must_exist_match_and_be_free() {
    let strategy = json!({"canary": {"canaryService": "c", "stableService": "s"}});
    check_references(&strategy, &services(&[("c", "x", None), ("s", "x", Some("demo"))]), &[]);
    check_references(
        &strategy,
        &services(&[("c", "x", None)]),
        &["spec.strategy.canary.stableService: Invalid value: \"s\": service \"s\" not found"],
    );
    check_references(
        &strategy,
        &services(&[("c", "y", None), ("s", "x", Some("other"))]),
        &[
            "spec.strategy.canary.stableService: Invalid value: \"s\": Service \"s\" is managed by another Rollout",
            "spec.strategy.canary.canaryService: Invalid value: \"c\": Service \"c\" has unmatch label \"app\" in rollout",
        ],
    );
}

#[test]
fn analysis_templates_must_exist_through_all_levels() {
    let strategy =
        json!({"canary": {"steps": [{"setWeight": 1}, {"analysis": {"templates": [{"templateName": "t"}]}}]}});
    check_references(
        &strategy,
        &References::default(),
        &["spec.strategy.canary.steps[1].analysis.templates: Invalid value: \"t\": AnalysisTemplate 't' not found"],
    );
    let nested = json!({"templates": [{"templateName": "t"}, {"templateName": "u", "clusterScope": true}]});
    let references = References {
        analysis_templates: BTreeMap::from([("t".to_owned(), serde_json::from_value(nested).unwrap())]),
        ..References::default()
    };
    check_references(
        &strategy,
        &references,
        &["spec.templates: Invalid value: \"u\": ClusterAnalysisTemplate 'u' not found"],
    );
}

#[test]
fn routers_need_their_objects_named_once() {
    let routed = |routing: Value| json!({"canary": {"stableService": "", "trafficRouting": routing}});
    for (routing, expected) in [
        (
            json!({"nginx": {}}),
            "spec.strategy.canary.trafficRouting.nginx: Internal error: Either StableIngress or StableIngresses must be \
             configured. Neither are configured.",
        ),
        (
            json!({"alb": {"ingress": "a", "ingresses": ["a"]}}),
            "spec.strategy.canary.trafficRouting.alb: Internal error: Either Ingress or Ingresses must be configured. \
             Both are configured.",
        ),
        (
            json!({"nginx": {"stableIngress": "a"}}),
            "spec.strategy.canary.trafficRouting.nginx.stableIngress: Invalid value: \"a\": ingress.networking.k8s.io \
             \"a\" not found",
        ),
        (
            json!({"istio": {}}),
            "spec.strategy.canary.trafficRouting.istio: Internal error: either VirtualService or VirtualServices must be \
             configured",
        ),
        (
            json!({"ambassador": {"mappings": []}}),
            "spec.strategy.canary.trafficRouting.ambassador.mappings: Invalid value: null: must provide at least one \
             mapping",
        ),
        (
            json!({"appMesh": {}}),
            "spec.strategy.canary.trafficRouting.appmesh.virtualService: Invalid value: null: must provide \
             virtual-service",
        ),
    ] {
        check_references(&routed(routing), &References::default(), &[expected]);
    }
}

#[test]
fn an_ingress_must_lead_to_the_stable_service() {
    let strategy =
        json!({"canary": {"trafficRouting": {"alb": {"ingress": "i", "servicePort": 80, "rootService": "root"}}}});
    let references = References {
        ingresses: BTreeMap::from([("i".to_owned(), ["stable".to_owned()].into())]),
        ..References::default()
    };
    check_references(
        &strategy,
        &references,
        &["spec.strategy.canary.trafficRouting.alb.ingress: Invalid value: \"i\": ingress `i` has no rules using \
             service root backend"],
    );
}

#[test]
fn the_message_names_the_rollout_and_the_first_error() {
    let value = json!({"metadata": {"name": "demo"}, "spec": {"replicas": "many"}});
    let decoded = decode::<Rollout>(value);
    let causes = validation::validate(&decoded.object);
    assert_eq!(
        validation::invalid_spec(&decoded.object, &decoded.problems, &causes).unwrap(),
        "The Rollout \"demo\" is invalid: spec.replicas: expected an integer, found a string; give it such a value or \
         remove it"
    );
    assert_eq!(
        validation::invalid_spec(&decoded.object, &[], &causes).unwrap(),
        "The Rollout \"demo\" is invalid: spec.selector: Required value: Rollout has missing field '.spec.selector'"
    );
    assert_eq!(validation::invalid_spec(&decoded.object, &[], &[]), None);
}
