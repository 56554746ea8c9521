//! A Rollout's world in memory: what plans ask for is done to JSON objects, ReplicaSets make pods, pods become ready.

mod cluster;
mod routers;

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tiphys_rollouts::{
    action::{Action, Plan},
    observe::{AnalysisView, Observed, Parts, Recall, Refusal, assemble, stable_record},
    plan::{Settings, plan},
    step_plugin::{Answer, Call, Reply},
};
use tiphys_traffic::Objects;

/// Passes after which a world that never settles is given up.
const PASSES_MAX: usize = 300;

/// The world.
pub(crate) struct World {
    pub(crate) rollout: Value,
    pub(crate) sets: BTreeMap<String, Value>,
    pub(crate) pods: BTreeMap<String, Value>,
    pub(crate) services: BTreeMap<String, Value>,
    pub(crate) budgets: BTreeMap<String, Value>,
    pub(crate) workload: Option<Value>,
    pub(crate) records: BTreeMap<String, Value>,
    /// Objects of routers.
    pub(crate) routing: Objects,
    /// AnalysisRuns by name.
    pub(crate) runs: BTreeMap<String, Value>,
    /// AnalysisTemplates by name.
    pub(crate) templates: BTreeMap<String, Value>,
    pub(crate) recall: Recall,
    pub(crate) settings: Settings,
    /// What the step plugin answers, one after the other; the last answer repeats.
    pub(crate) replies: VecDeque<Result<Reply, String>>,
    /// Whether AWS has the weights.
    pub(crate) is_aws_ready: bool,
    /// Calls that the step plugin got.
    pub(crate) calls: Vec<Call>,
    pub(crate) now: Timestamp,
    /// Seconds from the creation of a pod to its readiness; never where `None`.
    pub(crate) start_seconds: Option<i64>,
    /// Pod templates whose pods never become ready, by image.
    pub(crate) broken_image: Option<String>,
    /// Everything that was told.
    pub(crate) events: Vec<String>,
    /// Least number of ready pods seen since it was last reset.
    pub(crate) least_ready: usize,
    /// Greatest number of pods that stay seen since it was last reset.
    pub(crate) most_pods: usize,
    /// What users of a routed canary met, each change of it.
    pub(crate) met: Vec<String>,
    counter: u64,
}

impl World {
    pub(crate) fn new(spec: &Value) -> Self {
        let now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        let mut full = json!({
            "replicas": 4,
            "selector": {"matchLabels": {"app": "web"}},
            "template": template("v1"),
        });
        merge(&mut full, spec);
        let metadata = json!({
            "name": "web", "namespace": "shop", "uid": "rollout-uid", "generation": 1, "resourceVersion": "1",
            "creationTimestamp": now,
        });
        Self {
            rollout: json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": metadata, "spec": full}),
            sets: BTreeMap::new(),
            pods: BTreeMap::new(),
            services: BTreeMap::new(),
            budgets: BTreeMap::new(),
            workload: None,
            records: BTreeMap::new(),
            routing: Objects::default(),
            runs: BTreeMap::new(),
            templates: BTreeMap::new(),
            recall: Recall::default(),
            settings: Settings::default(),
            replies: VecDeque::new(),
            is_aws_ready: true,
            calls: Vec::new(),
            now,
            start_seconds: Some(1),
            broken_image: None,
            events: Vec::new(),
            least_ready: usize::MAX,
            most_pods: 0,
            met: Vec::new(),
            counter: 0,
        }
    }

    pub(crate) fn with_service(mut self, name: &str) -> Self {
        let service = json!({
            "metadata": {"name": name, "namespace": "shop", "uid": name}, "spec": {"selector": {"app": "web"}},
        });
        self.services.insert(name.to_owned(), service);
        self
    }

    /// Changes the spec as a person or Git would.
    pub(crate) fn change_spec(&mut self, patch: &Value) {
        merge(&mut self.rollout["spec"], patch);
        self.bump();
    }

    /// Changes the status as the command line does.
    pub(crate) fn change_status(&mut self, patch: &Value) {
        merge(&mut self.rollout["status"], patch);
    }

    pub(crate) fn release(&mut self, version: &str) {
        self.rollout["spec"]["template"] = template(version);
        self.bump();
    }

    fn bump(&mut self) {
        let generation = self.rollout["metadata"]["generation"].as_i64().unwrap();
        self.rollout["metadata"]["generation"] = json!(generation + 1);
    }

    pub(crate) fn observed(&self) -> Observed {
        let object = |value: &Value| serde_json::from_value(value.clone()).unwrap();
        let stable = self.rollout["status"]["stableRS"].as_str().unwrap_or_default();
        let record = self.records.get(&format!("web-{stable}"));
        let mut recall = self.recall.clone();
        recall.evicted.clear();
        assemble(Parts {
            rollout: self.rollout.clone(),
            replica_sets: self.sets.values().map(|set| std::sync::Arc::new(object(set))).collect(),
            pods: Some(
                self.pods
                    .values()
                    .map(|pod| serde_json::from_value(pod.clone()).map(std::sync::Arc::new).unwrap())
                    .collect(),
            ),
            services: self
                .services
                .values()
                .map(|v| std::sync::Arc::new(serde_json::from_value(v.clone()).unwrap()))
                .collect(),
            budgets: self
                .budgets
                .values()
                .map(|v| std::sync::Arc::new(serde_json::from_value(v.clone()).unwrap()))
                .collect(),
            workload: self.workload.clone(),
            stable_record: record.and_then(stable_record),
            routing: self.routing.clone(),
            experiments: self.runs.values().filter(|run| run["kind"] == "Experiment").cloned().collect(),
            analysis: AnalysisView::new(
                "rollout-uid",
                self.runs.values().filter(|run| run["kind"] != "Experiment").cloned(),
                self.templates.values().cloned(),
                [],
            ),
            recall,
            awaited: None,
        })
    }

    pub(crate) fn plan(&self) -> Plan {
        plan(&self.observed(), self.now, &self.settings)
    }

    /// One pass of the controller. Returns the plan that was carried out.
    pub(crate) fn pass(&mut self) -> Plan {
        let plan = self.plan();
        self.recall.answers.clear();
        for step in &plan.steps {
            self.act(&step.action);
            self.look();
            self.events.extend(step.events.iter().map(|note| format!("{} {}", note.reason, note.message)));
        }
        if let Some(patch) = &plan.status {
            merge(&mut self.rollout, patch);
        }
        self.events.extend(plan.events.iter().map(|note| format!("{} {}", note.reason, note.message)));
        self.recall.told(&plan.events);
        plan
    }

    /// Passes of the controller and of the cluster until nothing moves at this instant.
    pub(crate) fn quiesce(&mut self) {
        for _ in 0..PASSES_MAX {
            let is_settled = self.pass().is_settled();
            let is_still = !self.tick();
            if is_settled && is_still {
                assert!(self.plan().is_settled(), "planning again yields something: {:#?}", self.plan());
                return;
            }
        }
        panic!("never settles: {:#?}\n{}", self.plan(), self.events.join("\n"));
    }

    /// Lets time pass, second by second.
    pub(crate) fn run(&mut self, seconds: i64) {
        self.quiesce();
        for _ in 0..seconds {
            self.now += SignedDuration::from_secs(1);
            self.quiesce();
        }
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::RecordTemplate { name, object } => {
                self.records.entry(name.clone()).or_insert_with(|| object.clone());
            }
            Action::ForgetTemplate { name } => {
                self.records.remove(name);
            }
            Action::CreateReplicaSet { name, object } => self.create_set(name, object),
            Action::PatchReplicaSet { target, patch } => {
                let set = self.sets.get_mut(&target.name).unwrap();
                assert_eq!(set["metadata"]["uid"], json!(target.uid));
                merge(set, patch);
            }
            Action::ScaleReplicaSet { target, from, to, annotations } => {
                let set = self.sets.get_mut(&target.name).unwrap();
                assert_eq!(set["spec"]["replicas"], json!(from), "the size that was seen");
                merge(set, &json!({"spec": {"replicas": to}, "metadata": {"annotations": annotations}}));
            }
            Action::DeleteReplicaSet { target, .. } => {
                assert_eq!(self.sets[&target.name]["spec"]["replicas"], json!(0));
                self.sets.remove(&target.name);
            }
            Action::PatchPod { target, patch } => merge(self.pods.get_mut(&target.name).unwrap(), patch),
            Action::EvictPods { candidates, at_most } => {
                let mut left = *at_most;
                for target in candidates {
                    if left > 0 && self.evict(&target.name, &target.uid) {
                        left -= 1;
                    }
                }
            }
            Action::PatchService { name, patch } => merge(self.services.get_mut(name).unwrap(), patch),
            Action::VerifyWeights(ask) => self.check(ask),
            Action::TellRouter(ask) => self.tell_router(ask),
            Action::CallPlugin(call) => self.answer(call),
            Action::Route(change) => self.route(change),
            Action::ScaleWorkload { replicas, .. } => {
                merge(self.workload.as_mut().unwrap(), &json!({"spec": {"replicas": replicas}}));
            }
            Action::Create { name, object, .. } => self.create_run(name, object),
            Action::Patch { target, patch, .. } => merge(self.runs.get_mut(&target.name).unwrap(), patch),
            Action::Delete { target, .. } => drop(self.runs.remove(&target.name).unwrap()),
            Action::PatchRollout { patch } => {
                merge(&mut self.rollout, patch);
                if patch.get("spec").is_some() {
                    self.bump();
                }
            }
            Action::AdoptReplicaSet(target) => {
                let owner = json!([{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web", "uid": "rollout-uid", "controller": true}]);
                self.sets.get_mut(&target.name).unwrap()["metadata"]["ownerReferences"] = owner;
            }
            Action::ReleaseReplicaSet(target) => {
                self.sets.get_mut(&target.name).unwrap()["metadata"]["ownerReferences"] = json!([]);
            }
        }
    }

    fn answer(&mut self, call: &Call) {
        let reply = if self.replies.len() > 1 { self.replies.pop_front() } else { self.replies.front().cloned() };
        let reply = reply.unwrap_or_else(|| Err("nobody answers".to_owned()));
        self.calls.push(call.clone());
        self.recall.answers.push(Answer { call: call.clone(), at: self.now, reply });
    }

    fn create_run(&mut self, name: &str, object: &Value) {
        assert!(!self.runs.contains_key(name), "{name} exists");
        let mut run = object.clone();
        self.counter += 1;
        run["metadata"]["uid"] = json!(format!("run-{}", self.counter));
        run["metadata"]["creationTimestamp"] = json!(self.now);
        self.runs.insert(name.to_owned(), run);
    }

    fn create_set(&mut self, name: &str, object: &Value) {
        if self.sets.contains_key(name) {
            self.recall.taken = Some(name.to_owned());
            return;
        }
        let mut set = object.clone();
        tiphys_machinery::pod_template::apply_defaults(&mut set["spec"]["template"]);
        self.counter += 1;
        set["metadata"]["uid"] = json!(format!("set-{}", self.counter));
        set["metadata"]["creationTimestamp"] =
            json!(self.now + SignedDuration::from_millis(i64::try_from(self.counter).unwrap()));
        set["metadata"]["resourceVersion"] = json!("1");
        set["status"] = json!({"replicas": 0});
        self.sets.insert(name.to_owned(), set);
    }

    /// Returns whether the eviction was accepted; the first budget decides.
    fn evict(&mut self, name: &str, uid: &str) -> bool {
        let is_allowed = self.budgets.values().all(|budget| budget["status"]["disruptionsAllowed"].as_i64() > Some(0));
        if !is_allowed {
            let refusal = Refusal { message: "refused".to_owned(), at: self.now };
            self.recall.refused.insert(uid.to_owned(), refusal);
            return false;
        }
        self.pods.get_mut(name).unwrap()["metadata"]["deletionTimestamp"] = json!(self.now);
        true
    }

    pub(crate) fn status(&self, path: &str) -> &Value {
        self.rollout["status"].pointer(path).unwrap_or(&Value::Null)
    }

    pub(crate) fn phase(&self) -> String {
        format!("{} {}", self.status("/phase").as_str().unwrap_or(""), self.status("/message").as_str().unwrap_or(""))
            .trim_end()
            .to_owned()
    }

    /// Sizes by version: `v1:4 v2:1`.
    pub(crate) fn sizes(&self) -> String {
        let mut sizes: Vec<String> = self
            .sets
            .values()
            .map(|set| {
                let image = set["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap();
                format!("{image}:{}", set["spec"]["replicas"])
            })
            .collect();
        sizes.sort();
        sizes.join(" ")
    }

    pub(crate) fn set_of(&self, version: &str) -> &str {
        let is_version = |set: &Value| set["spec"]["template"]["spec"]["containers"][0]["image"] == version;
        self.sets.iter().find(|(_, set)| is_version(set)).map(|(name, _)| name.as_str()).unwrap()
    }

    pub(crate) fn delete_set(&mut self, version: &str) {
        let name = self.set_of(version).to_owned();
        let set = self.sets.remove(&name).unwrap();
        self.pods.retain(|_, pod| pod["metadata"]["ownerReferences"][0]["uid"] != set["metadata"]["uid"]);
    }

    /// Version of the pods that a Service selects.
    pub(crate) fn served_by(&self, service: &str) -> String {
        let hash = &self.services[service]["spec"]["selector"]["rollouts-pod-template-hash"];
        let set = self.sets.values().find(|set| set["metadata"]["labels"]["rollouts-pod-template-hash"] == *hash);
        set.map_or_else(String::new, |set| {
            set["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap().to_owned()
        })
    }

    pub(crate) fn restart(&mut self) {
        let at = self.now;
        self.change_spec(&json!({"restartAt": at}));
        self.now += SignedDuration::from_secs(1);
    }

    /// Takes the events told so far that contain one of `words`.
    pub(crate) fn told(&mut self, words: &[&str]) -> Vec<String> {
        let all = std::mem::take(&mut self.events);
        all.into_iter().filter(|event| words.iter().any(|word| event.contains(word))).collect()
    }
}

/// A pod template of a version.
pub(crate) fn template(version: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": version}]},
    })
}

/// Applies a merge patch.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in changes {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut target[key], value);
        }
    }
}
