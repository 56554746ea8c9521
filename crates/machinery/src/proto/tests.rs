use serde_json::json;

use super::*;

/// Writes messages for the tests: the opposite direction is not part of the program.
#[derive(Default, Clone)]
struct Writer(Vec<u8>);

impl Writer {
    fn varint(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    fn int(self, number: u64, value: i64) -> Self {
        self.varint(number << 3).varint(value as u64)
    }

    fn bytes(self, number: u64, value: &[u8]) -> Self {
        let mut writer = self.varint(number << 3 | 2).varint(value.len() as u64);
        writer.0.extend_from_slice(value);
        writer
    }

    fn text(self, number: u64, value: &str) -> Self {
        self.bytes(number, value.as_bytes())
    }

    fn message(self, number: u64, value: impl Into<Vec<u8>>) -> Self {
        self.bytes(number, &value.into())
    }

    fn entry(self, number: u64, key: &str, value: &str) -> Self {
        self.message(number, message().text(1, key).text(2, value))
    }

    fn of_kind(self, api_version: &str, kind: &str) -> Vec<u8> {
        let unknown =
            message().message(1, message().text(1, api_version).text(2, kind)).message(2, self).text(3, "").text(4, "");
        [&PREFIX[..], &unknown.0].concat()
    }
}

impl From<Writer> for Vec<u8> {
    fn from(writer: Writer) -> Self {
        writer.0
    }
}

fn message() -> Writer {
    Writer::default()
}

#[track_caller]
fn check(body: Writer, api_version: &str, kind: &str, expected: &Value) {
    assert_eq!(&decode(&body.of_kind(api_version, kind)).unwrap(), expected);
}

#[test]
fn a_deployment_keeps_every_kind_of_field() {
    let meta = message()
        .text(1, "web")
        .text(2, "")
        .message(8, message())
        .entry(11, "app", "web")
        .message(17, message().text(1, "m").text(2, "Update").message(7, message().text(1, r#"{"f:spec":{}}"#)));
    let container = message()
        .text(1, "c")
        .text(3, "sh")
        .text(3, "-c")
        .message(6, message().text(1, "http").int(2, 0).int(3, 8080).text(4, "TCP"))
        .message(
            7,
            message()
                .text(1, "A")
                .message(3, message().message(4, message().message(1, message().text(1, "s")).text(2, "k"))),
        )
        .message(8, message().message(1, message().text(1, "cpu").message(2, message().text(1, "500m"))))
        .message(
            10,
            message()
                .message(
                    1,
                    message()
                        .message(2, message().text(1, "/").message(2, message().int(1, 1).int(2, 0).text(3, "http"))),
                )
                .int(2, 3),
        )
        .message(15, message().int(2, 1));
    let volume =
        message().text(1, "v").message(2, message().message(19, message().message(1, message().text(1, "cm"))));
    let template =
        message().message(1, message()).message(2, message().message(1, volume).message(2, container).int(4, 30));
    let spec = message()
        .int(1, 3)
        .message(2, message().entry(1, "app", "web"))
        .message(3, template)
        .message(
            4,
            message()
                .text(1, "RollingUpdate")
                .message(2, message().message(1, message().int(1, 0).int(2, 1).text(3, ""))),
        )
        .int(7, 0);
    check(
        message().message(1, meta).message(2, spec).message(3, message()),
        "apps/v1",
        "Deployment",
        &json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "generateName": "", "creationTimestamp": null, "labels": {"app": "web"},
                "managedFields": [{"manager": "m", "operation": "Update", "fieldsV1": {"f:spec": {}}}]},
            "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "paused": false,
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
                "template": {"metadata": {}, "spec": {"terminationGracePeriodSeconds": 30,
                    "volumes": [{"name": "v", "configMap": {"name": "cm"}}],
                    "containers": [{"name": "c", "command": ["sh", "-c"],
                        "ports": [{"name": "http", "hostPort": 0, "containerPort": 8080, "protocol": "TCP"}],
                        "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
                        "resources": {"limits": {"cpu": "500m"}},
                        "livenessProbe": {"httpGet": {"path": "/", "port": "http"}, "initialDelaySeconds": 3},
                        "securityContext": {"privileged": true}}]}}},
            "status": {},
        }),
    );
}

#[test]
fn times_bytes_negatives_and_extra_values_survive() {
    let stamp = message().int(1, 1_767_323_045).int(2, 123_456_000);
    check(
        message()
            .message(1, message().text(1, "l"))
            .message(2, message().text(1, "h").int(2, 15).message(3, stamp.clone()).int(5, -1)),
        "coordination.k8s.io/v1",
        "Lease",
        &json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"},
            "spec": {"holderIdentity": "h", "leaseDurationSeconds": 15, "leaseTransitions": -1,
                "acquireTime": "2026-01-02T03:04:05.123456Z"}}),
    );
    check(
        message().message(6, stamp).message(2, message().text(1, "Pod")).int(8, 1),
        "v1",
        "Event",
        &json!({"apiVersion": "v1", "kind": "Event", "firstTimestamp": "2026-01-02T03:04:05Z", "count": 1,
            "involvedObject": {"kind": "Pod"}}),
    );
    check(
        message().message(2, message().text(1, "k").bytes(2, &[0, 255])),
        "v1",
        "Secret",
        &json!({"apiVersion": "v1", "kind": "Secret", "data": {"k": "AP8="}}),
    );
    let extra = message().text(1, "scope").message(2, message().text(1, "a").text(1, "b"));
    check(
        message().message(2, message().text(3, "u").message(5, extra)),
        "authorization.k8s.io/v1",
        "SubjectAccessReview",
        &json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {"user": "u", "extra": {"scope": ["a", "b"]}}}),
    );
}

#[test]
fn options_and_evictions_are_known() {
    check(
        message().int(1, 0).message(2, message().text(1, "uid")).text(4, "Background").text(5, "All"),
        "apps/v1",
        "DeleteOptions",
        &json!({"apiVersion": "apps/v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0,
            "preconditions": {"uid": "uid"}, "propagationPolicy": "Background", "dryRun": ["All"]}),
    );
    check(
        message().message(1, message().text(1, "p")).message(2, message().int(1, 5)),
        "policy/v1",
        "Eviction",
        &json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"},
            "deleteOptions": {"gracePeriodSeconds": 5}}),
    );
}

#[test]
fn numbers_may_be_packed_and_unknown_fields_are_skipped() {
    let context = message().bytes(4, &[1, 2, 0xac, 0x02]).int(99, 1).text(98, "x");
    check(
        message().message(2, message().message(14, context)),
        "v1",
        "Pod",
        &json!({"apiVersion": "v1", "kind": "Pod", "spec": {"securityContext": {"supplementalGroups": [1, 2, 300]}}}),
    );
}

#[test]
fn an_envelope_may_carry_json() {
    let body = message()
        .message(1, message().text(1, "v1").text(2, "Pod"))
        .text(2, r#"{"kind":"Pod"}"#)
        .text(4, "application/json");
    assert_eq!(decode(&[&PREFIX[..], &body.0].concat()).unwrap(), json!({"kind": "Pod"}));
}

#[test]
fn what_is_no_message_is_refused() {
    assert_eq!(decode(b"{}"), Err(ProtoError::Prefix));
    assert_eq!(decode(b"k8s\0\x0a\xff"), Err(ProtoError::Truncated));
    let wrong = message().int(2, 1).of_kind("v1", "Pod");
    assert_eq!(decode(&wrong), Err(ProtoError::WireType { field: "spec".to_owned(), wire: 0 }));
    let other = message().of_kind("v1", "Moon");
    assert_eq!(decode(&other), Err(ProtoError::Kind { api_version: "v1".to_owned(), kind: "Moon".to_owned() }));
}

#[test]
fn garbage_never_panics() {
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..20_000 {
        let junk: Vec<u8> = (0..random.usize(0..60)).map(|_| random.u8(..)).collect();
        let _any = decode(&Writer(junk.clone()).of_kind("v1", "Pod"));
        let _any = decode(&[&PREFIX[..], &junk].concat());
    }
}

#[test]
fn mutations_of_a_real_message_never_panic() {
    let container = message()
        .text(1, "c")
        .message(8, message().message(1, message().text(1, "cpu").message(2, message().text(1, "1"))));
    let pod = message()
        .message(1, message().text(1, "p").message(8, message().int(1, 1)))
        .message(2, message().message(2, container));
    let body = pod.of_kind("v1", "Pod");
    let mut random = fastrand::Rng::with_seed(2);
    for _ in 0..20_000 {
        let mut changed = body.clone();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(4..changed.len());
            changed[at] = random.u8(..);
        }
        let _any = decode(&changed[..random.usize(0..=changed.len())]);
    }
}

#[test]
fn a_large_body_is_read_in_one_pass() {
    let data = (0..100_000).fold(message(), |map, i| map.entry(2, &format!("key-{i}"), &"v".repeat(90)));
    let object = decode(&data.of_kind("v1", "ConfigMap")).unwrap();
    assert_eq!(object["data"].as_object().unwrap().len(), 100_000);
}

#[test]
fn every_field_with_a_number_is_in_the_schema_of_its_type() {
    for kind in [
        ("v1", "Pod"),
        ("apps/v1", "StatefulSet"),
        ("batch/v1", "CronJob"),
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
        ("v1", "Service"),
        ("v1", "Node"),
        ("v1", "PersistentVolume"),
        ("networking.k8s.io/v1", "Ingress"),
        ("discovery.k8s.io/v1", "EndpointSlice"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole"),
        ("authentication.k8s.io/v1", "TokenReview"),
        ("authorization.k8s.io/v1", "SelfSubjectRulesReview"),
        ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"),
        ("storage.k8s.io/v1", "CSIDriver"),
    ] {
        covered(&builtin(kind.0, kind.1).unwrap());
    }
}

/// Every declared field of an object has a number, apart from the type itself.
fn covered(schema: &Schema) {
    for below in schema.items.iter().chain(&schema.additional).chain(schema.properties.values()) {
        covered(below);
    }
    if schema.properties.is_empty() {
        return;
    }
    let name = short_name(schema);
    let message = numbers::of(name).unwrap_or_else(|| panic!("no numbers of {name}"));
    let mut known = Vec::new();
    names(message, &mut known);
    for field in schema.properties.keys() {
        let type_meta = matches!(field.as_str(), "apiVersion" | "kind");
        assert!(type_meta || known.contains(&field.as_str()), "no number of {name}.{field}");
    }
}

fn names(message: &numbers::Message, known: &mut Vec<&'static str>) {
    for field in message.values() {
        match field {
            numbers::Field::Named(name) => known.push(name),
            numbers::Field::Inlined(inner) => names(numbers::of(inner).unwrap(), known),
        }
    }
}
