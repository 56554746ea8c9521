//! Answers to single requests: status, headers, texts.

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tiphys_sandbox::http::ApiService;
use tower::ServiceExt;

use super::cluster;

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn send(service: &ApiService, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
    let response = service.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
}

#[tokio::test]
async fn refusals_have_the_codes_and_texts_of_the_api() {
    let service = cluster();
    let maps = "/api/v1/namespaces/default/configmaps";
    let unknown = "the server could not find the requested resource";
    let method = "the server does not allow this method on the requested resource";
    let cases = [
        ("GET /api/v1/nonesuch", "", 404, unknown),
        ("PUT /api/v1/namespaces/default/configmaps", "", 405, method),
        ("POST /api/v1/configmaps", "", 405, method),
        ("GET /api/v1/namespaces/default/configmaps/a", "", 404, "configmaps \"a\" not found"),
        ("GET /api/v1/pods?labelSelector=-a", "", 400, "unable to parse requirement: "),
        ("GET /api/v1/pods?fieldSelector=spec.foo%3D1", "", 400, "field label not supported: spec.foo"),
        (
            "POST /api/v1/namespaces/default/configmaps",
            r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"other"}}"#,
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            "PUT /api/v1/namespaces/default/configmaps/a",
            r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b"}}"#,
            400,
            "the name of the object (b) does not match the name on the URL (a)",
        ),
        (
            "POST /api/v1/namespaces/default/configmaps?fieldValidation=Foo",
            "{}",
            422,
            "CreateOptions.meta.k8s.io \"\" is invalid: fieldValidation: Unsupported value: \"Foo\": supported values: \
             \"\", \"Ignore\", \"Strict\", \"Warn\"",
        ),
        (
            "GET /api/v1/pods?watch=1&sendInitialEvents=true",
            "",
            422,
            "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires \
             setting resourceVersionMatch to NotOlderThan",
        ),
    ];
    for (line, body, code, text) in cases {
        let answer = send(&service, line, &[("content-type", "application/json")], body).await;
        let status = answer.json();
        assert_eq!((answer.status, status["code"].as_u64()), (code, Some(code.into())), "{line}: {status}");
        assert!(status["message"].as_str().unwrap().starts_with(text), "{line}: {status}");
    }
    let answer = send(&service, &format!("POST {maps}"), &[("content-type", "text/plain")], "x").await;
    assert_eq!(answer.status, 415);
    let answer = send(&service, &format!("POST {maps}"), &[], &"x".repeat((3 << 20) + 1)).await;
    assert_eq!(answer.status, 413);
    let answer = send(&service, &format!("GET {maps}"), &[("accept", "image/png")], "").await;
    assert_eq!(answer.status, 406);
    assert_eq!(send(&service, "GET /nowhere", &[], "").await.body, "404 page not found\n");
}

#[tokio::test]
async fn unknown_fields_warn() {
    let service = cluster();
    let body = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"foo":1}"#;
    let line = "POST /api/v1/namespaces/default/configmaps";
    let answer = send(&service, line, &[("content-type", "application/json")], body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("warning"), r#"299 - "unknown field \"foo\"""#);
}

#[tokio::test]
async fn every_answer_carries_the_common_headers() {
    let service = cluster();
    for path in ["/version", "/api/v1/pods", "/nowhere"] {
        let answer = send(&service, &format!("GET {path}"), &[], "").await;
        assert_eq!(answer.header("cache-control"), "no-cache, private", "{path}");
        assert_eq!(answer.header("audit-id").len(), 36, "{path}");
    }
}

#[tokio::test]
async fn strangers_see_health_version_and_discovery_only() {
    let service = cluster().authenticated();
    let admin = format!("Bearer {}", service.credentials().admin_token());
    let cases = [
        ("GET /healthz", "", 200),
        ("GET /version", "", 200),
        ("GET /apis/apps/v1", "", 200),
        ("GET /openapi/v2", "", 403),
        ("GET /api/v1/pods", "", 403),
        ("POST /api/v1/namespaces/default/pods", "", 403),
        ("GET /api/v1/pods", "Bearer wrong", 401),
        ("GET /version", "Basic eDp5", 401),
        ("GET /api/v1/pods", admin.as_str(), 200),
    ];
    for (line, authorization, code) in cases {
        let headers: &[_] = if authorization.is_empty() { &[] } else { &[("authorization", authorization)] };
        assert_eq!(send(&service, line, headers, "").await.status, code, "{line} {authorization:?}");
    }
    let message = send(&service, "GET /api/v1/pods", &[], "").await.json()["message"].clone();
    let text = "pods is forbidden: User \"system:anonymous\" cannot list resource \"pods\" in API group \"\" at the \
                cluster scope";
    assert_eq!(message, text);
}

#[tokio::test]
async fn discovery_and_documents_are_not_sent_twice() {
    let service = cluster();
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    let protobuf = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    for (path, accept) in [("/apis", accept), ("/openapi/v2", protobuf), ("/openapi/v3/apis/apps/v1", "*/*")] {
        let line = format!("GET {path}");
        let first = send(&service, &line, &[("accept", accept)], "").await;
        assert_eq!(first.status, 200, "{path}");
        assert!(!first.body.is_empty(), "{path}");
        let tag = first.header("etag").to_owned();
        let again = send(&service, &line, &[("accept", accept), ("if-none-match", &tag)], "").await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
    }
    let index = send(&service, "GET /openapi/v3", &[], "").await.json();
    let place = index["paths"]["apis/apps/v1"]["serverRelativeURL"].as_str().unwrap().to_owned();
    assert_eq!(send(&service, &format!("GET {place}"), &[], "").await.status, 200);
    let stale = send(&service, "GET /openapi/v3/apis/apps/v1?hash=00", &[], "").await;
    assert_eq!((stale.status, stale.header("location")), (301, place.as_str()));
}

#[tokio::test]
async fn yaml_is_spoken_both_ways() {
    let service = cluster();
    let body = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";
    let line = "POST /api/v1/namespaces/default/configmaps";
    let yaml = "application/yaml";
    let made = send(&service, line, &[("content-type", yaml), ("accept", yaml)], body).await;
    assert_eq!((made.status, made.header("content-type")), (201, yaml));
    let list = send(&service, "GET /api/v1/configmaps", &[("accept", yaml)], "").await;
    assert!(String::from_utf8_lossy(&list.body).contains("kind: ConfigMapList"));
}

#[tokio::test]
async fn tokens_of_service_accounts_are_known() {
    let service = cluster();
    let json = [("content-type", "application/json")];
    let account = r#"{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"sa"}}"#;
    send(&service, "POST /api/v1/namespaces/default/serviceaccounts", &json, account).await;
    let request = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}}"#;
    let line = "POST /api/v1/namespaces/default/serviceaccounts/sa/token";
    let answer = send(&service, line, &json, request).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    let token = format!("Bearer {}", answer.json()["status"]["token"].as_str().unwrap());
    let review = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}"#;
    let headers = [json[0], ("authorization", token.as_str())];
    let line = "POST /apis/authentication.k8s.io/v1/selfsubjectreviews";
    let who = send(&service.authenticated(), line, &headers, review).await.json();
    assert_eq!(who["status"]["userInfo"]["username"], "system:serviceaccount:default:sa");
}

#[tokio::test]
async fn an_admin_may_ask_as_somebody_else() {
    let service = cluster().authenticated();
    let admin = format!("Bearer {}", service.credentials().admin_token());
    let review = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}"#;
    let line = "POST /apis/authentication.k8s.io/v1/selfsubjectreviews";
    let json = ("content-type", "application/json");
    let as_jane = [json, ("authorization", admin.as_str()), ("impersonate-user", "jane"), ("impersonate-group", "dev")];
    let who = send(&service, line, &as_jane, review).await.json();
    assert_eq!(who["status"]["userInfo"]["username"], "jane");
    assert_eq!(who["status"]["userInfo"]["groups"], serde_json::json!(["dev", "system:authenticated"]));
    let nobody = [json, ("authorization", admin.as_str()), ("impersonate-group", "dev")];
    assert_eq!(send(&service, line, &nobody, review).await.status, 500);
    let stranger = [("impersonate-user", "jane")];
    assert_eq!(send(&service, "GET /api/v1/pods", &stranger, "").await.status, 403, "only an admin may");
}

#[tokio::test]
async fn large_objects_are_refused() {
    let service = cluster();
    let json = [("content-type", "application/json")];
    let maps = "POST /api/v1/namespaces/default/secrets";
    let secret = |size: usize| {
        let data = "YWFh".repeat(size / 4);
        format!(r#"{{"apiVersion":"v1","kind":"Secret","metadata":{{"name":"s{size}"}},"data":{{"a":"{data}"}}}}"#)
    };
    assert_eq!(send(&service, maps, &json, &secret(1 << 20)).await.status, 201);
    assert_eq!(send(&service, maps, &json, &secret(4 << 20)).await.status, 413);
    let map = format!(
        r#"{{"apiVersion":"apps/v1","kind":"ControllerRevision","metadata":{{"name":"r"}},"revision":1,"data":{{"a":"{}"}}}}"#,
        "a".repeat(2 << 20)
    );
    let refused = send(&service, "POST /apis/apps/v1/namespaces/default/controllerrevisions", &json, &map).await;
    assert_eq!((refused.status, &refused.json()["message"]), (500, &"etcdserver: request is too large".into()));
}

#[tokio::test]
async fn a_service_gets_its_address_when_its_type_has_one() {
    let service = cluster();
    let json = [("content-type", "application/json")];
    let external = r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"type":"ExternalName","externalName":"example.com"}}"#;
    send(&service, "POST /api/v1/namespaces/default/services", &json, external).await;
    let patch = r#"{"spec":{"type":"NodePort","externalName":null,"ports":[{"port":80}]}}"#;
    let line = "PATCH /api/v1/namespaces/default/services/s";
    let merge = [("content-type", "application/merge-patch+json")];
    let spec = send(&service, line, &merge, patch).await.json()["spec"].clone();
    assert!(spec["clusterIP"].as_str().unwrap().starts_with("10.96."), "{spec}");
    let port = spec["ports"][0]["nodePort"].clone();
    assert!(port.as_i64().is_some_and(|port| port >= 30_000), "{spec}");
    let again = send(&service, line, &merge, r#"{"spec":{"selector":{"a":"b"}}}"#).await.json();
    assert_eq!(again["spec"]["ports"][0]["nodePort"], port, "it keeps its own");
}

#[tokio::test]
async fn a_watch_from_before_history_is_told_so() {
    let line = "GET /api/v1/pods?watch=true&resourceVersion=1";
    let event = send(&cluster(), line, &[], "").await.json();
    assert_eq!((&event["type"], &event["object"]["code"]), (&"ERROR".into(), &410.into()));
    let message = event["object"]["message"].as_str().unwrap();
    assert!(message.starts_with("too old resource version: 1 ("), "{message}");
    assert!(event["object"].get("details").is_none(), "{event}");
}
