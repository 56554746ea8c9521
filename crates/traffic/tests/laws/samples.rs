//! One healthy scene a router.

use serde_json::Value;

use crate::scene::{Scene, scene};

/// A router with its objects, and how its weights read.
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) routing: &'static str,
    pub(super) objects: &'static [&'static str],
    /// Returns the weights that users get, from all objects.
    pub(super) weights: fn(&Scene) -> Vec<i64>,
    /// Whether experiments get weights of their own.
    pub(super) takes_experiments: bool,
}

impl Sample {
    pub(super) fn scene(&self) -> Scene {
        self.objects.iter().fold(scene(self.routing), |scene, text| scene.with(text))
    }
}

fn weights(list: &Value) -> Vec<i64> {
    let weight = |item: &Value| item["weight"].as_i64().or_else(|| item["weight"].as_str()?.parse().ok()).unwrap_or(0);
    list.as_array().unwrap().iter().map(weight).collect()
}

const ISTIO: &str = "networking.istio.io/v1alpha3";

fn istio(scene: &Scene) -> Vec<i64> {
    let routes = scene.object(ISTIO, "VirtualService", "web")["spec"]["http"].clone();
    let primary = routes.as_array().unwrap().iter().find(|route| route["name"] == "primary").cloned().unwrap();
    weights(&primary["route"])
}

fn nginx(scene: &Scene) -> Vec<i64> {
    let canary = scene.object("networking.k8s.io/v1", "Ingress", "shop-web-canary");
    let weight: i64 = canary["metadata"]["annotations"]["nginx.ingress.kubernetes.io/canary-weight"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    vec![weight, 100 - weight]
}

fn alb(scene: &Scene) -> Vec<i64> {
    let ingress = scene.object("networking.k8s.io/v1", "Ingress", "web");
    let text = ingress["metadata"]["annotations"]["alb.ingress.kubernetes.io/actions.web-stable"].as_str().unwrap();
    let action: Value = serde_json::from_str(text).unwrap();
    let groups = action["ForwardConfig"]["TargetGroups"].as_array().unwrap();
    groups.iter().map(|group| group["Weight"].as_i64().unwrap()).collect()
}

fn mapping(scene: &Scene) -> Vec<i64> {
    let weight = if scene.exists("getambassador.io/v2", "Mapping", "web-canary") {
        scene.object("getambassador.io/v2", "Mapping", "web-canary")["spec"]["weight"].as_i64().unwrap()
    } else {
        0
    };
    vec![weight, 100 - weight]
}

/// All routers.
pub(super) const SAMPLES: [Sample; 10] = [
    Sample {
        name: "istio by host",
        routing: "{istio: {virtualService: {name: web, routes: [primary]}}, managedRoutes: [{name: h}, {name: m}]}",
        objects: &["
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata: {name: web}
spec:
  http:
  - {name: other, match: [{uri: {prefix: /x}}], route: [{destination: {host: x}}]}
  - {name: primary, timeout: 5s, route: [{destination: {host: web-stable, port: {number: 80}}, weight: 100}, {destination: {host: web-canary}}]}
  tls: [{match: [{port: 443, sniHosts: [a]}], route: [{destination: {host: web-stable}}, {destination: {host: web-canary}}]}]
"],
        weights: istio,
        takes_experiments: true,
    },
    Sample {
        name: "istio by subset",
        routing: "{istio: {virtualService: {name: web}, destinationRule: {name: web, canarySubsetName: canary, stableSubsetName: stable}}, \
                  managedRoutes: [{name: h}, {name: m}]}",
        objects: &[
            "
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata: {name: web}
spec: {http: [{name: primary, route: [{destination: {host: web, subset: stable}}, {destination: {host: web, subset: canary}}]}]}
",
            "
apiVersion: networking.istio.io/v1alpha3
kind: DestinationRule
metadata: {name: web}
spec: {host: web, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}, subsets: [{name: stable, labels: {app: web}}, {name: canary}]}
",
        ],
        weights: istio,
        takes_experiments: true,
    },
    Sample {
        name: "nginx",
        routing: "nginx: {stableIngress: web}",
        objects: &["
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {rules: [{host: a, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web-stable, port: {number: 80}}}}]}}]}
"],
        weights: nginx,
        takes_experiments: false,
    },
    Sample {
        name: "alb",
        routing: "{alb: {ingress: web, servicePort: 80}, managedRoutes: [{name: h}, {name: m}]}",
        objects: &["
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {rules: [{http: {paths: [{path: /*, backend: {service: {name: web-stable, port: {name: use-annotation}}}}]}}]}
"],
        weights: alb,
        takes_experiments: true,
    },
    Sample {
        name: "smi",
        routing: "smi: {}",
        objects: &[],
        weights: |scene| weights(&scene.object("split.smi-spec.io/v1alpha1", "TrafficSplit", "shop")["spec"]["backends"]),
        takes_experiments: true,
    },
    Sample {
        name: "ambassador",
        routing: "ambassador: {mappings: [web]}",
        objects: &["{apiVersion: getambassador.io/v2, kind: Mapping, metadata: {name: web}, spec: {prefix: /, service: 'web-stable:80'}}"],
        weights: mapping,
        takes_experiments: false,
    },
    Sample {
        name: "app mesh",
        routing: "appMesh: {virtualService: {name: web}, virtualNodeGroup: {canaryVirtualNodeRef: {name: c}, stableVirtualNodeRef: {name: s}}}",
        objects: &[
            "{apiVersion: appmesh.k8s.aws/v1beta2, kind: VirtualService, metadata: {name: web}, spec: {provider: {virtualRouter: {virtualRouterRef: {name: vr}}}}}",
            "{apiVersion: appmesh.k8s.aws/v1beta2, kind: VirtualRouter, metadata: {name: vr}, spec: {routes: [{name: a, httpRoute: {action: \
             {weightedTargets: [{virtualNodeRef: {name: c}, weight: 0}, {virtualNodeRef: {name: s}, weight: 100}]}}}]}}",
            "{apiVersion: appmesh.k8s.aws/v1beta2, kind: VirtualNode, metadata: {name: c}, spec: {podSelector: {matchLabels: {app: web}}}}",
            "{apiVersion: appmesh.k8s.aws/v1beta2, kind: VirtualNode, metadata: {name: s}, spec: {}}",
        ],
        weights: |scene| {
            let router = scene.object("appmesh.k8s.aws/v1beta2", "VirtualRouter", "vr");
            weights(&router["spec"]["routes"][0]["httpRoute"]["action"]["weightedTargets"])
        },
        takes_experiments: false,
    },
    Sample {
        name: "traefik",
        routing: "traefik: {weightedTraefikServiceName: web}",
        objects: &["{apiVersion: traefik.io/v1alpha1, kind: TraefikService, metadata: {name: web}, spec: {weighted: {services: [{name: web-stable}, {name: web-canary}]}}}"],
        weights: |scene| weights(&scene.object("traefik.io/v1alpha1", "TraefikService", "web")["spec"]["weighted"]["services"]),
        takes_experiments: false,
    },
    Sample {
        name: "apisix",
        routing: "{apisix: {route: {name: web}}, managedRoutes: [{name: h}, {name: m}]}",
        objects: &["{apiVersion: apisix.apache.org/v2, kind: ApisixRoute, metadata: {name: web}, spec: {http: [{name: web, match: {paths: [/]}, \
                    backends: [{serviceName: web-stable}, {serviceName: web-canary}]}]}}"],
        weights: |scene| weights(&scene.object("apisix.apache.org/v2", "ApisixRoute", "web")["spec"]["http"][0]["backends"]),
        takes_experiments: false,
    },
    Sample {
        name: "gateway api",
        routing: "{plugins: {argoproj-labs/gatewayAPI: {httpRoute: web, tcpRoute: web}}, managedRoutes: [{name: h}, {name: m}]}",
        objects: &[
            "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: web}, spec: {rules: [{matches: [{path: {value: /}}], \
             backendRefs: [{name: web-stable, port: 80}, {name: web-canary, port: 80}]}]}}",
            "{apiVersion: gateway.networking.k8s.io/v1alpha2, kind: TCPRoute, metadata: {name: web}, spec: {rules: [{backendRefs: [{name: web-stable}, {name: web-canary}]}]}}",
        ],
        weights: |scene| weights(&scene.object("gateway.networking.k8s.io/v1", "HTTPRoute", "web")["spec"]["rules"][0]["backendRefs"]),
        takes_experiments: true,
    },
];
