//! Service Mesh Interface.

use serde_json::Value;

use crate::scene::{Scene, scene, yaml};

fn shop(config: &str, version: &str) -> Scene {
    let mut shop = scene(&format!("smi: {config}"));
    version.clone_into(&mut shop.settings.traffic_split_version);
    shop
}

fn split(scene: &Scene, version: &str, name: &str) -> Value {
    scene.object(&format!("split.smi-spec.io/{version}"), "TrafficSplit", name)
}

#[test]
fn the_example_of_the_specification_holds() {
    let (after, events) = shop("{}", "v1alpha2").weight(20).play_told();
    let object = split(&after, "v1alpha2", "shop");
    let expected =
        "{service: web-stable, backends: [{service: web-canary, weight: 20}, {service: web-stable, weight: 80}]}";
    assert_eq!(object["spec"], yaml(expected));
    assert_eq!(object["metadata"]["ownerReferences"][0]["uid"], "u-shop");
    assert_eq!(events, ["TrafficSplitCreated: TrafficSplit `shop` created"]);
    let (after, events) = after.weight(40).play_told();
    assert_eq!(split(&after, "v1alpha2", "shop")["spec"]["backends"][0]["weight"], 40);
    assert_eq!(events, Vec::<String>::new(), "no event on a patch");
}

#[test]
fn names_quantities_and_experiments() {
    let after = shop("{rootService: root, trafficSplitName: mine}", "v1alpha1")
        .weight(20)
        .experiment(&[("exp", "h", 5), ("", "none", 0)])
        .play();
    let expected = "{service: root, backends: [{service: web-canary, weight: '20'}, {service: exp, weight: '5'}, {service: web-stable, weight: '75'}]}";
    assert_eq!(split(&after, "v1alpha1", "mine")["spec"], yaml(expected));
}

#[test]
fn fields_of_others_survive() {
    let owned = "{apiVersion: split.smi-spec.io/v1alpha3, kind: TrafficSplit, metadata: {name: shop, labels: {a: b}, ownerReferences: \
                 [{uid: u-shop, controller: true}]}, spec: {matches: [{kind: x}], backends: null}}";
    let after = shop("{}", "v1alpha3").with(owned).weight(20).play();
    let object = split(&after, "v1alpha3", "shop");
    assert_eq!((&object["spec"]["matches"], &object["metadata"]["labels"]), (&yaml("[{kind: x}]"), &yaml("{a: b}")));
}

#[test]
fn faults_are_upstreams() {
    let foreign = "{apiVersion: split.smi-spec.io/v1alpha1, kind: TrafficSplit, metadata: {name: shop}}";
    assert_eq!(shop("{}", "v1alpha1").with(foreign).faults(), ["Rollout does not own TrafficSplit `shop`"]);
    assert_eq!(shop("{}", "v9").faults(), ["Unsupported TrafficSplit API version `v9`"]);
    let fault = shop("{}", "v1alpha1").outcome().changes[0].failed("no");
    assert_eq!(fault.message, "TrafficSplit `shop` failed creation: no");
    assert_eq!(fault.events[0].reason, "TrafficSplitNotCreated");
}
