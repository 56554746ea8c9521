//! AWS load balancer controller.

use serde_json::{Value, json};
use tiphys_traffic::{Verification, Verify};

use crate::scene::{Scene, id_of, scene, told, yaml};

const WEB: &str = "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, annotations: {theirs: x}}
spec: {rules: [{http: {paths: [{path: /*, backend: {service: {name: web-root, port: {name: use-annotation}}}}]}}]}
status: {loadBalancer: {ingress: [{hostname: lb.aws}]}}
";
const HEADER: &str = "{name: hdr, match: [{headerName: X-Test, headerValue: {exact: 'yes'}}]}";
const ACTION: &str = "alb.ingress.kubernetes.io/actions.web-root";
const OWNED: &str = "rollouts.argoproj.io/managed-alb-annotations";

fn shop(more: &str) -> Scene {
    scene(&format!("{{alb: {{ingress: web, servicePort: 80, rootService: web-root{more}}}, managedRoutes: [{{name: hdr}}, {{name: second}}]}}")).with(WEB)
}

fn ingress(scene: &Scene) -> Value {
    scene.object("networking.k8s.io/v1", "Ingress", "web")
}

fn annotation(scene: &Scene, key: &str) -> String {
    ingress(scene)["metadata"]["annotations"][key].as_str().unwrap_or_default().to_owned()
}

#[test]
fn the_example_of_the_specification_holds() {
    let (after, events) = shop("").weight(10).play_told();
    assert_eq!(events, ["PatchingALBIngress: Updating Ingress `web` to desiredWeight '10'"]);
    let (after, events) = after.header(HEADER).play_told();
    assert_eq!(events, ["PatchingALBIngress: Updating Ingress `web` to headerRoute 'hdr'"]);
    let expected = json!({
        "theirs": "x",
        ACTION: r#"{"Type":"forward","ForwardConfig":{"TargetGroups":[{"ServiceName":"web-canary","ServicePort":"80","Weight":10},{"ServiceName":"web-stable","ServicePort":"80","Weight":90}]}}"#,
        "alb.ingress.kubernetes.io/actions.hdr": r#"{"Type":"forward","ForwardConfig":{"TargetGroups":[{"ServiceName":"web-canary","ServicePort":"80","Weight":100}]}}"#,
        "alb.ingress.kubernetes.io/conditions.hdr": r#"[{"field":"http-header","httpHeaderConfig":{"httpHeaderName":"X-Test","values":["yes"]}}]"#,
        OWNED: r#"{"shop":["alb.ingress.kubernetes.io/actions.web-root","alb.ingress.kubernetes.io/actions.hdr","alb.ingress.kubernetes.io/conditions.hdr"]}"#,
    });
    assert_eq!(ingress(&after)["metadata"]["annotations"], expected);
    assert_eq!(
        ingress(&after)["spec"],
        yaml(
            "{rules: [{http: {paths: [{path: /*, pathType: ImplementationSpecific, backend: {service: {name: hdr, port: {name: use-annotation}}}}, {path: /*, backend: {service: {name: web-root, port: {name: use-annotation}}}}]}}]}"
        )
    );
    let (done, events) = after.no_routes().weight(0).play_told();
    assert_eq!(ingress(&done)["spec"], yaml(WEB)["spec"]);
    assert_eq!(annotation(&done, OWNED), r#"{"shop":["alb.ingress.kubernetes.io/actions.web-root"]}"#);
    assert_eq!(events[1], "PatchingALBIngress: Updating Ingress `web` removing managed routes");
}

#[test]
fn experiments_and_stickiness() {
    let after = shop(", stickinessConfig: {enabled: true, durationSeconds: 60}")
        .weight(20)
        .experiment(&[("exp", "h", 5), ("", "n", 1)])
        .play();
    let expected = r#"{"Type":"forward","ForwardConfig":{"TargetGroups":[{"ServiceName":"web-canary","ServicePort":"80","Weight":20},{"ServiceName":"exp","ServicePort":"80","Weight":5},{"ServicePort":"80","Weight":1},{"ServiceName":"web-stable","ServicePort":"80","Weight":74}],"TargetGroupStickinessConfig":{"Enabled":true,"DurationSeconds":60}}}"#;
    assert_eq!(annotation(&after, ACTION), expected);
    let off = shop(", stickinessConfig: {enabled: false, durationSeconds: 0}").play();
    assert!(!annotation(&off, ACTION).contains("Stickiness"));
    let message = "error patching alb ingress `web`: TargetGroupStickinessConfig's duration must be between 1 and 604800 seconds (7 days)!";
    assert_eq!(shop(", stickinessConfig: {enabled: true, durationSeconds: 604801}").faults(), [message]);
}

#[test]
fn headers_of_one_name_are_or_and_others_and() {
    let header = "{name: hdr, match: [{headerName: A, headerValue: {exact: '1'}}, {headerName: B, headerValue: {exact: '2'}}, {headerName: A, headerValue: {exact: '3'}}]}";
    let after = shop("").header(header).play();
    let expected = r#"[{"field":"http-header","httpHeaderConfig":{"httpHeaderName":"A","values":["1","3"]}},{"field":"http-header","httpHeaderConfig":{"httpHeaderName":"B","values":["2"]}}]"#;
    assert_eq!(annotation(&after, "alb.ingress.kubernetes.io/conditions.hdr"), expected);
}

#[test]
fn paths_follow_the_order_of_managed_routes_in_every_rule() {
    let mut shop = shop("");
    let mut object = yaml(WEB);
    let rule = object["spec"]["rules"][0].clone();
    object["spec"]["rules"] =
        json!([rule, {"host": "b"}, {"host": "c", "http": {"paths": [{"backend": {"service": {"name": "x"}}}]}}]);
    shop.add(object);
    let after = shop
        .header("{name: second, match: [{headerName: X-Y, headerValue: {exact: '1'}}]}")
        .play()
        .header(HEADER)
        .play();
    let names = |rule: usize| -> Vec<String> {
        let paths = ingress(&after)["spec"]["rules"][rule]["http"]["paths"].as_array().cloned().unwrap_or_default();
        paths.iter().map(|path| path["backend"]["service"]["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(0), ["hdr", "second", "web-root"]);
    assert_eq!((names(1).len(), names(2)), (0, vec!["hdr".to_owned(), "second".to_owned(), "x".to_owned()]));
}

#[test]
fn several_ingresses_are_all_repaired() {
    let second = WEB.replace("name: web,", "name: web2,");
    let scene =
        scene("alb: {ingresses: [web, none, web2], servicePort: 80, rootService: web-root}").with(WEB).with(&second);
    let outcome = scene.outcome();
    assert_eq!(outcome.faults[0].message, "ingresses.networking.k8s.io \"none\" not found");
    let mut after = scene.apply(&outcome);
    let mut drifted = after.object("networking.k8s.io/v1", "Ingress", "web2");
    drifted["metadata"]["annotations"][ACTION] = json!("{}");
    after.add(drifted);
    let ids: Vec<String> = after.outcome().changes.iter().map(|change| change.id.name.clone()).collect();
    assert_eq!(ids, ["web2"], "an unchanged first one ends nothing");
}

#[test]
fn rollouts_share_an_ingress() {
    let mut shop = shop("");
    let mut object = yaml(WEB);
    object["metadata"]["annotations"][OWNED] = json!(r#"{"another":["alb.ingress.kubernetes.io/actions.x"]}"#);
    shop.add(object);
    let expected =
        r#"{"another":["alb.ingress.kubernetes.io/actions.x"],"shop":["alb.ingress.kubernetes.io/actions.web-root"]}"#;
    assert_eq!(annotation(&shop.play(), OWNED), expected);
}

#[test]
fn ping_and_pong_swap_roles() {
    let mut shop = shop("").canary("{pingPong: {pingService: ping, pongService: pong}}").weight(0);
    let groups = |scene: &Scene| annotation(scene, ACTION).matches("Weight\":100").count();
    let before = shop.clone().play();
    assert!(
        annotation(&before, ACTION)
            .contains(r#""ping","ServicePort":"80","Weight":0},{"ServiceName":"pong","ServicePort":"80","Weight":100"#)
    );
    "ping".clone_into(&mut shop.rollout.status.canary.stable_ping_pong);
    let after = shop.play();
    assert!(
        annotation(&after, ACTION)
            .contains(r#""pong","ServicePort":"80","Weight":0},{"ServiceName":"ping","ServicePort":"80","Weight":100"#)
    );
    assert_eq!(groups(&after), 1);
}

#[test]
fn faults_name_the_object_and_the_field() {
    let with = |text: &str| {
        scene("alb: {ingress: web, servicePort: 80}")
            .with(&format!("{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: web{text}}}"))
    };
    let broken = ", annotations: {rollouts.argoproj.io/managed-alb-annotations: 'x'}}, spec: {rules: [{http: {paths: [{backend: {service: {name: web-stable}}}]}}]}";
    for (name, scene, message) in [
        ("no rule", with("}"), "ingress does not have service `web-stable` in rules"),
        ("null", with("}, spec: {rules: [null, {http: null}]}"), "ingress does not have service `web-stable` in rules"),
        ("rules", with("}, spec: {rules: x}"), "Ingress prod/web: spec.rules: expected a list, found a text"),
        (
            "paths",
            with("}, spec: {rules: [{http: {paths: 1}}]}"),
            "Ingress prod/web: spec.rules[0].http.paths: expected a list, found a number",
        ),
        (
            "record",
            with(broken),
            "error patching alb ingress `web`: annotation rollouts.argoproj.io/managed-alb-annotations is no map of lists: expected value at line 1 column 1",
        ),
    ] {
        assert_eq!(scene.faults(), [message], "{name}");
        assert_eq!(scene.outcome().changes, vec![], "{name}");
    }
    let bare = with("}, spec: {rules: [{http: {paths: [{backend: {service: {name: web-stable}}}]}}]}").header(HEADER);
    assert_eq!(told(&bare.play().outcome()), Vec::<String>::new(), "an Ingress without annotations is no trouble");
}

#[test]
fn aws_is_asked_where_upstream_asks() {
    let mut base = shop("").weight(20).play();
    base.settings.aws_verify_target_group = true;
    let ask = |scene: &Scene| scene.outcome().verification;
    let expected = Verify {
        ingress: id_of(&ingress(&base)),
        hostnames: vec!["lb.aws".to_owned()],
        action: ACTION.to_owned(),
        port: 80,
        canary: ("web-canary".to_owned(), 20),
        stable: ("web-stable".to_owned(), 80),
        additional: Vec::new(),
    };
    assert_eq!(ask(&base), Verification::Ask(vec![expected]), "a new Rollout");
    base.rollout.status.alb = Some(tiphys_api::types::AlbStatus::default());
    let mut known = base.canary("steps: [{setWeight: 20}, {pause: {}}]");
    assert_eq!(ask(&known), Verification::NotSupported, "no stable version");
    "old".clone_into(&mut known.rollout.status.stable_rs);
    "new".clone_into(&mut known.rollout.status.current_pod_hash);
    assert!(matches!(ask(&known), Verification::Ask(_)), "at a setWeight step");
    known.rollout.status.current_step_index = Some(1);
    assert_eq!(ask(&known), Verification::NotSupported, "at a pause");
    known.rollout.status.current_step_index = Some(2);
    assert_eq!(ask(&known), Verification::NotSupported, "after the steps, not everybody");
    let everybody = known.weight(100);
    assert!(matches!(ask(&everybody), Verification::NotYet { .. }), "not before the weights are written");
    let mut everybody = everybody.play();
    assert!(matches!(ask(&everybody), Verification::Ask(_)), "after the steps");
    "new".clone_into(&mut everybody.rollout.status.stable_rs);
    assert_eq!(ask(&everybody), Verification::NotSupported, "promoted");
    everybody.rollout.status.alb = None;
    let mut object = ingress(&everybody);
    object["status"] = json!({});
    everybody.add(object);
    let why = "Ingress prod/web has no load balancer yet".to_owned();
    assert_eq!(ask(&everybody), Verification::NotYet { why });
    everybody.settings.aws_verify_target_group = false;
    assert_eq!(ask(&everybody), Verification::NotSupported, "the flag is off");
}
