//! DestinationRules.

use serde_json::{Value, json};
use tiphys_traffic::{Aspect, Order, cleaning::clean_destination_rule};

use super::istio_weights::virtual_service;
use crate::scene::{Scene, contains, scene, yaml};

const API: &str = "networking.istio.io/v1alpha3";

fn shop(rule_spec: &str) -> Scene {
    let routing = "istio: {virtualService: {name: web}, destinationRule: {name: web, canarySubsetName: canary, stableSubsetName: stable, \
                   additionalSubsetNames: [kept]}}";
    let routes = "{http: [{route: [{destination: {host: web, subset: stable}}, {destination: {host: web, subset: canary}}, \
                  {destination: {host: web, subset: kept}, weight: 5}]}]}";
    let rule = format!("{{apiVersion: {API}, kind: DestinationRule, metadata: {{name: web}}, spec: {rule_spec}}}");
    scene(routing).with(&virtual_service("web", routes)).with(&rule).hashes("6c9f", "5b7d")
}

fn rule(scene: &Scene) -> Value {
    scene.object(API, "DestinationRule", "web")
}

const TWO: &str = "{host: web, subsets: [{name: canary, labels: {app: web}}, {name: stable, labels: {app: web}}]}";

#[test]
fn subsets_select_by_hash() {
    let (after, events) = shop(TWO).play_told();
    let expected = "
metadata: {annotations: {argo-rollouts.argoproj.io/managed-by-rollouts: shop}}
spec:
  host: web
  subsets:
  - {name: canary, labels: {app: web, rollouts-pod-template-hash: 6c9f}}
  - {name: stable, labels: {app: web, rollouts-pod-template-hash: 5b7d}}
";
    contains(&rule(&after), expected);
    assert_eq!(events[0], "UpdatedDestinationRule: DestinationRule web subset updated (canary: 6c9f, stable: 5b7d)");
    let gone = after.hashes("", "5b7d").play();
    assert_eq!(rule(&gone)["spec"]["subsets"][0], json!({"name": "canary", "labels": {"app": "web"}}));
}

#[test]
fn kept_subsets_take_their_weight_from_stable() {
    let after = shop(TWO).weight(20).play();
    let spec = after.object(API, "VirtualService", "web");
    contains(&spec, "spec: {http: [{route: [{weight: 75}, {weight: 20}, {weight: 5}]}]}");
}

#[test]
fn experiments_come_and_go_and_other_subsets_stay() {
    let spec = "{host: web, trafficPolicy: {a: 1}, subsets: [{name: canary, trafficPolicy: {b: 1}}, {name: stable}, {name: theirs, labels: {v: '1'}}, \
                {name: old-exp, labels: {rollouts-pod-template-hash: x}}, {name: kept, labels: {rollouts-pod-template-hash: y}}]}";
    let during = shop(spec).experiment(&[("exp-a", "ha", 5)]).play();
    let names = |scene: &Scene| -> Vec<Value> {
        rule(scene)["spec"]["subsets"].as_array().unwrap().iter().map(|subset| subset["name"].clone()).collect()
    };
    assert_eq!(names(&during), ["canary", "stable", "theirs", "kept", "exp-a"]);
    contains(&rule(&during)["spec"], "{trafficPolicy: {a: 1}}");
    assert_eq!(rule(&during)["spec"]["subsets"][0]["trafficPolicy"], json!({"b": 1}));
    assert_eq!(names(&during.experiment(&[]).play()), ["canary", "stable", "theirs", "kept"]);
}

#[test]
fn the_rule_goes_first_unless_the_canary_is_empty() {
    let aspects =
        |scene: &Scene| -> Vec<Aspect> { scene.outcome().changes.iter().map(|change| change.aspect).collect() };
    let mut shop = shop(TWO).weight(20);
    assert_eq!(aspects(&shop), [Aspect::Selection, Aspect::Weights]);
    shop.wanted.order = Order::WeightsFirst;
    assert_eq!(aspects(&shop), [Aspect::Weights, Aspect::Selection]);
}

#[test]
fn a_subset_waits_for_its_pods_only_where_no_service_is_named() {
    let mut shop = shop(TWO).weight(20);
    shop.wanted.incomplete.insert("6c9f".to_owned(), "shop-6c9f".to_owned());
    assert_eq!(shop.faults(), Vec::<String>::new(), "a Service is named");
    let alone = shop.clone().canary("{canaryService: null, stableService: null}");
    assert_eq!(alone.faults(), ["delaying destination rule switch: ReplicaSet shop-6c9f not fully available"]);
    let outcome = alone.outcome();
    assert!(outcome.faults[0].is_passing && outcome.faults[0].events.is_empty());
    assert_eq!(outcome.changes, vec![], "weights wait as well");
    let mut switched = shop.play().canary("{canaryService: null, stableService: null}").weight(0);
    switched.wanted.incomplete.insert("5b7d".to_owned(), "shop-5b7d".to_owned());
    assert_eq!(switched.outcome().changes.len(), 1, "nothing is switched, so that weights may move");
}

#[test]
fn faults_stop_the_weights_too() {
    let none = shop(TWO);
    let mut objects = none.clone();
    let id = crate::scene::id_of(&rule(&none));
    objects.objects.remove(&id);
    let outcome = objects.outcome();
    assert_eq!(outcome.changes, vec![]);
    assert_eq!(
        crate::scene::told(&outcome),
        [
            "DestinationRuleNotFound: DestinationRule `web` not found",
            "TrafficRoutingError: destinationrules.networking.istio.io \"web\" not found",
        ]
    );
    for (name, spec, message) in [
        ("no subsets", "{host: web}", "DestinationRule `web` has no subset 'canary'"),
        ("null subsets", "{host: web, subsets: null}", "DestinationRule `web` has no subset 'canary'"),
        ("one subset", "{host: web, subsets: [{name: canary}]}", "DestinationRule `web` has no subset 'stable'"),
        ("text", "{subsets: x}", "DestinationRule prod/web: spec.subsets: expected a list, found a text"),
        (
            "labels",
            "{subsets: [{name: canary, labels: 1}]}",
            "DestinationRule prod/web: spec.subsets[0].labels: expected an object, found a number",
        ),
        ("item", "{subsets: [5]}", "DestinationRule prod/web: spec.subsets[0]: expected an object, found a number"),
    ] {
        assert_eq!(shop(spec).faults(), [message], "{name}");
    }
}

#[test]
fn a_rule_that_nobody_names_is_freed() {
    let after = shop(TWO).play();
    let managed = rule(&after);
    assert_eq!(clean_destination_rule(&managed, Some(&after.rollout)), None, "still named");
    let patch = clean_destination_rule(&managed, None).unwrap();
    let freed = tiphys_machinery::patch::merge::apply(managed, &patch).unwrap();
    assert_eq!(freed["spec"], yaml(TWO));
    assert_eq!(clean_destination_rule(&freed, None), None, "cleaned once");
    let other = scene("istio: {virtualService: {name: web}, destinationRule: {name: other}}");
    assert!(clean_destination_rule(&rule(&after), Some(&other.rollout)).is_some(), "names another rule");
}
