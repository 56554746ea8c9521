//! Secrets stay secret on every path of an error.

use serde_json::{Value as Json, json};
use tiphys_analysis::plan::Due;

use super::World;
use crate::server::{Asked, Server};

/// The value of a secret argument; the world's redactor knows it.
const ARGUMENT: &str = "hunter2";
/// Credentials that the controller reads itself.
const CREDENTIAL: &str = "cr3dential";

/// Everything that came, back again.
fn echo(asked: &Asked) -> String {
    let headers: Vec<String> = asked.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    format!("{} {} {} {}", asked.method, asked.target, headers.join(" "), asked.body)
}

/// Every provider that sends requests, with a secret wherever a text goes.
fn providers(url: &str) -> Vec<(&'static str, Json)> {
    let header = json!([{"key": "x-key", "value": ARGUMENT}]);
    let oauth2 = json!({"oauth2": {"tokenUrl": format!("{url}/t"), "clientId": "i", "clientSecret": ARGUMENT}});
    let basic = json!({"basicAuth": {"username": "u", "password": ARGUMENT}});
    let scope = json!({"scope": ARGUMENT, "region": ARGUMENT, "step": 60, "start": "2026-01-02T03:00:00Z",
        "end": "2026-01-02T03:01:00Z"});
    let kayenta = json!({"address": url, "application": ARGUMENT, "canaryConfigName": ARGUMENT,
        "metricsAccountName": ARGUMENT, "configurationAccountName": ARGUMENT, "storageAccountName": ARGUMENT,
        "threshold": {"pass": 90, "marginal": 50},
        "scopes": [{"name": "s", "controlScope": scope, "experimentScope": scope}]});
    vec![
        ("prometheus", json!({"address": url, "query": ARGUMENT, "headers": header, "authentication": basic})),
        ("prometheus", json!({"address": url, "query": ARGUMENT, "authentication": oauth2})),
        (
            "web",
            json!({"url": format!("{url}/{ARGUMENT}?q={ARGUMENT}"), "headers": header, "method": "POST",
            "body": ARGUMENT, "jsonPath": format!("{{$.{ARGUMENT}}}")}),
        ),
        ("web", json!({"url": format!("{url}/{ARGUMENT}"), "jsonPath": format!("{{$.{ARGUMENT}")})),
        ("datadog", json!({"query": ARGUMENT, "interval": "5m", "apiVersion": "v1", "secretRef": {"name": "c"}})),
        ("datadog", json!({"query": ARGUMENT, "interval": "5m", "apiVersion": "v2", "secretRef": {"name": "c"}})),
        ("newRelic", json!({"query": ARGUMENT, "profile": "c"})),
        ("wavefront", json!({"address": "127.0.0.1", "query": ARGUMENT})),
        ("kayenta", kayenta),
        ("cloudWatch", json!({"interval": "5m", "metricDataQueries": [{"id": "a", "expression": ARGUMENT}]})),
        ("graphite", json!({"address": url, "query": format!("target={ARGUMENT}")})),
        ("influxdb", json!({"query": ARGUMENT, "profile": "c"})),
        ("skywalking", json!({"address": url, "query": ARGUMENT, "interval": "5m"})),
        ("plugin", json!({"p": {"token": ARGUMENT}})),
        (
            "job",
            json!({"spec": {"template": {"spec": {"containers": [{"name": ARGUMENT}], "restartPolicy": ARGUMENT}}}}),
        ),
    ]
}

async fn world(url: &str) -> World {
    let environment = [
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", CREDENTIAL),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ENDPOINT_URL", url),
    ];
    let world = World::new(&environment).with_run().await;
    let keys = ["api-key", "app-key", "personal-api-key", "authToken"].map(|key| (key, CREDENTIAL));
    let more = [("address", url), ("account-id", "1"), ("org", "o"), ("base-url-nerdgraph", url)];
    world.secret("c", &[&keys[..], &more[..]].concat()).await;
    world.secret("wavefront-api-tokens", &[("127.0.0.1", CREDENTIAL)]).await;
    world
}

#[tokio::test]
async fn no_error_tells_a_secret() {
    for (code, shape) in [(400, "text"), (403, "text"), (500, "text"), (200, "text"), (200, "json")] {
        let server = Server::start(move |asked| {
            let text = echo(asked);
            let body = if shape == "json" {
                json!({"status": "error", "errorType": text, "error": text, "errors": [{"message": text}],
                    "message": text, "code": text, "data": null})
                .to_string()
            } else {
                text
            };
            (code, Vec::new(), body)
        })
        .await;
        let world = world(&server.url()).await;
        for (name, provider) in providers(&server.url()) {
            let metric = json!({"provider": {name: provider}, "successCondition": format!("{ARGUMENT} > 1")});
            let taken = world.take(metric, Due::Run).await;
            let shown = format!("{} {:?}", json!(taken.measurement), taken.metadata);
            for secret in [ARGUMENT, CREDENTIAL] {
                assert!(!shown.contains(secret), "{name} answered {code} as {shape} tells {secret}: {shown}");
            }
        }
    }
}
