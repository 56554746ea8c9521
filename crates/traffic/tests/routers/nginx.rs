//! ingress-nginx.

use serde_json::{Value, json};

use crate::scene::{Scene, contains, scene, yaml};

const STABLE: &str = "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, labels: {team: a}}
spec:
  ingressClassName: nginx
  defaultBackend: {service: {name: other, port: {number: 80}}}
  rules:
  - host: a.io
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web-stable, port: {number: 80}}}}]}
";

fn shop(extra: &str) -> Scene {
    scene(&format!("nginx: {{stableIngress: web{extra}}}")).with(STABLE)
}

fn canary(scene: &Scene) -> Value {
    scene.object("networking.k8s.io/v1", "Ingress", "shop-web-canary")
}

#[test]
fn the_first_weight_creates_the_canary_ingress() {
    let (after, events) = shop(", additionalIngressAnnotations: {canary-by-header: X-Canary}").weight(20).play_told();
    let mut object = canary(&after);
    object["metadata"].as_object_mut().unwrap().retain(|key, _| key != "resourceVersion" && key != "uid");
    assert_eq!(
        object,
        yaml(
            "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop-web-canary
  namespace: prod
  annotations:
    nginx.ingress.kubernetes.io/canary: 'true'
    nginx.ingress.kubernetes.io/canary-weight: '20'
    nginx.ingress.kubernetes.io/canary-by-header: X-Canary
  ownerReferences:
  - {apiVersion: argoproj.io/v1alpha1, kind: Rollout, name: shop, uid: u-shop, controller: true, blockOwnerDeletion: true}
spec:
  ingressClassName: nginx
  rules:
  - host: a.io
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web-canary, port: {number: 80}}}}]}
"
        )
    );
    assert_eq!(events, ["CreatingCanaryIngress: Creating canary ingress `shop-web-canary` with weight `20`"]);
    let stable = after.object("networking.k8s.io/v1", "Ingress", "web");
    assert_eq!(stable["metadata"]["resourceVersion"], "1", "the stable Ingress is never changed");
}

#[test]
fn further_weights_patch_it() {
    let (after, events) = shop("").weight(20).play().weight(40).play_told();
    contains(&canary(&after), "{metadata: {annotations: {nginx.ingress.kubernetes.io/canary-weight: '40'}}}");
    assert_eq!(events, ["PatchingCanaryIngress: Updating Ingress `shop-web-canary` to desiredWeight '40'"]);
}

#[test]
fn annotations_come_in_order_of_precedence() {
    let config = ", annotationPrefix: x.io, additionalIngressAnnotations: {a: '1', x.io/b: '1', canary: 'no', c: '1'}, \
                  canaryIngressAnnotations: {x.io/c: '2', y/d: '2', x.io/canary-weight: '99'}";
    let after = shop(config).weight(10).play();
    let expected = json!({"x.io/a": "1", "x.io/b": "1", "x.io/c": "2", "y/d": "2", "x.io/canary": "true", "x.io/canary-weight": "10"});
    assert_eq!(canary(&after)["metadata"]["annotations"], expected);
}

#[test]
fn the_class_annotation_and_tls_follow_the_stable_ingress() {
    let mut stable = yaml(STABLE);
    stable["metadata"]["annotations"] = json!({"kubernetes.io/ingress.class": "special", "other": "x"});
    stable["spec"]["tls"] = json!([{"hosts": ["a.io"]}]);
    let mut shop = shop("");
    shop.add(stable.clone());
    let after = shop.weight(5).play();
    let annotations = &canary(&after)["metadata"]["annotations"];
    assert_eq!((&annotations["kubernetes.io/ingress.class"], &annotations["other"]), (&json!("special"), &Value::Null));
    assert_eq!(canary(&after)["spec"]["tls"], stable["spec"]["tls"]);
    let mut again = after;
    stable["spec"].as_object_mut().unwrap().remove("tls");
    again.add(stable);
    assert_eq!(canary(&again.play())["spec"].get("tls"), None, "what stable no longer has goes");
}

#[test]
fn the_total_is_there_only_with_a_maximum() {
    let total = |scene: &Scene| {
        canary(scene)["metadata"]["annotations"]["nginx.ingress.kubernetes.io/canary-weight-total"].clone()
    };
    let with = scene("{nginx: {stableIngress: web}, maxTrafficWeight: 1000}").with(STABLE).weight(500).play();
    contains(&canary(&with), "{metadata: {annotations: {nginx.ingress.kubernetes.io/canary-weight: '500'}}}");
    assert_eq!(total(&with), "1000");
    let without = with.canary("trafficRouting: {maxTrafficWeight: null}").weight(50).play();
    assert_eq!(total(&without), Value::Null, "a total that no longer holds goes");
}

#[test]
fn only_paths_to_the_stable_service_are_copied() {
    let rules = yaml(
        "
- {host: a.io, http: {paths: [{path: /, backend: {service: {name: web-stable}}}, {path: /api, backend: {service: {name: api}}}]}}
- {host: b.io, http: {paths: [{path: /, backend: {service: {name: api}}}]}}
- {host: c.io}
- {host: d.io, http: {paths: [{path: /, backend: {resource: {kind: Bucket, name: b}}}, {path: /x}]}}
- {host: e.io, http: null}
",
    );
    let mut shop = shop("");
    let mut stable = yaml(STABLE);
    stable["spec"]["rules"] = rules;
    shop.add(stable);
    contains(
        &canary(&shop.weight(5).play())["spec"],
        "rules: [{host: a.io, http: {paths: [{path: /, backend: {service: {name: web-canary}}}]}}]",
    );
}

#[test]
fn labels_and_annotations_of_others_survive() {
    let mut after = shop("").weight(5).play();
    let mut object = canary(&after);
    object["metadata"]["labels"] = json!({"theirs": "x"});
    object["metadata"]["annotations"]["theirs"] = json!("x");
    object["metadata"]["finalizers"] = json!(["x"]);
    object["status"] = json!({"loadBalancer": {}});
    after.add(object.clone());
    let after = canary(&after.weight(6).play());
    for part in ["/metadata/labels", "/metadata/annotations/theirs", "/metadata/finalizers", "/status"] {
        assert_eq!(after.pointer(part), object.pointer(part), "{part}");
    }
}

#[test]
fn several_ingresses_do_not_stop_each_other() {
    let second = STABLE.replace("name: web,", "name: web2,");
    let shop = scene("nginx: {stableIngresses: [none, web, web2]}").with(STABLE).with(&second).weight(5);
    let outcome = shop.outcome();
    assert_eq!(outcome.changes.len(), 2);
    let message = "error retrieving stableIngress `none` from cache: ingresses.networking.k8s.io \"none\" not found";
    assert_eq!(shop.faults(), [message]);
    let after = shop.apply(&outcome);
    assert!(after.exists("networking.k8s.io/v1", "Ingress", "shop-web2-canary"));
}

#[test]
fn faults_name_the_object_and_the_field() {
    let foreign = "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: shop-web-canary}}";
    let with_spec = |spec: &str| {
        scene("nginx: {stableIngress: web}").with(&format!(
            "{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: web}}, spec: {spec}}}"
        ))
    };
    for (name, scene, message) in [
        ("foreign", shop("").with(foreign), "canary ingress `shop-web-canary` controlled by different object"),
        ("no rule", with_spec("{}"), "ingress `web` has no rules using service web-stable backend"),
        ("null rules", with_spec("{rules: null}"), "ingress `web` has no rules using service web-stable backend"),
        ("rules", with_spec("{rules: 7}"), "Ingress prod/web: spec.rules: expected a list, found a number"),
        (
            "paths",
            with_spec("{rules: [{http: {paths: {}}}]}"),
            "Ingress prod/web: spec.rules[0].http.paths: expected a list, found an object",
        ),
        (
            "http",
            with_spec("{rules: [{http: x}]}"),
            "Ingress prod/web: spec.rules[0].http: expected an object, found a text",
        ),
    ] {
        assert_eq!(scene.faults(), [message], "{name}");
        assert_eq!(scene.outcome().changes, vec![], "{name}");
        assert_eq!(scene.outcome().faults[0].events.len(), 1, "{name}");
    }
}

#[test]
fn a_kind_that_cannot_be_read_is_no_missing_object() {
    let mut shop = shop("");
    let id = crate::scene::id_of(&yaml(STABLE));
    shop.objects.remove(&id);
    shop.objects.set_unreadable(id.resource, "forbidden");
    assert_eq!(shop.faults(), ["cannot read Ingress prod/web: forbidden"]);
}

#[test]
fn long_names_are_cut() {
    let name = "w".repeat(253);
    let after = scene(&format!("nginx: {{stableIngress: {name}}}"))
        .with(&STABLE.replace("name: web,", &format!("name: {name},")));
    let outcome = after.weight(5).outcome();
    let made = &outcome.changes[0].id.name;
    assert_eq!((made.len(), made.ends_with("w-canary")), (253, true));
}

#[test]
fn old_servers_are_spoken_to_in_their_form() {
    let stable = "
apiVersion: extensions/v1beta1
kind: Ingress
metadata: {name: web}
spec: {rules: [{http: {paths: [{backend: {serviceName: web-stable, servicePort: 80}}]}}]}
";
    let mut shop = scene("nginx: {stableIngress: web}").with(stable);
    shop.settings.ingress_api = tiphys_traffic::IngressApi::ExtensionsV1beta1;
    let after = shop.weight(5).play();
    contains(
        &after.object("extensions/v1beta1", "Ingress", "shop-web-canary"),
        "spec: {rules: [{http: {paths: [{backend: {serviceName: web-canary, servicePort: 80}}]}}]}",
    );
}
