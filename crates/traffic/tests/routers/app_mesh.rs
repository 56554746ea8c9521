//! AWS App Mesh.

use serde_json::Value;

use crate::scene::{Scene, scene, told, yaml};

const API: &str = "appmesh.k8s.aws/v1beta2";
const ROUTE: &str = "{name: a, httpRoute: {match: {prefix: /}, action: {weightedTargets: [{virtualNodeRef: {name: canary-vn}, weight: 0}, \
                     {virtualNodeRef: {name: stable-vn}, weight: 100}, {virtualNodeRef: {name: x}, weight: 3}]}}}";

fn object(kind: &str, name: &str, spec: &str) -> String {
    format!("{{apiVersion: {API}, kind: {kind}, metadata: {{name: {name}}}, spec: {spec}}}")
}

fn shop(routes: &str, chosen: &str) -> Scene {
    let config = format!(
        "appMesh: {{virtualService: {{name: web{chosen}}}, virtualNodeGroup: {{canaryVirtualNodeRef: {{name: canary-vn}}, stableVirtualNodeRef: {{name: stable-vn}}}}}}"
    );
    scene(&config)
        .with(&object("VirtualService", "web", "{provider: {virtualRouter: {virtualRouterRef: {name: vr}}}}"))
        .with(&object("VirtualRouter", "vr", &format!("{{routes: {routes}}}")))
        .with(&object("VirtualNode", "canary-vn", "{podSelector: {matchLabels: {app: web}}}"))
        .with(&object("VirtualNode", "stable-vn", "{}"))
        .hashes("6c9f", "5b7d")
}

fn routes(scene: &Scene) -> Value {
    scene.object(API, "VirtualRouter", "vr")["spec"]["routes"].clone()
}

#[test]
fn the_example_of_the_specification_holds() {
    let after = shop(&format!("[{ROUTE}]"), "").weight(20).play();
    assert_eq!(
        routes(&after),
        yaml(&format!("[{}]", ROUTE.replace("weight: 100", "weight: 80").replace("weight: 0", "weight: 20")))
    );
    let labels = |name: &str| after.object(API, "VirtualNode", name)["spec"]["podSelector"]["matchLabels"].clone();
    assert_eq!(labels("canary-vn"), yaml("{app: web, rollouts-pod-template-hash: 6c9f}"));
    assert_eq!(labels("stable-vn"), yaml("{rollouts-pod-template-hash: 5b7d}"));
}

#[test]
fn nodes_are_always_told_apart() {
    let labels = |canary: &str, stable: &str| {
        let after = shop(&format!("[{ROUTE}]"), "").hashes(canary, stable).play();
        ["canary-vn", "stable-vn"].map(|name| {
            let node = after.object(API, "VirtualNode", name);
            node["spec"]["podSelector"]["matchLabels"]["rollouts-pod-template-hash"].as_str().unwrap().to_owned()
        })
    };
    assert_eq!(labels("a", "a"), ["canary-hash", "a"]);
    assert_eq!(labels("", "a"), ["canary-hash", "a"]);
    assert_eq!(labels("a", ""), ["a", "stable-hash"]);
}

#[test]
fn only_chosen_routes_change_and_every_kind_is_known() {
    let of = |name: &str, kind: &str| ROUTE.replace("name: a", &format!("name: {name}")).replace("httpRoute", kind);
    let all = format!(
        "[{}, {}, {}, {}]",
        of("a", "tcpRoute"),
        of("b", "http2Route"),
        of("c", "grpcRoute"),
        of("d", "httpRoute")
    );
    let weights = |scene: &Scene| -> Vec<i64> {
        let list = routes(scene);
        let kinds = ["tcpRoute", "http2Route", "grpcRoute", "httpRoute"];
        let one =
            |(route, kind): (&Value, &str)| route[kind]["action"]["weightedTargets"][0]["weight"].as_i64().unwrap();
        list.as_array().unwrap().iter().zip(kinds).map(one).collect()
    };
    assert_eq!(weights(&shop(&all, "").weight(9).play()), [9, 9, 9, 9]);
    assert_eq!(weights(&shop(&all, ", routes: [a, d]").weight(9).play()), [9, 0, 0, 9]);
}

#[test]
fn the_router_may_live_in_another_namespace() {
    let service =
        object("VirtualService", "web", "{provider: {virtualRouter: {virtualRouterRef: {name: vr, namespace: mesh}}}}");
    let router = object(
        "VirtualRouter",
        "vr",
        &format!("{{routes: [{}]}}", ROUTE.replace("name: canary-vn", "name: canary-vn, namespace: prod")),
    )
    .replace("name: vr", "name: vr, namespace: mesh");
    let shop = shop("[]", "").with(&service).with(&router).weight(5);
    let changed: Vec<String> = shop.outcome().changes.iter().map(|change| change.id.to_string()).collect();
    assert_eq!(changed[2], "VirtualRouter mesh/vr");
    assert_eq!(tiphys_traffic::needs(&shop.rollout, &shop.objects, &shop.settings).len(), 4);
}

#[test]
fn faults_name_what_is_missing() {
    let targets = |list: &str| format!("[{{name: a, httpRoute: {{action: {{weightedTargets: {list}}}}}}}]");
    for (name, routes, chosen, message) in [
        (
            "no routes",
            "null".to_owned(),
            "",
            "VirtualRouter prod/vr: spec.routes: not well-formed: expected a list, found nothing",
        ),
        (
            "text",
            "x".to_owned(),
            "",
            "VirtualRouter prod/vr: spec.routes: not well-formed: expected a list, found a text",
        ),
        (
            "unknown route",
            format!("[{ROUTE}]"),
            ", routes: [x]",
            "VirtualRouter prod/vr: route x not found in spec.routes",
        ),
        (
            "no kind",
            "[{name: a}]".to_owned(),
            "",
            "VirtualRouter prod/vr: spec.routes[0]: not well-formed: none of httpRoute, tcpRoute, http2Route, grpcRoute",
        ),
        (
            "no targets",
            targets("null"),
            "",
            "VirtualRouter prod/vr: spec.routes[0].httpRoute.action.weightedTargets: not well-formed: expected a list, found nothing",
        ),
        (
            "no node",
            targets("[{virtualNodeRef: {name: canary-vn}}, 5]"),
            "",
            "VirtualRouter prod/vr: spec.routes[0].httpRoute.action.weightedTargets has no weighted target for virtual node stable-vn",
        ),
    ] {
        assert_eq!(shop(&routes, chosen).faults(), [message], "{name}");
    }
    let alone = scene("appMesh: {virtualService: {name: web}}");
    assert_eq!(
        alone.faults(),
        ["trafficRouting.appMesh.virtualNodeGroup must name canaryVirtualNodeRef and stableVirtualNodeRef"]
    );
    let no_router = shop("[]", "").with(&object("VirtualService", "web", "{}"));
    assert_eq!(no_router.faults(), ["Virtual-service is not associated with virtual-router"]);
    let mut gone = shop(&format!("[{ROUTE}]"), "");
    let id = crate::scene::id_of(&yaml(&object("VirtualNode", "stable-vn", "{}")));
    gone.objects.remove(&id);
    let told = told(&gone.outcome());
    assert!(
        told.contains(&"VirtualNodeNotFound: VirtualNode `stable-vn` not found in namespace `prod`".to_owned()),
        "{told:?}"
    );
    let kinds: Vec<String> = gone.outcome().changes.iter().map(|change| change.id.resource.kind.clone()).collect();
    assert_eq!(kinds, ["VirtualNode"], "weights wait for the nodes");
}
