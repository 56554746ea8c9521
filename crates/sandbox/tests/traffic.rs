//! Simulated traffic through all that may decide its way.

use serde_json::{Value, json};
use tiphys_clock::Clock;
use tiphys_sandbox::traffic::{Lost, Name, Stream, Target};

use tiphys_sandbox::{Sandbox, SandboxOptions};

use crate::world::World;

const TRAFFIC: &str = "sandbox.tiphys.dev/traffic";

/// A Deployment `web-VERSION` with label `version`.
fn deployment(version: &str, replicas: u32) -> Value {
    let labels = json!({"app": "web", "version": version});
    json!({"metadata": {"name": format!("web-{version}")}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": format!("web:{version}")}]}}}})
}

#[expect(clippy::needless_pass_by_value, reason = "tests write their JSON in place")]
fn service(name: &str, selector: Value, annotations: Value) -> Value {
    json!({"metadata": {"name": name, "annotations": annotations}, "spec": {"selector": selector, "ports": [{"port": 80}]}})
}

fn custom(world: &World, group: &str, plural: &str, kind: &str) {
    let version = json!({"name": "v1", "served": true, "storage": true,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}});
    world.create("apiextensions.k8s.io", "customresourcedefinitions", json!({
        "metadata": {"name": format!("{plural}.{group}"), "annotations": {"api-approved.kubernetes.io": "unapproved"}},
        "spec": {"group": group, "scope": "Namespaced", "versions": [version],
            "names": {"plural": plural, "singular": kind.to_lowercase(), "kind": kind, "listKind": format!("{kind}List")}}}));
}

/// Two versions behind Services `stable` and `canary`, and `web` for both.
async fn two_versions() -> World {
    let world = World::start(2).await;
    for version in ["v1", "v2"] {
        world.create("apps", "deployments", deployment(version, 2));
    }
    world.create("", "services", service("web", json!({"app": "web"}), json!({})));
    world.create("", "services", service("stable", json!({"version": "v1"}), json!({})));
    world.create("", "services", service("canary", json!({"version": "v2"}), json!({})));
    world.pass(3.0).await;
    world
}

/// Percent of the answers of a route or Service that came from `v2`.
fn share(world: &World, of: &str) -> f64 {
    let versions = world.sandbox.traffic().by_version(of);
    let total: u64 = versions.values().sum();
    assert!(total > 1000, "{of}: {versions:?}");
    #[expect(clippy::cast_precision_loss, reason = "a percentage")]
    let share = 100.0 * versions.get("v2").copied().unwrap_or(0) as f64 / total as f64;
    share
}

#[track_caller]
fn near(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 4.0, "{found} is not about {wanted}");
}

#[tokio::test(start_paused = true)]
async fn a_service_shares_requests_among_its_pods_and_follows_its_selector() {
    let world = two_versions().await;
    world.edit("", "services", "web", |service| service["metadata"]["annotations"] = json!({TRAFFIC: "50/s"}));
    world.pass(60.05).await;
    near(share(&world, "service/default/web"), 50.0);
    let counts = world.sandbox.traffic().counts();
    assert_eq!(counts.iter().map(|count| count.requests).sum::<u64>(), 3000);
    assert!(counts.iter().all(|count| count.code == 200 && count.service == "default/web"));
    world.edit("", "services", "web", |service| service["spec"]["selector"] = json!({"version": "v2"}));
    world.pass(0.1).await;
    world.sandbox.traffic().reset();
    world.pass(60.0).await;
    near(share(&world, "service/default/web"), 100.0);
    assert_eq!(world.sandbox.traffic().lost(), 0);
    world.edit("", "services", "web", |service| service["metadata"]["annotations"] = json!({}));
    world.pass(1.0).await;
    world.sandbox.traffic().reset();
    world.pass(60.0).await;
    assert!(world.sandbox.traffic().counts().is_empty(), "the stream has ended");
}

#[tokio::test(start_paused = true)]
async fn an_ingress_and_its_canary_split_requests() {
    let world = two_versions().await;
    let ingress = |name: &str, service: &str, annotations: Value| {
        json!({"metadata": {"name": name, "annotations": annotations}, "spec": {"rules": [{"host": "a.io", "http": {"paths": [
            {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 80}}}}]}}]}})
    };
    world.create("networking.k8s.io", "ingresses", ingress("web", "stable", json!({TRAFFIC: "50/s"})));
    world.create(
        "networking.k8s.io",
        "ingresses",
        ingress(
            "web-canary",
            "canary",
            json!({
        "nginx.ingress.kubernetes.io/canary": "true", "nginx.ingress.kubernetes.io/canary-weight": "20"}),
        ),
    );
    world.pass(60.0).await;
    near(share(&world, "ingress/default/web"), 20.0);
    world.edit("networking.k8s.io", "ingresses", "web-canary", |canary| {
        canary["metadata"]["annotations"]["nginx.ingress.kubernetes.io/canary-weight"] = "70".into();
    });
    world.pass(0.1).await;
    world.sandbox.traffic().reset();
    world.pass(60.0).await;
    near(share(&world, "ingress/default/web"), 70.0);
    assert_eq!(world.sandbox.traffic().lost(), 0);
}

#[tokio::test(start_paused = true)]
async fn istio_splits_by_subset_and_mirrors() {
    let world = two_versions().await;
    custom(&world, "networking.istio.io", "virtualservices", "VirtualService");
    custom(&world, "networking.istio.io", "destinationrules", "DestinationRule");
    let to = |subset: &str, weight: u32| json!({"destination": {"host": "web", "subset": subset}, "weight": weight});
    world.create(
        "networking.istio.io",
        "destinationrules",
        json!({"metadata": {"name": "web"}, "spec": {"host": "web", "subsets": [
        {"name": "s", "labels": {"version": "v1"}}, {"name": "c", "labels": {"version": "v2"}}]}}),
    );
    world.create(
        "networking.istio.io",
        "virtualservices",
        json!({"metadata": {"name": "web", "annotations": {TRAFFIC: "50/s"}},
        "spec": {"hosts": ["web"], "http": [{"route": [to("s", 90), to("c", 10)],
            "mirror": {"host": "web", "subset": "c"}, "mirrorPercentage": {"value": 50}}]}}),
    );
    world.pass(60.0).await;
    near(share(&world, "virtualservice/default/web"), 10.0);
    let copies: u64 =
        world.sandbox.traffic().counts().iter().filter(|count| count.mirrored).map(|count| count.requests).sum();
    assert!((1350..1650).contains(&copies), "{copies}");
    // Calls to the Service go the same way.
    let target = Target::Service(Name::new("default", "web"));
    world.sandbox.traffic().start("mine", Stream::per_second(1, target));
    world.pass(10.0).await;
    assert!(world.sandbox.traffic().counts().iter().all(|count| count.route == "virtualservice/default/web"));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_route_splits_by_weight_and_header() {
    let world = two_versions().await;
    custom(&world, "gateway.networking.k8s.io", "httproutes", "HTTPRoute");
    let backend = |name: &str, weight: u32| json!({"name": name, "port": 80, "weight": weight});
    world.create(
        "gateway.networking.k8s.io",
        "httproutes",
        json!({"metadata": {"name": "web", "annotations": {TRAFFIC: "50/s"}},
        "spec": {"hostnames": ["a.io"], "rules": [
            {"backendRefs": [backend("stable", 75), backend("canary", 25)]},
            {"matches": [{"headers": [{"name": "x-v", "value": "new"}]}], "backendRefs": [backend("canary", 1)]}]}}),
    );
    world.pass(60.0).await;
    near(share(&world, "httproute/default/web"), 25.0);
    world.edit("gateway.networking.k8s.io", "httproutes", "web", |route| {
        route["metadata"]["annotations"]["sandbox.tiphys.dev/traffic-headers"] = "x-v=new".into();
    });
    world.pass(0.1).await;
    world.sandbox.traffic().reset();
    world.pass(60.0).await;
    near(share(&world, "httproute/default/web"), 100.0);
}

#[tokio::test(start_paused = true)]
async fn what_no_pod_answers_is_lost() {
    let world = two_versions().await;
    let traffic = world.sandbox.traffic();
    traffic.start("a", Stream::per_second(10, Target::Service(Name::new("default", "web"))));
    traffic.start("b", Stream::per_second(1, Target::Service(Name::new("default", "none"))));
    traffic.start("c", Stream::per_second(1, Target::Host("b.io".into())));
    world.pass(10.05).await;
    let reasons: Vec<_> = traffic.counts().iter().filter_map(|count| Some((count.lost?, count.requests))).collect();
    assert_eq!(reasons, [(Lost::NoRoute, 10), (Lost::NoService, 10)]);
    traffic.stop("b");
    traffic.stop("c");
    traffic.reset();
    for version in ["web-v1", "web-v2"] {
        world.edit("apps", "deployments", version, |deployment| deployment["spec"]["replicas"] = 0.into());
    }
    world.pass(10.0).await;
    let lost: Vec<_> = traffic.counts().iter().filter_map(|count| count.lost).collect();
    assert_eq!(lost, [Lost::NoReadyPod]);
    assert!(traffic.lost() > 95, "{}", traffic.lost());
}

#[tokio::test(start_paused = true)]
async fn a_rolling_update_loses_nothing_unless_endpoints_are_known_late() {
    for (delay, hook, loses) in [(0, false, false), (2, false, true), (2, true, false)] {
        let world = World::start(2).await;
        let mut web = deployment("v1", 4);
        if hook {
            web["spec"]["template"]["spec"]["containers"][0]["lifecycle"] =
                json!({"preStop": {"sleep": {"seconds": 5}}});
        }
        world.create("apps", "deployments", web);
        world.create("", "services", service("web", json!({"app": "web"}), json!({TRAFFIC: "100/s"})));
        world.pass(5.0).await;
        world.sandbox.traffic().reset();
        world.sandbox.traffic().set_endpoint_delay(jiff::SignedDuration::from_secs(delay));
        world.edit("apps", "deployments", "web-v1", |deployment| {
            deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "web:v2".into();
        });
        world.pass(30.0).await;
        let versions = world.sandbox.traffic().by_version("service/default/web");
        assert!(versions["v1"] > 0 && versions["v2"] > 0, "{versions:?}");
        assert_eq!(
            world.sandbox.traffic().lost() > 0,
            loses,
            "delay {delay}, hook {hook}: {:?}",
            world.sandbox.traffic().counts()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_sends_the_same_requests() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let world = two_versions().await;
        world.edit("", "services", "web", |service| service["metadata"]["annotations"] = json!({TRAFFIC: "50/s"}));
        world.pass(30.0).await;
        runs.push(world.sandbox.traffic().counts());
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test(start_paused = true)]
async fn an_autoscaler_follows_the_requests() {
    let world = World::start(2).await;
    let mut web = deployment("v1", 1);
    web["metadata"]["annotations"] = json!({"sandbox.tiphys.dev/cpu": "per-rps:10m"});
    web["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "500m"}});
    world.create("apps", "deployments", web);
    world.create("", "services", service("web", json!({"app": "web"}), json!({TRAFFIC: "100/s"})));
    world.create("autoscaling", "horizontalpodautoscalers", json!({"metadata": {"name": "web"}, "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web-v1"}, "maxReplicas": 10,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}]}}));
    world.pass(180.0).await;
    let replicas = world.get("apps", "deployments", "web-v1")["spec"]["replicas"].as_i64().unwrap();
    assert!((4..=5).contains(&replicas), "a core in all, a quarter of a core each: {replicas}");
}

#[tokio::test(start_paused = true)]
async fn the_listener_answers_queries_over_the_traffic() {
    let world = two_versions().await;
    world.edit("", "services", "web", |service| service["metadata"]["annotations"] = json!({TRAFFIC: "50/s"}));
    world.pass(120.0).await;
    let query = "sum(rate(http_requests_total%7Bservice%3D%22web%22%7D%5B1m%5D))";
    let (status, answer) = world.ask("GET", &format!("/prometheus/api/v1/query?query={query}"), "").await;
    let value: f64 = answer["data"]["result"][0]["value"][1].as_str().unwrap().parse().unwrap();
    assert!(status == 200 && (value - 50.0).abs() < 0.5, "{answer}");
    let (_, posted) = world.ask("POST", "/prometheus/api/v1/query", &format!("query={query}")).await;
    assert_eq!(posted["data"], answer["data"]);
    let (status, refused) = world.ask("GET", "/prometheus/api/v1/query?query=topk(1,a)", "").await;
    assert_eq!((status, &refused["error"]), (400, &json!("not supported by the sandbox: the aggregation topk")));
    let (_, counts) = world.ask("GET", "/sandbox/v1/traffic", "").await;
    assert_eq!((&counts["lost"], counts["counts"].as_array().unwrap().len()), (&json!(0), 2));
}

#[tokio::test(start_paused = true)]
async fn a_proxied_request_is_answered_by_a_simulated_pod() {
    let world = two_versions().await;
    let place = "/api/v1/namespaces/default";
    let (status, answer) = world.ask("GET", &format!("{place}/services/stable:80/proxy/api"), "").await;
    assert_eq!((status, &answer["version"], &answer["route"]), (200, &json!("v1"), &json!("service/default/stable")));
    let pod = world.pods()[0].0.clone();
    let (status, answer) = world.ask("GET", &format!("{place}/pods/{pod}/proxy/"), "").await;
    assert_eq!((status, &answer["pod"]), (200, &json!(pod)));
    let (status, answer) = world.ask("GET", &format!("{place}/services/none/proxy/"), "").await;
    assert_eq!((status, &answer["lost"]), (503, &json!("no-service")));
    let (status, refused) = world.ask("POST", &format!("{place}/pods/{pod}/exec?command=true"), "").await;
    assert_eq!(status, 501);
    assert!(
        refused["message"].as_str().unwrap().starts_with("exec is not supported by the sandbox: nothing really runs")
    );
    assert!(world.sandbox.traffic().counts().is_empty(), "single requests are not counted");
}

#[tokio::test]
async fn a_metric_provider_needs_no_token() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let options = SandboxOptions { clock: Clock::system(), seed: 1, nodes: 0, data: None };
    let sandbox = Sandbox::start(&options).unwrap();
    let prometheus = sandbox.serve_prometheus("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = prometheus.url().replace("http://", "");
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let request = "GET /api/v1/query?query=vector(7) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"resultType\":\"vector\""), "{answer}");
}
