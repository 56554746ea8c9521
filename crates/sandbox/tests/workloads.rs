//! Workloads other than Deployments, on simulated nodes.

use serde_json::{Value, json};

use crate::world::{World, text};

fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "main", "image": image}]}})
}

fn stateful_set(replicas: i64) -> Value {
    json!({"metadata": {"name": "db"}, "spec": {
        "replicas": replicas, "serviceName": "db", "selector": {"matchLabels": {"app": "a"}}, "template": template("db:1"),
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]}})
}

fn set_image(world: &World, plural: &str, name: &str, image: &str) {
    world.edit("apps", plural, name, |set| {
        set["spec"]["template"]["spec"]["containers"][0]["image"] = image.into();
    });
}

fn names(pods: &[(String, String, bool)]) -> Vec<&str> {
    pods.iter().map(|(name, _, _)| name.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_stateful_set_starts_one_pod_after_another_with_bound_claims() {
    let world = World::start(2).await;
    let mut set = stateful_set(3);
    set["spec"]["template"]["metadata"]["annotations"] = json!({"sandbox.tiphys.dev/ready-delay": "5s"});
    world.create("apps", "statefulsets", set);
    world.pass(7.0).await;
    assert_eq!(names(&world.pods()), ["db-0", "db-1"], "the second waits for the first");
    world.pass(10.0).await;
    let pods = world.pods();
    assert!(names(&pods) == ["db-0", "db-1", "db-2"] && pods.iter().all(|(_, _, ready)| *ready));
    let claims = world.list("", "persistentvolumeclaims");
    let bound: Vec<_> = claims.iter().map(|c| (text(&c["metadata"]["name"]), text(&c["status"]["phase"]))).collect();
    assert_eq!(bound, ["data-db-0", "data-db-1", "data-db-2"].map(|name| (name.to_owned(), "Bound".to_owned())));
    let pod = world.get("", "pods", "db-1");
    assert_eq!(pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"], "1");
    assert_eq!(pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"], "data-db-1");
    let status = world.get("apps", "statefulsets", "db")["status"].clone();
    assert_eq!((&status["readyReplicas"], &status["currentReplicas"]), (&json!(3), &json!(3)));
    assert_eq!(world.events("SuccessfulCreate").len(), 6);
    world.edit("apps", "statefulsets", "db", |set| set["spec"]["replicas"] = 1.into());
    world.pass(10.0).await;
    assert_eq!(names(&world.pods()), ["db-0"]);
    assert_eq!(world.list("", "persistentvolumeclaims").len(), 3, "claims stay by default");
}

#[tokio::test(start_paused = true)]
async fn a_stateful_set_updates_down_to_its_partition_and_back() {
    let world = World::start(2).await;
    world.create("apps", "statefulsets", stateful_set(3));
    world.pass(10.0).await;
    world.edit("apps", "statefulsets", "db", |set| {
        set["spec"]["updateStrategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 1}});
        set["spec"]["template"]["spec"]["containers"][0]["image"] = "db:2".into();
    });
    world.pass(20.0).await;
    let images = |world: &World| world.pods().into_iter().map(|(_, image, _)| image).collect::<Vec<_>>();
    assert_eq!(images(&world), ["db:1", "db:2", "db:2"]);
    let status = world.get("apps", "statefulsets", "db")["status"].clone();
    assert_eq!((&status["updatedReplicas"], &status["currentReplicas"]), (&json!(2), &json!(1)));
    world.edit("apps", "statefulsets", "db", |set| {
        set["spec"]["updateStrategy"]["rollingUpdate"]["partition"] = 0.into();
    });
    world.pass(20.0).await;
    assert_eq!(images(&world), ["db:2"; 3]);
    let revisions = world.list("apps", "controllerrevisions");
    assert_eq!(revisions.len(), 2);
    let first = revisions.iter().find(|revision| revision["revision"] == 1).unwrap();
    let back = first["data"]["spec"]["template"].clone();
    assert_eq!(back["$patch"], "replace");
    set_image(&world, "statefulsets", "db", "db:1");
    world.pass(20.0).await;
    assert_eq!(images(&world), ["db:1"; 3]);
    let revisions = world.list("apps", "controllerrevisions");
    let mut numbers: Vec<_> = revisions.iter().map(|revision| revision["revision"].as_i64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [2, 3], "the first one comes again under a new number");
}

#[tokio::test(start_paused = true)]
async fn claims_go_with_scaled_down_pods_where_asked_for() {
    let world = World::start(1).await;
    let mut set = stateful_set(2);
    set["spec"]["persistentVolumeClaimRetentionPolicy"] = json!({"whenScaled": "Delete", "whenDeleted": "Delete"});
    world.create("apps", "statefulsets", set);
    world.pass(10.0).await;
    world.edit("apps", "statefulsets", "db", |set| set["spec"]["replicas"] = 1.into());
    world.pass(5.0).await;
    assert_eq!((world.list("", "persistentvolumeclaims").len(), world.list("", "persistentvolumes").len()), (1, 1));
    world.delete("apps", "statefulsets", "db");
    world.pass(5.0).await;
    assert_eq!((world.pods().len(), world.list("", "persistentvolumes").len()), (0, 0));
}

fn daemon_set() -> Value {
    json!({"metadata": {"name": "agent"}, "spec": {
        "selector": {"matchLabels": {"app": "a"}}, "template": template("agent:1")}})
}

fn by_node(world: &World) -> Vec<(String, String)> {
    let pods = world.list("", "pods");
    let mut all: Vec<_> =
        pods.iter().map(|pod| (text(&pod["spec"]["nodeName"]), text(&pod["spec"]["containers"][0]["image"]))).collect();
    all.sort();
    all
}

#[tokio::test(start_paused = true)]
async fn a_daemon_set_follows_the_nodes_and_updates_one_by_one() {
    let world = World::start(3).await;
    world.edit("", "nodes", "node-3", |node| {
        node["spec"]["taints"] = json!([{"key": "k", "effect": "NoSchedule"}]);
    });
    world.create("apps", "daemonsets", daemon_set());
    world.pass(5.0).await;
    let on = |nodes: &[&str], image: &str| -> Vec<(String, String)> {
        nodes.iter().map(|node| ((*node).to_owned(), image.to_owned())).collect()
    };
    assert_eq!(by_node(&world), on(&["node-1", "node-2"], "agent:1"));
    world.edit("", "nodes", "node-3", |node| node["spec"]["taints"] = json!([]));
    world.pass(5.0).await;
    assert_eq!(by_node(&world), on(&["node-1", "node-2", "node-3"], "agent:1"));
    set_image(&world, "daemonsets", "agent", "agent:2");
    for _ in 0..100 {
        world.pass(0.05).await;
        let status = world.get("apps", "daemonsets", "agent")["status"].clone();
        let unavailable = status["numberUnavailable"].as_i64().unwrap_or(0);
        assert!(unavailable <= 1, "{status}");
    }
    assert_eq!(by_node(&world), on(&["node-1", "node-2", "node-3"], "agent:2"));
    let status = world.get("apps", "daemonsets", "agent")["status"].clone();
    let numbers = ["desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable", "observedGeneration"];
    assert_eq!(numbers.map(|field| status[field].clone()), [json!(3), json!(3), json!(3), json!(2)]);
    assert_eq!(world.list("apps", "controllerrevisions").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_cron_job_keeps_its_times_and_its_limits() {
    let world = World::start(1).await;
    let job = json!({"spec": {"template": {"spec": {"restartPolicy": "Never",
        "containers": [{"name": "main", "image": "job:1", "command": ["sleep", "90"]}]}}}});
    world.create(
        "batch",
        "cronjobs",
        json!({"metadata": {"name": "tick"}, "spec": {
        "schedule": "*/5 * * * *", "timeZone": "Europe/Berlin", "concurrencyPolicy": "Forbid",
        "successfulJobsHistoryLimit": 2, "jobTemplate": job}}),
    );
    world.pass(60.0).await;
    let names = |world: &World| -> Vec<String> {
        world.list("batch", "jobs").iter().map(|job| text(&job["metadata"]["name"])).collect()
    };
    let at = |minute: &str| {
        let time: jiff::Timestamp = format!("2026-01-02T{minute}:00Z").parse().unwrap();
        format!("tick-{}", time.as_second() / 60)
    };
    assert_eq!(names(&world), [at("03:05")]);
    let found = world.get("batch", "cronjobs", "tick");
    assert_eq!(found["status"]["active"].as_array().unwrap().len(), 1);
    assert_eq!(found["status"]["lastScheduleTime"], "2026-01-02T03:05:00Z");
    let stamp =
        &world.list("batch", "jobs")[0]["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"];
    assert_eq!(stamp, "2026-01-02T04:05:00+01:00");
    world.pass(1200.0).await;
    assert_eq!(names(&world), [at("03:15"), at("03:20"), at("03:25")], "two finished ones are kept");
    assert_eq!(world.get("batch", "cronjobs", "tick")["status"]["lastSuccessfulTime"], "2026-01-02T03:21:30Z");
    world.edit("batch", "cronjobs", "tick", |cron| cron["spec"]["suspend"] = true.into());
    world.pass(1200.0).await;
    assert_eq!(names(&world), [at("03:20"), at("03:25")]);
}

#[tokio::test(start_paused = true)]
async fn a_node_renews_its_lease_as_often_as_it_is_told() {
    let world = World::start(1).await;
    let renewed = |world: &World| {
        let leases = world.sandbox.registry().resource("coordination.k8s.io", "leases").unwrap();
        world.sandbox.registry().get(&leases, "kube-node-lease", "node-1").unwrap().value()["spec"]["renewTime"].clone()
    };
    let first = renewed(&world);
    world.pass(600.0).await;
    assert_eq!(renewed(&world), first, "an idle node is quiet");
    world.edit("", "nodes", "node-1", |node| {
        node["metadata"]["annotations"] = json!({"sandbox.tiphys.dev/renew-lease": "10s"});
    });
    world.pass(65.0).await;
    assert_eq!(renewed(&world), "2026-01-02T03:15:06.000000Z");
}
