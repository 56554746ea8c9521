//! Apache APISIX.

use serde_json::{Value, json};

use crate::scene::{Scene, contains, scene, yaml};

const API: &str = "apisix.apache.org/v2";
const RULE: &str = "{name: web, match: {paths: ['/*']}, backends: [{serviceName: web-stable, servicePort: 80}, {serviceName: web-canary, servicePort: 80}]}";
const HEADER: &str = "{name: dbg, match: [{headerName: trace, headerValue: {exact: debug}}]}";

fn route(http: &str) -> String {
    format!(
        "{{apiVersion: {API}, kind: ApisixRoute, metadata: {{name: web, labels: {{a: b, app.kubernetes.io/instance: x}}, annotations: \
         {{c: d, kubectl.kubernetes.io/last-applied-configuration: x}}}}, spec: {{ingressClassName: apisix, http: {http}}}}}"
    )
}

fn shop(rules: &str, http: &str) -> Scene {
    scene(&format!("{{apisix: {{route: {{name: web{rules}}}}}, managedRoutes: [{{name: dbg}}, {{name: other}}]}}"))
        .with(&route(http))
}

fn spec(scene: &Scene, name: &str) -> Value {
    scene.object(API, "ApisixRoute", name)["spec"].clone()
}

#[test]
fn the_example_of_the_specification_holds() {
    let after = shop("", &format!("[{RULE}]")).header(HEADER).weight(20).play();
    assert_eq!(
        spec(&after, "web")["http"],
        yaml(
            "[{name: web, match: {paths: ['/*']}, backends: [{serviceName: web-stable, servicePort: 80, weight: 80}, {serviceName: web-canary, servicePort: 80, weight: 20}]}]"
        )
    );
    assert_eq!(
        spec(&after, "dbg"),
        yaml(
            "{ingressClassName: apisix, http: [{name: web, priority: 1, match: {paths: ['/*'], exprs: [{subject: {scope: Header, name: trace}, op: Equal, value: debug}]}, backends: [{serviceName: web-canary, servicePort: 80, weight: 100}]}]}"
        )
    );
    let metadata = after.object(API, "ApisixRoute", "dbg")["metadata"].clone();
    assert_eq!((&metadata["labels"], &metadata["annotations"]), (&json!({"a": "b"}), &json!({"c": "d"})));
    assert_eq!(metadata["ownerReferences"][0]["uid"], "u-shop");
    let done = after.no_routes().weight(0).play();
    assert!(!done.exists(API, "ApisixRoute", "dbg"));
}

#[test]
fn only_chosen_rules_are_weighed_and_copied() {
    let second = RULE.replace("name: web,", "name: two, priority: 7,");
    let third = "{name: three, backends: null}";
    let after = shop(", rules: [two]", &format!("[{RULE}, {second}, {third}]")).header(HEADER).weight(20).play();
    contains(
        &spec(&after, "web"),
        "http: [{name: web, backends: [{serviceName: web-stable}, {}]}, {backends: [{weight: 80}, {weight: 20}]}, {name: three}]",
    );
    assert_eq!(spec(&after, "web")["http"][0], yaml(RULE));
    contains(&spec(&after, "dbg"), "http: [{name: two, priority: 8}]");
}

#[test]
fn every_header_test_must_hold() {
    let header =
        "{name: dbg, match: [{headerName: a, headerValue: {regex: 'r+'}}, {headerName: b, headerValue: {prefix: p}}]}";
    let after = shop("", &format!("[{RULE}]")).header(header).play();
    contains(
        &spec(&after, "dbg"),
        "http: [{match: {exprs: [{subject: {name: a}, op: RegexMatch, value: 'r+'}, {subject: {name: b}, op: RegexMatch, value: '^p.*'}]}}]",
    );
}

#[test]
fn drift_of_a_header_route_is_repaired_and_labels_of_others_stay() {
    let mut after = shop("", &format!("[{RULE}]")).header(HEADER).play();
    let mut object = after.object(API, "ApisixRoute", "dbg");
    object["spec"]["http"][0]["priority"] = json!(50);
    object["metadata"]["labels"]["theirs"] = json!("x");
    after.add(object);
    let after = after.play();
    contains(&spec(&after, "dbg"), "http: [{priority: 1}]");
    contains(&after.object(API, "ApisixRoute", "dbg"), "metadata: {labels: {theirs: x}}");
}

#[test]
fn routes_of_others_are_neither_changed_nor_deleted() {
    let foreign = format!("{{apiVersion: {API}, kind: ApisixRoute, metadata: {{name: dbg}}, spec: {{}}}}");
    let start = shop("", &format!("[{RULE}]")).with(&foreign).play();
    assert!(start.exists(API, "ApisixRoute", "dbg"));
    assert_eq!(start.header(HEADER).faults(), ["duplicate ApisixRoute [dbg] already exists"]);
}

#[test]
fn faults_are_upstreams() {
    let one = |message: &str| vec![message.to_owned()];
    for (name, rules, http, expected) in [
        ("null", "", "null", one("spec.http was not found in Apisix Route manifest")),
        ("no rule", "", "[]", one("Apisix http route rule web not found")),
        ("chosen", ", rules: [x]", "[]", one("Apisix http route rule x not found")),
        ("no backends", "", "[{name: web}]", one("Apisix http route backends not found")),
        ("no canary", "", "[{name: web, backends: [{}]}]", one("apisix route web-canary backend was not found")),
        (
            "no stable",
            "",
            "[{name: web, backends: [{serviceName: web-canary}]}]",
            one("apisix route web-stable backend was not found"),
        ),
        ("text", "", "x", one("spec.http: expected a list, found a text")),
    ] {
        assert_eq!(shop(rules, http).faults(), expected, "{name}");
    }
    assert_eq!(scene("apisix: {route: {name: web}}").faults(), ["apisixroutes.apisix.apache.org \"web\" not found"]);
    assert_eq!(scene("apisix: {}").faults(), ["trafficRouting.apisix.route is missing"]);
    let odd = RULE.replace("name: web,", "name: web, priority: x,");
    assert_eq!(shop("", &format!("[{odd}]")).header(HEADER).faults().len(), 1);
}
