//! Weights of VirtualServices.

use serde_json::Value;

use crate::scene::{Scene, contains, scene, yaml};

const API: &str = "networking.istio.io/v1alpha3";

pub(super) fn virtual_service(name: &str, spec: &str) -> String {
    format!("{{apiVersion: {API}, kind: VirtualService, metadata: {{name: {name}}}, spec: {spec}}}")
}

pub(super) fn spec(scene: &Scene, name: &str) -> Value {
    scene.object(API, "VirtualService", name)["spec"].clone()
}

const TWO: &str =
    "route: [{destination: {host: web-stable}, weight: 100}, {destination: {host: web-canary}, weight: 0}]";
const TCP_TWO: &str = "route: [{destination: {host: web-stable}}, {destination: {host: web-canary}}]";

fn shop(reference: &str, routes: &str) -> Scene {
    scene(&format!("istio: {{virtualService: {{name: web{reference}}}}}")).with(&virtual_service("web", routes))
}

#[test]
fn weights_are_split_between_the_two_services() {
    let (after, events) =
        shop("", &format!("{{hosts: [a], http: [{{name: primary, timeout: 5s, {TWO}}}]}}")).weight(20).play_told();
    let expected = "{hosts: [a], http: [{name: primary, timeout: 5s, route: [{destination: {host: web-stable}, weight: 80}, \
                    {destination: {host: web-canary}, weight: 20}]}]}";
    assert_eq!(spec(&after, "web"), yaml(expected));
    assert_eq!(events, ["Updated VirtualService: VirtualService `web` set to desiredWeight '20'"]);
}

#[test]
fn a_missing_weight_is_zero_already() {
    let start = shop("", &format!("{{tcp: [{{{TCP_TWO}}}]}}")).canary("{}");
    let mut start = start;
    start.wanted.weights.canary.weight = 0;
    let after = start.play();
    contains(&spec(&after, "web"), "tcp: [{route: [{weight: 100}, {destination: {host: web-canary}}]}]");
    assert_eq!(spec(&after, "web")["tcp"][0]["route"][1].get("weight"), None);
}

#[test]
fn routes_are_selected_as_the_rollout_says() {
    let one = format!("{{name: one, {TWO}}}");
    let two = format!("{{name: two, {TWO}}}");
    let nameless = format!("{{{TWO}}}");
    let moved = |text: &str| text.replace("weight: 100", "weight: 70").replace("weight: 0", "weight: 30");
    for (name, reference, before, after) in [
        ("the only one", "", format!("http: [{one}]"), format!("http: [{}]", moved(&one))),
        ("the only nameless one", "", format!("http: [{nameless}]"), format!("http: [{}]", moved(&nameless))),
        ("one of two", ", routes: [two]", format!("http: [{one}, {two}]"), format!("http: [{one}, {}]", moved(&two))),
        (
            "both",
            ", routes: [one, two]",
            format!("http: [{one}, {two}]"),
            format!("http: [{}, {}]", moved(&one), moved(&two)),
        ),
        (
            "with others that are not ours",
            ", routes: [one]",
            format!(
                "http: [{one}, {{name: x, route: [{{destination: {{host: other}}, weight: 100}}]}}, {nameless}, {nameless}]"
            ),
            format!(
                "http: [{}, {{name: x, route: [{{destination: {{host: other}}, weight: 100}}]}}, {nameless}, {nameless}]",
                moved(&one)
            ),
        ),
    ] {
        let scene = shop(reference, &format!("{{{before}}}")).weight(30).play();
        assert_eq!(spec(&scene, "web"), yaml(&format!("{{{after}}}")), "{name}");
    }
}

#[test]
fn hosts_are_compared_up_to_the_first_dot() {
    let routes = "{http: [{route: [{destination: {host: web-stable.prod.svc.cluster.local}}, {destination: {host: web-canary.prod}}]}]}";
    contains(&spec(&shop("", routes).weight(5).play(), "web"), "http: [{route: [{weight: 95}, {weight: 5}]}]");
}

#[test]
fn tls_and_tcp_routes_are_found_by_port_and_hosts() {
    let tls = |matches: &str| format!("{{match: {matches}, {TCP_TWO}}}");
    let a = tls("[{port: 443, sniHosts: [a.io, b.io]}, {port: 443, sniHosts: [a.io]}]");
    let b = tls("[{port: 443, sniHosts: [c.io]}]");
    let mixed = tls("[{port: 1, sniHosts: [c.io]}, {port: 2, sniHosts: [c.io]}]");
    let tcp = |port: &str| format!("{{match: [{{port: {port}}}], {TCP_TWO}}}");
    let weights = |scene: &Scene, section: &str| -> Vec<i64> {
        let routes = spec(scene, "web")[section].as_array().cloned().unwrap_or_default();
        routes.iter().map(|route| route["route"][1]["weight"].as_i64().unwrap_or(0)).collect()
    };
    for (name, reference, section, routes, expected) in [
        (
            "tls by port and hosts",
            "tlsRoutes: [{port: 443, sniHosts: [b.io, a.io]}]",
            "tls",
            format!("[{a}, {b}, {mixed}]"),
            vec![9, 0, 0],
        ),
        (
            "tls by another host",
            "tlsRoutes: [{port: 443, sniHosts: [c.io]}]",
            "tls",
            format!("[{a}, {b}, {mixed}]"),
            vec![0, 9, 0],
        ),
        (
            "tls without port",
            "tlsRoutes: [{sniHosts: [x.io]}]",
            "tls",
            format!("[{}, {a}]", tls("[{sniHosts: [x.io]}]")),
            vec![9, 0],
        ),
        ("tls omitted", "", "tls", format!("[{a}]"), vec![9]),
        (
            "tcp by port",
            "tcpRoutes: [{port: 3306}]",
            "tcp",
            format!("[{}, {}, {}]", tcp("1"), tcp("3306"), tcp("3306")),
            vec![0, 9, 9],
        ),
        ("tcp omitted", "", "tcp", format!("[{}]", tcp("1")), vec![9]),
    ] {
        let comma = if reference.is_empty() { "" } else { ", " };
        let scene = shop(&format!("{comma}{reference}"), &format!("{{{section}: {routes}}}")).weight(9).play();
        assert_eq!(weights(&scene, section), expected, "{name}");
    }
}

#[test]
fn other_sections_are_left_alone_where_only_http_is_named() {
    let foreign = "{match: [{port: 443}], route: [{destination: {host: other}}]}";
    let routes = format!("{{http: [{{name: one, {TWO}}}], tls: [{foreign}], tcp: [{foreign}, {foreign}]}}");
    let after = shop(", routes: [one]", &routes).weight(5).play();
    assert_eq!(spec(&after, "web")["tls"], yaml(&format!("[{foreign}]")), "argo would refuse it");
    let ours = format!("{{http: [{{name: one, {TWO}}}], tls: [{{{TCP_TWO}}}]}}");
    let after = shop(", routes: [one]", &ours).weight(5).play();
    contains(&spec(&after, "web"), "tls: [{route: [{weight: 95}, {weight: 5}]}]");
}

#[test]
fn experiments_take_from_stable_and_leave_again() {
    let start = shop("", &format!("{{http: [{{{TWO}}}]}}"));
    let during = start.weight(20).experiment(&[("exp-b", "hb", 10), ("exp-a", "ha", 5)]).play();
    let expected = "http: [{route: [{destination: {host: web-stable}, weight: 65}, {destination: {host: web-canary}, weight: 20}, \
                    {weight: 5, destination: {host: exp-a}}, {weight: 10, destination: {host: exp-b}}]}]";
    assert_eq!(spec(&during, "web"), yaml(&format!("{{{expected}}}")));
    let changed = during.clone().experiment(&[("exp-a", "ha", 7)]).play();
    contains(
        &spec(&changed, "web"),
        "http: [{route: [{weight: 73}, {weight: 20}, {weight: 7, destination: {host: exp-a}}]}]",
    );
    let after = during.experiment(&[]).play();
    contains(&spec(&after, "web"), "http: [{route: [{weight: 80}, {weight: 20}]}]");
}

#[test]
fn destinations_of_forgotten_experiments_go_by_name() {
    let left = "{destination: {host: shop-6c9f-3-1-exp.prod}, weight: 10}";
    let routes = format!(
        "{{http: [{{route: [{{destination: {{host: web-stable}}}}, {{destination: {{host: web-canary}}}}, {left}]}}]}}"
    );
    contains(&spec(&shop("", &routes).weight(20).play(), "web"), "http: [{route: [{weight: 80}, {weight: 20}]}]");
}

#[test]
fn foreign_destinations_stay_with_weight_zero_and_are_a_fault_otherwise() {
    let with = |weight: &str| {
        let routes = format!(
            "{{http: [{{route: [{{destination: {{host: web-stable}}}}, {{destination: {{host: web-canary}}}}, {{destination: {{host: legacy}}{weight}}}]}}]}}"
        );
        shop("", &routes).weight(20)
    };
    contains(
        &spec(&with("").play(), "web"),
        "http: [{route: [{weight: 80}, {weight: 20}, {destination: {host: legacy}}]}]",
    );
    let message = "VirtualService prod/web: spec.http[0].route[2]: destination 'legacy' with weight 30 is neither canary, stable nor an \
                   experiment";
    assert_eq!(with(", weight: 30").faults(), [message]);
}

#[test]
fn other_scales_become_per_cent() {
    let scene = scene("{istio: {virtualService: {name: web}}, nginx: {stableIngress: web}, maxTrafficWeight: 1000}")
        .with(&virtual_service("web", &format!("{{http: [{{{TWO}}}]}}")))
        .weight(500);
    let outcome = scene.outcome();
    assert_eq!(outcome.faults.len(), 1, "nginx has no Ingress, and does not stop Istio");
    contains(&spec(&scene.apply(&outcome), "web"), "http: [{route: [{weight: 50}, {weight: 50}]}]");
}

#[test]
fn several_virtual_services_in_several_namespaces() {
    let routes = format!("{{http: [{{{TWO}}}]}}");
    let far = virtual_service("far", &routes).replace("name: far", "name: far, namespace: edge");
    let scene = scene("istio: {virtualServices: [{name: gone}, {name: near}, {name: far.edge.cluster.local}]}")
        .with(&virtual_service("near", &routes))
        .with(&far)
        .weight(10);
    let outcome = scene.outcome();
    let changed: Vec<String> = outcome.changes.iter().map(|change| change.id.to_string()).collect();
    assert_eq!(changed, ["VirtualService prod/near", "VirtualService edge/far"]);
    assert_eq!(
        crate::scene::told(&outcome)[2..],
        [
            "VirtualServiceNotFound: VirtualService `gone` not found",
            "TrafficRoutingError: virtualservices.networking.istio.io \"gone\" not found",
        ]
    );
}

#[test]
fn ping_and_pong_swap_roles() {
    let routes = "{http: [{route: [{destination: {host: ping}}, {destination: {host: pong}}]}]}";
    let scene = shop("", routes)
        .canary("{canaryService: null, stableService: null, pingPong: {pingService: ping, pongService: pong}}")
        .weight(10);
    contains(&spec(&scene.clone().play(), "web"), "http: [{route: [{weight: 10}, {weight: 90}]}]");
    let mut flipped = scene;
    "ping".clone_into(&mut flipped.rollout.status.canary.stable_ping_pong);
    contains(&spec(&flipped.play(), "web"), "http: [{route: [{weight: 90}, {weight: 10}]}]");
}

#[track_caller]
fn check_fault(name: &str, reference: &str, routes: &str, message: &str) {
    let scene = shop(reference, routes).weight(5);
    assert_eq!(scene.faults(), [message], "{name}");
    assert_eq!(scene.outcome().changes, vec![], "{name}");
    assert!(scene.outcome().faults[0].remedy.is_some(), "{name}");
}

#[test]
fn faults_name_the_field() {
    let two = format!("{{name: one, {TWO}}}");
    let omitted = |section: &str, field: &str| {
        format!(
            "VirtualService prod/web: spec.{section}[] should be set in VirtualService and it must have exactly one route when \
             omitting spec.strategy.canary.trafficRouting.istio.virtualService.{field}"
        )
    };
    let named = |text: &str| format!("VirtualService prod/web: {text}");
    for (name, reference, routes, message) in [
        ("two routes", "", format!("{{http: [{two}, {two}]}}"), omitted("http", "routes")),
        ("two tls routes", "", format!("{{tls: [{two}, {two}]}}"), omitted("tls", "tlsRoutes")),
        ("two tcp routes", "", format!("{{tcp: [{two}, {two}]}}"), omitted("tcp", "tcpRoutes")),
        (
            "unknown",
            ", routes: [x]",
            format!("{{http: [{two}]}}"),
            named("HTTP Route 'x' is not found in the defined Virtual Service."),
        ),
        (
            "no tls",
            ", tlsRoutes: [{port: 1}]",
            format!("{{tls: [{two}]}}"),
            named("No matching TLS routes found in the defined Virtual Service."),
        ),
        (
            "no tcp",
            ", tcpRoutes: [{port: 1}]",
            format!("{{tcp: [{two}]}}"),
            named("No matching TCP routes found in the defined Virtual Service."),
        ),
        (
            "empty",
            "",
            "{}".to_owned(),
            named("Unable to get any of the HTTP, TCP or TLS routes for the Istio VirtualService"),
        ),
        (
            "null",
            "",
            "{http: null, tls: null}".to_owned(),
            named("Unable to get any of the HTTP, TCP or TLS routes for the Istio VirtualService"),
        ),
        (
            "no spec",
            "",
            "null".to_owned(),
            named("Unable to get any of the HTTP, TCP or TLS routes for the Istio VirtualService"),
        ),
    ] {
        check_fault(name, reference, &routes, &message);
    }
    let both = scene("istio: {virtualService: {name: a}, virtualServices: [{name: b}]}");
    assert_eq!(both.faults(), ["either VirtualService or VirtualServices must be configured"]);
}

#[test]
fn wrong_shapes_name_the_field() {
    let named = |text: &str| format!("VirtualService prod/web: {text}");
    for (name, reference, routes, message) in [
        ("text", "", "{http: x}".to_owned(), named("spec.http: expected a list, found a text")),
        ("route", "", "{http: [{route: x}]}".to_owned(), named("spec.http[0].route: expected a list, found a text")),
        ("null route", "", "{http: [null]}".to_owned(), named("Canary Service 'web-canary' not found in route")),
        (
            "numbers",
            "",
            "{http: [{route: [1, 2]}]}".to_owned(),
            named("Canary Service 'web-canary' not found in route"),
        ),
        (
            "no stable",
            "",
            "{http: [{route: [{destination: {host: web-canary}}]}]}".to_owned(),
            named("Stable Service 'web-stable' not found in route"),
        ),
        (
            "match",
            ", tlsRoutes: [{port: 1}]",
            "{tls: [{match: 5}]}".to_owned(),
            named("spec.tls[0].match: expected a list, found a number"),
        ),
    ] {
        check_fault(name, reference, &routes, &message);
    }
}
