//! The list of permissions against what the controller really asks.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use tiphys_rollouts::permissions::{self, Permission};
use tiphys_runtime::leader::{Config, Election};

use super::{Trial, rollout, service, template};

const V1: &str = "argoproj.io/v1alpha1";

fn listed(permissions: &[Permission]) -> BTreeSet<String> {
    let each = permissions.iter().flat_map(|permission| {
        let dot = if permission.group.is_empty() { "" } else { "." };
        let resources = permission.resources.iter();
        resources.flat_map(move |resource| {
            permission.verbs.iter().map(move |verb| format!("{verb} {resource}{dot}{}", permission.group))
        })
    });
    each.collect()
}

fn release(name: &str, image: &str) -> Value {
    json!({"spec": {"template": template(name, image)}})
}

/// A canary with everything: Services, metadata by role, a record of its stable template, history, restarts, events twice.
async fn canary(trial: &Trial) {
    trial.create(service("stable", "web")).await;
    trial.create(service("canary", "web")).await;
    trial.create(service("other", "web")).await;
    let mut web = rollout(
        "web",
        json!({"canary": {
            "stableService": "stable", "canaryService": "canary", "canaryMetadata": {"labels": {"role": "canary"}},
            "stableMetadata": {"labels": {"role": "stable"}}, "steps": [{"setWeight": 50}, {"pause": {}}],
        }}),
    );
    web["spec"]["revisionHistoryLimit"] = json!(0);
    trial.create(web).await;
    trial.phase("web", "Healthy").await;
    trial.change("web", release("web", "web:2")).await;
    let paused = trial.phase("web", "Paused").await;
    let stable = format!("web-{}", paused["status"]["stableRS"].as_str().unwrap());
    trial.delete("apps/v1", "ReplicaSet", &stable).await;
    trial.until("whole again", "web", |object| object["status"]["availableReplicas"] == 2).await;
    // The same events again within minutes are counted instead of written.
    for _ in 0..2 {
        trial.change_status("web", json!({"abort": true})).await;
        trial.phase("web", "Degraded").await;
        trial.change_status("web", json!({"abort": false})).await;
        trial.phase("web", "Paused").await;
    }
    trial.change_status("web", json!({"promoteFull": true})).await;
    trial.phase("web", "Healthy").await;
    // Times are whole seconds: a pod made in the second of the restart is no old one.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let now = tiphys_machinery::time::seconds(trial.clock.now());
    trial.change("web", json!({"spec": {"restartAt": now}})).await;
    trial.until("restarted", "web", |object| object["status"]["restartedAt"] == object["spec"]["restartAt"]).await;
    trial.change("web", json!({"spec": {"strategy": {"canary": {"stableService": "other"}}}})).await;
    trial.phase("web", "Healthy").await;
    trial.delete(V1, "Rollout", "web").await;
}

/// Rollouts that take their template from elsewhere.
async fn references(trial: &Trial) {
    let spec =
        json!({"replicas": 2, "selector": {"matchLabels": {"app": "base"}}, "template": template("base", "web:1")});
    trial
        .create(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "base"}, "spec": spec}))
        .await;
    let held = template("held", "web:1");
    trial
        .create(json!({"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "held"}, "template": held}))
        .await;
    for (name, version, kind) in [("base", "apps/v1", "Deployment"), ("held", "v1", "PodTemplate")] {
        let mut object = rollout(name, json!({"canary": {}}));
        object["spec"].as_object_mut().unwrap().remove("template");
        object["spec"]["workloadRef"] =
            json!({"apiVersion": version, "kind": kind, "name": name, "scaleDown": "onsuccess"});
        trial.create(object).await;
        trial.phase(name, "Healthy").await;
    }
}

/// A canary whose step is an Experiment with a Service and an analysis, which is ended and tried again.
async fn experiment(trial: &Trial) {
    let metric = json!({"name": "m", "provider": {"job": {"spec": {"template": template("job", "job:1")}}}});
    trial
        .create(json!({"apiVersion": V1, "kind": "AnalysisTemplate", "metadata": {"name": "check"}, "spec": {"metrics": [metric]}}))
        .await;
    let analysis = json!({"name": "check", "templateName": "check"});
    let trying = json!({"name": "canary", "specRef": "canary", "service": {}});
    let step = json!({"experiment": {"templates": [trying], "analyses": [analysis], "scaleDownDelaySeconds": 5}});
    let mut tried = rollout("tried", json!({"canary": {"steps": [step]}}));
    let ports = json!([{"containerPort": 80}]);
    tried["spec"]["template"]["spec"]["containers"][0]["ports"] = ports.clone();
    trial.create(tried).await;
    trial.phase("tried", "Healthy").await;
    let mut next = release("tried", "web:2");
    next["spec"]["template"]["spec"]["containers"][0]["ports"] = ports;
    trial.change("tried", next).await;
    let at_step =
        trial.until("trying", "tried", |object| object["status"]["canary"]["currentExperiment"].is_string()).await;
    let name = at_step["status"]["canary"]["currentExperiment"].as_str().unwrap().to_owned();
    tokio::time::sleep(Duration::from_secs(30)).await;
    trial.change_status("tried", json!({"abort": true})).await;
    trial.phase("tried", "Degraded").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    trial.change("tried", json!({"spec": {"analysis": {"successfulRunHistoryLimit": 0}}})).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(trial.api(V1, "Experiment").get_opt(&name).await.unwrap().is_none(), "{name} is beyond the limit");
}

#[tokio::test(start_paused = true)]
async fn every_request_is_listed_and_no_listed_verb_is_unused() {
    let trial = Trial::start().await;
    let lease = Config {
        namespace: super::NAMESPACE.to_owned(),
        name: "argo-rollouts-controller-lock".to_owned(),
        identity: "test".to_owned(),
        lease_duration: Duration::from_secs(15),
        renew_deadline: Duration::from_secs(10),
        retry_period: Duration::from_secs(2),
    };
    let mut election = Election::new(trial.noted.clone(), trial.clock, lease);
    election.acquire().await;
    let _ = tokio::time::timeout(Duration::from_secs(5), election.hold()).await;
    canary(&trial).await;
    references(&trial).await;
    experiment(&trial).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let mut asked = trial.asked();
    // A server that does not begin a watch with the present objects is asked for a list.
    let lists: Vec<String> =
        asked.iter().filter_map(|one| Some(format!("list {}", one.strip_prefix("watch ")?))).collect();
    asked.extend(lists);
    let needed_in_a_race = |verb: &String| verb.starts_with("get ");
    let mut always = listed(permissions::experiments());
    always.retain(|verb| !needed_in_a_race(verb));
    always.extend(listed(permissions::controller()));
    let sometimes = [permissions::analyses(), permissions::experiments(), permissions::routers()].concat();
    let allowed: BTreeSet<String> = always.union(&listed(&sometimes)).cloned().collect();
    let refused: Vec<&String> = asked.difference(&allowed).collect();
    let unused: Vec<&String> = always.difference(&asked).collect();
    assert!(refused.is_empty() && unused.is_empty(), "not listed: {refused:?}\nlisted, but not used: {unused:?}");
    trial.stop().await;
}
