//! What the cluster does by itself: ReplicaSets, pods, budgets.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::World;

impl World {
    /// One step of everything but the Rollout controller. Returns whether anything changed.
    pub(crate) fn tick(&mut self) -> bool {
        let before = (self.sets.clone(), self.pods.clone(), self.budgets.clone());
        self.pods.retain(|_, pod| pod["metadata"].get("deletionTimestamp").is_none());
        self.ready_pods();
        self.count();
        let names: Vec<String> = self.sets.keys().cloned().collect();
        for name in names {
            self.sync_set(&name);
        }
        self.sync_budgets();
        self.count();
        before != (self.sets.clone(), self.pods.clone(), self.budgets.clone())
    }

    /// Remembers the extremes.
    fn count(&mut self) {
        self.least_ready = self.least_ready.min(self.pods.values().filter(|pod| is_ready(pod)).count());
        self.look();
        self.most_pods = self.most_pods.max(self.pods.values().filter(|pod| !is_leaving(pod)).count());
    }

    fn ready_pods(&mut self) {
        let (now, start) = (self.now, self.start_seconds);
        for pod in self.pods.values_mut().filter(|pod| !is_ready(pod) && !is_leaving(pod)) {
            let created: Timestamp = pod["metadata"]["creationTimestamp"].as_str().unwrap().parse().unwrap();
            let is_broken = self.broken_image.as_deref() == pod["spec"]["containers"][0]["image"].as_str();
            let is_due = start.is_some_and(|seconds| created + SignedDuration::from_secs(seconds) <= now);
            if is_due && !is_broken {
                pod["status"] = json!({
                    "phase": "Running",
                    "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": now}],
                });
            }
        }
    }

    fn sync_set(&mut self, name: &str) {
        let set = self.sets[name].clone();
        let uid = &set["metadata"]["uid"];
        let owned = |pod: &Value| pod["metadata"]["ownerReferences"][0]["uid"] == *uid && !is_leaving(pod);
        let mut live: Vec<String> =
            self.pods.iter().filter(|(_, pod)| owned(pod)).map(|(name, _)| name.clone()).collect();
        let wanted = usize::try_from(set["spec"]["replicas"].as_i64().unwrap()).unwrap();
        while live.len() < wanted {
            live.push(self.create_pod(name, &set));
        }
        live.sort_by_key(|name| self.rank(name));
        for victim in &live[..live.len() - wanted] {
            self.pods.get_mut(victim).unwrap()["metadata"]["deletionTimestamp"] = json!(self.now);
        }
        let min_ready = set["spec"]["minReadySeconds"].as_i64().unwrap_or(0);
        let staying = live.split_off(live.len() - wanted);
        let ready = staying.iter().filter(|name| is_ready(&self.pods[*name])).count();
        let available = staying.iter().filter(|name| self.is_available(&self.pods[*name], min_ready)).count();
        self.sets.get_mut(name).unwrap()["status"] =
            json!({"replicas": wanted, "readyReplicas": ready, "availableReplicas": available});
    }

    fn is_available(&self, pod: &Value, min_ready: i64) -> bool {
        let since = pod["status"]["conditions"][0]["lastTransitionTime"].as_str();
        let since: Option<Timestamp> = since.and_then(|text| text.parse().ok());
        is_ready(pod) && since.is_some_and(|since| since + SignedDuration::from_secs(min_ready) <= self.now)
    }

    /// Which pod goes first: not ready, lowest deletion cost, ready for the shortest time.
    fn rank(&self, name: &str) -> (bool, i64, std::cmp::Reverse<String>) {
        let pod = &self.pods[name];
        let cost = pod["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"].as_str();
        let since = pod["status"]["conditions"][0]["lastTransitionTime"].as_str().unwrap_or_default();
        (is_ready(pod), cost.and_then(|text| text.parse().ok()).unwrap_or(0), std::cmp::Reverse(since.to_owned()))
    }

    fn create_pod(&mut self, set_name: &str, set: &Value) -> String {
        self.counter += 1;
        let name = format!("{set_name}-{:03}", self.counter);
        let mut pod = set["spec"]["template"].clone();
        let owner = json!([{
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": set_name, "uid": set["metadata"]["uid"],
            "controller": true,
        }]);
        pod["metadata"]["name"] = json!(name);
        pod["metadata"]["namespace"] = json!("shop");
        pod["metadata"]["uid"] = json!(format!("pod-{}", self.counter));
        pod["metadata"]["creationTimestamp"] = json!(self.now);
        pod["metadata"]["ownerReferences"] = owner;
        pod["status"] = json!({"phase": "Pending"});
        self.pods.insert(name.clone(), pod);
        name
    }

    fn sync_budgets(&mut self) {
        let healthy = self.pods.values().filter(|pod| is_ready(pod) && !is_leaving(pod)).count();
        for budget in self.budgets.values_mut() {
            let wanted = usize::try_from(budget["spec"]["minAvailable"].as_i64().unwrap()).unwrap();
            let allowed = healthy.saturating_sub(wanted);
            let status = if allowed > 0 { "True" } else { "False" };
            if budget["status"]["conditions"][0]["status"] != status {
                budget["status"]["conditions"] = json!([{"type": "DisruptionAllowed", "status": status, "reason": "x", "message": "", "lastTransitionTime": self.now}]);
            }
            for (field, value) in
                [("disruptionsAllowed", allowed), ("currentHealthy", healthy), ("desiredHealthy", wanted)]
            {
                budget["status"][field] = json!(value);
            }
            budget["status"]["expectedPods"] = json!(healthy);
        }
    }

    pub(crate) fn add_budget(&mut self, min_available: i64) {
        let budget = json!({
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"minAvailable": min_available, "selector": {"matchLabels": {"app": "web"}}},
            "status": {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0},
        });
        self.budgets.insert("web".to_owned(), budget);
    }
}

pub(super) fn is_ready(pod: &Value) -> bool {
    pod["status"]["conditions"][0]["status"] == "True" && !is_leaving(pod)
}

fn is_leaving(pod: &Value) -> bool {
    pod["metadata"].get("deletionTimestamp").is_some()
}
