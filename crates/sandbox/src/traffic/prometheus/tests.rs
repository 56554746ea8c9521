//! Queries over five minutes of two versions: 10 requests a second each, `v1` in 30 ms, `v2` in 300 ms with every fifth
//! an error.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::answer;
use crate::traffic::{
    Name, Traffic,
    ingress::Chosen,
    request::{Request, Target},
    route::Way,
    serve::{Lost, Outcome},
    tally::Kind,
};

const START: i64 = 1_767_225_600;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).unwrap()
}

fn traffic() -> Traffic {
    let traffic = Traffic::new(1);
    let canary = Name::new("n", "canary");
    let ingress = Chosen {
        service: canary.clone(),
        ingress: Name::new("n", "web"),
        main_service: "stable".into(),
        canary: "n-canary-80".into(),
    };
    let through = |ingress: Option<Chosen>| Way {
        route: "ingress/n/web".into(),
        destination: None,
        mirrors: Vec::new(),
        ingress,
    };
    let request = Request::to(Target::Host("a.io".into()));
    for second in 0..=300 {
        let mut state = traffic.state();
        for n in 0..10 {
            for (version, millis) in [("v1", 30), ("v2", 300)] {
                let outcome = Outcome {
                    pod: format!("web-{version}"),
                    version: version.into(),
                    workload: "web".into(),
                    code: if version == "v2" && n % 5 == 0 { 500 } else { 200 },
                    latency: SignedDuration::from_millis(millis),
                    lost: None,
                };
                let way = through((version == "v2").then(|| ingress.clone()));
                let service = if version == "v2" { canary.clone() } else { Name::new("n", "stable") };
                state.tally.add((&request, &way, Kind::Original), Some(&service), outcome, at(second));
            }
        }
        if second >= 240 {
            state.tally.add((&request, &through(None), Kind::Original), None, Outcome::lost(Lost::NoRoute), at(second));
        }
        state.tally.scrape(at(second));
    }
    traffic
}

fn asked(path: &str, parameters: &[(&str, &str)]) -> super::Answer {
    let find =
        |name: &str| parameters.iter().filter(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()).collect();
    answer(&traffic(), at(300), path, &find)
}

/// Returns the result of an instant query as label values and number, labels in order.
fn result(query: &str) -> Vec<(String, f64)> {
    let answer = asked("query", &[("query", query)]);
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    let data = &answer.body["data"];
    let number = |value: &Value| value[1].as_str().unwrap().parse::<f64>().unwrap_or(f64::NAN);
    if data["resultType"] == "scalar" {
        return vec![(String::new(), number(&data["result"]))];
    }
    let one = |series: &Value| {
        let labels = series["metric"].as_object().unwrap().values();
        (labels.map(|value| value.as_str().unwrap()).collect::<Vec<_>>().join(","), number(&series["value"]))
    };
    data["result"].as_array().unwrap().iter().map(one).collect()
}

#[track_caller]
fn check(query: &str, want: &[(&str, f64)]) {
    let found = result(query);
    let same = found.len() == want.len()
        && found
            .iter()
            .zip(want)
            .all(|((a, x), (b, y))| a == b && ((x - y).abs() < 0.001 || (x.is_nan() && y.is_nan())));
    assert!(same, "{query}: {found:?} is not {want:?}");
}

#[test]
fn canary_queries_have_answers() {
    check("sum(rate(http_requests_total[1m]))", &[("", 21.0)]);
    check("sum(rate(http_requests_total{lost=\"\"}[1m])) by (version)", &[("v1", 10.0), ("v2", 10.0)]);
    check("sum by (code) (increase(http_requests_total{version=\"v2\"}[1m]))", &[("200", 480.0), ("500", 120.0)]);
    check(
        "sum(irate(istio_requests_total{reporter=\"source\",destination_service=~\"canary.n.svc.cluster.local\",\
         response_code!~\"5.*\"}[2m])) / sum(irate(istio_requests_total{reporter=\"source\",\
         destination_service=~\"canary.n.svc.cluster.local\"}[2m]))",
        &[("", 0.8)],
    );
    check(
        "sum(rate(nginx_ingress_controller_requests{ingress=\"web\",canary!=\"\",status!~\"[4-5].*\"}[1m])) / \
         sum(rate(nginx_ingress_controller_requests{ingress=\"web\",canary!=\"\"}[1m]))",
        &[("", 0.8)],
    );
    check(
        "histogram_quantile(0.99, sum(rate(http_request_duration_seconds_bucket{version=\"v2\"}[1m])) by (le))",
        &[("", 0.4975)],
    );
    check(
        "histogram_quantile(0.5, sum by (le, destination_version) (rate(istio_request_duration_milliseconds_bucket\
         {reporter=\"destination\", destination_version!=\"unknown\"}[1m])))",
        &[("v1", 37.5), ("v2", 375.0)],
    );
    check(
        "sum(rate(http_request_duration_seconds_sum[1m])) / sum(rate(http_request_duration_seconds_count[1m]))",
        &[("", 3.3 / 21.0)],
    );
}

#[test]
fn the_language_is_evaluated() {
    for (query, want) in [
        ("1 + 2 * 3 - 4 / 2 ^ 2", &[("", 6.0)][..]),
        ("1 > bool 2", &[("", 0.0)]),
        ("-(2)", &[("", -2.0)]),
        ("count(http_requests_total)", &[("", 4.0)]),
        ("max(http_requests_total{version=\"v1\"})", &[("", 3010.0)]),
        ("min(http_requests_total{version=\"v1\"} offset 1m)", &[("", 2410.0)]),
        ("avg(http_requests_total{version=\"v2\"})", &[("", 1505.0)]),
        (
            "sum without (pod, service, namespace, host, path, route, method, job, workload, code, status) (http_requests_total{version!=\"\"}) > 1",
            &[("v1", 3010.0), ("v2", 3010.0)],
        ),
        ("sum(http_requests_total{version=\"v1\"}) > 5000", &[]),
        ("sum(http_requests_total{version=\"v1\"}) > bool 5000", &[("", 0.0)]),
        ("http_requests_total{version=\"v9\"}", &[]),
        ("sum(http_requests_total{version=\"v9\"}) or vector(0)", &[("", 0.0)]),
        ("absent(http_requests_total{version=\"v9\"})", &[("v9", 1.0)]),
        ("scalar(sum(http_requests_total{version=\"v1\"}))", &[("", 3010.0)]),
        ("clamp_max(sum(http_requests_total), 7)", &[("", 7.0)]),
        ("round(sum(rate(http_requests_total[1m])), 10)", &[("", 20.0)]),
        ("sum by (version) (http_requests_total) and on(version) http_requests_total{code=\"500\"}", &[("v2", 3010.0)]),
        (
            "sum by (version) (http_requests_total{lost=\"\"}) unless on(version) http_requests_total{code=\"500\"}",
            &[("v1", 3010.0)],
        ),
        (
            "sum by (version) (http_requests_total{code=\"500\"}) / on(version) sum by (version) (http_requests_total)",
            &[("v2", 0.2)],
        ),
        ("max_over_time(http_requests_total{code=\"500\"}[1m]) - 0", &[]),
        ("0 / 0", &[("", f64::NAN)]),
    ] {
        if query.starts_with("max_over_time") {
            assert_eq!(result(query)[0].1.to_string(), "602");
        } else {
            check(query, want);
        }
    }
}

#[test]
fn ranges_have_a_value_for_each_step() {
    let (start, end) = ((START + 60).to_string(), (START + 180).to_string());
    let answer = asked(
        "query_range",
        &[
            ("query", "sum(rate(http_requests_total[1m])) by (version)"),
            ("start", &start),
            ("end", &end),
            ("step", "1m"),
        ],
    );
    let data = &answer.body["data"];
    assert_eq!((&data["resultType"], data["result"].as_array().unwrap().len()), (&json!("matrix"), 2));
    assert_eq!(data["result"][0]["metric"], json!({"version": "v1"}));
    let values = data["result"][0]["values"].as_array().unwrap();
    assert_eq!((values.len(), &values[1]), (3, &json!([START + 120, "10"])));
}

#[test]
fn what_is_unknown_or_wrong_is_said() {
    let told = |path: &str, parameters: &[(&str, &str)]| {
        let answer = asked(path, parameters);
        (answer.status, answer.body["error"].as_str().unwrap_or_default().to_owned())
    };
    let query = |text: &str| told("query", &[("query", text)]);
    for (text, want) in [
        ("label_replace(a, \"b\", \"c\", \"d\", \"e\")", "not supported by the sandbox: the function label_replace"),
        ("quantile(0.9, a)", "not supported by the sandbox: the aggregation quantile"),
        ("rate(a)", "parse error: expected type range vector in call to function \"rate\""),
        ("a[1m]", "invalid expression type \"range vector\" here, must be instant vector or scalar"),
        ("1 > 2", "comparisons between scalars must use BOOL modifier"),
        (
            "http_requests_total / on(namespace) http_requests_total",
            "many-to-many matching not allowed: matching labels must be unique on one side",
        ),
    ] {
        assert_eq!(query(text), (400, want.to_owned()), "{text}");
    }
    assert_eq!(told("query_range", &[("query", "1")]).1, "invalid parameter \"start\": it is required");
    assert_eq!(told("rules", &[]).0, 404);
}

#[test]
fn names_and_values_of_labels_are_listed() {
    let data = |path: &str| asked(path, &[]).body["data"].clone();
    assert_eq!(data("label/version/values"), json!(["v1", "v2"]));
    assert!(data("labels").as_array().unwrap().contains(&json!("destination_workload")));
    assert!(
        data("label/__name__/values").as_array().unwrap().contains(&json!("istio_request_duration_milliseconds_sum"))
    );
    let text = super::exposition(&traffic());
    assert!(text.contains("# TYPE http_requests_total counter\nhttp_requests_total{"), "{text}");
}
