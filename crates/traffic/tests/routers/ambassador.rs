//! Ambassador, Emissary.

use std::time::Duration;

use crate::scene::{Scene, contains, scene, told};

const API: &str = "getambassador.io/v2";

fn mapping(spec: &str) -> String {
    format!("{{apiVersion: {API}, kind: Mapping, metadata: {{name: web, labels: {{a: b}}}}, spec: {spec}}}")
}

fn shop() -> Scene {
    scene("ambassador: {mappings: [web]}").with(&mapping("{prefix: /, service: 'web-stable:80'}"))
}

#[test]
fn the_example_of_the_specification_holds() {
    assert_eq!(shop().outcome().changes, vec![], "weight 0 needs no canary mapping");
    let (after, events) = shop().weight(30).play_told();
    let object = after.object(API, "Mapping", "web-canary");
    contains(
        &object,
        "{metadata: {name: web-canary, namespace: prod}, spec: {prefix: /, service: 'web-canary:80', weight: 30}}",
    );
    assert_eq!(object["metadata"].get("labels"), None);
    assert_eq!(object["metadata"]["ownerReferences"][0]["uid"], "u-shop", "it goes with the Rollout");
    assert_eq!(events, ["CanaryMappingWeightUpdate: Set canary mapping weight to 30"]);
    let after = after.weight(60).play();
    contains(&after.object(API, "Mapping", "web-canary"), "{spec: {weight: 60}}");
}

#[test]
fn at_the_end_the_weight_goes_first_and_the_mapping_after_a_while() {
    let after = shop().weight(30).play().weight(0);
    let outcome = after.outcome();
    assert_eq!((outcome.changes.len(), outcome.changes[0].hold), (1, Duration::ZERO));
    let after = after.apply(&outcome);
    contains(&after.object(API, "Mapping", "web-canary"), "{spec: {weight: 0}}");
    let farewell = after.outcome();
    assert_eq!((farewell.changes.len(), farewell.changes[0].hold), (1, Duration::from_secs(5)));
    let after = after.apply(&farewell);
    assert!(!after.exists(API, "Mapping", "web-canary"));
    assert_eq!(after.outcome().changes, vec![]);
}

#[test]
fn the_second_group_has_another_kind() {
    let mut shop = scene("ambassador: {mappings: [web]}").with(
        "{apiVersion: x.getambassador.io/v3alpha1, kind: AmbassadorMapping, metadata: {name: web}, spec: {service: http://web-stable.prod}}",
    );
    "x.getambassador.io/v3alpha1".clone_into(&mut shop.settings.ambassador_version);
    let after = shop.weight(10).play();
    contains(
        &after.object("x.getambassador.io/v3alpha1", "AmbassadorMapping", "web-canary"),
        "{spec: {service: http://web-canary.prod}}",
    );
}

#[test]
fn mappings_do_not_stop_each_other_and_faults_are_upstreams() {
    let both = scene("ambassador: {mappings: [none, web]}").with(&mapping("{service: web-stable}")).weight(10);
    let outcome = both.outcome();
    assert_eq!(outcome.changes.len(), 1);
    assert!(told(&outcome).contains(&"AmbassadorMappingNotFound: Ambassador mapping \"none\" not found".to_owned()));
    for (name, spec, message) in [
        ("weight", "{service: web-stable, weight: 5}", "Ambassador mapping \"web\" can not define weight"),
        (
            "another service",
            "{service: other}",
            "Mapping prod/web: spec.service 'other' does not name Service web-stable",
        ),
        ("no spec", "null", "Mapping prod/web: spec.service '' does not name Service web-stable"),
        ("number", "{service: 5}", "Mapping prod/web: spec.service: expected a text, found a number"),
    ] {
        let shop = scene("ambassador: {mappings: [web]}").with(&mapping(spec)).weight(5);
        assert_eq!(shop.faults(), [message], "{name}");
        assert_eq!(shop.outcome().changes, vec![], "{name}");
    }
    assert_eq!(scene("ambassador: {mappings: []}").faults(), ["must provide at least one mapping"]);
}
