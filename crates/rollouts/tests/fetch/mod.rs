//! What the command line fetches is what the controller sees.

use k8s_openapi::{
    api::{
        apps::v1::{Deployment, ReplicaSet},
        core::v1::{Pod, Service},
        networking::v1::Ingress,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, PostParams},
};
use serde_json::{Value, json};
use tiphys_api::Rollout;
use tiphys_clock::Clock;
use tiphys_rollouts::{
    observe::fetch,
    plan::{Settings, plan},
};
use tiphys_sandbox::{Sandbox, SandboxOptions};
use tiphys_traffic::Resource;

async fn put<K: kube::Resource<DynamicType = ()>>(client: &Client, object: Value) -> DynamicObject {
    let resource = ApiResource::erase::<K>(&());
    let api: Api<DynamicObject> = if resource.kind == "CustomResourceDefinition" {
        Api::all_with(client.clone(), &resource)
    } else {
        Api::namespaced_with(client.clone(), "default", &resource)
    };
    api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap()
}

/// A sandbox with the kinds of this project, but none of a mesh.
async fn sandbox() -> (Sandbox, Client, Clock) {
    let clock = Clock::starting_at("2026-03-01T10:00:00Z".parse().unwrap());
    let sandbox = Sandbox::start(&SandboxOptions { clock, seed: 1, nodes: 1, data: None }).unwrap();
    let client = Client::new(sandbox.service(), "default");
    for definition in tiphys_api::crds::crds() {
        put::<CustomResourceDefinition>(&client, definition).await;
    }
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    (sandbox, client, clock)
}

fn rollout(spec: &Value) -> Value {
    let mut full = json!({
        "replicas": 2, "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}},
    });
    crate::world::merge(&mut full, spec);
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "web"}, "spec": full})
}

#[tokio::test(start_paused = true)]
async fn fetch_finds_what_a_rollout_names_and_owns() {
    let (_sandbox, client, _) = sandbox().await;
    assert!(fetch(&client, "default", "web").await.unwrap().is_none(), "no such Rollout");
    let canary = json!({
        "stableService": "stable", "canaryService": "canary",
        "trafficRouting": {"nginx": {"stableIngress": "site"}},
    });
    let made = put::<Rollout>(&client, rollout(&json!({"strategy": {"canary": canary}}))).await;
    let labels = json!({"app": "web", "rollouts-pod-template-hash": "abc"});
    let owner = json!([{
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web", "uid": made.metadata.uid, "controller": true,
    }]);
    let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}});
    let set = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": "web-abc", "labels": labels, "ownerReferences": owner},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template},
    });
    put::<ReplicaSet>(&client, set).await;
    for name in ["stable", "canary", "unrelated"] {
        let spec = json!({"selector": {"app": "web"}, "ports": [{"port": 80}]});
        put::<Service>(
            &client,
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}),
        )
        .await;
    }
    let path =
        json!({"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "stable", "port": {"number": 80}}}});
    let ingress = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "site"},
        "spec": {"rules": [{"host": "a.io", "http": {"paths": [path]}}]},
    });
    put::<Ingress>(&client, ingress).await;
    tokio::time::sleep(std::time::Duration::from_secs(30)).await;
    let seen = fetch(&client, "default", "web").await.unwrap().unwrap();
    let names: Vec<&str> = seen.replica_sets.iter().map(|set| set.name.as_str()).collect();
    assert_eq!(names, ["web-abc"]);
    assert_eq!(seen.pods.len(), 2, "made by the ReplicaSet");
    assert_eq!(seen.services.keys().collect::<Vec<_>>(), ["canary", "stable"]);
    let kind = Resource::new("networking.k8s.io", "v1", "Ingress", "ingresses");
    assert!(seen.routing.get(&kind.named("default", "site")).is_some());
    let pods: Api<Pod> = Api::default_namespaced(client);
    assert_eq!(pods.list(&kube::api::ListParams::default()).await.unwrap().items.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn fetch_says_which_kind_is_not_installed() {
    let (_sandbox, client, clock) = sandbox().await;
    let canary = json!({"trafficRouting": {"istio": {"virtualService": {"name": "mesh"}, "destinationRule": {
        "name": "rule", "canarySubsetName": "canary", "stableSubsetName": "stable",
    }}}});
    put::<Rollout>(&client, rollout(&json!({"strategy": {"canary": canary}}))).await;
    let seen = fetch(&client, "default", "web").await.unwrap().unwrap();
    let kind = Resource::new("networking.istio.io", "v1alpha3", "VirtualService", "virtualservices");
    assert_eq!(seen.routing.unreadable(&kind), Some("the kind is not installed"));
    assert!(!plan(&seen, clock.now(), &Settings::default()).is_settled());
}

#[tokio::test(start_paused = true)]
async fn fetch_follows_the_reference_to_a_workload() {
    let (_sandbox, client, _) = sandbox().await;
    let template =
        json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:7"}]}});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "legacy"},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": template},
    });
    put::<Deployment>(&client, deployment).await;
    let reference = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "legacy"});
    let mut object = rollout(&json!({"workloadRef": reference, "strategy": {"canary": {}}}));
    object["spec"].as_object_mut().unwrap().remove("template");
    put::<Rollout>(&client, object).await;
    let seen = fetch(&client, "default", "web").await.unwrap().unwrap();
    let workload = seen.workload.unwrap();
    assert_eq!(workload.template["spec"]["containers"][0]["image"], "web:7");
}
