//! Asking AWS, against an account in memory that answers as the query API does: page by page, in XML.

use std::sync::Mutex;

use serde_json::json;
use tiphys_traffic::{
    Resource, Settings, Verified, Verify,
    aws::{
        API_VERSION, Call, CallError, ElasticLoadBalancing, TargetGroup, target_groups, verify_targets, verify_weights,
    },
};

const LB: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/web/50dc";
const CANARY: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/canary/aa";
const STABLE: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/stable/bb";
const EXP: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/exp/cc";

/// An account with one load balancer behind 300 others.
#[derive(Default)]
struct Account {
    /// Target groups of forward actions with weights, a rule each.
    rules: Vec<Vec<(&'static str, i64)>>,
    targets: Vec<(&'static str, i64)>,
    refuses: Option<&'static str>,
    answers: Option<&'static str>,
    asked: Mutex<Vec<String>>,
}

impl Account {
    fn answer(&self, action: &str, field: impl Fn(&str) -> Option<String>) -> String {
        let result = match action {
            "DescribeLoadBalancers" => balancers(field("Marker").is_some()),
            "DescribeTargetGroups" => list("TargetGroups", &[CANARY, STABLE, EXP].map(|arn| {
                format!("<TargetGroupArn>{arn}</TargetGroupArn><TargetGroupName>{}</TargetGroupName>", arn.rsplit('/').nth(1).unwrap())
            })),
            "DescribeTags" => list("TagDescriptions", &[(CANARY, "canary"), (STABLE, "stable"), (EXP, "exp")].map(|(arn, service)| {
                let tags = list("Tags", &[
                    "<Key>other</Key><Value>x</Value>".to_owned(),
                    format!("<Key>ingress.k8s.aws/resource</Key><Value>prod/web-{service}:80</Value>"),
                ]);
                format!("<ResourceArn>{arn}</ResourceArn>{tags}")
            })),
            "DescribeListeners" => list("Listeners", &["<ListenerArn>l1</ListenerArn>".to_owned()]),
            "DescribeRules" => list("Rules", &self.rules.iter().map(|rule| rule_text(rule)).collect::<Vec<_>>()),
            "DescribeTargetHealth" => list("TargetHealthDescriptions", &self.targets.iter().map(|(ip, port)| {
                format!("<Target><Id>{ip}</Id><Port>{port}</Port></Target><TargetHealth><State>unused</State></TargetHealth>")
            }).collect::<Vec<_>>()),
            other => panic!("{other} is not asked"),
        };
        format!(
            "<{action}Response xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\"><{action}Result>{result}</{action}Result></{action}Response>"
        )
    }
}

fn balancers(is_second_page: bool) -> String {
    let other = |n: usize| format!("<LoadBalancerArn>a{n}</LoadBalancerArn><DNSName>other-{n}.aws</DNSName>");
    if is_second_page {
        let ours = format!(
            "<LoadBalancerArn>{LB}</LoadBalancerArn><DNSName>lb.aws</DNSName><LoadBalancerName>web</LoadBalancerName>"
        );
        return list("LoadBalancers", &[ours]);
    }
    format!("{}<NextMarker>m2</NextMarker>", list("LoadBalancers", &(0..300).map(other).collect::<Vec<_>>()))
}

fn list(name: &str, members: &[String]) -> String {
    let members: String = members.iter().map(|member| format!("<member>{member}</member>")).collect();
    format!("<{name}>{members}</{name}>")
}

fn rule_text(groups: &[(&str, i64)]) -> String {
    let groups: Vec<String> = groups
        .iter()
        .map(|(arn, weight)| format!("<TargetGroupArn>{arn}</TargetGroupArn><Weight>{weight}</Weight>"))
        .collect();
    let forward = format!("<Type>forward</Type><ForwardConfig>{}</ForwardConfig>", list("TargetGroups", &groups));
    list("Actions", &["<Type>authenticate-oidc</Type>".to_owned(), forward])
}

impl ElasticLoadBalancing for Account {
    fn call(&self, fields: Vec<(String, String)>) -> Call<'_> {
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let action = field("Action").unwrap();
        assert_eq!(field("Version").as_deref(), Some(API_VERSION));
        self.asked.lock().unwrap().push(action.clone());
        let answer = match (self.refuses, self.answers) {
            (Some(code), _) => {
                let body =
                    format!("<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>");
                Err(CallError::refused(403, &body))
            }
            (None, Some(text)) => Ok(text.to_owned()),
            (None, None) => Ok(self.answer(&action, field)),
        };
        Box::pin(async move { answer })
    }
}

fn ask() -> Verify {
    Verify {
        ingress: Resource::new("networking.k8s.io", "v1", "Ingress", "ingresses").named("prod", "web"),
        hostnames: vec!["lb.aws".to_owned()],
        action: "actions.web".to_owned(),
        port: 80,
        canary: ("canary".to_owned(), 20),
        stable: ("stable".to_owned(), 80),
        additional: Vec::new(),
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn weights(rules: &[&[(&'static str, i64)]], ask: &Verify) -> Verified {
    let account = Account { rules: rules.iter().map(|rule| rule.to_vec()).collect(), ..Account::default() };
    run(verify_weights(&account, ask, &Settings::default()))
}

#[test]
fn weights_are_verified_where_the_rule_splits() {
    let experiment = Verify { additional: vec![("exp".to_owned(), 5)], ..ask() };
    let header: &[(&'static str, i64)] = &[(CANARY, 100)];
    for (name, rules, ask, is_verified) in [
        ("as wanted", vec![&[(CANARY, 20), (STABLE, 80)][..]], ask(), true),
        ("not yet", vec![&[(CANARY, 10), (STABLE, 90)][..]], ask(), false),
        ("with a header route first", vec![header, &[(CANARY, 20), (STABLE, 80)][..]], ask(), true),
        ("with a header route last", vec![&[(CANARY, 20), (STABLE, 80)][..], header], ask(), true),
        ("one of two rules", vec![&[(CANARY, 20), (STABLE, 80)][..], &[(CANARY, 0), (STABLE, 100)]], ask(), false),
        ("no rule", vec![], ask(), false),
        ("experiment", vec![&[(CANARY, 20), (EXP, 5), (STABLE, 75)][..]], experiment.clone(), true),
        ("experiment not yet", vec![&[(CANARY, 20), (STABLE, 80)][..]], experiment, false),
    ] {
        let answer = weights(&rules, &ask);
        assert_eq!(answer.is_verified, is_verified, "{name}: {answer:?}");
        assert_eq!(answer.why.is_none(), is_verified, "{name}");
    }
}

#[test]
fn status_and_events_are_upstreams() {
    let answer = weights(&[&[(CANARY, 20), (STABLE, 80)]], &ask());
    let status = serde_json::to_value(answer.status.unwrap()).unwrap();
    assert_eq!(
        status,
        json!({
            "ingress": "web", "loadBalancer": {"name": "web", "arn": LB, "fullName": "web/50dc"},
            "canaryTargetGroup": {"name": "canary", "arn": CANARY, "fullName": "canary/aa"},
            "stableTargetGroup": {"name": "stable", "arn": STABLE, "fullName": "stable/bb"},
        })
    );
    assert_eq!(
        answer.events[0].message,
        format!("Service canary (TargetGroup {CANARY}) verified: canary weight 20 set")
    );
    let answer = weights(&[&[(CANARY, 10), (STABLE, 90)]], &ask());
    let message =
        format!("Service canary (TargetGroup {CANARY}) not verified: canary weight 20 not yet set (current: 10)");
    assert_eq!(
        (answer.events[0].reason.as_str(), answer.events[0].message.as_str()),
        ("TargetGroupUnverified", message.as_str())
    );
}

#[test]
fn what_aws_does_not_answer_is_a_reason() {
    let check = |account: Account, ask: Verify, reason: &str, message: &str| {
        let answer = run(verify_weights(&account, &ask, &Settings::default()));
        assert!(!answer.is_verified);
        assert_eq!((answer.events[0].reason.as_str(), answer.events[0].message.as_str()), (reason, message));
    };
    let prefix = "Failed to verify Service canary (TargetGroup unknown): ";
    let refused = Account { refuses: Some("AccessDenied"), ..Account::default() };
    check(refused, ask(), "TargetGroupVerifyError", &format!("{prefix}AccessDenied: no"));
    let nonsense = Account { answers: Some("<a/>"), ..Account::default() };
    check(
        nonsense,
        ask(),
        "TargetGroupVerifyError",
        &format!("{prefix}DescribeLoadBalancers: no element DescribeLoadBalancersResult"),
    );
    let endless = "<DescribeLoadBalancersResult><NextMarker>m</NextMarker></DescribeLoadBalancersResult>";
    let endless = Account { answers: Some(endless), ..Account::default() };
    check(endless, ask(), "TargetGroupVerifyError", &format!("{prefix}DescribeLoadBalancers: more than 100 pages"));
    let unknown = Verify { hostnames: vec!["gone.aws".to_owned()], ..ask() };
    check(Account::default(), unknown, "LoadBalancerNotFound", "Failed to find load balancer: gone.aws");
    assert_eq!(CallError::refused(502, "<html>").to_string(), "AWS answered with status 502");
    let text =
        run(verify_weights(&Account { answers: Some("not xml"), ..Account::default() }, &ask(), &Settings::default()));
    assert!(text.why.unwrap().starts_with(&format!("{prefix}DescribeLoadBalancers: ")));
    let none = run(verify_weights(&Account::default(), &Verify { hostnames: vec![], ..ask() }, &Settings::default()));
    assert!(!none.is_verified, "no hostname, nothing verified");
}

#[test]
fn pods_must_be_registered_in_bound_target_groups() {
    let binding = |name: &str, kind: &str, port: serde_json::Value| json!({"spec": {"serviceRef": {"name": name, "port": port}, "targetType": kind, "targetGroupARN": "tg"}});
    let service = json!({"metadata": {"name": "web"}, "spec": {"ports": [{"name": "http", "port": 80, "targetPort": "web"}, {"name": "admin", "port": 81}]}});
    let endpoints = json!({"subsets": [
        {"addresses": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}], "ports": [{"name": "http", "port": 8080}, {"name": "admin", "port": 9000}]},
        {"notReadyAddresses": [{"ip": "10.0.0.3"}], "ports": [{"name": "http", "port": 8080}]},
    ]});
    let found = |binding: &serde_json::Value, port| target_groups(&[binding], &service, &endpoints, port);
    let targets = [("10.0.0.1".to_owned(), 8080), ("10.0.0.2".to_owned(), 8080)];
    let group = TargetGroup { arn: "tg".to_owned(), service: "web".to_owned(), targets: targets.into() };
    assert_eq!(found(&binding("web", "ip", json!(80)), Some(80)), std::slice::from_ref(&group), "by number");
    assert_eq!(found(&binding("web", "ip", json!("http")), None), std::slice::from_ref(&group), "by name");
    assert_eq!(found(&binding("web", "ip", json!(81)), Some(80)), [], "another port");
    assert_eq!(found(&binding("web", "instance", json!(80)), None), [], "instances");
    assert_eq!(found(&binding("other", "ip", json!(80)), None), [], "another Service");
    assert_eq!(target_groups(&[&json!(null), &json!({"spec": 5})], &json!([]), &json!("x"), None), [], "odd objects");
    let check = |targets: &[(&'static str, i64)]| {
        let account = Account { targets: targets.to_vec(), ..Account::default() };
        let answer = run(verify_targets(&account, std::slice::from_ref(&group)));
        (answer.is_verified, answer.events[0].message.clone())
    };
    assert_eq!(
        check(&[("10.0.0.1", 8080), ("10.0.0.2", 8080), ("10.0.0.9", 1)]),
        (true, "Service web (TargetGroup tg) verified: 2 endpoints registered".to_owned())
    );
    assert_eq!(
        check(&[("10.0.0.1", 8080), ("10.0.0.2", 1)]),
        (false, "Service web (TargetGroup tg) not verified: 1/2 endpoints registered".to_owned())
    );
    assert!(run(verify_targets(&Account::default(), &[])).is_verified, "nothing bound, nothing to verify");
}
