use serde_json::{Value, json};

use super::cluster::{Cluster, deployment, replica_set};

fn budget(name: &str, app: &str, limit: Value) -> Value {
    let mut spec = limit;
    spec["selector"] = json!({"matchLabels": {"app": app}});
    json!({"metadata": {"name": name}, "spec": spec})
}

fn numbers(cluster: &Cluster) -> [i64; 4] {
    let status = cluster.get("policy", "poddisruptionbudgets", "web").unwrap()["status"].clone();
    ["expectedPods", "desiredHealthy", "currentHealthy", "disruptionsAllowed"]
        .map(|field| status[field].as_i64().unwrap_or(0))
}

#[tokio::test(start_paused = true)]
async fn a_budget_follows_its_pods() {
    let cluster = Cluster::start(1).await;
    cluster.create("policy", "poddisruptionbudgets", budget("web", "web", json!({"maxUnavailable": 1})));
    cluster.create("apps", "deployments", deployment("web", 3, "image:1", json!({})));
    cluster.pass(2).await;
    assert_eq!(numbers(&cluster), [3, 2, 3, 1]);
    cluster.modify("apps", "deployments", "web", |d| d["spec"]["replicas"] = 5.into());
    cluster.pass(2).await;
    assert_eq!(numbers(&cluster), [5, 4, 5, 1]);
    let condition = &cluster.get("policy", "poddisruptionbudgets", "web").unwrap()["status"]["conditions"][0];
    assert_eq!((&condition["status"], &condition["reason"]), (&json!("True"), &json!("SufficientPods")));
}

#[tokio::test(start_paused = true)]
async fn two_replica_sets_of_an_unknown_owner_add_up() {
    let cluster = Cluster::start(1).await;
    for (name, size) in [("a", 2), ("b", 1)] {
        let mut set = replica_set(name, size);
        set["spec"]["selector"]["matchLabels"]["team"] = "x".into();
        set["spec"]["template"]["metadata"]["labels"]["team"] = "x".into();
        cluster.create("apps", "replicasets", set);
    }
    let mut both = budget("web", "", json!({"minAvailable": "50%"}));
    both["spec"]["selector"] = json!({"matchLabels": {"team": "x"}});
    cluster.create("policy", "poddisruptionbudgets", both);
    cluster.pass(2).await;
    assert_eq!(numbers(&cluster), [3, 2, 3, 1]);
}

#[tokio::test(start_paused = true)]
async fn endpoints_follow_the_pods_of_a_service() {
    let cluster = Cluster::start(1).await;
    cluster.create(
        "",
        "services",
        json!({"metadata": {"name": "web"}, "spec": {
        "selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}}),
    );
    cluster.pass(1).await;
    let slices = cluster.list("discovery.k8s.io", "endpointslices");
    assert_eq!(slices.len(), 1);
    assert_eq!(slices[0]["endpoints"].as_array().map_or(0, Vec::len), 0);
    cluster.create("apps", "replicasets", replica_set("web", 3));
    cluster.pass(1).await;
    let slices = cluster.list("discovery.k8s.io", "endpointslices");
    assert_eq!(slices.len(), 1);
    assert_eq!(slices[0]["ports"], json!([{"name": "http", "port": 8080, "protocol": "TCP"}]));
    let ready = |slice: &Value| {
        slice["endpoints"].as_array().unwrap().iter().filter(|e| e["conditions"]["ready"] == true).count()
    };
    assert_eq!(ready(&slices[0]), 3);
    let endpoints = cluster.get("", "endpoints", "web").unwrap();
    assert_eq!(endpoints["subsets"][0]["addresses"].as_array().unwrap().len(), 3);
    cluster.modify("apps", "replicasets", "web", |set| set["spec"]["replicas"] = 1.into());
    cluster.pass(1).await;
    assert_eq!(ready(&cluster.list("discovery.k8s.io", "endpointslices")[0]), 1);
    cluster.delete("", "services", "web", crate::registry::Propagation::Background);
    cluster.pass(1).await;
    assert!(cluster.list("discovery.k8s.io", "endpointslices").is_empty());
    assert!(cluster.get("", "endpoints", "web").is_none());
}
