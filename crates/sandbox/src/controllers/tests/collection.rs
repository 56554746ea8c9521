use serde_json::json;

use super::cluster::{Cluster, deployment, replica_set};
use crate::registry::Propagation;

#[tokio::test(start_paused = true)]
async fn dependents_go_after_their_owner() {
    let cluster = Cluster::start(1).await;
    cluster.create("apps", "deployments", deployment("web", 2, "image:1", json!({})));
    cluster.pass(2).await;
    cluster.delete("apps", "deployments", "web", Propagation::Background);
    assert!(cluster.get("apps", "deployments", "web").is_none());
    cluster.pass(1).await;
    assert!(cluster.list("apps", "replicasets").is_empty() && cluster.list("", "pods").is_empty());
}

#[tokio::test(start_paused = true)]
async fn dependents_go_before_their_owner_in_the_foreground() {
    let cluster = Cluster::start(1).await;
    cluster.create("apps", "deployments", deployment("web", 2, "image:1", json!({})));
    cluster.pass(2).await;
    cluster.delete("apps", "deployments", "web", Propagation::Foreground);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(cluster.get("apps", "deployments", "web").is_some(), "it waits for its pods");
    assert!(cluster.list("", "pods").iter().all(|pod| !pod["metadata"]["deletionTimestamp"].is_null()));
    cluster.pass(1).await;
    assert!(cluster.get("apps", "deployments", "web").is_none());
    assert!(cluster.list("apps", "replicasets").is_empty() && cluster.list("", "pods").is_empty());
}

#[tokio::test(start_paused = true)]
async fn orphans_stay_and_lose_their_reference() {
    let cluster = Cluster::start(1).await;
    cluster.create("apps", "replicasets", replica_set("web", 2));
    cluster.pass(1).await;
    cluster.delete("apps", "replicasets", "web", Propagation::Orphan);
    cluster.pass(1).await;
    assert!(cluster.get("apps", "replicasets", "web").is_none());
    let pods = cluster.list("", "pods");
    assert_eq!(pods.len(), 2);
    assert!(pods.iter().all(|pod| pod["metadata"].get("ownerReferences").is_none()));
}

#[tokio::test(start_paused = true)]
async fn an_object_with_another_owner_only_loses_the_dead_reference() {
    let cluster = Cluster::start(1).await;
    let alive = cluster.create("", "configmaps", json!({"metadata": {"name": "alive"}}));
    let owner = |name: &str, uid: &serde_json::Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid});
    let owners = json!([owner("alive", &alive["metadata"]["uid"]), owner("dead", &json!("no-such-uid"))]);
    cluster.create("", "configmaps", json!({"metadata": {"name": "child", "ownerReferences": owners}}));
    let lost = json!([owner("dead", &json!("no-such-uid"))]);
    cluster.create("", "configmaps", json!({"metadata": {"name": "lost", "ownerReferences": lost}}));
    cluster.pass(1).await;
    let child = cluster.get("", "configmaps", "child").unwrap();
    assert_eq!(child["metadata"]["ownerReferences"].as_array().unwrap().len(), 1);
    assert!(cluster.get("", "configmaps", "lost").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_namespace_is_furnished_and_emptied() {
    let cluster = Cluster::start(1).await;
    assert!(cluster.get("", "serviceaccounts", "default").is_some());
    assert!(cluster.get("", "configmaps", "kube-root-ca.crt").is_some());
    cluster.create("apps", "deployments", deployment("web", 2, "image:1", json!({})));
    cluster.create("", "configmaps", json!({"metadata": {"name": "held", "finalizers": ["example.com/hold"]}}));
    cluster.pass(2).await;
    cluster.delete("", "namespaces", "ns", Propagation::Background);
    cluster.pass(2).await;
    let namespace = cluster.get("", "namespaces", "ns").unwrap();
    assert_eq!(namespace["status"]["phase"], "Terminating");
    let conditions = namespace["status"]["conditions"].as_array().unwrap();
    let message = |r#type: &str| conditions.iter().find(|c| c["type"] == r#type).unwrap()["message"].clone();
    assert_eq!(
        message("NamespaceContentRemaining"),
        "Some resources are remaining: configmaps. has 1 resource instances"
    );
    assert_eq!(
        message("NamespaceFinalizersRemaining"),
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
    );
    cluster.modify("", "configmaps", "held", |object| object["metadata"]["finalizers"] = json!([]));
    cluster.pass(1).await;
    assert_eq!(cluster.get("", "namespaces", "ns"), None);
    assert!(cluster.list("", "pods").is_empty());
}

#[tokio::test(start_paused = true)]
async fn events_end_after_an_hour() {
    let cluster = Cluster::start(1).await;
    cluster.create("apps", "replicasets", replica_set("web", 1));
    cluster.pass(1800).await;
    assert_eq!(cluster.list("", "events").len(), 1);
    cluster.pass(2200).await;
    assert!(cluster.list("", "events").is_empty());
}
