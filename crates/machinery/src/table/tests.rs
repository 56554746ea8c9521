use serde_json::{Value, json};

use super::*;
use crate::resource::{Gvk, builtin};

const NOW: &str = "2026-01-02T00:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn resource(plural: &str) -> Resource {
    builtin().into_iter().find(|r| r.plural == plural).unwrap()
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "rows are easier to read without references")]
fn check(plural: &str, mut object: Value, expected: Value) {
    object["metadata"]["name"] = json!("x");
    object["metadata"]["creationTimestamp"] = json!("2026-01-01T23:55:00Z");
    let resource = resource(plural);
    assert_eq!(json!(cells(&resource, &object, now())), expected);
    // Upstream's addresses have one cell more than columns.
    if plural != "ipaddresses" {
        assert_eq!(columns(&resource).as_array().unwrap().len(), expected.as_array().unwrap().len());
    }
}

#[track_caller]
fn check_pod(status: &Value, spec: &Value, ready: &str, word: &str, restarts: &str) {
    let pod = json!({"spec": spec, "status": status});
    check("pods", pod, json!(["x", ready, word, restarts, "5m", "<none>", "<none>", "<none>", "<none>"]));
}

#[test]
fn a_pod_says_what_its_containers_do() {
    let one = json!({"containers": [{"name": "a"}]});
    let running = json!({"ready": true, "state": {"running": {}}});
    let waiting = |reason: &str| json!({"state": {"waiting": {"reason": reason}}});
    let ended = |code: i64, reason: &str| json!({"state": {"terminated": {"exitCode": code, "reason": reason}}});
    check_pod(&json!({"phase": "Pending"}), &one, "0/1", "Pending", "0");
    check_pod(&json!({"phase": "Running", "containerStatuses": [running]}), &one, "1/1", "Running", "0");
    check_pod(
        &json!({"phase": "Pending", "containerStatuses": [waiting("ContainerCreating")]}),
        &one,
        "0/1",
        "ContainerCreating",
        "0",
    );
    check_pod(&json!({"phase": "Failed", "containerStatuses": [ended(3, "")]}), &one, "0/1", "ExitCode:3", "0");
    check_pod(&json!({"phase": "Failed", "containerStatuses": [ended(3, "Error")]}), &one, "0/1", "Error", "0");
    check_pod(&json!({"phase": "Failed", "reason": "Evicted"}), &one, "0/1", "Evicted", "0");
    check_pod(
        &json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]}),
        &one,
        "0/1",
        "SchedulingGated",
        "0",
    );
    let crashing = json!({"restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"finishedAt": "2026-01-01T23:59:30Z"}}});
    check_pod(
        &json!({"phase": "Running", "containerStatuses": [crashing]}),
        &one,
        "0/1",
        "CrashLoopBackOff",
        "4 (30s ago)",
    );
    let two = json!({"containers": [{"name": "a"}, {"name": "b"}]});
    let done = json!({"phase": "Running", "containerStatuses": [ended(0, "Completed"), running]});
    check_pod(&done, &two, "1/2", "NotReady", "0");
    let mut ready = done;
    ready["conditions"] = json!([{"type": "Ready", "status": "True"}]);
    check_pod(&ready, &two, "1/2", "Running", "0");
}

#[test]
fn a_pod_counts_its_init_containers() {
    let spec = json!({"initContainers": [{"name": "i"}, {"name": "s", "restartPolicy": "Always"}], "containers": [{"name": "a"}]});
    let done = json!({"name": "i", "state": {"terminated": {"exitCode": 0}}});
    let failed = json!({"name": "i", "restartCount": 2, "state": {"terminated": {"exitCode": 1, "reason": "Error"}}});
    let waiting = json!({"name": "i", "state": {"waiting": {"reason": "PodInitializing"}}});
    let pulling = json!({"name": "i", "state": {"waiting": {"reason": "ErrImagePull"}}});
    let sidecar = json!({"name": "s", "started": true, "ready": true, "restartCount": 1, "state": {"running": {}}});
    let pending = |inits: Value| json!({"phase": "Pending", "initContainerStatuses": inits});
    check_pod(&pending(json!([waiting])), &spec, "0/2", "Init:0/2", "0");
    check_pod(&pending(json!([pulling])), &spec, "0/2", "Init:ErrImagePull", "0");
    check_pod(&pending(json!([failed])), &spec, "0/2", "Init:Error", "2");
    check_pod(&pending(json!([done, {"name": "s", "state": {"running": {}}}])), &spec, "0/2", "Init:1/2", "0");
    let running = json!({"phase": "Running", "initContainerStatuses": [done, sidecar],
        "containerStatuses": [{"ready": true, "restartCount": 2, "state": {"running": {}}}]});
    check_pod(&running, &spec, "2/2", "Running", "3");
}

#[test]
fn a_deleted_pod_is_terminating_until_it_has_ended() {
    let pods = resource("pods");
    let word = |status: Value| {
        let pod = json!({"metadata": {"deletionTimestamp": NOW}, "status": status});
        cells(&pods, &pod, now())[2].clone()
    };
    assert_eq!(word(json!({"phase": "Running"})), "Terminating");
    assert_eq!(word(json!({"phase": "Running", "reason": "NodeLost"})), "Unknown");
    assert_eq!(word(json!({"phase": "Succeeded"})), "Succeeded");
}

#[test]
fn workloads_show_their_numbers() {
    let template = json!({"spec": {"containers": [{"name": "a", "image": "i:1"}, {"name": "b", "image": "j"}], "nodeSelector": {"z": "1"}}});
    let selector = json!({"matchLabels": {"app": "web"}});
    let spec = json!({"replicas": 3, "template": template, "selector": selector});
    check(
        "deployments",
        json!({"spec": spec, "status": {"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 1}}),
        json!(["x", "2/3", 3, 1, "5m", "a,b", "i:1,j", "app=web"]),
    );
    check(
        "replicasets",
        json!({"spec": spec, "status": {"replicas": 3}}),
        json!(["x", 3, 3, 0, "5m", "a,b", "i:1,j", "app=web"]),
    );
    check(
        "replicationcontrollers",
        json!({"spec": {"replicas": 1, "selector": {"a": "b"}, "template": template}}),
        json!(["x", 1, 0, 0, "5m", "a,b", "i:1,j", "a=b"]),
    );
    check(
        "statefulsets",
        json!({"spec": spec, "status": {"readyReplicas": 1}}),
        json!(["x", "1/3", "5m", "a,b", "i:1,j"]),
    );
    check(
        "daemonsets",
        json!({"spec": spec, "status": {"desiredNumberScheduled": 2, "numberReady": 1}}),
        json!(["x", 2, 0, 1, 0, 0, "z=1", "5m", "a,b", "i:1,j", "app=web"]),
    );
    check(
        "controllerrevisions",
        json!({"revision": 2, "metadata": {"ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "controller": true}]}}),
        json!(["x", "statefulset.apps/web", 2, "5m"]),
    );
}

#[test]
fn jobs_show_their_progress() {
    let job = |spec: Value, status: Value| json!({"spec": spec, "status": status});
    let rest = ["", "", "<none>"];
    let row = |word: &str, done: &str, took: &str| json!(["x", word, done, took, "5m", rest[0], rest[1], rest[2]]);
    check(
        "jobs",
        job(json!({"completions": 2, "selector": {}}), json!({"succeeded": 1, "startTime": "2026-01-01T23:59:00Z"})),
        row("Running", "1/2", "60s"),
    );
    check("jobs", job(json!({"parallelism": 3, "selector": {}}), json!({})), row("Running", "0/1 of 3", ""));
    let complete = json!({"succeeded": 1, "startTime": "2026-01-01T23:56:00Z", "completionTime": "2026-01-01T23:56:07Z",
        "conditions": [{"type": "Complete", "status": "True"}]});
    check("jobs", job(json!({"completions": 1, "selector": {}}), complete), row("Complete", "1/1", "7s"));
    let suspended = json!({"conditions": [{"type": "Suspended", "status": "True"}]});
    check("jobs", job(json!({"selector": {}}), suspended), row("Suspended", "0/1", ""));
    check(
        "cronjobs",
        json!({"spec": {"schedule": "* * * * *", "suspend": false, "jobTemplate": {"spec": {}}}, "status": {"active": [{}], "lastScheduleTime": "2026-01-01T23:59:48Z"}}),
        json!(["x", "* * * * *", "<none>", "False", 1, "12s", "5m", "", "", "<none>"]),
    );
}

#[test]
fn services_and_endpoints_show_where_they_listen() {
    let service = |spec: Value, status: Value| json!({"spec": spec, "status": status});
    check(
        "services",
        service(
            json!({"type": "ClusterIP", "clusterIPs": ["10.96.0.9"], "ports": [{"port": 80, "protocol": "TCP"}], "selector": {"a": "b"}}),
            json!({}),
        ),
        json!(["x", "ClusterIP", "10.96.0.9", "<none>", "80/TCP", "5m", "a=b"]),
    );
    check(
        "services",
        service(
            json!({"type": "NodePort", "clusterIPs": ["10.96.0.9"], "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}]}),
            json!({}),
        ),
        json!(["x", "NodePort", "10.96.0.9", "<none>", "80:30080/TCP", "5m", "<none>"]),
    );
    check(
        "services",
        service(json!({"type": "LoadBalancer"}), json!({})),
        json!(["x", "LoadBalancer", "<none>", "<pending>", "<none>", "5m", "<none>"]),
    );
    check(
        "services",
        service(
            json!({"type": "LoadBalancer", "externalIPs": ["1.1.1.1"]}),
            json!({"loadBalancer": {"ingress": [{"hostname": "h"}, {"ip": "2.2.2.2"}]}}),
        ),
        json!(["x", "LoadBalancer", "<none>", "2.2.2.2,h,1.1.1.1", "<none>", "5m", "<none>"]),
    );
    check(
        "services",
        service(json!({"type": "ExternalName", "externalName": "e.com"}), json!({})),
        json!(["x", "ExternalName", "<none>", "e.com", "<none>", "5m", "<none>"]),
    );
    let addresses = json!([{"ip": "1.1.1.1"}, {"ip": "1.1.1.2"}]);
    check(
        "endpoints",
        json!({"subsets": [{"addresses": addresses, "ports": [{"port": 80}, {"port": 81}]}]}),
        json!(["x", "1.1.1.1:80,1.1.1.2:80,1.1.1.1:81 + 1 more...", "5m"]),
    );
    check("endpoints", json!({}), json!(["x", "<none>", "5m"]));
    check(
        "endpointslices",
        json!({"addressType": "IPv4", "ports": [{"port": 80}], "endpoints": [{"addresses": ["1.1.1.1"]}]}),
        json!(["x", "IPv4", "80", "1.1.1.1", "5m"]),
    );
    check("endpointslices", json!({"addressType": "IPv4"}), json!(["x", "IPv4", "<unset>", "<unset>", "5m"]));
    let rules: Vec<Value> = ["a", "b", "c", "d"].iter().map(|h| json!({"host": h})).collect();
    check(
        "ingresses",
        json!({"spec": {"rules": rules, "tls": [{}]}}),
        json!(["x", "<none>", "a,b,c + 1 more...", "", "80, 443", "5m"]),
    );
    check("ingresses", json!({"spec": {"ingressClassName": "nginx"}}), json!(["x", "nginx", "*", "", "80", "5m"]));
    check("networkpolicies", json!({"spec": {"podSelector": {}}}), json!(["x", "<none>", "5m"]));
}

#[test]
fn autoscalers_and_budgets_show_targets() {
    let cpu = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 80}}});
    let pods = json!({"type": "Pods", "pods": {"target": {"averageValue": "10"}}});
    let current = json!([{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 12}}}]);
    check(
        "horizontalpodautoscalers",
        json!({"spec": {"scaleTargetRef": {"kind": "Rollout", "name": "r"}, "minReplicas": 1, "maxReplicas": 5, "metrics": [cpu, pods, cpu]},
        "status": {"currentReplicas": 2, "currentMetrics": current}}),
        json!(["x", "Rollout/r", "cpu: 12%/80%, <unknown>/10 + 1 more...", "1", 5, 2, "5m"]),
    );
    check(
        "poddisruptionbudgets",
        json!({"spec": {"maxUnavailable": "25%"}, "status": {"disruptionsAllowed": 1}}),
        json!(["x", "N/A", "25%", 1, "5m"]),
    );
    check(
        "priorityclasses",
        json!({"value": 1000, "preemptionPolicy": "Never"}),
        json!(["x", 1000, false, "5m", "Never"]),
    );
}

#[test]
fn cluster_objects_show_their_state() {
    check(
        "nodes",
        json!({"metadata": {"labels": {"node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/a": ""}}, "spec": {"unschedulable": true},
        "status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1.34.4", "osImage": "L"}, "addresses": [{"type": "InternalIP", "address": "1.2.3.4"}]}}),
        json!([
            "x",
            "Ready,SchedulingDisabled",
            "a,worker",
            "5m",
            "v1.34.4",
            "1.2.3.4",
            "<none>",
            "L",
            "<unknown>",
            "<unknown>"
        ]),
    );
    check(
        "nodes",
        json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}),
        json!(["x", "NotReady", "<none>", "5m", "", "<none>", "<none>", "<unknown>", "<unknown>", "<unknown>"]),
    );
    check("configmaps", json!({"data": {"a": "b"}, "binaryData": {"c": ""}}), json!(["x", 2, "5m"]));
    check("secrets", json!({"type": "Opaque", "data": {"a": ""}}), json!(["x", "Opaque", 1, "5m"]));
    check("namespaces", json!({"status": {"phase": "Active"}}), json!(["x", "Active", "5m"]));
    check("leases", json!({"spec": {"holderIdentity": "h"}}), json!(["x", "h", "5m"]));
    check(
        "events",
        json!({"type": "Normal", "reason": "R", "message": "m\n", "involvedObject": {"kind": "Pod", "name": "p"}, "source": {"component": "kubelet", "host": "n"},
        "firstTimestamp": "2026-01-01T23:00:00Z", "lastTimestamp": "2026-01-01T23:59:50Z", "count": 3}),
        json!(["10s", "Normal", "R", "pod/p", "", "kubelet, n", "m", "60m", 3, "x"]),
    );
    check(
        "events",
        json!({"type": "Normal", "reason": "R", "involvedObject": {"kind": "Node"}, "eventTime": "2026-01-01T23:59:00.000000Z", "reportingComponent": "c"}),
        json!(["60s", "Normal", "R", "node", "", "c", "", "60s", 1, "x"]),
    );
    check("roles", json!({}), json!(["x", "2026-01-01T23:55:00Z"]));
    check(
        "rolebindings",
        json!({"roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s", "namespace": "n"}]}),
        json!(["x", "Role/r", "5m", "u", "", "n/s"]),
    );
    check(
        "persistentvolumeclaims",
        json!({"spec": {"volumeName": "v", "storageClassName": "c", "volumeMode": "Filesystem"}, "status": {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}}}),
        json!(["x", "Bound", "v", "1Gi", "RWO", "c", "<unset>", "5m", "Filesystem"]),
    );
    check(
        "resourcequotas",
        json!({"status": {"hard": {"pods": "5", "limits.cpu": "2"}, "used": {"pods": "1"}}}),
        json!(["x", "pods: 1/5", "limits.cpu: 0/2", "5m"]),
    );
    check(
        "apiservices",
        json!({"status": {"conditions": [{"type": "Available", "status": "True"}]}}),
        json!(["x", "Local", "True", "5m"]),
    );
}

#[test]
fn custom_resources_show_the_columns_of_their_definition() {
    let mut resource = Resource::new(Gvk::new("a.io", "v1", "Foo"), "foos");
    resource.custom = true;
    let object = json!({"metadata": {"name": "x", "creationTimestamp": "2026-01-01T23:58:48Z"}, "spec": {"n": 3, "f": 1.5, "b": true, "list": [1, 2], "s": "t"}});
    assert_eq!(cells(&resource, &object, now()), [json!("x"), json!("72s")]);
    let column = |ty: &str, path: &str| json!({"name": "C", "type": ty, "jsonPath": path, "priority": 1});
    resource.printer_columns = vec![
        column("integer", ".spec.n"),
        column("number", ".spec.f"),
        column("boolean", ".spec.b"),
        column("string", ".spec.list"),
        column("string", ".spec.n"),
        column("integer", ".spec.s"),
        column("string", ".spec.none"),
        column("date", ".metadata.creationTimestamp"),
    ];
    let expected = [
        json!("x"),
        json!(3),
        json!(1.5),
        json!(true),
        json!("[1,2]"),
        json!("3"),
        Value::Null,
        Value::Null,
        json!("72s"),
    ];
    assert_eq!(cells(&resource, &object, now()), expected);
    let definition = &columns(&resource)[1];
    assert_eq!((&definition["priority"], &definition["format"]), (&json!(1), &json!("")));
}

#[test]
fn tables_carry_what_was_asked_for() {
    let pods = resource("pods");
    let pod = json!({"metadata": {"name": "p", "resourceVersion": "5"}, "spec": {}, "status": {"phase": "Succeeded"}});
    let options =
        TableOptions { include: IncludeObject::Metadata, headers: Headers::Columns, version: "v1", now: now() };
    let table = of_list(&pods, &json!({"resourceVersion": "9"}), [&pod], options);
    assert_eq!(
        (&table["kind"], &table["apiVersion"], &table["metadata"]),
        (&json!("Table"), &json!("meta.k8s.io/v1"), &json!({"resourceVersion": "9"}))
    );
    assert_eq!(table["columnDefinitions"][0]["format"], "name");
    assert!(table["columnDefinitions"][5]["description"].as_str().unwrap().contains("IP"));
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    assert_eq!(table["rows"][0]["conditions"][0]["reason"], "Succeeded");
    let next =
        of_object(&pods, &pod, TableOptions { include: IncludeObject::Object, headers: Headers::Absent, ..options });
    assert_eq!((&next["columnDefinitions"], &next["metadata"]["resourceVersion"]), (&Value::Null, &json!("5")));
    assert_eq!(next["rows"][0]["object"]["apiVersion"], "v1");
    let bare = of_object(&pods, &pod, TableOptions { include: IncludeObject::None, ..options });
    assert_eq!(bare["rows"][0]["object"], Value::Null);
}
