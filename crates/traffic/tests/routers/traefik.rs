//! Traefik.

use crate::scene::{Scene, scene, yaml};

fn shop(spec: &str) -> Scene {
    scene("traefik: {weightedTraefikServiceName: web}").with(&format!(
        "{{apiVersion: traefik.io/v1alpha1, kind: TraefikService, metadata: {{name: web}}, spec: {spec}}}"
    ))
}

const BEFORE: &str =
    "{weighted: {services: [{name: web-stable, port: 80}, {name: web-canary, port: 80}], sticky: {cookie: {}}}}";

#[test]
fn the_example_of_the_specification_holds() {
    let after = shop(BEFORE).weight(30).play();
    assert_eq!(
        after.object("traefik.io/v1alpha1", "TraefikService", "web")["spec"],
        yaml(
            "{weighted: {services: [{name: web-stable, port: 80, weight: 70}, {name: web-canary, port: 80, weight: 30}], sticky: {cookie: {}}}}"
        )
    );
}

#[test]
fn the_group_is_a_setting() {
    let mut shop = scene("traefik: {weightedTraefikServiceName: web}").with(&format!(
        "{{apiVersion: traefik.containo.us/v1, kind: TraefikService, metadata: {{name: web}}, spec: {BEFORE}}}"
    ));
    "traefik.containo.us".clone_into(&mut shop.settings.traefik_group);
    "traefik.containo.us/v1".clone_into(&mut shop.settings.traefik_version);
    assert_eq!(shop.weight(30).outcome().changes.len(), 1);
}

#[test]
fn faults_are_upstreams() {
    for (name, spec, message) in [
        ("no spec", "null", "spec.weighted.services was not found in traefik service manifest"),
        ("null", "{weighted: {services: null}}", "spec.weighted.services was not found in traefik service manifest"),
        ("empty", "{weighted: {services: []}}", "traefik canary service was not found"),
        (
            "no stable",
            "{weighted: {services: [{name: web-canary}, {name: x}]}}",
            "traefik stable service was not found",
        ),
        ("odd items", "{weighted: {services: [1, null, {name: 5}]}}", "traefik canary service was not found"),
        ("text", "{weighted: x}", "spec.weighted: expected an object, found a text"),
    ] {
        assert_eq!(shop(spec).faults(), [message], "{name}");
    }
    let missing = scene("traefik: {weightedTraefikServiceName: web}");
    assert_eq!(missing.faults(), ["traefikservices.traefik.io \"web\" not found"]);
}

#[test]
fn a_refused_write_is_told_as_upstream_does() {
    let outcome = shop(BEFORE).weight(30).outcome();
    let fault = outcome.changes[0].failed("conflict");
    assert_eq!(fault.message, "Error updating traefik service \"web\": conflict");
    let reasons: Vec<&str> = fault.events.iter().map(|event| event.reason.as_str()).collect();
    assert_eq!(reasons, ["TraefikServiceUpdateError", "TrafficRoutingError"]);
}
