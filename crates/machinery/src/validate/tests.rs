use serde_json::{Value, json};

use super::*;
use crate::{defaults, resource::builtin, strategy};

fn resource(plural: &str) -> Resource {
    builtin().into_iter().find(|r| r.plural == plural).unwrap()
}

fn texts(causes: &[Cause]) -> Vec<String> {
    causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
}

/// Makes an object as a create would.
fn made(plural: &str, mut object: Value) -> Value {
    let resource = resource(plural);
    object["metadata"]["name"] = object["metadata"].get("name").cloned().unwrap_or_else(|| json!("x"));
    object["metadata"]["namespace"] = json!("n");
    object["metadata"]["uid"] = json!("u");
    defaults::apply(&mut object, &resource.stored);
    strategy::prepare_create(&mut object, &resource);
    object
}

#[track_caller]
fn check(plural: &str, object: Value, expected: &[&str]) {
    assert_eq!(texts(&create(&made(plural, object), &resource(plural))), expected);
}

#[track_caller]
fn check_update(plural: &str, old: Value, change: impl Fn(&mut Value), expected: &[&str]) {
    let old = made(plural, old);
    let mut new = old.clone();
    change(&mut new);
    strategy::prepare_update(&mut new, &old, &resource(plural));
    assert_eq!(texts(&update(&new, &old, &resource(plural))), expected);
}

fn template() -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "a", "image": "i"}]}})
}

fn workload(more: &Value) -> Value {
    let mut spec = json!({"selector": {"matchLabels": {"app": "web"}}, "template": template()});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"spec": spec})
}

#[test]
fn deployments_are_checked() {
    check("deployments", workload(&json!({})), &[]);
    check(
        "deployments",
        json!({"spec": {"template": template()}}),
        &[
            "spec.selector: Required value",
            "spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does not match template `labels`",
        ],
    );
    check(
        "deployments",
        workload(&json!({"selector": {"matchLabels": {"app": "db"}}})),
        &[
            "spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does not match template `labels`",
        ],
    );
    check(
        "deployments",
        workload(&json!({"selector": {}})),
        &["spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
    );
    check(
        "deployments",
        workload(&json!({"replicas": -1})),
        &["spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
    );
    check(
        "deployments",
        workload(&json!({"strategy": {"type": "Recreate", "rollingUpdate": {}}})),
        &["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
    );
    check(
        "deployments",
        workload(&json!({"strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": "0%"}}})),
        &["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"],
    );
    check(
        "deployments",
        workload(&json!({"strategy": {"rollingUpdate": {"maxUnavailable": "150%", "maxSurge": "x"}}})),
        &[
            "spec.strategy.rollingUpdate.maxSurge: Invalid value: \"x\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
            "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"150%\": must not be greater than 100%",
        ],
    );
    check(
        "deployments",
        workload(&json!({"minReadySeconds": 600})),
        &["spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds"],
    );
    let mut never = workload(&json!({}));
    never["spec"]["template"]["spec"]["restartPolicy"] = json!("Never");
    check(
        "deployments",
        never,
        &["spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\""],
    );
    check_update("deployments", workload(&json!({})), |d| d["spec"]["replicas"] = json!(5), &[]);
    let relabel = |d: &mut Value| {
        d["spec"]["selector"]["matchLabels"] = json!({"app": "db"});
        d["spec"]["template"]["metadata"]["labels"] = json!({"app": "db"});
    };
    check_update(
        "deployments",
        workload(&json!({})),
        relabel,
        &["spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"db\"}}: field is immutable"],
    );
}

#[test]
fn other_workloads_are_checked() {
    check("replicasets", workload(&json!({})), &[]);
    check("daemonsets", workload(&json!({})), &[]);
    check(
        "daemonsets",
        workload(&json!({"updateStrategy": {"rollingUpdate": {"maxSurge": 1}}})),
        &[
            "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero",
        ],
    );
    check("replicationcontrollers", json!({"spec": {"template": template()}}), &[]);
    let claims = json!([{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]);
    let mut set = workload(&json!({"serviceName": "web", "volumeClaimTemplates": claims}));
    set["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "data", "mountPath": "/d"}]);
    check("statefulsets", set.clone(), &[]);
    check(
        "statefulsets",
        workload(&json!({"podManagementPolicy": "Random"})),
        &["spec.podManagementPolicy: Invalid value: \"Random\": must be 'OrderedReady' or 'Parallel'"],
    );
    check_update("statefulsets", set.clone(), |s| s["spec"]["replicas"] = json!(3), &[]);
    check_update(
        "statefulsets",
        set,
        |s| s["spec"]["serviceName"] = json!("other"),
        &[
            "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
        ],
    );
    check("controllerrevisions", json!({"revision": 1}), &["data: Required value: data is mandatory"]);
}

#[test]
fn status_counts_fit_together() {
    let status = json!({"status": {"replicas": 1, "readyReplicas": 2, "availableReplicas": 3}});
    assert_eq!(
        texts(&update_status(&status, &json!({}), &resource("deployments"))),
        [
            "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas",
            "status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas",
            "status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas",
        ]
    );
}

fn pod() -> Value {
    json!({"spec": {"containers": [{"name": "a", "image": "i"}]}})
}

#[test]
fn pods_are_checked() {
    check("pods", pod(), &[]);
    check("pods", json!({"spec": {}}), &["spec.containers: Required value"]);
    check(
        "pods",
        json!({"spec": {"containers": [{"name": "a", "image": " i"}]}}),
        &["spec.containers[0].image: Invalid value: \" i\": must not have leading or trailing whitespace"],
    );
    check(
        "pods",
        json!({"spec": {"containers": [{"name": "a", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/v"}],
        "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}}]}}),
        &[
            "spec.containers[0].volumeMounts[0].name: Not found: \"v\"",
            "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1",
        ],
    );
}

#[test]
fn a_pod_changes_little() {
    check_update("pods", pod(), |p| p["spec"]["containers"][0]["image"] = json!("j"), &[]);
    check_update("pods", pod(), |p| p["spec"]["tolerations"] = json!([{"key": "k", "operator": "Exists"}]), &[]);
    check_update("pods", pod(), |p| p["metadata"]["labels"] = json!({"a": "b"}), &[]);
    check_update(
        "pods",
        pod(),
        |p| p["spec"]["containers"] = json!([]),
        &[
            "spec.containers: Required value",
            "spec.containers: Forbidden: pod updates may not add or remove containers",
        ],
    );
    check_update(
        "pods",
        pod(),
        |p| p["spec"]["nodeName"] = json!("n"),
        &[
            "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\nchanged: spec.nodeName",
        ],
    );
    let mut gated = pod();
    gated["spec"]["schedulingGates"] = json!([{"name": "g"}]);
    check_update("pods", gated.clone(), |p| p["spec"]["nodeSelector"] = json!({"z": "1"}), &[]);
    check_update("pods", gated.clone(), |p| p["spec"]["schedulingGates"] = json!([]), &[]);
    check_update(
        "pods",
        gated,
        |p| p["spec"]["schedulingGates"] = json!([{"name": "g"}, {"name": "h"}]),
        &["spec.schedulingGates: Forbidden: only deletion is allowed, but found new scheduling gates 'h'"],
    );
}

fn job(more: &Value) -> Value {
    let mut spec =
        json!({"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "i"}]}}});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"spec": spec})
}

#[test]
fn jobs_are_checked() {
    check("jobs", job(&json!({})), &[]);
    let mut always = job(&json!({}));
    always["spec"]["template"]["spec"]["restartPolicy"] = json!("Always");
    check(
        "jobs",
        always,
        &["spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\""],
    );
    check(
        "jobs",
        job(&json!({"selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "other"}}})),
        &[
            "spec.selector: Invalid value: {\"matchLabels\":{\"batch.kubernetes.io/controller-uid\":\"other\"}}: `selector` not auto-generated",
            "spec.template.metadata.labels: Invalid value: {\"batch.kubernetes.io/controller-uid\":\"u\",\"batch.kubernetes.io/job-name\":\"x\",\"controller-uid\":\"u\",\"job-name\":\"x\"}: `selector` does not match template `labels`",
        ],
    );
    check(
        "jobs",
        job(&json!({"completionMode": "Indexed", "parallelism": 1})),
        &["spec.completions: Required value: when completion mode is Indexed"],
    );
    check(
        "jobs",
        job(&json!({"backoffLimitPerIndex": 1})),
        &["spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"],
    );
    check_update("jobs", job(&json!({})), |j| j["spec"]["parallelism"] = json!(0), &[]);
    check_update(
        "jobs",
        job(&json!({})),
        |j| j["spec"]["completions"] = json!(2),
        &["spec.completions: Invalid value: 2: field is immutable"],
    );
    let indexed = json!({"completionMode": "Indexed", "completions": 2, "parallelism": 2});
    check_update(
        "jobs",
        job(&indexed),
        |j| j["spec"]["completions"] = json!(3),
        &["spec.completions: Invalid value: 3: can only be modified in tandem with spec.parallelism"],
    );
    let suspended = json!({"suspend": true});
    check_update("jobs", job(&suspended), |j| j["spec"]["template"]["spec"]["nodeSelector"] = json!({"a": "b"}), &[]);
    let image = |j: &mut Value| j["spec"]["template"]["spec"]["containers"][0]["image"] = json!("j");
    let old = made("jobs", job(&json!({})));
    let mut new = old.clone();
    image(&mut new);
    let causes = update(&new, &old, &resource("jobs"));
    assert!(causes[0].field == "spec.template" && causes[0].message.ends_with(": field is immutable"), "{causes:?}");
}

#[test]
fn a_finished_job_says_so_completely() {
    let status = |conditions: &[&str], more: Value| {
        let list: Vec<Value> = conditions.iter().map(|c| json!({"type": c, "status": "True"})).collect();
        let mut status = json!({"conditions": list});
        status.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"status": status})
    };
    let jobs = resource("jobs");
    let at = "2026-01-01T00:00:00Z";
    let done = status(&["SuccessCriteriaMet", "Complete"], json!({"startTime": at, "completionTime": at}));
    assert_eq!(texts(&update_status(&done, &json!({}), &jobs)), [""; 0]);
    let failed = status(&["Failed"], json!({"startTime": at}));
    assert_eq!(
        texts(&update_status(&failed, &json!({}), &jobs)),
        ["status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition",]
    );
    assert_eq!(
        texts(&update_status(&json!({"status": {}}), &done, &jobs)),
        ["status.conditions: Invalid value: cannot disable the terminal Complete=True condition",]
    );
}

#[test]
fn cron_jobs_are_checked() {
    let cron = |more: Value| {
        let mut spec = json!({"schedule": "* * * * *", "jobTemplate": job(&json!({}))});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"spec": spec})
    };
    check("cronjobs", cron(json!({})), &[]);
    check(
        "cronjobs",
        cron(json!({"schedule": "* * *"})),
        &["spec.schedule: Invalid value: \"* * *\": expected exactly 5 fields, found 3: [* * *]"],
    );
    check(
        "cronjobs",
        cron(json!({"schedule": "TZ=UTC * * * * *"})),
        &[
            "spec.schedule: Invalid value: \"TZ=UTC * * * * *\": cannot use TZ or CRON_TZ in schedule, use timeZone field instead",
        ],
    );
    check(
        "cronjobs",
        cron(json!({"timeZone": "No/ /Where"})),
        &["spec.timeZone: Invalid value: \"No/ /Where\": unknown time zone No/ /Where"],
    );
    check(
        "cronjobs",
        cron(json!({"concurrencyPolicy": "Maybe"})),
        &["spec.concurrencyPolicy: Unsupported value: \"Maybe\": supported values: \"Allow\", \"Forbid\", \"Replace\""],
    );
    let mut long = cron(json!({}));
    long["metadata"] = json!({"name": "a".repeat(53)});
    assert_eq!(
        texts(&create(&made("cronjobs", long), &resource("cronjobs"))),
        [format!("metadata.name: Invalid value: \"{}\": must be no more than 52 characters", "a".repeat(53))]
    );
}

fn service(more: &Value) -> Value {
    let mut spec = json!({"ports": [{"port": 80}]});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"spec": spec})
}

#[test]
fn services_are_checked() {
    check("services", service(&json!({})), &[]);
    check("services", service(&json!({"clusterIP": "None", "ports": []})), &[]);
    check("services", service(&json!({"ports": []})), &["spec.ports: Required value"]);
    check(
        "services",
        service(&json!({"ports": [{"port": 80}, {"port": 80, "name": "b"}]})),
        &["spec.ports[0].name: Required value", "spec.ports[1]: Duplicate value: {\"port\":80,\"protocol\":\"TCP\"}"],
    );
    check(
        "services",
        service(&json!({"ports": [{"port": 0, "targetPort": 8080, "nodePort": 30000}]})),
        &[
            "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
            "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
        ],
    );
    check("services", service(&json!({"type": "ExternalName", "ports": []})), &["spec.externalName: Required value"]);
    check(
        "services",
        service(&json!({"type": "Magic"})),
        &[
            "spec.type: Unsupported value: \"Magic\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"",
        ],
    );
    check(
        "services",
        service(&json!({"clusterIP": "x"})),
        &["spec.clusterIPs[0]: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"],
    );
    let given = service(&json!({"clusterIP": "10.96.0.7"}));
    check_update("services", given.clone(), |s| s["spec"]["clusterIP"] = json!(""), &[]);
    check_update(
        "services",
        given.clone(),
        |s| s["spec"]["clusterIP"] = json!("10.96.0.8"),
        &["spec.clusterIPs[0]: Invalid value: [\"10.96.0.8\"]: may not change once set"],
    );
    let external = |s: &mut Value| {
        s["spec"]["type"] = json!("ExternalName");
        s["spec"]["externalName"] = json!("e.com");
    };
    check_update("services", given, external, &[]);
}

#[test]
fn ingresses_and_policies_are_checked() {
    let backend = json!({"service": {"name": "s", "port": {"number": 80}}});
    let ingress = |path: Value| json!({"spec": {"rules": [{"host": "a.b", "http": {"paths": [path]}}]}});
    check("ingresses", ingress(json!({"path": "/", "pathType": "Prefix", "backend": backend})), &[]);
    check(
        "ingresses",
        ingress(json!({"path": "/", "backend": backend})),
        &["spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"],
    );
    check(
        "ingresses",
        ingress(json!({"path": "x//", "pathType": "Exact", "backend": {}})),
        &[
            "spec.rules[0].http.paths[0].path: Invalid value: \"x//\": must be an absolute path",
            "spec.rules[0].http.paths[0].path: Invalid value: \"x//\": must not contain '//'",
            "spec.rules[0].http.paths[0].backend: Invalid value: \"\": resource or service backend is required",
        ],
    );
    check(
        "ingresses",
        json!({"spec": {}}),
        &["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"],
    );
    check(
        "ingressclasses",
        json!({"spec": {"controller": "nginx"}}),
        &["spec.controller: Invalid value: \"nginx\": must be a domain-prefixed path (such as \"acme.io/foo\")"],
    );
    check(
        "networkpolicies",
        json!({"spec": {"podSelector": {}, "ingress": [{"from": [{}], "ports": [{"port": 70000}]}]}}),
        &[
            "spec.ingress[0].ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive",
            "spec.ingress[0].from[0]: Required value: must specify a peer",
        ],
    );
    check(
        "endpointslices",
        json!({"addressType": "IPv4", "endpoints": [{"addresses": ["::1"]}, {"addresses": []}]}),
        &[
            "endpoints[0].addresses: Invalid value: \"::1\": must be an IPv4 address",
            "endpoints[1].addresses: Required value: must contain at least 1 address",
        ],
    );
    check(
        "endpoints",
        json!({"subsets": [{"addresses": [{"ip": "127.0.0.1"}], "ports": [{"port": 80}]}]}),
        &[
            "subsets[0].addresses[0].ip: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, ::1/128)",
        ],
    );
}

#[test]
fn configuration_is_checked() {
    check(
        "configmaps",
        json!({"data": {"a": "b"}, "binaryData": {"a": ""}}),
        &["data[a]: Invalid value: \"a\": duplicate of key present in binaryData"],
    );
    check_update(
        "configmaps",
        json!({"immutable": true, "data": {"a": "b"}}),
        |c| c["data"]["a"] = json!("c"),
        &["data: Forbidden: field is immutable when `immutable` is set"],
    );
    check("secrets", json!({"type": "kubernetes.io/tls", "data": {"tls.crt": ""}}), &["data[tls.key]: Required value"]);
    check_update("secrets", json!({}), |s| s["type"] = json!("x"), &["type: Invalid value: \"x\": field is immutable"]);
    check(
        "leases",
        json!({"spec": {"leaseDurationSeconds": 0, "leaseTransitions": -1}}),
        &[
            "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
            "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
        ],
    );
    check(
        "persistentvolumeclaims",
        json!({"spec": {}}),
        &[
            "spec.accessModes: Required value: at least 1 access mode is required",
            "spec.resources[storage]: Required value",
        ],
    );
    check("storageclasses", json!({}), &["provisioner: Required value"]);
}

#[test]
fn scaling_is_checked() {
    let hpa = |spec: Value| json!({"spec": spec});
    let target = json!({"kind": "Rollout", "name": "r", "apiVersion": "argoproj.io/v1alpha1"});
    check("horizontalpodautoscalers", hpa(json!({"scaleTargetRef": target, "maxReplicas": 3})), &[]);
    check(
        "horizontalpodautoscalers",
        hpa(json!({"scaleTargetRef": target, "minReplicas": 5, "maxReplicas": 3, "metrics": [{"type": "Pods"}]})),
        &[
            "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`",
            "spec.metrics[0].pods: Required value: must populate information for the given metric source",
        ],
    );
    check(
        "poddisruptionbudgets",
        json!({"spec": {"minAvailable": 1, "maxUnavailable": "110%"}}),
        &[
            "spec: Invalid value: {\"MinAvailable\":1,\"Selector\":null,\"MaxUnavailable\":\"110%\",\"UnhealthyPodEvictionPolicy\":null}: minAvailable and maxUnavailable cannot be both set",
            "spec.maxUnavailable: Invalid value: \"110%\": must not be greater than 100%",
        ],
    );
    check(
        "priorityclasses",
        json!({"value": 1_000_000_001}),
        &["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"],
    );
    check_update(
        "priorityclasses",
        json!({"value": 1}),
        |p| p["value"] = json!(2),
        &["value: Forbidden: may not be changed in an update."],
    );
}

#[test]
fn roles_are_checked() {
    check(
        "roles",
        json!({"rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}, {"nonResourceURLs": ["/x"]}]}),
        &[
            "rules[1].verbs: Required value: verbs must contain at least one value",
            "rules[1].nonResourceURLs: Invalid value: [\"/x\"]: namespaced rules cannot apply to non-resource URLs",
        ],
    );
    let binding = json!({"roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "User", "name": "u"}]});
    check("rolebindings", binding.clone(), &[]);
    check_update(
        "rolebindings",
        binding,
        |b| b["roleRef"]["name"] = json!("s"),
        &[
            "roleRef: Invalid value: {\"APIGroup\":\"rbac.authorization.k8s.io\",\"Kind\":\"Role\",\"Name\":\"s\"}: cannot change roleRef",
        ],
    );
}

#[test]
fn events_are_checked_by_the_group_they_come_through() {
    let find = |group: &str| builtin().into_iter().find(|r| r.plural == "events" && r.gvk.group == group).unwrap();
    let old_form = json!({"metadata": {"namespace": "n"}, "involvedObject": {"namespace": "m"}});
    assert_eq!(
        texts(&create(&old_form, &find(""))),
        ["involvedObject.namespace: Invalid value: \"m\": does not match event.namespace"]
    );
    let new_form = json!({"metadata": {"namespace": "n"}, "involvedObject": {"namespace": "n"}, "eventTime": "2026-01-01T00:00:00.000000Z",
        "type": "Odd", "reason": "R", "action": "A", "reportingInstance": "i", "reportingComponent": "c"});
    assert_eq!(
        texts(&create(&new_form, &find("events.k8s.io"))),
        ["type: Invalid value: \"\": has invalid value: Odd"]
    );
    assert_eq!(texts(&create(&new_form, &find(""))), [""; 0]);
}
