//! Gateway API.

use serde_json::{Value, json};

use crate::scene::{Scene, contains, scene, yaml};

const GROUP: &str = "gateway.networking.k8s.io";
const RULE: &str = "{matches: [{path: {type: PathPrefix, value: /}}], backendRefs: [{name: web-stable, port: 80, weight: 100}, {name: web-canary, port: 80, weight: 0}]}";
const HEADER: &str = "{name: hdr, match: [{headerName: X-V, headerValue: {exact: new}}]}";

fn route(version: &str, kind: &str, name: &str, rules: &str) -> String {
    format!(
        "{{apiVersion: {GROUP}/{version}, kind: {kind}, metadata: {{name: {name}, labels: {{app: web}}}}, spec: {{parentRefs: [{{name: gw}}], rules: {rules}}}}}"
    )
}

fn shop(config: &str) -> Scene {
    scene(&format!(
        "{{plugins: {{argoproj-labs/gatewayAPI: {config}}}, managedRoutes: [{{name: hdr}}, {{name: second}}]}}"
    ))
}

fn http(rules: &str) -> Scene {
    shop("{httpRoute: web, namespace: prod}").with(&route("v1", "HTTPRoute", "web", rules))
}

fn rules(scene: &Scene) -> Value {
    scene.object(&format!("{GROUP}/v1"), "HTTPRoute", "web")["spec"]["rules"].clone()
}

#[test]
fn the_example_of_the_specification_holds() {
    let after = http(&format!("[{RULE}]")).header(HEADER).weight(20).play();
    let object = after.object("gateway.networking.k8s.io/v1", "HTTPRoute", "web");
    assert_eq!(
        object["metadata"]["labels"],
        json!({"app": "web", "rollouts.argoproj.io/gatewayapi-canary": "in-progress"})
    );
    assert_eq!(
        object["spec"],
        yaml(
            "
parentRefs: [{name: gw}]
rules:
- {matches: [{path: {type: PathPrefix, value: /}}], backendRefs: [{name: web-stable, port: 80, weight: 80}, {name: web-canary, port: 80, weight: 20}]}
- {name: hdr, matches: [{path: {type: PathPrefix, value: /}, headers: [{name: X-V, type: Exact, value: new}]}], backendRefs: [{group: '', kind: Service, name: web-canary, port: 80}]}
"
        )
    );
    let done = after.no_routes().weight(0).play();
    assert_eq!(rules(&done), yaml(&format!("[{RULE}]")));
    assert_eq!(
        done.object("gateway.networking.k8s.io/v1", "HTTPRoute", "web")["metadata"]["labels"],
        json!({"app": "web"})
    );
}

#[test]
fn every_kind_is_weighed() {
    for (field, version, kind) in
        [("grpcRoute", "v1", "GRPCRoute"), ("tcpRoute", "v1alpha2", "TCPRoute"), ("tlsRoute", "v1alpha2", "TLSRoute")]
    {
        let rule = "{backendRefs: [{name: web-stable, port: 80}, {name: web-canary, port: 80}]}";
        let shop = shop(&format!("{{{field}: web}}"))
            .with(&route(version, kind, "web", &format!("[{rule}]")))
            .weight(7)
            .play();
        let object = shop.object(&format!("{GROUP}/{version}"), kind, "web");
        contains(&object["spec"], "rules: [{backendRefs: [{weight: 93}, {weight: 7}]}]");
    }
}

#[test]
fn routes_are_listed_or_selected_each_once() {
    let config = "{httpRoutes: [{name: a}, {name: b, useHeaderRoutes: true}], httpRoute: a, httpRouteSelector: {matchLabels: {app: web}}}";
    let scene = ["a", "b", "c"]
        .iter()
        .fold(shop(config), |scene, name| scene.with(&route("v1", "HTTPRoute", name, &format!("[{RULE}]"))));
    let other = route("v1", "HTTPRoute", "d", "[]").replace("app: web", "app: other");
    let after = scene.with(&other).header(HEADER).weight(20).play();
    let count = |name: &str| {
        after.object("gateway.networking.k8s.io/v1", "HTTPRoute", name)["spec"]["rules"].as_array().unwrap().len()
    };
    assert_eq!([count("a"), count("b"), count("c"), count("d")], [2, 2, 1, 0], "selected ones take no header routes");
    assert_eq!(tiphys_traffic::needs(&after.rollout, &after.objects, &after.settings).len(), 3);
}

#[test]
fn other_backends_and_one_sided_rules_keep_their_weights() {
    let canary_only = "{matches: [{path: {value: /preview}}], backendRefs: [{name: web-canary, port: 80, weight: 1}]}";
    let stable_only = "{backendRefs: [{name: web-stable, port: 80}]}";
    let three = "{backendRefs: [{name: web-stable, weight: 1}, {name: web-canary}, {name: legacy, weight: 5}, {name: web-stable, kind: Other, weight: 3}]}";
    let after = http(&format!("[{canary_only}, {stable_only}, {three}, {{filters: []}}]")).weight(20).play();
    let expected = "{backendRefs: [{name: web-stable, weight: 80}, {name: web-canary, weight: 20}, {name: legacy, weight: 5}, {name: web-stable, kind: Other, weight: 3}]}";
    assert_eq!(rules(&after), yaml(&format!("[{canary_only}, {stable_only}, {expected}, {{filters: []}}]")));
}

#[test]
fn a_maximum_is_honoured() {
    let after = http(&format!("[{RULE}]")).canary("trafficRouting: {maxTrafficWeight: 1000}").weight(5).play();
    contains(&rules(&after)[0], "backendRefs: [{weight: 995}, {weight: 5}]");
}

#[test]
fn header_routes_follow_each_split_rule_with_all_it_says() {
    let second = "{matches: [{path: {value: /b}, headers: [{name: H, value: x}]}, {method: GET}], filters: [{type: X}], timeouts: {request: 5s}, \
                  backendRefs: [{name: web-canary, port: 8080, namespace: prod}, {name: web-stable, port: 8080}]}";
    let none = "{backendRefs: [{name: web-canary, port: 1}, {name: web-stable, port: 1}]}";
    let header = "{name: hdr, match: [{headerName: a, headerValue: {prefix: '1.2'}}, {headerName: b, headerValue: {regex: 'r.'}}]}";
    let after = http(&format!("[{second}, {none}]")).header(header).weight(1).play();
    let tests = "{name: a, type: RegularExpression, value: '1\\.2.*'}, {name: b, type: RegularExpression, value: r.}";
    let expected = format!(
        "[{{name: hdr, matches: [{{path: {{value: /b}}, headers: [{{name: H, value: x}}, {tests}]}}, {{method: GET, headers: [{tests}]}}], \
          filters: [{{type: X}}], timeouts: {{request: 5s}}, backendRefs: [{{group: '', kind: Service, name: web-canary, port: 8080, namespace: prod}}]}}, \
          {{name: hdr-1, matches: [{{headers: [{tests}]}}], backendRefs: [{{group: '', kind: Service, name: web-canary, port: 1}}]}}]"
    );
    assert_eq!(Value::from(rules(&after).as_array().unwrap()[2..].to_vec()), yaml(&expected));
}

#[test]
fn two_header_routes_live_side_by_side_and_leave_one_by_one() {
    let second = "{name: second, match: [{headerName: X-Y, headerValue: {exact: '1'}}]}";
    let names = |scene: &Scene| -> Vec<Value> {
        rules(scene).as_array().unwrap().iter().map(|rule| rule["name"].clone()).collect()
    };
    let both = http(&format!("[{RULE}]")).header(second).header(HEADER).play();
    assert_eq!(names(&both), [Value::Null, json!("hdr"), json!("second")], "in the order of managedRoutes");
    assert_eq!(names(&both.header("{name: hdr}").play()), [Value::Null, json!("second")]);
}

/// The server fills in defaults, and drops names of rules where it does not know them.
#[test]
fn what_the_server_adds_or_drops_is_no_difference() {
    for keeps_names in [true, false] {
        let mut after = http(&format!("[{RULE}]"))
            .canary(&format!("steps: [{{setHeaderRoute: {HEADER}}}]"))
            .header("{name: hdr, match: [{headerName: X-V, headerValue: {exact: new}}]}")
            .play();
        let mut object = after.object("gateway.networking.k8s.io/v1", "HTTPRoute", "web");
        let made = &mut object["spec"]["rules"][1];
        made["backendRefs"][0]["weight"] = json!(1);
        if !keeps_names {
            made.as_object_mut().unwrap().remove("name");
        }
        after.add(object);
        assert_eq!(after.outcome().changes, vec![], "names kept: {keeps_names}");
        assert_eq!(rules(&after.no_routes().play()), yaml(&format!("[{RULE}]")), "names kept: {keeps_names}");
    }
}

#[test]
fn a_rule_of_the_user_that_leads_to_the_canary_alone_survives() {
    let theirs = "{matches: [{headers: [{name: X-Other, value: '1'}]}], backendRefs: [{name: web-canary, port: 80}]}";
    let after =
        http(&format!("[{RULE}, {theirs}]")).canary(&format!("steps: [{{setHeaderRoute: {HEADER}}}]")).weight(3).play();
    assert_eq!(rules(&after)[1], yaml(theirs));
}

#[test]
fn experiments_take_their_share_in_the_first_rule() {
    let service = "{apiVersion: v1, kind: Service, metadata: {name: exp}, spec: {ports: [{name: x, port: 1}, {name: http, port: 8181}]}}";
    let during = http(&format!("[{RULE}, {RULE}]")).with(service).weight(20).experiment(&[("exp", "h", 10)]).play();
    let expected = "[{backendRefs: [{weight: 70}, {weight: 20}, {group: '', kind: Service, name: exp, namespace: prod, port: 8181, weight: 10}]}, \
                    {backendRefs: [{weight: 80}, {weight: 20}]}]";
    contains(&rules(&during), expected);
    let more = during.experiment(&[("exp", "h", 30)]).play();
    contains(&rules(&more), "[{backendRefs: [{weight: 50}, {weight: 20}, {weight: 30}]}, {}]");
    let after = more.experiment(&[]).play();
    contains(&rules(&after), "[{backendRefs: [{weight: 80}, {weight: 20}]}, {}]");
}

#[test]
fn the_label_is_a_setting() {
    let labels = |config: &str| {
        let scene =
            shop(&format!("{{httpRoute: web, {config}}}")).with(&route("v1", "HTTPRoute", "web", &format!("[{RULE}]")));
        scene.weight(5).play().object("gateway.networking.k8s.io/v1", "HTTPRoute", "web")["metadata"]["labels"].clone()
    };
    assert_eq!(labels("disableInProgressLabel: true"), json!({"app": "web"}));
    assert_eq!(labels("inProgressLabelKey: k, inProgressLabelValue: v"), json!({"app": "web", "k": "v"}));
}

#[test]
fn ping_and_pong_are_split_too() {
    let scene = http(&format!("[{}]", RULE.replace("web-stable", "pong").replace("web-canary", "ping")))
        .canary("{canaryService: null, stableService: null, pingPong: {pingService: ping, pongService: pong}}");
    contains(&rules(&scene.weight(5).play()), "[{backendRefs: [{name: pong, weight: 95}, {name: ping, weight: 5}]}]");
}

#[test]
fn faults_are_upstreams_and_name_the_object() {
    let none = "No routes configured. At least one of 'httpRoutes', 'grpcRoutes', 'tcpRoutes', 'tlsRoutes', 'httpRoute', 'grpcRoute', \
                'tcpRoute' or 'tlsRoute' must be set";
    assert_eq!(shop("{}").faults(), [none]);
    assert_eq!(shop("{httpRoute: web}").faults(), ["httproutes.gateway.networking.k8s.io \"web\" not found"]);
    assert_eq!(shop("{httpRoutes: 5}").faults().len(), 1);
    assert_eq!(shop("{httpRouteSelector: {matchExpressions: [{key: a, operator: X}]}}").faults().len(), 1);
    for (name, rules, message) in [
        ("empty", "[]", "backendRef was not found in httpRoute"),
        ("null", "null", "backendRef was not found in httpRoute"),
        ("no canary", "[{backendRefs: [{name: web-stable}]}]", "backendRef was not found in httpRoute"),
        ("item", "[5]", "spec.rules[0]: expected an object, found a number"),
        ("list", "[{backendRefs: x}]", "spec.rules[0].backendRefs: expected a list, found a text"),
        ("text", "x", "spec.rules: expected a list, found a text"),
    ] {
        assert_eq!(http(rules).faults(), [format!("HTTPRoute prod/web: {message}")], "{name}");
    }
    let tcp = shop("{tcpRoute: web}").with(&route("v1alpha2", "TCPRoute", "web", "[]"));
    assert_eq!(tcp.faults(), ["TCPRoute prod/web: backendRef list was not found in tcpRoute"]);
    let header = http(&format!("[{RULE}]")).header("{name: hdr, match: [{headerName: a, headerValue: {}}]}");
    assert_eq!(header.faults(), ["HTTPRoute prod/web: invalid header match type"]);
}
