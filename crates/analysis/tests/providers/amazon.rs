//! Amazon: CloudWatch, signed Prometheus, and the sources of credentials.

use serde_json::{Value as Json, json};

use super::World;
use crate::server::{Asked, Said, Server, json as answer, status};

const KEYS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "sk"), ("AWS_REGION", "eu-west-1")];

fn with(more: &[(&'static str, &str)]) -> Vec<(String, String)> {
    KEYS.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn world(environment: &[(String, String)]) -> World {
    let environment: Vec<_> = environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    World::new(&environment)
}

fn metric(condition: &str) -> Json {
    let stat = json!({"metric": {"metricName": "Errors", "namespace": "AWS/X", "dimensions": [{"name": "d", "value": "v"}]},
        "period": "60", "stat": "Sum", "unit": "Count"});
    let queries = json!([{"id": "q", "expression": "e / 100", "label": "l"},
        {"id": "e", "metricStat": stat, "period": 30, "returnData": false}]);
    json!({"provider": {"cloudWatch": {"interval": "30m", "metricDataQueries": queries}}, "successCondition": condition})
}

fn cloud_watch(_: &Asked) -> Said {
    answer(
        r#"{"MetricDataResults":[{"Id":"q","Label":"l","StatusCode":"Complete","Timestamps":[1767323000],"Values":[0.5,0.6]},
            {"Id":"r","Values":[1]}],"Messages":[{"Code":"c","Value":"v"}]}"#,
    )
}

#[tokio::test]
async fn cloud_watch_is_asked_with_a_signature() {
    let server = Server::start(cloud_watch).await;
    let world = world(&with(&[("AWS_ENDPOINT_URL_CLOUDWATCH", &server.url())]));
    let measured =
        world.measure(metric("all(result[0].Values, {# <= 0.6}) && result[0].Timestamps[0].Year() == 2026")).await;
    assert_eq!((measured.phase.as_str(), measured.message.as_str()), ("Successful", ""));
    assert_eq!(measured.value, "[[0.5 0.6] [1]]");
    assert_eq!(measured.metadata["messages"], r#"[{"Code":"c","Value":"v"}]"#);
    let asked = &server.asked()[0];
    assert_eq!(asked.headers["x-amz-target"], "GraniteServiceVersion20100801.GetMetricData");
    let scope = "AWS4-HMAC-SHA256 Credential=AKID/20260102/eu-west-1/monitoring/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=";
    assert!(asked.headers["authorization"].starts_with(scope), "{}", asked.headers["authorization"]);
    let body: Json = serde_json::from_str(&asked.body).unwrap();
    assert_eq!((&body["StartTime"], &body["EndTime"]), (&json!(1_767_321_245), &json!(1_767_323_045)));
    assert_eq!(body["MetricDataQueries"][0], json!({"Id": "q", "Expression": "e / 100", "Label": "l"}));
    let metric = json!({"MetricName": "Errors", "Namespace": "AWS/X", "Dimensions": [{"Name": "d", "Value": "v"}]});
    let stat = json!({"Metric": metric, "Period": 60, "Stat": "Sum", "Unit": "Count"});
    let second = json!({"Id": "e", "MetricStat": stat, "Period": 30, "ReturnData": false});
    assert_eq!(body["MetricDataQueries"][1], second);
}

#[tokio::test]
async fn cloud_watch_errors_are_told() {
    let server = Server::start(|_| status(400, r#"{"__type":"com.amazon#ValidationError","message":"bad id"}"#)).await;
    let world = world(&with(&[("AWS_ENDPOINT_URL", &server.url())]));
    let message = "operation error CloudWatch: GetMetricData, 400 Bad Request, ValidationError: bad id";
    world.check(metric("true"), ("Error", "", message)).await;
}

#[tokio::test]
async fn web_identity_is_turned_into_keys() {
    let sts = Server::start(|_| {
        status(
            200,
            "<R><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>st</SessionToken></R>",
        )
    })
    .await;
    let server = Server::start(cloud_watch).await;
    let file = std::env::temp_dir().join(format!("tiphys-token-{}", std::process::id()));
    std::fs::write(&file, "the token\n").unwrap();
    let world = World::new(&[
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().unwrap()),
        ("AWS_ENDPOINT_URL_STS", &sts.url()),
        ("AWS_ENDPOINT_URL_CLOUDWATCH", &server.url()),
    ]);
    let measured = world.measure(metric("true")).await;
    std::fs::remove_file(&file).unwrap();
    assert_eq!(measured.phase, "Successful", "{}", measured.message);
    let fields = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&\
                  RoleSessionName=tiphys&WebIdentityToken=the+token";
    assert_eq!(sts.asked()[0].body, fields);
    assert_eq!(server.asked()[0].headers["x-amz-security-token"], "st");
}

#[tokio::test]
async fn instance_is_asked_last() {
    let keys = r#"{"AccessKeyId":"ASIA","SecretAccessKey":"s","Token":"st"}"#;
    let instance =
        Server::start(move |asked| match (asked.method.as_str(), asked.target.rsplit('/').next().unwrap()) {
            ("PUT", _) => status(200, "imds"),
            ("GET", "") => status(200, "role\n"),
            _ => answer(keys),
        })
        .await;
    let server = Server::start(cloud_watch).await;
    let endpoint =
        [("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance.url()), ("AWS_ENDPOINT_URL_CLOUDWATCH", server.url())];
    let endpoint = endpoint.map(|(name, url)| (name.to_owned(), url));
    assert_eq!(world(&endpoint).measure(metric("true")).await.phase, "Successful");
    assert_eq!(instance.asked()[2].headers["x-aws-ec2-metadata-token"], "imds");
    let none = World::new(&[("AWS_EC2_METADATA_DISABLED", "true")]);
    none.check(metric("true"), ("Error", "", "no Amazon credentials found")).await;
}

#[tokio::test]
async fn managed_prometheus_is_signed_with_the_role_taken() {
    let sts = Server::start(|_| {
        status(
            200,
            "<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>st</SessionToken>",
        )
    })
    .await;
    let server =
        Server::start(|_| answer(r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}"#)).await;
    let world = world(&with(&[("AWS_ENDPOINT_URL_STS", &sts.url())]));
    let sigv4 = json!({"region": "us-west-2", "roleArn": "arn:r"});
    let address = format!("{}/aps-workspaces/w", server.url());
    let prometheus = json!({"address": address, "query": "up", "authentication": {"sigv4": sigv4}});
    world.check(json!({"provider": {"prometheus": prometheus}}), ("Successful", "1", "")).await;
    assert!(sts.asked()[0].headers["authorization"].contains("/us-west-2/sts/aws4_request"));
    let asked = &server.asked()[0];
    assert!(asked.headers["authorization"].contains("Credential=ASIA/20260102/us-west-2/aps/aws4_request"));
    assert_eq!(asked.headers["x-amz-security-token"], "st");
}
