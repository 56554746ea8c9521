//! What the promises need to know of each object, read from what is stored.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// Label that ties everything of one version together.
const HASH: &str = "rollouts-pod-template-hash";

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Name.
    pub name: String,
    /// Unique id.
    pub uid: String,
    /// Version.
    pub hash: String,
    /// Unique id of its ReplicaSet.
    pub owner: String,
    /// When it was created.
    pub created: Timestamp,
    /// Whether it is neither being deleted nor finished.
    pub stays: bool,
    /// Since when it is ready.
    pub ready_since: Option<Timestamp>,
    /// Why it is about to be disrupted, from its condition.
    pub disruption: String,
    /// Whether a surging restart has chosen it to go next.
    pub goes_next: bool,
}

/// A ReplicaSet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// Name.
    pub name: String,
    /// Unique id.
    pub uid: String,
    /// Version.
    pub hash: String,
    /// Unique id of its owner.
    pub owner: String,
    /// Wanted pods.
    pub replicas: i64,
    /// How many of them are there only because a restart surges.
    pub surge: i64,
    /// Whether it is being deleted.
    pub is_deleting: bool,
}

/// A Rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    /// Name.
    pub name: String,
    /// Unique id.
    pub uid: String,
    /// What it promises about the number of pods.
    pub promise: Promise,
    /// Active or stable Service, and preview or canary Service.
    pub services: (String, String),
    /// Steps of a canary.
    pub steps: Vec<Value>,
    /// Whether a version of a moment ago may skip the steps.
    pub has_rollback_window: bool,
    /// `spec.restartAt`.
    pub restart_at: Option<Timestamp>,
    /// Its status.
    pub status: Value,
}

/// What a Rollout promises about the number of pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    /// Wanted pods.
    pub replicas: i64,
    /// How many more there may be.
    pub surge: i64,
    /// How many fewer may be available.
    pub unavailable: i64,
    /// Seconds for which a pod must be ready before it counts.
    pub min_ready: i64,
    /// Whether it is a blue-green.
    pub is_blue_green: bool,
    /// Whether a restart starts a new pod before an old one goes.
    pub surges_restarts: bool,
    /// Available pods of the new version that are enough to promote it, where that is not all.
    pub enough: Option<i64>,
}

impl Pod {
    /// Reads a pod.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let (metadata, status) = (&object["metadata"], &object["status"]);
        let conditions = || status["conditions"].as_array().into_iter().flatten();
        let is_true = |kind: &'static str| conditions().find(move |c| c["type"] == kind && c["status"] == "True");
        let is_finished = matches!(text(&status["phase"]), "Succeeded" | "Failed");
        Self {
            name: text(&metadata["name"]).to_owned(),
            uid: text(&metadata["uid"]).to_owned(),
            hash: text(&metadata["labels"][HASH]).to_owned(),
            owner: owner(metadata),
            created: time(&metadata["creationTimestamp"]).unwrap_or(Timestamp::UNIX_EPOCH),
            stays: metadata["deletionTimestamp"].is_null() && !is_finished,
            ready_since: is_true("Ready").and_then(|ready| time(&ready["lastTransitionTime"])),
            disruption: is_true("DisruptionTarget").map(|c| text(&c["reason"]).to_owned()).unwrap_or_default(),
            goes_next: !metadata["annotations"]["tiphys.dev/restart-next"].is_null(),
        }
    }

    /// Returns since when it counts as available; `None` if it does not.
    #[must_use]
    pub fn available_since(&self, min_ready: i64, now: Timestamp) -> Option<Timestamp> {
        let since = self.ready_since.filter(|_| self.stays)?;
        let since = since.saturating_add(SignedDuration::from_secs(min_ready)).ok()?;
        (since <= now).then_some(since)
    }
}

impl Set {
    /// Reads a ReplicaSet.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let metadata = &object["metadata"];
        let surge = text(&metadata["annotations"]["tiphys.dev/restart-surge"]).parse().unwrap_or(0);
        Self {
            name: text(&metadata["name"]).to_owned(),
            uid: text(&metadata["uid"]).to_owned(),
            hash: text(&metadata["labels"][HASH]).to_owned(),
            owner: owner(metadata),
            replicas: object["spec"]["replicas"].as_i64().unwrap_or(1),
            surge,
            is_deleting: !metadata["deletionTimestamp"].is_null(),
        }
    }
}

impl Rollout {
    /// Reads a Rollout.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let (metadata, spec) = (&object["metadata"], &object["spec"]);
        let strategy = &spec["strategy"];
        let (canary, blue_green) = (&strategy["canary"], &strategy["blueGreen"]);
        let either = |a: &Value, b: &Value| (text(a).to_owned(), text(b).to_owned());
        let services = if blue_green.is_object() {
            either(&blue_green["activeService"], &blue_green["previewService"])
        } else {
            either(&canary["stableService"], &canary["canaryService"])
        };
        Self {
            name: text(&metadata["name"]).to_owned(),
            uid: text(&metadata["uid"]).to_owned(),
            promise: Promise::of(object),
            services,
            steps: canary["steps"].as_array().cloned().unwrap_or_default(),
            has_rollback_window: spec["rollbackWindow"].is_object(),
            restart_at: time(&spec["restartAt"]),
            status: object["status"].clone(),
        }
    }

    /// Returns a text of the status.
    #[must_use]
    pub fn status_text(&self, field: &str) -> &str {
        text(&self.status[field])
    }
}

impl Promise {
    /// Reads what a Rollout promises, by the rules of the specification.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let spec = &object["spec"];
        let strategy = &spec["strategy"];
        let (canary, blue_green) = (&strategy["canary"], &strategy["blueGreen"]);
        let is_blue_green = blue_green.is_object();
        let replicas = spec["replicas"].as_i64().unwrap_or(1);
        // A preview may be larger than the rest.
        let preview = blue_green["previewReplicaCount"].as_i64().unwrap_or(0);
        let surge = if is_blue_green { (preview - replicas).max(0) } else { part(&canary["maxSurge"], replicas, true) };
        let written = if is_blue_green { &blue_green["maxUnavailable"] } else { &canary["maxUnavailable"] };
        let mut unavailable = part(written, replicas, false);
        if !is_blue_green && surge == 0 && unavailable == 0 {
            unavailable = 1;
        }
        let threshold = &canary["replicaProgressThreshold"];
        let enough = threshold["value"].as_i64().filter(|value| *value >= 0);
        let is_percent = threshold["type"] == "Percent";
        Self {
            replicas,
            surge,
            unavailable: unavailable.min(replicas),
            min_ready: spec["minReadySeconds"].as_i64().unwrap_or(0),
            is_blue_green,
            surges_restarts: object["metadata"]["annotations"]["tiphys.dev/restart"] == "surge",
            enough: enough.map(|value| if is_percent { (value * replicas + 99).div_euclid(100) } else { value }),
        }
    }

    /// Returns how many pods have to stay available when the controller takes one away.
    #[must_use]
    pub fn floor(&self, is_restart: bool) -> i64 {
        if is_restart && self.surges_restarts {
            self.replicas
        } else if is_restart {
            // Documented: a restart takes one pod at least, or it would never begin.
            self.replicas - self.unavailable.max(1)
        } else if self.is_blue_green {
            self.replicas
        } else {
            self.replicas - self.unavailable
        }
    }
}

/// A share of `whole`: a number, or a text that is a percentage with or without `%`; 25 % by default.
fn part(written: &Value, whole: i64, rounds_up: bool) -> i64 {
    if let Some(number) = written.as_i64() {
        return number;
    }
    let percent = written.as_str().map_or(25, |text| text.trim_end_matches('%').parse().unwrap_or(0));
    let product = percent * whole;
    if rounds_up { (product + 99).div_euclid(100) } else { product.div_euclid(100) }
}

/// Returns the hash that a Service selects; empty for none.
#[must_use]
pub fn selected(service: &Value) -> String {
    text(&service["spec"]["selector"][HASH]).to_owned()
}

/// Returns the sum over the ReplicaSets of an owner.
#[must_use]
pub fn total<K>(sets: &BTreeMap<K, Set>, owner: &str, of: impl Fn(&Set) -> i64) -> i64 {
    sets.values().filter(|set| !set.is_deleting && set.owner == owner).map(of).sum()
}

fn owner(metadata: &Value) -> String {
    let owners = metadata["ownerReferences"].as_array().into_iter().flatten();
    let mut owners = owners.filter(|owner| owner["controller"] == true);
    owners.next().map(|owner| text(&owner["uid"]).to_owned()).unwrap_or_default()
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(super) fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}
