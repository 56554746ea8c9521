//! Header and mirror routes of VirtualServices.

use super::istio_weights::{spec, virtual_service};
use crate::scene::{Scene, contains, scene, yaml};

const PRIMARY: &str = "{name: primary, route: [{destination: {host: web, subset: stable}, weight: 100}, {destination: {host: web, subset: canary}, weight: 0}]}";
const RULE: &str = "
apiVersion: networking.istio.io/v1alpha3
kind: DestinationRule
metadata: {name: web}
spec: {host: web, subsets: [{name: canary, labels: {app: web}}, {name: stable, labels: {app: web}}]}
";
const HEADER: &str = "{name: h, match: [{headerName: x-v, headerValue: {exact: new}}]}";
const MIRROR: &str = "{name: m, match: [{method: {exact: GET}}], percentage: 50}";

fn shop(reference: &str, routes: &str) -> Scene {
    let routing = format!(
        "{{istio: {{virtualService: {{name: web{reference}}}, destinationRule: {{name: web, canarySubsetName: canary, \
         stableSubsetName: stable}}}}, managedRoutes: [{{name: h}}, {{name: m}}]}}"
    );
    scene(&routing).with(&virtual_service("web", &format!("{{http: {routes}}}"))).with(RULE)
}

#[test]
fn the_example_of_the_specification_holds() {
    let start = shop(", routes: [primary]", &format!("[{PRIMARY}]")).play();
    let (after, events) = start.mirror(MIRROR).header(HEADER).weight(20).play_told();
    let expected = "
- {name: h, match: [{headers: {x-v: {exact: new}}}], route: [{destination: {host: web, subset: canary}, weight: 100}]}
- name: m
  match: [{method: {exact: GET}}]
  mirror: {host: web, subset: canary}
  mirrorPercentage: {value: 50}
  route: [{destination: {host: web, subset: stable}, weight: 80}, {destination: {host: web, subset: canary}, weight: 20}]
- {name: primary, route: [{destination: {host: web, subset: stable}, weight: 80}, {destination: {host: web, subset: canary}, weight: 20}]}
";
    assert_eq!(spec(&after, "web")["http"], yaml(expected));
    assert_eq!(
        events,
        [
            "Updated VirtualService: VirtualService `web` set to desiredWeight '20'",
            "Updated VirtualService: VirtualService `web` set headerRoute 'h'",
            "Updated VirtualService: VirtualService `web` set mirrorRoute 'm'",
        ]
    );
    let later = after.weight(60).play();
    contains(
        &spec(&later, "web"),
        "http: [{name: h}, {name: m, route: [{weight: 40}, {weight: 60}]}, {route: [{weight: 40}, {weight: 60}]}]",
    );
    let (done, events) = later.no_routes().weight(0).play_told();
    assert_eq!(spec(&done, "web")["http"], yaml(&format!("[{PRIMARY}]")));
    assert_eq!(events[1..], ["Updated VirtualService: VirtualService `web` removed all managed routes."]);
}

#[test]
fn omitted_routes_mean_the_one_that_is_not_managed() {
    let after = shop("", &format!("[{PRIMARY}]")).header(HEADER).mirror(MIRROR).weight(20).play();
    let after = after.weight(30).play();
    contains(
        &spec(&after, "web"),
        "http: [{name: h}, {name: m, route: [{weight: 70}, {weight: 30}]}, {name: primary, route: [{weight: 70}, {weight: 30}]}]",
    );
}

#[test]
fn routes_without_names_are_neither_multiplied_nor_moved() {
    let others =
        "{route: [{destination: {host: x}}]}, {route: [{destination: {host: y}}]}, {name: twice}, {name: twice}";
    let after = shop(", routes: [primary]", &format!("[{others}, {PRIMARY}]")).header(HEADER).weight(20).play();
    contains(
        &spec(&after, "web"),
        "http: [{name: h}, {route: [{destination: {host: x}}]}, {route: [{destination: {host: y}}]}, {name: twice}, {name: twice}, {name: primary}]",
    );
}

#[test]
fn header_values_and_several_matches() {
    let header =
        "{name: h, match: [{headerName: a, headerValue: {prefix: p}}, {headerName: b, headerValue: {regex: 'r.*'}}]}";
    let after = shop("", &format!("[{PRIMARY}]")).header(header).play();
    contains(
        &spec(&after, "web"),
        "http: [{match: [{headers: {a: {prefix: p}}}, {headers: {b: {regex: 'r.*'}}}]}, {name: primary}]",
    );
    let mirror = "{name: m, match: [{path: {prefix: /a}, headers: {x: {exact: '1'}}}, {method: {regex: 'P.*'}}]}";
    let after = shop("", &format!("[{PRIMARY}]")).mirror(mirror).play();
    let expected = "http: [{match: [{uri: {prefix: /a}, headers: {x: {exact: '1'}}}, {method: {regex: 'P.*'}}], mirrorPercentage: {value: 100}}, {name: primary}]";
    contains(&spec(&after, "web"), expected);
}

#[test]
fn ports_follow_the_weighted_route() {
    let with_port = PRIMARY.replace("subset: stable}", "subset: stable, port: {number: 80}}");
    let after = shop("", &format!("[{with_port}]")).header(HEADER).mirror(MIRROR).play();
    let expected = "http: [{route: [{destination: {host: web, subset: canary, port: {number: 80}}}]}, \
                    {mirror: {host: web, subset: canary, port: {number: 80}}, route: [{destination: {port: {number: 80}}}, {}]}, {}]";
    contains(&spec(&after, "web"), expected);
}

#[test]
fn without_a_rule_routes_lead_to_the_canary_service() {
    let routes = "{http: [{route: [{destination: {host: web-stable}}, {destination: {host: web-canary}}]}]}";
    let after = scene("{istio: {virtualService: {name: web}}, managedRoutes: [{name: h}]}")
        .with(&virtual_service("web", routes))
        .header(HEADER)
        .play();
    let first = &spec(&after, "web")["http"][0];
    assert_eq!(first["route"], yaml("[{destination: {host: web-canary}, weight: 100}]"));
}

#[test]
fn a_removed_or_changed_route_is_repaired() {
    let after = shop("", &format!("[{PRIMARY}]")).header(HEADER).weight(20).play();
    let broken =
        after.with(&virtual_service("web", &format!("{{http: [{PRIMARY}, {{name: h, match: []}}, {{name: m}}]}}")));
    let (after, events) = broken.play_told();
    contains(
        &spec(&after, "web"),
        "http: [{name: h, match: [{headers: {}}]}, {name: primary, route: [{weight: 80}, {weight: 20}]}]",
    );
    assert_eq!(events[2], "Updated VirtualService: VirtualService `web` removed managed route 'm'");
}

#[test]
fn an_empty_match_is_no_route() {
    let after = shop("", &format!("[{PRIMARY}]")).header(HEADER).play().header("{name: h}").play();
    contains(&spec(&after, "web"), "http: [{name: primary}]");
}

#[test]
fn header_routes_that_say_the_same_are_left_as_they_are() {
    let written =
        "{name: h, match: [{headers: {x-v: {exact: new}}}], route: [{destination: {host: web, subset: canary}}]}";
    let start = shop("", &format!("[{written}, {PRIMARY}]")).header(HEADER);
    let outcome = start.outcome();
    let changed: Vec<&str> = outcome.changes.iter().map(|change| change.id.resource.kind.as_str()).collect();
    assert_eq!(changed, ["DestinationRule"]);
}
