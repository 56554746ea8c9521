use serde_json::{Value, json};

use super::*;

#[track_caller]
fn filled(api_version: &str, kind: &str, mut object: Value) -> Value {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let gvk = Gvk::new(group, version, kind);
    apply(&mut object, &gvk);
    let mut twice = object.clone();
    apply(&mut twice, &gvk);
    assert_eq!(object, twice, "filling twice changes nothing");
    object
}

#[track_caller]
fn check(api_version: &str, kind: &str, spec: &Value, expected: &Value) {
    let mut object = filled(api_version, kind, json!({"spec": spec}));
    if let Some(spec) = object["spec"].as_object_mut() {
        spec.remove("template");
        spec.remove("jobTemplate");
    }
    assert_eq!(&object["spec"], expected);
}

#[test]
fn workloads_get_their_strategies() {
    check(
        "apps/v1",
        "Deployment",
        &json!({}),
        &json!({"replicas": 1, "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
            "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}),
    );
    check(
        "apps/v1",
        "Deployment",
        &json!({"replicas": 0, "strategy": {"type": "Recreate"}, "revisionHistoryLimit": 0}),
        &json!({"replicas": 0, "strategy": {"type": "Recreate"}, "revisionHistoryLimit": 0, "progressDeadlineSeconds": 600}),
    );
    check(
        "apps/v1",
        "StatefulSet",
        &json!({"volumeClaimTemplates": [{"metadata": {"name": "a"}}]}),
        &json!({"replicas": 1, "podManagementPolicy": "OrderedReady", "revisionHistoryLimit": 10,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "volumeClaimTemplates": [{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "a"},
                "spec": {"volumeMode": "Filesystem"}, "status": {"phase": "Pending"}}]}),
    );
    check(
        "apps/v1",
        "DaemonSet",
        &json!({}),
        &json!({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}, "revisionHistoryLimit": 10}),
    );
}

#[test]
fn jobs_default_by_what_is_given() {
    let rest = json!({"backoffLimit": 6, "completionMode": "NonIndexed", "suspend": false, "manualSelector": false,
        "podReplacementPolicy": "TerminatingOrFailed"});
    let with = |more: Value| {
        let mut all = rest.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    check("batch/v1", "Job", &json!({}), &with(json!({"completions": 1, "parallelism": 1})));
    check("batch/v1", "Job", &json!({"completions": 3}), &with(json!({"completions": 3, "parallelism": 1})));
    check("batch/v1", "Job", &json!({"parallelism": 2}), &with(json!({"parallelism": 2})));
    let job = filled("batch/v1", "Job", json!({"spec": {"template": {"metadata": {"labels": {"a": "b"}}}}}));
    assert_eq!(job["metadata"]["labels"], json!({"a": "b"}));
}

#[test]
fn services_default_by_type() {
    check(
        "v1",
        "Service",
        &json!({"ports": [{"port": 80}]}),
        &json!({"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster",
            "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}]}),
    );
    check(
        "v1",
        "Service",
        &json!({"type": "LoadBalancer", "sessionAffinity": "ClientIP"}),
        &json!({"type": "LoadBalancer", "sessionAffinity": "ClientIP", "internalTrafficPolicy": "Cluster",
            "externalTrafficPolicy": "Cluster", "allocateLoadBalancerNodePorts": true,
            "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}}}),
    );
    check(
        "v1",
        "Service",
        &json!({"type": "ExternalName", "externalName": "a"}),
        &json!({"type": "ExternalName", "externalName": "a", "sessionAffinity": "None"}),
    );
}

#[test]
fn pods_request_what_they_are_limited_to() {
    let pod = filled(
        "v1",
        "Pod",
        json!({"spec": {"hostNetwork": true, "containers": [{"name": "a", "image": "b", "ports": [{"containerPort": 80}],
            "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}}]}}),
    );
    let container = &pod["spec"]["containers"][0];
    assert_eq!(container["resources"]["requests"], json!({"cpu": "500m", "memory": "1Gi"}));
    assert_eq!(container["ports"][0]["hostPort"], 80);
    assert_eq!(pod["spec"]["enableServiceLinks"], true);
}

#[test]
fn autoscalers_get_a_metric_and_whole_behaviour() {
    let cpu = json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]);
    check("autoscaling/v2", "HorizontalPodAutoscaler", &json!({}), &json!({"minReplicas": 1, "metrics": cpu}));
    check(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        &json!({"behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}}}),
        &json!({"minReplicas": 1, "metrics": cpu, "behavior": {
            "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [
                {"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]},
            "scaleDown": {"stabilizationWindowSeconds": 60, "selectPolicy": "Max",
                "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}}}),
    );
}

#[test]
fn the_rest_gets_its_defaults() {
    let secret = filled("v1", "Secret", json!({"data": {"a": "eA=="}, "stringData": {"b": "y"}}));
    assert_eq!(secret, json!({"data": {"a": "eA==", "b": "eQ=="}, "type": "Opaque"}));
    let namespace = filled("v1", "Namespace", json!({"metadata": {"name": "n"}}));
    assert_eq!(namespace["metadata"]["labels"], json!({"kubernetes.io/metadata.name": "n"}));
    assert_eq!(namespace["status"], json!({"phase": "Active"}));
    let slice = filled("discovery.k8s.io/v1", "EndpointSlice", json!({"ports": [{"port": 80}]}));
    assert_eq!(slice["ports"], json!([{"port": 80, "name": "", "protocol": "TCP"}]));
    let binding = filled(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        json!({"roleRef": {"kind": "Role", "name": "r"},
        "subjects": [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s"}]}),
    );
    assert_eq!(binding["roleRef"]["apiGroup"], "rbac.authorization.k8s.io");
    assert_eq!(binding["subjects"][0]["apiGroup"], "rbac.authorization.k8s.io");
    assert!(binding["subjects"][1].get("apiGroup").is_none());
    check(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        &json!({"egress": [{}]}),
        &json!({"egress": [{}], "policyTypes": ["Ingress", "Egress"]}),
    );
    check(
        "v1",
        "LimitRange",
        &json!({"limits": [{"type": "Container", "max": {"cpu": "2"}, "min": {"memory": "1Mi"}}]}),
        &json!({"limits": [{"type": "Container", "max": {"cpu": "2"}, "min": {"memory": "1Mi"},
            "default": {"cpu": "2"}, "defaultRequest": {"cpu": "2", "memory": "1Mi"}}]}),
    );
    let crd = filled(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        json!({"spec": {"names": {"kind": "Foo"}, "versions": [{"name": "v1", "storage": true}]}}),
    );
    assert_eq!(crd["spec"]["names"], json!({"kind": "Foo", "singular": "foo", "listKind": "FooList"}));
    assert_eq!(crd["status"]["storedVersions"], json!(["v1"]));
}

#[test]
fn the_service_account_has_two_names() {
    let names = |spec: Value| {
        let object = filled("apps/v1", "Deployment", json!({"spec": {"template": {"spec": spec}}}));
        let spec = &object["spec"]["template"]["spec"];
        [spec["serviceAccountName"].clone(), spec["serviceAccount"].clone()]
    };
    assert_eq!(names(json!({"serviceAccountName": "a"})), ["a", "a"]);
    assert_eq!(names(json!({"serviceAccount": "a"})), ["a", "a"]);
    assert_eq!(names(json!({})), [Value::Null, Value::Null]);
}
