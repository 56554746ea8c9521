use serde_json::{Value, json};

use super::cluster::{Cluster, deployment, replica_set, template};
use crate::registry::Propagation;

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn a_replica_set_becomes_ready_grows_and_shrinks() {
    let cluster = Cluster::start(1).await;
    cluster.create("apps", "replicasets", replica_set("web", 5));
    cluster.pass(1).await;
    let status = |cluster: &Cluster| cluster.get("apps", "replicasets", "web").unwrap()["status"].clone();
    assert_eq!(
        status(&cluster),
        json!({"replicas": 5, "fullyLabeledReplicas": 5, "readyReplicas": 5, "availableReplicas": 5, "observedGeneration": 1})
    );
    assert_eq!(cluster.events("SuccessfulCreate").len(), 5);
    cluster.modify("apps", "replicasets", "web", |set| set["spec"]["replicas"] = 2.into());
    cluster.pass(1).await;
    assert_eq!((cluster.list("", "pods").len(), cluster.events("SuccessfulDelete").len()), (2, 3));
    assert_eq!(int(&status(&cluster)["observedGeneration"]), 2);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_pod_is_replaced_while_it_still_stops() {
    let cluster = Cluster::start(1).await;
    cluster.create("apps", "replicasets", replica_set("web", 1));
    cluster.pass(1).await;
    let pod = cluster.list("", "pods")[0]["metadata"]["name"].as_str().unwrap().to_owned();
    cluster.delete("", "pods", &pod, Propagation::Background);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let pods = cluster.list("", "pods");
    assert_eq!(pods.len(), 2, "the old one stops, the new one starts");
    cluster.pass(1).await;
    let names: Vec<_> = cluster.list("", "pods").iter().map(|p| p["metadata"]["name"].clone()).collect();
    assert!(names.len() == 1 && names[0] != pod.as_str());
}

#[tokio::test(start_paused = true)]
async fn pods_are_adopted_and_released_by_their_labels() {
    let cluster = Cluster::start(1).await;
    let mut orphan = template("web", "image:1");
    orphan["metadata"]["name"] = "orphan".into();
    cluster.create("", "pods", orphan);
    cluster.create("apps", "replicasets", replica_set("web", 2));
    cluster.pass(1).await;
    assert_eq!(cluster.list("", "pods").len(), 2);
    assert_eq!(cluster.get("", "pods", "orphan").unwrap()["metadata"]["ownerReferences"][0]["name"], "web");
    cluster.modify("", "pods", "orphan", |pod| pod["metadata"]["labels"]["app"] = "debug".into());
    cluster.pass(1).await;
    assert_eq!(cluster.list("", "pods").len(), 3);
    assert!(cluster.get("", "pods", "orphan").unwrap()["metadata"].get("ownerReferences").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_pod_counts_as_available_only_after_its_minimum() {
    let cluster = Cluster::start(1).await;
    let mut set = replica_set("web", 1);
    set["spec"]["minReadySeconds"] = 30.into();
    cluster.create("apps", "replicasets", set);
    let status = |cluster: &Cluster| cluster.get("apps", "replicasets", "web").unwrap()["status"].clone();
    cluster.pass(25).await;
    assert_eq!((int(&status(&cluster)["readyReplicas"]), int(&status(&cluster)["availableReplicas"])), (1, 0));
    cluster.pass(10).await;
    assert_eq!(int(&status(&cluster)["availableReplicas"]), 1);
}

#[tokio::test(start_paused = true)]
async fn a_rolling_update_stays_within_surge_and_unavailable() {
    let mut cluster = Cluster::start(7).await;
    let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2, "maxUnavailable": 1}});
    cluster.create("apps", "deployments", deployment("web", 6, "image:1", strategy));
    cluster.pass(2).await;
    cluster.history();
    let before = cluster.list("apps", "replicasets");
    cluster.modify("apps", "deployments", "web", |d| {
        d["spec"]["template"]["spec"]["containers"][0]["image"] = "image:2".into();
    });
    cluster.pass(5).await;
    let mut sets = std::collections::BTreeMap::new();
    for set in [before, cluster.states("replicasets")].concat() {
        sets.insert(set["metadata"]["name"].to_string(), set);
        let sum = |pointer: &str| sets.values().map(|s| s.pointer(pointer).map_or(0, int)).sum::<i64>();
        assert!(sum("/spec/replicas") <= 8, "surge");
        assert!(sum("/status/availableReplicas") >= 5, "available");
    }
    let done = cluster.get("apps", "deployments", "web").unwrap();
    assert_eq!(done["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "2");
    assert_eq!((int(&done["status"]["updatedReplicas"]), int(&done["status"]["availableReplicas"])), (6, 6));
    let progressing = done["status"]["conditions"].as_array().unwrap().iter().find(|c| c["type"] == "Progressing");
    assert_eq!(progressing.unwrap()["reason"], "NewReplicaSetAvailable");
    assert_eq!(cluster.list("", "pods").len(), 6);
    assert!(cluster.events("ScalingReplicaSet")[0].ends_with(" from 0 to 6"));
}

#[tokio::test(start_paused = true)]
async fn going_back_reuses_the_replica_set_under_a_new_revision() {
    let cluster = Cluster::start(1).await;
    cluster.create("apps", "deployments", deployment("web", 2, "image:1", json!({"type": "Recreate"})));
    cluster.pass(2).await;
    for image in ["image:2", "image:1"] {
        cluster.modify("apps", "deployments", "web", |d| {
            d["spec"]["template"]["spec"]["containers"][0]["image"] = image.into();
        });
        cluster.pass(3).await;
    }
    let sets = cluster.list("apps", "replicasets");
    assert_eq!(sets.len(), 2);
    let active = sets.iter().find(|set| set["spec"]["replicas"] == 2).unwrap();
    let annotations = &active["metadata"]["annotations"];
    assert_eq!(annotations["deployment.kubernetes.io/revision"], "3");
    assert_eq!(annotations["deployment.kubernetes.io/revision-history"], "1");
    assert_eq!(int(&cluster.get("apps", "deployments", "web").unwrap()["status"]["availableReplicas"]), 2);
}

#[tokio::test(start_paused = true)]
async fn a_paused_deployment_scales_but_does_not_roll() {
    let cluster = Cluster::start(1).await;
    cluster.create("apps", "deployments", deployment("web", 2, "image:1", json!({})));
    cluster.pass(2).await;
    cluster.modify("apps", "deployments", "web", |d| {
        d["spec"]["paused"] = true.into();
        d["spec"]["replicas"] = 4.into();
        d["spec"]["template"]["spec"]["containers"][0]["image"] = "image:2".into();
    });
    cluster.pass(2).await;
    assert_eq!((cluster.list("apps", "replicasets").len(), cluster.list("", "pods").len()), (1, 4));
    cluster.modify("apps", "deployments", "web", |d| d["spec"]["paused"] = false.into());
    cluster.pass(3).await;
    assert_eq!(int(&cluster.get("apps", "deployments", "web").unwrap()["status"]["updatedReplicas"]), 4);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_history() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let mut cluster = Cluster::start(42).await;
        cluster.create("apps", "deployments", deployment("web", 4, "image:1", json!({})));
        cluster.create(
            "",
            "services",
            json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}),
        );
        cluster.pass(2).await;
        cluster.modify("apps", "deployments", "web", |d| {
            d["spec"]["template"]["spec"]["containers"][0]["image"] = "image:2".into();
        });
        cluster.pass(3).await;
        cluster.delete("apps", "deployments", "web", Propagation::Foreground);
        cluster.pass(3).await;
        assert!(cluster.list("", "pods").is_empty());
        runs.push(cluster.history());
    }
    assert!(runs[0].len() > 50);
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test(start_paused = true)]
async fn a_settled_cluster_writes_nothing_more() {
    let mut cluster = Cluster::start(1).await;
    cluster.create("apps", "deployments", deployment("web", 3, "image:1", json!({})));
    cluster.create(
        "",
        "services",
        json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}),
    );
    cluster.pass(2).await;
    cluster.history();
    cluster.pass(1800).await;
    assert_eq!(cluster.history(), Vec::<String>::new());
}
