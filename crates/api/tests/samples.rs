//! Objects with every field.

use serde_json::{Value, json};

/// A Rollout with every field of both strategies.
pub(crate) fn rollout() -> Value {
    json!({"metadata": {"name": "a", "namespace": "b"}, "spec": spec(), "status": status()})
}

/// An AnalysisTemplate, or a ClusterAnalysisTemplate.
pub(crate) fn analysis_template() -> Value {
    json!({"metadata": {"name": "a"}, "spec": template_spec()})
}

/// An AnalysisRun.
pub(crate) fn analysis_run() -> Value {
    let time = "2026-01-02T03:04:05Z";
    json!({
        "metadata": {"name": "a"},
        "spec": {
            "metrics": metrics(), "args": args(), "terminate": true, "dryRun": [{"metricName": ".*"}],
            "measurementRetention": [{"metricName": "m", "limit": 1}],
            "ttlStrategy": {"secondsAfterCompletion": 0, "secondsAfterFailure": 1, "secondsAfterSuccess": 2},
        },
        "status": {
            "phase": "Running", "message": "m", "startedAt": time, "completedAt": time,
            "metricResults": [{
                "name": "m", "phase": "Running", "message": "m", "count": 1, "successful": 2, "failed": 3,
                "inconclusive": 4, "error": 5, "consecutiveError": 6, "consecutiveSuccess": 7, "dryRun": true,
                "metadata": {"a": "b"},
                "measurements": [{"phase": "Running", "message": "m", "startedAt": time, "finishedAt": time, "value": "1",
                                  "metadata": {"a": "b"}, "resumeAt": time}],
            }],
            "runSummary": {"count": 1, "successful": 2, "failed": 3, "inconclusive": 4, "error": 5},
            "dryRunSummary": {"count": 1, "successful": 2, "failed": 3, "inconclusive": 4, "error": 5},
        },
    })
}

/// An Experiment.
pub(crate) fn experiment() -> Value {
    let time = "2026-01-02T03:04:05Z";
    json!({
        "metadata": {"name": "a"},
        "spec": {
            "templates": [{"name": "t", "replicas": 0, "minReadySeconds": 1, "selector": {"matchLabels": {"app": "x"}},
                           "template": pod_template(), "service": {"name": "s"}}],
            "duration": "1h", "progressDeadlineSeconds": 10, "terminate": true,
            "analyses": [{"name": "n", "templateName": "t", "clusterScope": true, "args": args(),
                          "requiredForCompletion": true}],
            "scaleDownDelaySeconds": 0, "dryRun": [{"metricName": "m"}],
            "measurementRetention": [{"metricName": "m", "limit": 1}], "analysisRunMetadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
        },
        "status": {
            "phase": "Running", "message": "m", "availableAt": time,
            "templateStatuses": [{
                "name": "t", "replicas": 0, "updatedReplicas": 0, "readyReplicas": 0, "availableReplicas": 0,
                "collisionCount": 1, "status": "Running", "message": "m", "lastTransitionTime": time, "serviceName": "s",
                "podTemplateHash": "h",
            }],
            "conditions": [{"type": "Progressing", "status": "True", "lastUpdateTime": time, "lastTransitionTime": time,
                            "reason": "r", "message": "m"}],
            "analysisRuns": [{"name": "n", "analysisRun": "r", "phase": "Running", "message": "m"}],
        },
    })
}

fn pod_template() -> Value {
    json!({
        "metadata": {"labels": {"app": "x"}},
        "spec": {"containers": [{"name": "a", "image": "b", "resources": {"limits": {"cpu": "100m"}}}]},
    })
}

fn rollout_analysis() -> Value {
    json!({
        "templates": [{"templateName": "t", "clusterScope": true}],
        "args": [
            {"name": "a", "value": "v"},
            {"name": "b", "valueFrom": {"podTemplateHashValue": "Latest"}},
            {"name": "c", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['x']"}}},
        ],
        "dryRun": [{"metricName": ".*"}],
        "measurementRetention": [{"metricName": "m", "limit": 3}],
        "analysisRunMetadata": {"labels": {"l": "1"}, "annotations": {"a": "2"}},
    })
}

fn steps() -> Value {
    json!([
        {"setWeight": 0},
        {"pause": {}},
        {"pause": {"duration": 10}},
        {"pause": {"duration": "1h"}},
        {"experiment": {
            "templates": [{
                "name": "t", "specRef": "canary", "replicas": 1, "metadata": {"labels": {"l": "1"}},
                "selector": {"matchLabels": {"app": "x"}}, "weight": 5, "service": {"name": "s"},
            }],
            "duration": "1m",
            "analyses": [{"name": "n", "templateName": "t", "clusterScope": false, "args": rollout_analysis()["args"],
                          "requiredForCompletion": true}],
            "dryRun": [{"metricName": "m"}],
            "analysisRunMetadata": {"labels": {"l": "1"}, "annotations": {"a": "2"}},
            "scaleDownDelaySeconds": 0,
        }},
        {"analysis": rollout_analysis()},
        {"setCanaryScale": {"weight": 25, "replicas": 3, "matchTrafficWeight": true}},
        {"setHeaderRoute": {"name": "h", "match": [
            {"headerName": "x", "headerValue": string_match()}]}},
        {"setMirrorRoute": {"name": "m", "percentage": 50, "match": [
            {"method": string_match(), "path": string_match(), "headers": {"h": string_match()}}]}},
        {"plugin": {"name": "a/b", "config": {"deep": [1, null, {"x": "y"}]}}},
    ])
}

fn traffic_routing() -> Value {
    let virtual_service = json!({
        "name": "vs", "routes": ["r"], "tlsRoutes": [{"port": 443, "sniHosts": ["h"]}], "tcpRoutes": [{"port": 25}],
    });
    json!({
        "istio": {
            "virtualService": virtual_service, "virtualServices": [virtual_service],
            "destinationRule": {"name": "dr", "canarySubsetName": "c", "stableSubsetName": "s",
                                "additionalSubsetNames": ["a"]},
        },
        "nginx": {
            "annotationPrefix": "p", "stableIngress": "i", "additionalIngressAnnotations": {"a": "b"},
            "stableIngresses": ["i"], "canaryIngressAnnotations": {"c": "d"},
        },
        "alb": {
            "ingress": "i", "servicePort": 80, "rootService": "r", "annotationPrefix": "p",
            "stickinessConfig": {"enabled": true, "durationSeconds": 60}, "ingresses": ["i"],
        },
        "smi": {"rootService": "r", "trafficSplitName": "t"},
        "ambassador": {"mappings": ["m"]},
        "appMesh": {
            "virtualService": {"name": "v", "routes": ["r"]},
            "virtualNodeGroup": {"canaryVirtualNodeRef": {"name": "c"}, "stableVirtualNodeRef": {"name": "s"}},
        },
        "traefik": {"weightedTraefikServiceName": "w"},
        "managedRoutes": [{"name": "h"}],
        "apisix": {"route": {"name": "r", "rules": ["x"]}},
        "plugins": {"a/b": {"anything": [1]}},
        "maxTrafficWeight": 1000,
    })
}

fn spec() -> Value {
    let mut background = rollout_analysis();
    background["startingStep"] = json!(2);
    json!({
        "replicas": 0,
        "selector": {"matchLabels": {"app": "x"}, "matchExpressions": [{"key": "k", "operator": "Exists"}]},
        "template": pod_template(),
        "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "scaleDown": "onsuccess"},
        "minReadySeconds": 1,
        "rollbackWindow": {"revisions": 3},
        "revisionHistoryLimit": 0,
        "paused": true,
        "progressDeadlineSeconds": 10,
        "progressDeadlineAbort": true,
        "restartAt": "2026-01-02T03:04:05Z",
        "analysis": {"successfulRunHistoryLimit": 0, "unsuccessfulRunHistoryLimit": 1},
        "strategy": {
            "blueGreen": {
                "activeService": "a", "previewService": "p", "previewReplicaCount": 1, "autoPromotionEnabled": false,
                "autoPromotionSeconds": 5, "maxUnavailable": "25%", "scaleDownDelaySeconds": 0,
                "scaleDownDelayRevisionLimit": 0, "prePromotionAnalysis": rollout_analysis(),
                "antiAffinity": anti_affinity(),
                "postPromotionAnalysis": rollout_analysis(), "previewMetadata": pod_metadata(),
                "activeMetadata": pod_metadata(), "abortScaleDownDelaySeconds": 0,
            },
            "canary": {
                "canaryService": "c", "stableService": "s", "steps": steps(), "trafficRouting": traffic_routing(),
                "maxUnavailable": 1, "maxSurge": "25%",
                "analysis": background,
                "antiAffinity": anti_affinity(),
                "canaryMetadata": pod_metadata(), "stableMetadata": pod_metadata(),
                "scaleDownDelaySeconds": 1, "scaleDownDelayRevisionLimit": 2, "abortScaleDownDelaySeconds": 3,
                "dynamicStableScale": true, "pingPong": {"pingService": "pi", "pongService": "po"},
                "minPodsPerReplicaSet": 2, "replicaProgressThreshold": {"type": "Percent", "value": 90},
            },
        },
    })
}

fn status() -> Value {
    let destination = json!({"weight": 0, "serviceName": "s", "podTemplateHash": "h"});
    let time = "2026-01-02T03:04:05Z";
    let run = json!({"name": "r", "status": "Running", "message": "m"});
    let resource = json!({"name": "n", "arn": "a", "fullName": "f"});
    let alb = json!({
        "loadBalancer": resource, "canaryTargetGroup": resource, "stableTargetGroup": resource, "ingress": "i",
    });
    json!({
        "abort": true,
        "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": time}],
        "controllerPause": true,
        "abortedAt": time,
        "currentPodHash": "a", "currentStepHash": "b",
        "replicas": 1, "updatedReplicas": 2, "readyReplicas": 3, "availableReplicas": 4,
        "currentStepIndex": 0, "collisionCount": 0, "observedGeneration": "7",
        "conditions": [{"type": "Progressing", "status": "True", "lastUpdateTime": time, "lastTransitionTime": time,
                        "reason": "r", "message": ""}],
        "canary": {
            "currentStepAnalysisRunStatus": run, "currentBackgroundAnalysisRunStatus": run, "currentExperiment": "e",
            "weights": {
                "canary": destination, "stable": destination, "additional": [destination], "verified": false,
            },
            "stablePingPong": "ping",
            "stepPluginStatuses": [{
                "index": 0, "name": "a/b", "operation": "Run", "phase": "Running", "message": "m", "startedAt": time,
                "updatedAt": time, "finishedAt": time, "backoff": "30s", "executions": 1, "disabled": true,
                "status": {"id": [1]},
            }],
        },
        "blueGreen": {
            "previewSelector": "p", "activeSelector": "a", "scaleUpPreviewCheckPoint": true,
            "prePromotionAnalysisRunStatus": run, "postPromotionAnalysisRunStatus": run,
        },
        "HPAReplicas": 5, "selector": "app=x", "stableRS": "s", "restartedAt": time, "promoteFull": true,
        "phase": "Paused", "message": "m", "workloadObservedGeneration": "2",
        "alb": alb, "albs": [alb],
        "duration": {
            "rolloutStartedAt": time, "manualPauseStartedAt": time, "totalManualPauseDurationSeconds": 0,
            "finishedAt": time, "completionStatus": "Promoted",
        },
    })
}

fn metrics() -> Value {
    let authentication = json!({
        "sigv4": {"region": "r", "profile": "p", "roleArn": "a"},
        "oauth2": {"tokenUrl": "t", "clientId": "c", "clientSecret": "s", "scopes": ["x"]},
        "basicAuth": {"username": "u", "password": "p"},
    });
    let scope = json!({"scope": "s", "region": "r", "step": 60, "start": "a", "end": "b"});
    json!([
        {
            "name": "all", "interval": "1m", "initialDelay": "5s", "count": "{{args.count}}", "successCondition": "true",
            "failureCondition": "false", "failureLimit": 1, "inconclusiveLimit": "2", "consecutiveErrorLimit": 3,
            "consecutiveSuccessLimit": 4,
            "provider": {"prometheus": {
                "address": "a", "query": "q", "authentication": authentication, "timeout": 0, "insecure": true,
                "headers": [{"key": "k", "value": "v"}], "rangeQuery": {"start": "s", "end": "e", "step": "1m"},
            }},
        },
        {"name": "kayenta", "provider": {"kayenta": {
            "address": "a", "application": "b", "canaryConfigName": "c", "metricsAccountName": "d",
            "configurationAccountName": "e", "storageAccountName": "f", "threshold": {"pass": 90, "marginal": 75},
            "scopes": [{"name": "n", "controlScope": scope, "experimentScope": scope}], "lookback": true,
        }}},
        {"name": "web", "provider": {"web": {
            "method": "POST", "url": "u", "headers": [{"key": "k", "value": ""}], "body": "b", "timeoutSeconds": 5,
            "jsonPath": "{$.a}", "insecure": true, "jsonBody": {"a": [null]}, "authentication": authentication,
        }}},
        {"name": "datadog", "provider": {"datadog": {
            "interval": "5m", "query": "q", "queries": {"a": "b"}, "formula": "f", "apiVersion": "v2", "aggregator": "avg",
            "secretRef": {"name": "n", "namespaced": true}, "requestTimeout": "10s",
        }}},
        {"name": "wavefront", "provider": {"wavefront": {"address": "a", "query": "q"}}},
        {"name": "newRelic", "provider": {"newRelic": {"profile": "p", "query": "q", "timeout": 5}}},
        {"name": "job", "provider": {"job": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {"backoffLimit": 0, "template": {"spec": {"containers": [{"name": "c"}], "restartPolicy": "Never"}}},
        }}},
        {"name": "cloudWatch", "provider": {"cloudWatch": {"interval": "5m", "metricDataQueries": [{
            "id": "a", "expression": "e", "label": "l", "period": "300", "returnData": false,
            "metricStat": {
                "metric": {"dimensions": [{"name": "n", "value": "v"}], "metricName": "m", "namespace": "n"},
                "period": 60, "stat": "Sum", "unit": "Count",
            },
        }]}}},
        {"name": "graphite", "provider": {"graphite": {"address": "a", "query": "q"}}},
        {"name": "influxdb", "provider": {"influxdb": {"profile": "p", "query": "q"}}},
        {"name": "skywalking", "provider": {"skywalking": {"address": "a", "query": "q", "interval": "1m"}}},
        {"name": "plugin", "provider": {"plugin": {"a/b": {"x": 1}}}},
    ])
}

fn args() -> Value {
    json!([
        {"name": "a"},
        {"name": "b", "value": ""},
        {"name": "c", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        {"name": "d", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ])
}

fn template_spec() -> Value {
    json!({
        "metrics": metrics(), "args": args(), "dryRun": [{"metricName": ".*"}],
        "measurementRetention": [{"metricName": "m", "limit": 0}],
        "templates": [{"templateName": "t", "clusterScope": true}],
    })
}

fn anti_affinity() -> Value {
    json!({
        "preferredDuringSchedulingIgnoredDuringExecution": {"weight": 1},
        "requiredDuringSchedulingIgnoredDuringExecution": {},
    })
}

fn pod_metadata() -> Value {
    json!({"labels": {"role": "r"}, "annotations": {"a": "b"}})
}

fn string_match() -> Value {
    json!({"exact": "1", "prefix": "2", "regex": "3"})
}
