//! Measures a plan for a canary with 20 steps and a router: `cargo run --release -p tiphys-rollouts --example plan_cost`.

use std::{
    error::Error,
    io::{Write, stdout},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tiphys_rollouts::{
    observe::{Observed, Parts, assemble},
    plan::{Settings, plan},
};
use tiphys_traffic::{Objects, Resource};
use tokio::time::Instant;

const ROUNDS: u32 = 20_000;
const PODS: usize = 20;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (seen, now) = in_mid_update()?;
    let settings = Settings::default();
    let first = plan(&seen, now, &settings);
    let start = Instant::now();
    for _ in 0..ROUNDS {
        let _ = std::hint::black_box(plan(std::hint::black_box(&seen), now, &settings));
    }
    let each = start.elapsed() / ROUNDS;
    let start = Instant::now();
    for _ in 0..ROUNDS / 10 {
        std::hint::black_box(in_mid_update()?);
    }
    let assembled = start.elapsed() / (ROUNDS / 10);
    writeln!(
        stdout(),
        "a plan for 20 steps, {PODS} pods and a router: {each:.1?} ({} steps, settled: {}); making its picture: {assembled:.1?}",
        first.steps.len(),
        first.is_settled(),
    )?;
    Ok(())
}

/// The tenth step of twenty: half of the users are on the new version, in a pause.
fn in_mid_update() -> Result<(Observed, Timestamp), Box<dyn Error>> {
    let now: Timestamp = "2026-03-01T10:00:00Z".parse()?;
    let mut stored = rollout();
    let mut sets = Vec::new();
    let mut pods = Vec::new();
    for (version, hash, size) in [("v1", "5d9c7f6b4", PODS), ("v2", "7b8d5c9f6", PODS / 2)] {
        sets.push(Arc::new(serde_json::from_value(replica_set(version, hash, size))?));
        for n in 0..size {
            pods.push(Arc::new(serde_json::from_value(pod(version, hash, n))?));
        }
    }
    stored["status"]["currentStepHash"] =
        json!(tiphys_api::hash::steps(&stored["spec"]["strategy"]["canary"]["steps"]));
    let services = [("stable", "5d9c7f6b4"), ("canary", "7b8d5c9f6")];
    let services: Result<Vec<_>, _> =
        services.iter().map(|(name, hash)| serde_json::from_value(service(name, hash)).map(Arc::new)).collect();
    let ingress = Resource::new("networking.k8s.io", "v1", "Ingress", "ingresses");
    let mut routing = Objects::default();
    routing.insert(ingress.named("shop", "site"), self::ingress("site", "stable"));
    routing.insert(ingress.named("shop", "web-site-canary"), self::ingress("web-site-canary", "canary"));
    let parts = Parts {
        rollout: stored,
        replica_sets: sets,
        pods: Some(pods),
        services: services?,
        routing,
        ..Parts::default()
    };
    Ok((assemble(parts), now + SignedDuration::from_mins(1)))
}

fn rollout() -> Value {
    let steps: Vec<Value> =
        (1..=10).flat_map(|n| [json!({"setWeight": n * 10}), json!({"pause": {"duration": "10m"}})]).collect();
    let weights = json!({
        "canary": {"weight": 50, "serviceName": "canary", "podTemplateHash": "7b8d5c9f6"},
        "stable": {"weight": 50, "serviceName": "stable", "podTemplateHash": "5d9c7f6b4"},
    });
    let time = "2026-03-01T10:00:00Z";
    let condition = |kind: &str, status: &str, reason: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": "", "lastUpdateTime": time, "lastTransitionTime": time,
        })
    };
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {
            "name": "web", "namespace": "shop", "uid": "web", "generation": 2, "resourceVersion": "7",
            "creationTimestamp": time, "annotations": {"rollout.argoproj.io/revision": "2"},
        },
        "spec": {
            "replicas": PODS, "selector": {"matchLabels": {"app": "web"}}, "template": template("v2"),
            "strategy": {"canary": {
                "canaryService": "canary", "stableService": "stable", "steps": steps,
                "trafficRouting": {"nginx": {"stableIngress": "site"}},
            }},
        },
        "status": {
            "currentPodHash": "7b8d5c9f6", "stableRS": "5d9c7f6b4", "currentStepIndex": 9, "observedGeneration": "2",
            "replicas": PODS + PODS / 2, "updatedReplicas": PODS / 2, "readyReplicas": PODS + PODS / 2,
            "availableReplicas": PODS + PODS / 2, "controllerPause": true, "phase": "Paused", "message": "CanaryPauseStep",
            "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": time}], "canary": {"weights": weights},
            "conditions": [
                condition("Available", "True", "AvailableReason"), condition("Progressing", "Unknown", "RolloutPaused"),
                condition("Paused", "True", "RolloutPaused"), condition("Completed", "False", "RolloutCompleted"),
            ],
        },
    })
}

fn template(version: &str) -> Value {
    let env: Vec<Value> = (0..20).map(|n| json!({"name": format!("SETTING_{n}"), "value": "some value"})).collect();
    let probe = json!({"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 5});
    let resources = json!({"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "256Mi"}});
    json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [
            {"name": "web", "image": version, "env": env, "readinessProbe": probe, "resources": resources},
            {"name": "side", "image": "proxy:1", "resources": resources},
        ]},
    })
}

fn replica_set(version: &str, hash: &str, size: usize) -> Value {
    let labels = json!({"app": "web", "rollouts-pod-template-hash": hash});
    let mut template = template(version);
    template["metadata"]["labels"] = labels.clone();
    let revision = if version == "v1" { "1" } else { "2" };
    json!({
        "metadata": {
            "name": format!("web-{hash}"), "namespace": "shop", "uid": version, "labels": labels, "generation": 1,
            "creationTimestamp": format!("2026-03-01T09:0{revision}:00Z"), "resourceVersion": "5",
            "annotations": {
                "rollout.argoproj.io/revision": revision, "rollout.argoproj.io/desired-replicas": PODS.to_string(),
                "tiphys.dev/stable-record": "web-5d9c7f6b4",
            },
            "ownerReferences": [owner("argoproj.io/v1alpha1", "Rollout", "web", "web")],
        },
        "spec": {"replicas": size, "selector": {"matchLabels": labels}, "template": template},
        "status": {"replicas": size, "readyReplicas": size, "availableReplicas": size, "observedGeneration": 1},
    })
}

fn pod(version: &str, hash: &str, n: usize) -> Value {
    json!({
        "metadata": {
            "name": format!("web-{hash}-{n}"), "namespace": "shop", "uid": format!("{version}-{n}"),
            "labels": {"app": "web", "rollouts-pod-template-hash": hash}, "creationTimestamp": "2026-03-01T09:30:00Z",
            "ownerReferences": [owner("apps/v1", "ReplicaSet", &format!("web-{hash}"), version)],
        },
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-03-01T09:31:00Z"}],
        },
    })
}

fn owner(version: &str, kind: &str, name: &str, uid: &str) -> Value {
    json!({"apiVersion": version, "kind": kind, "name": name, "uid": uid, "controller": true})
}

fn service(name: &str, hash: &str) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": "shop", "uid": name, "annotations": {"argo-rollouts.argoproj.io/managed-by-rollouts": "web"},
        },
        "spec": {"selector": {"app": "web", "rollouts-pod-template-hash": hash}},
    })
}

fn ingress(name: &str, service: &str) -> Value {
    let mut object = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "namespace": "shop", "uid": name, "resourceVersion": "3"},
        "spec": {"ingressClassName": "nginx", "rules": [{"host": "a.io", "http": {"paths": [
            {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 80}}}},
        ]}}]},
    });
    if name != "site" {
        let uid = "web";
        object["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web", "uid": uid, "controller": true,
            "blockOwnerDeletion": true,
        }]);
        object["metadata"]["annotations"] =
            json!({"nginx.ingress.kubernetes.io/canary": "true", "nginx.ingress.kubernetes.io/canary-weight": "50"});
    }
    object
}
