use serde_json::json;

use super::*;
use crate::schema::{builtin, from_crd};

fn gvk(api_version: &str, kind: &str) -> Gvk {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    Gvk { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
}

fn decode(api_version: &str, kind: &str, body: &str, validation: FieldValidation) -> Result<Decoded, ApiError> {
    let gvk = gvk(api_version, kind);
    let schema = builtin(api_version, kind).unwrap();
    json(body.as_bytes(), Target { gvk: &gvk, schema: &schema, custom: false }, validation)
}

fn rollout_schema() -> Schema {
    from_crd(Some(&json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "replicas": {"type": "integer"}, "paused": {"type": "boolean"}}}}})))
}

fn decode_rollout(body: &str, validation: FieldValidation) -> Result<Decoded, ApiError> {
    let (gvk, schema) = (gvk("argoproj.io/v1alpha1", "Rollout"), rollout_schema());
    json(body.as_bytes(), Target { gvk: &gvk, schema: &schema, custom: true }, validation)
}

/// What a Pod's fields become.
#[track_caller]
fn check_pod(spec: &Value, expected: &Value) {
    let body = json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"}, "spec": spec});
    let decoded = decode("v1", "Pod", &body.to_string(), FieldValidation::Strict).unwrap();
    assert_eq!(&decoded.object["spec"], expected);
}

#[test]
fn empty_values_stay_as_go_would_write_them() {
    check_pod(&json!({"hostNetwork": false, "nodeName": "", "tolerations": [], "nodeSelector": {}}), &json!({}));
    check_pod(
        &json!({"automountServiceAccountToken": false, "terminationGracePeriodSeconds": 0, "securityContext": {}}),
        &json!({"automountServiceAccountToken": false, "terminationGracePeriodSeconds": 0, "securityContext": {}}),
    );
    check_pod(
        &json!({"containers": [{"image": "i", "command": null, "livenessProbe": {"httpGet": {"path": "/"}}}]}),
        &json!({"containers": [{"name": "", "image": "i", "resources": {},
            "livenessProbe": {"httpGet": {"path": "/", "port": 0}}}]}),
    );
    check_pod(
        &json!({"volumes": [{"name": "v", "emptyDir": {}}]}),
        &json!({"volumes": [{"name": "v", "emptyDir": {}}]}),
    );
}

#[test]
fn quantities_times_and_bytes_become_canonical() {
    check_pod(
        &json!({"containers": [{"name": "c", "resources": {"limits": {"cpu": 1, "memory": "1024Mi"}, "requests": {"cpu": "0.5"}}}]}),
        &json!({"containers": [{"name": "c", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}}]}),
    );
    let event = r#"{"kind":"Event","apiVersion":"v1","metadata":{"name":"e","creationTimestamp":null},
        "involvedObject":{},"firstTimestamp":"2026-01-02T05:04:05.9+02:00","eventTime":"2026-01-02T03:04:05.123456Z",
        "lastTimestamp":null}"#;
    let decoded = decode("v1", "Event", event, FieldValidation::Strict).unwrap().object;
    assert_eq!(decoded["firstTimestamp"], "2026-01-02T03:04:05Z");
    assert_eq!(decoded["eventTime"], "2026-01-02T03:04:05.123456Z");
    assert_eq!(decoded.get("lastTimestamp"), Some(&Value::Null));
    assert_eq!(decoded["metadata"], json!({"name": "e"}));
    let secret = r#"{"metadata":{},"data":{"a":"aGVs\nbG8="}}"#;
    assert_eq!(decode("v1", "Secret", secret, FieldValidation::Warn).unwrap().object["data"]["a"], "aGVsbG8=");
}

#[test]
fn a_body_without_kind_is_taken_for_the_kind_of_the_url() {
    let decoded = decode("v1", "ConfigMap", "{\"data\":{\"a\":\"1\"}}", FieldValidation::Strict).unwrap();
    assert_eq!(decoded.object, json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}, "data": {"a": "1"}}));
}

const DEPLOYMENT: &str = "Deployment in version \"v1\" cannot be handled as a Deployment: ";

#[track_caller]
fn check_refusal(kind: (&str, &str), body: &str, expected: &str) {
    let error = decode(kind.0, kind.1, body, FieldValidation::Strict).unwrap_err();
    assert_eq!((error.code, error.reason, error.message.as_str()), (400, "BadRequest", expected));
}

#[test]
fn refusals_read_as_upstream() {
    let deployment = ("apps/v1", "Deployment");
    let with = |spec: &str| {
        format!(r#"{{"kind":"Deployment","apiVersion":"apps/v1","metadata":{{"name":"x"}},"spec":{spec}}}"#)
    };
    for (spec, reason) in [
        (
            r#"{"replicas":"3"}"#,
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            r#"{"replicas":1.5}"#,
            "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            r#"{"template":{"spec":{"containers":[{"image":5}]}}}"#,
            "json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.image of type string",
        ),
        (
            r#"{"template":{"spec":{"containers":{}}}}"#,
            "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
        ),
        (
            r#"{"template":"x"}"#,
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.template of type v1.PodTemplateSpec",
        ),
        (
            r#"{"template":{"metadata":{"labels":{"a":1}}}}"#,
            "json: cannot unmarshal number into Go struct field ObjectMeta.spec.template.metadata.labels of type string",
        ),
        (
            r#"{"foo":1,"replicas":1,"replicas":2}"#,
            "strict decoding error: unknown field \"spec.foo\", duplicate field \"spec.replicas\"",
        ),
        (
            r#"{"template":{"spec":{"containers":[{"Image":"i"}]}}}"#,
            "strict decoding error: unknown field \"spec.template.spec.containers[0].Image\"",
        ),
    ] {
        check_refusal(deployment, &with(spec), &format!("{DEPLOYMENT}{reason}"));
    }
}

#[test]
fn bodies_of_another_kind_or_none_are_refused() {
    check_refusal(
        ("v1", "ConfigMap"),
        r#"{"kind":"Secret","apiVersion":"v1","type":5}"#,
        "Secret in version \"v1\" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown \
         conversion",
    );
    check_refusal(
        ("v1", "ConfigMap"),
        r#"{"apiVersion":"v1" "#,
        "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: \
         unexpected end of JSON input ({\"apiVersion\":\"v1\" )",
    );
    check_refusal(
        ("v1", "ConfigMap"),
        "",
        "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: \
         unexpected end of JSON input (<empty>)",
    );
    check_refusal(
        ("v1", "ConfigMap"),
        "{\"a\":x}",
        "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: \
         invalid character 'x' looking for beginning of value ({\"a\":x})",
    );
}

#[test]
fn warnings_come_in_order_and_ignoring_is_silent() {
    let body = r#"{"data":{"a":"1","a":"2"},"zork":1,"metadata":{"labels":{},"odd":1}}"#;
    let warn = decode("v1", "ConfigMap", body, FieldValidation::Warn).unwrap();
    assert_eq!(
        warn.warnings,
        ["duplicate field \"data.a\"", "unknown field \"zork\"", "unknown field \"metadata.odd\""]
    );
    assert_eq!(warn.object["data"]["a"], "2");
    assert!(decode("v1", "ConfigMap", body, FieldValidation::Ignore).unwrap().warnings.is_empty());
}

#[test]
fn custom_resources_are_pruned_and_say_so() {
    let body = r#"{"kind":"Rollout","apiVersion":"argoproj.io/v1alpha1","metadata":{"name":"x","odd":1,"labels":{}},
        "spec":{"replicas":1.0,"paused":null,"foo":1,"foo":2},"zork":{"a":""}}"#;
    let decoded = decode_rollout(body, FieldValidation::Warn).unwrap();
    assert_eq!(
        decoded.object,
        json!({"kind": "Rollout", "apiVersion": "argoproj.io/v1alpha1", "metadata": {"name": "x"}, "spec": {"replicas": 1}})
    );
    let problems = [
        "duplicate field \"spec.foo\"",
        "unknown field \"metadata.odd\"",
        "unknown field \"spec.foo\"",
        "unknown field \"zork\"",
    ];
    assert_eq!(decoded.warnings, problems);
    let strict = decode_rollout(body, FieldValidation::Strict).unwrap_err();
    assert_eq!(
        strict.message,
        format!(
            "Rollout in version \"v1alpha1\" cannot be handled as a Rollout: strict decoding error: {}",
            problems.join(", ")
        )
    );
}

#[test]
fn custom_resources_check_metadata_and_kind() {
    let metadata = r#"{"kind":"Rollout","apiVersion":"argoproj.io/v1alpha1","metadata":{"annotations":{"a":1}}}"#;
    assert_eq!(
        decode_rollout(metadata, FieldValidation::Warn).unwrap_err().message,
        "Rollout in version \"v1alpha1\" cannot be handled as a Rollout: json: cannot unmarshal number into Go struct \
         field ObjectMeta.annotations of type string"
    );
    let kind = r#"{"kind":"Foo","apiVersion":"argoproj.io/v1alpha1","metadata":{"name":"x"}}"#;
    let error = decode_rollout(kind, FieldValidation::Warn).unwrap_err();
    assert_eq!(error.code, 422);
    assert_eq!(error.message, "Foo.argoproj.io \"x\" is invalid: kind: Invalid value: \"Foo\": must be Rollout");
    let version = r#"{"kind":"Rollout","apiVersion":"argoproj.io/v1","metadata":{"name":"x"}}"#;
    assert_eq!(
        decode_rollout(version, FieldValidation::Warn).unwrap_err().message,
        "the API version in the data (argoproj.io/v1) does not match the expected API version (argoproj.io/v1alpha1)"
    );
}

#[test]
fn a_value_is_read_as_text_would_be() {
    let gvk = gvk("v1", "ConfigMap");
    let schema = builtin("v1", "ConfigMap").unwrap();
    let target = Target { gvk: &gvk, schema: &schema, custom: false };
    let decoded = value(
        json!({"data": {}, "b": 1, "a": 1}),
        vec!["duplicate field \"data\"".to_owned()],
        target,
        FieldValidation::Warn,
    )
    .unwrap();
    assert_eq!(decoded.warnings, ["duplicate field \"data\"", "unknown field \"a\"", "unknown field \"b\""]);
    let again = value(decoded.object.clone(), Vec::new(), target, FieldValidation::Strict).unwrap();
    assert_eq!(again.object, decoded.object);
}

#[test]
fn delete_options_may_be_absent() {
    assert_eq!(delete_options(b"").unwrap(), json!({}));
    let options =
        br#"{"kind":"DeleteOptions","apiVersion":"apps/v1","gracePeriodSeconds":0,"preconditions":{"uid":"u"}}"#;
    assert_eq!(
        delete_options(options).unwrap(),
        json!({"kind": "DeleteOptions", "apiVersion": "apps/v1", "gracePeriodSeconds": 0, "preconditions": {"uid": "u"}})
    );
    assert_eq!(delete_options(br#"{"kind":"Pod"}"#).unwrap_err().code, 500);
}

#[test]
fn deep_and_large_bodies_end_in_an_error() {
    let deep = format!("{{\"data\":{}", "[".repeat(5_000_000));
    let error = decode("apps/v1", "ControllerRevision", &deep, FieldValidation::Warn).unwrap_err();
    assert!(error.message.contains("exceeded max depth"), "{}", error.message);
    let mut nested = json!(1);
    for _ in 0..300 {
        nested = json!([nested]);
    }
    let (gvk, schema) = (gvk("argoproj.io/v1alpha1", "Rollout"), Schema::any());
    let target = Target { gvk: &gvk, schema: &schema, custom: true };
    assert!(
        value(nested, Vec::new(), target, FieldValidation::Warn).unwrap_err().message.contains("exceeded max depth")
    );
}

#[test]
fn protobuf_bodies_end_in_the_same_form() {
    // Pod{metadata{name: "p", uid: ""}, spec{hostNetwork: false, automountServiceAccountToken: false}}
    let raw = b"\x0a\x05\x0a\x01p\x2a\x00\x12\x05\x58\x00\xa8\x01\x00";
    let mut body = b"k8s\0\x0a\x09\x0a\x02v1\x12\x03Pod\x12".to_vec();
    body.push(u8::try_from(raw.len()).unwrap());
    body.extend_from_slice(raw);
    let (gvk, schema) = (gvk("v1", "Pod"), builtin("v1", "Pod").unwrap());
    let target = Target { gvk: &gvk, schema: &schema, custom: false };
    assert_eq!(
        protobuf(&body, target).unwrap().object,
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
            "spec": {"automountServiceAccountToken": false}, "status": {}})
    );
    assert_eq!(protobuf(b"k8s\0\x12\xff", target).unwrap_err().code, 400);
    let options = b"k8s\0\x0a\x13\x0a\x02v1\x12\x0dDeleteOptions\x12\x02\x08\x05";
    assert_eq!(delete_options(options).unwrap()["gracePeriodSeconds"], 5);
}
