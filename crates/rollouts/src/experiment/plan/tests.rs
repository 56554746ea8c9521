use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;
use tiphys_api::{Stored, types::AnalysisTemplateSpec};

use super::*;
use crate::{
    experiment::{
        action::Action,
        observe::{Recall, Wanted},
    },
    observe::ReplicaSetView,
};

/// An Experiment and what it owns, in memory.
struct World {
    experiment: Value,
    sets: BTreeMap<String, Value>,
    services: BTreeMap<String, Value>,
    runs: BTreeMap<String, Value>,
    recall: Recall,
    lent: BTreeSet<String>,
    templates: BTreeMap<String, AnalysisTemplateSpec>,
    now: Timestamp,
    is_broken: bool,
    events: Vec<String>,
    told_owner: usize,
}

impl World {
    fn new(spec: &Value) -> Self {
        let metadata = json!({"name": "trial", "namespace": "shop", "uid": "e", "ownerReferences": [
            {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web", "uid": "r"},
        ]});
        let template = json!({"metrics": [{"name": "m", "provider": {"job": {}}}], "args": [{"name": "hash"}]});
        Self {
            experiment: json!({"metadata": metadata, "spec": spec, "status": {}}),
            sets: BTreeMap::new(),
            services: BTreeMap::new(),
            runs: BTreeMap::new(),
            recall: Recall::default(),
            lent: BTreeSet::new(),
            templates: BTreeMap::from([("check".to_owned(), serde_json::from_value(template).unwrap())]),
            now: "2026-03-01T10:00:00Z".parse().unwrap(),
            is_broken: false,
            events: Vec::new(),
            told_owner: 0,
        }
    }

    fn observed(&self) -> Observed {
        let set = |object: &Value| ReplicaSetView::new(Arc::new(serde_json::from_value(object.clone()).unwrap()), None);
        let service = |object: &Value| Arc::new(serde_json::from_value(object.clone()).unwrap());
        let run = |(name, object): (&String, &Value)| (name.clone(), serde_json::from_value(object.clone()).unwrap());
        Observed {
            experiment: Stored::new(self.experiment.clone()),
            replica_sets: self.sets.values().map(set).collect(),
            services: self.services.values().map(service).collect(),
            lent_services: self.lent.clone(),
            runs: self.runs.iter().map(run).collect(),
            templates: tiphys_analysis::template::Templates {
                namespaced: self.templates.clone(),
                ..Default::default()
            },
            recall: self.recall.clone(),
        }
    }

    #[track_caller]
    fn settle(&mut self) {
        let plan = self.settled();
        assert!(plan.is_settled());
    }

    /// Plans and acts until nothing is left to do, then pods become available and it goes on.
    #[track_caller]
    fn settled(&mut self) -> Plan {
        for _ in 0..100 {
            let plan = plan(&self.observed(), self.now);
            if plan.is_settled() && !self.make_pods() {
                return plan;
            }
            self.act(plan);
        }
        panic!("it never settles: {}", self.experiment["status"]);
    }

    fn act(&mut self, plan: Plan) {
        for step in plan.steps {
            self.events.extend(step.event.map(|note| note.reason));
            self.carry_out(step.action);
        }
        if let Some(patch) = plan.status {
            merge_into(&mut self.experiment, &patch);
        }
        self.events.extend(plan.events.into_iter().map(|note| note.reason));
        self.told_owner += plan.owner_events.len();
    }

    fn carry_out(&mut self, action: Action) {
        let keep = |all: &mut BTreeMap<String, Value>, name: String, mut object: Value| {
            object["metadata"]["uid"] = json!(name);
            assert!(all.insert(name, object).is_none(), "created twice");
        };
        match action {
            Action::CreateReplicaSet { name, object, .. } => keep(&mut self.sets, name, object),
            Action::CreateService { name, object, .. } => keep(&mut self.services, name, object),
            Action::CreateRun { name, object, .. } => keep(&mut self.runs, name, object),
            Action::ScaleReplicaSet { target, from, to } => {
                let set = self.sets.get_mut(&target.name).unwrap();
                assert_eq!(set["spec"]["replicas"], from);
                set["spec"]["replicas"] = json!(to);
            }
            Action::AnnotateReplicaSet { target, patch } => {
                merge_into(self.sets.get_mut(&target.name).unwrap(), &patch);
            }
            Action::DeleteService(target) => drop(self.services.remove(&target.name).unwrap()),
            Action::TerminateRun(target) => {
                let run = self.runs.get_mut(&target.name).unwrap();
                run["spec"]["terminate"] = json!(true);
                run["status"] = json!({"phase": "Successful"});
            }
        }
    }

    /// Returns whether any ReplicaSet changed.
    fn make_pods(&mut self) -> bool {
        let mut is_changed = false;
        for set in self.sets.values_mut() {
            let wanted = set["spec"]["replicas"].as_i64().unwrap();
            let available = if self.is_broken { 0 } else { wanted };
            let status = json!({"replicas": wanted, "readyReplicas": available, "availableReplicas": available});
            is_changed |= set["status"] != status;
            set["status"] = status;
        }
        is_changed
    }

    fn pass_time(&mut self, seconds: i64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }

    fn end_run(&mut self, name: &str, phase: &str) {
        self.runs.get_mut(name).unwrap()["status"] = json!({"phase": phase, "message": "measured"});
    }

    fn phase(&self) -> &str {
        self.experiment["status"]["phase"].as_str().unwrap()
    }

    fn size(&self, name: &str) -> i64 {
        self.sets[name]["spec"]["replicas"].as_i64().unwrap()
    }
}

fn merge_into(object: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else { return object.clone_from(patch) };
    if !object.is_object() {
        *object = json!({});
    }
    for (key, value) in fields {
        if value.is_null() {
            object.as_object_mut().unwrap().remove(key);
        } else {
            merge_into(&mut object[key.as_str()], value);
        }
    }
}

fn template(name: &str) -> Value {
    json!({
        "name": name,
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "service": {},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [
            {"name": "web", "image": "web:1", "ports": [{"containerPort": 8080}]},
        ]}},
    })
}

fn analysis(name: &str, is_required: bool) -> Value {
    let hash = json!([{"name": "hash", "value": "{{templates.canary.podTemplateHash}}"}]);
    json!({"name": name, "templateName": "check", "requiredForCompletion": is_required, "args": hash})
}

#[test]
fn it_runs_its_time_and_scales_down_after_a_delay() {
    let mut world = World::new(&json!({"duration": "5m", "templates": [template("baseline"), template("canary")]}));
    let plan = world.settled();
    assert_eq!((world.phase(), world.size("trial-canary")), ("Running", 2));
    assert_eq!(plan.requeue, Some("2026-03-01T10:05:00Z".parse().unwrap()));
    let hashes: Vec<&Value> =
        world.sets.values().map(|set| &set["metadata"]["labels"]["rollouts-pod-template-hash"]).collect();
    assert_ne!(hashes[0], hashes[1], "equal templates have pods that can be told apart");
    assert_eq!(world.services["trial-canary"]["spec"]["selector"]["rollouts-pod-template-hash"], *hashes[1]);
    assert_eq!(world.services["trial-canary"]["spec"]["ports"][0]["port"], 8080);
    world.pass_time(300);
    let plan = world.settled();
    assert_eq!((world.phase(), world.size("trial-canary")), ("Successful", 2));
    assert_eq!(plan.requeue, Some("2026-03-01T10:05:30Z".parse().unwrap()), "pods stay for 30 s");
    world.pass_time(30);
    world.settle();
    assert_eq!((world.size("trial-canary"), world.services.len()), (0, 0));
    let condition = &world.experiment["status"]["conditions"][0];
    assert_eq!((&condition["status"], &condition["reason"]), (&json!("False"), &json!("ExperimentCompleted")));
    for reason in ["ExperimentPending", "ExperimentRunning", "ExperimentSuccessful", "TemplateRunning"] {
        assert!(world.events.iter().any(|told| told == reason), "{reason} in {:?}", world.events);
    }
}

#[test]
fn analyses_begin_when_pods_are_there_and_decide() {
    for (name, phase, required, expected) in [
        ("a required success completes", "Successful", true, "Successful"),
        ("a failure fails", "Failed", true, "Failed"),
        ("an optional failure fails as well", "Failed", false, "Failed"),
        ("no verdict is passed on", "Inconclusive", true, "Inconclusive"),
        ("an optional success lets it run on", "Successful", false, "Running"),
    ] {
        let spec = json!({"templates": [template("canary")], "analyses": [analysis("check", required)]});
        let mut world = World::new(&spec);
        world.settle();
        let hash = world.sets["trial-canary"]["metadata"]["labels"]["rollouts-pod-template-hash"].clone();
        assert_eq!(world.runs["trial-check"]["spec"]["args"][0]["value"], hash, "{name}");
        world.end_run("trial-check", phase);
        world.settle();
        assert_eq!(world.phase(), expected, "{name}");
        assert!(world.told_owner > 0, "{name}");
    }
}

#[test]
fn pods_stay_until_a_required_analysis_has_ended() {
    let spec = json!({
        "duration": "1m", "templates": [template("canary")],
        "analyses": [analysis("must", true), analysis("may", false)],
    });
    let mut world = World::new(&spec);
    world.settle();
    world.pass_time(600);
    world.settle();
    assert_eq!((world.phase(), world.size("trial-canary")), ("Running", 2));
    world.end_run("trial-must", "Successful");
    world.settle();
    assert_eq!(world.phase(), "Successful");
    assert_eq!(world.experiment["status"]["message"], "Required AnalysisRuns completed");
    assert_eq!(world.runs["trial-may"]["spec"]["terminate"], true);
    let known = world.experiment["status"]["analysisRuns"].as_array().unwrap();
    assert!(known.iter().all(|run| run["phase"] == "Successful"), "the last phase is copied: {known:?}");
}

#[test]
fn it_can_be_ended_early() {
    let spec = json!({"templates": [template("canary")], "analyses": [analysis("must", true)]});
    let mut world = World::new(&spec);
    world.settle();
    world.experiment["spec"]["terminate"] = json!(true);
    world.settle();
    assert_eq!(world.phase(), "Successful");
    world.pass_time(31);
    world.settle();
    assert_eq!(world.size("trial-canary"), 0);
}

#[test]
fn pods_that_do_not_come_fail_it_after_the_deadline() {
    let mut world = World::new(&json!({"progressDeadlineSeconds": 60, "templates": [template("canary")]}));
    world.is_broken = true;
    let plan = world.settled();
    assert_eq!(world.phase(), "Pending");
    assert_eq!(plan.reasons[0].message, "template canary has 0 of 2 pods available");
    world.now = plan.requeue.unwrap();
    world.settle();
    assert_eq!(world.phase(), "Failed");
    assert_eq!(world.experiment["status"]["message"], "Template 'canary' exceeded its progressDeadlineSeconds (60)");
}

#[test]
fn what_cannot_be_created_is_told_once() {
    for (name, wanted, expected) in [
        (
            "ReplicaSet",
            Wanted::ReplicaSet("canary".to_owned()),
            "Failed to create ReplicaSet for template 'canary': exists",
        ),
        (
            "Service",
            Wanted::Service("canary".to_owned()),
            "Failed to create Service trial-canary for template 'canary': exists",
        ),
    ] {
        let mut world = World::new(&json!({"templates": [template("canary")]}));
        world.recall.refusals.insert(wanted, "exists".to_owned());
        world.settle();
        assert_eq!((world.phase(), &world.experiment["status"]["message"]), ("Error", &json!(expected)), "{name}");
    }
}

#[test]
fn a_missing_template_fails_it_before_pods_are_made() {
    let mut analysis = analysis("check", false);
    analysis["templateName"] = json!("nothing");
    let mut world = World::new(&json!({"templates": [template("canary")], "analyses": [analysis]}));
    world.settle();
    assert_eq!((world.phase(), world.size("trial-canary")), ("Error", 0));
    assert_eq!(
        world.experiment["status"]["message"],
        "AnalysisTemplate verification failed for analysis 'check': AnalysisTemplate 'nothing' not found"
    );
}

#[test]
fn an_invalid_spec_is_a_condition_and_nothing_else_happens() {
    let missing = json!({"templates": [{"name": "a", "template": {}}]});
    let twice = json!({"templates": [template("a"), template("a")]});
    let unnamed = json!({"templates": [template("")]});
    for (spec, expected) in [
        (missing, "Rollout has missing field '.Spec.Templates[0].Selector'"),
        (twice, "Experiment trial has repeated template name 'a' in templates"),
        (unnamed, "Experiment trial has empty template name at index 0"),
    ] {
        let mut world = World::new(&spec);
        world.settle();
        assert!(world.sets.is_empty());
        assert_eq!(world.experiment["status"]["conditions"][0]["message"], expected);
        assert_eq!(world.events, ["InvalidSpec"]);
    }
}

#[test]
fn lost_pods_are_waited_for_again() {
    let mut world = World::new(&json!({"templates": [template("canary")]}));
    world.settle();
    world.is_broken = true;
    world.settle();
    assert_eq!(world.experiment["status"]["templateStatuses"][0]["status"], "Progressing");
    world.is_broken = false;
    world.settle();
    assert_eq!(world.phase(), "Running");
    assert_eq!(world.experiment["status"]["availableAt"], "2026-03-01T10:00:00Z", "the first time counts");
}

#[test]
fn a_service_that_another_experiment_has_is_waited_for() {
    let mut world = World::new(&json!({"templates": [template("canary")]}));
    world.lent.insert("trial-canary".to_owned());
    let plan = world.settled();
    assert_eq!((world.phase(), world.size("trial-canary")), ("Pending", 2));
    assert_eq!(plan.reasons[0].message, "template canary waits for its Service, whose name another experiment has");
    assert!(plan.requeue.is_some(), "the deadline counts");
    world.lent.clear();
    world.settle();
    assert_eq!((world.phase(), world.services.len()), ("Running", 1));
}

#[test]
fn one_that_is_tried_again_runs_anew() {
    let spec = json!({"duration": "1m", "templates": [template("canary")], "analyses": [analysis("check", false)]});
    let mut world = World::new(&spec);
    world.settle();
    world.pass_time(60);
    world.settle();
    world.pass_time(30);
    world.settle();
    assert_eq!((world.phase(), world.size("trial-canary")), ("Successful", 0));
    world.experiment["status"] = json!({});
    world.settle();
    assert_eq!((world.phase(), world.size("trial-canary")), ("Running", 2));
    assert!(world.runs.contains_key("trial-check.1"), "{:?}", world.runs.keys());
    world.pass_time(60);
    world.settle();
    assert_eq!((world.phase(), world.size("trial-canary")), ("Successful", 2), "it has its delay again");
}

#[test]
fn a_run_that_no_status_names_is_taken() {
    let mut world = World::new(&json!({"templates": [template("canary")], "analyses": [analysis("check", false)]}));
    world.settle();
    world.experiment["status"]["analysisRuns"] = json!([]);
    world.settle();
    assert_eq!(
        (world.runs.len(), &world.experiment["status"]["analysisRuns"][0]["analysisRun"]),
        (1, &json!("trial-check"))
    );
}
