//! A Rollout with the objects of its routers, played in memory.

use serde_json::{Value, json};
use tiphys_api::{
    Rollout,
    types::{SetHeaderRoute, SetMirrorRoute, TrafficWeights, WeightDestination},
};
use tiphys_machinery::{meta, patch::merge::apply as apply_merge_patch};
use tiphys_traffic::{Act, ObjectId, Objects, Outcome, Resource, Settings, Wanted, route};

/// A Rollout, the wanted state and the objects as they are.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    pub(crate) rollout: Rollout,
    pub(crate) wanted: Wanted,
    pub(crate) objects: Objects,
    pub(crate) settings: Settings,
}

/// Returns the JSON of a YAML text.
#[track_caller]
pub(crate) fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Returns a Rollout `shop` in namespace `prod` with Services `web-canary` and `web-stable`, and this YAML below
/// `trafficRouting`.
#[track_caller]
pub(crate) fn scene(routing: &str) -> Scene {
    let rollout = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {"name": "shop", "namespace": "prod", "uid": "u-shop"},
        "spec": {"strategy": {"canary": {
            "canaryService": "web-canary", "stableService": "web-stable", "trafficRouting": yaml(routing),
        }}},
    });
    let rollout: Rollout = serde_json::from_value(rollout).unwrap();
    let wanted = Wanted {
        weights: TrafficWeights {
            canary: destination(0, "", "new"),
            stable: destination(100, "", "old"),
            ..TrafficWeights::default()
        },
        ..Wanted::default()
    };
    Scene { rollout, wanted, objects: Objects::default(), settings: Settings::default() }
}

pub(crate) fn destination(weight: i32, service: &str, hash: &str) -> WeightDestination {
    WeightDestination { weight, service_name: service.to_owned(), pod_template_hash: hash.to_owned() }
}

/// Returns the id of an object by the usual plural of its kind.
pub(crate) fn id_of(object: &Value) -> ObjectId {
    let version = meta::api_version(object);
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let kind = meta::kind(object);
    let end = if kind.ends_with('s') { "es" } else { "s" };
    let resource = Resource::new(group, version, kind, &format!("{}{end}", kind.to_lowercase()));
    let namespace = Some(meta::namespace(object)).filter(|namespace| !namespace.is_empty()).unwrap_or("prod");
    resource.named(namespace, meta::name(object))
}

impl Scene {
    /// Adds an object from YAML.
    #[track_caller]
    pub(crate) fn with(mut self, text: &str) -> Self {
        self.add(yaml(text));
        self
    }

    pub(crate) fn add(&mut self, mut object: Value) {
        let id = id_of(&object);
        if meta::uid(&object).is_empty() {
            object["metadata"]["uid"] = json!(format!("u-{}", id.name));
        }
        object["metadata"]["namespace"] = json!(id.namespace);
        object["metadata"]["resourceVersion"] = json!("1");
        self.objects.insert(id, object);
    }

    /// Changes the strategy's fields.
    #[track_caller]
    pub(crate) fn canary(mut self, text: &str) -> Self {
        let mut all = serde_json::to_value(&self.rollout).unwrap();
        let patch = json!({"spec": {"strategy": {"canary": yaml(text)}}});
        all = apply_merge_patch(all, &patch).unwrap();
        self.rollout = serde_json::from_value(all).unwrap();
        self
    }

    pub(crate) fn weight(mut self, weight: i32) -> Self {
        self.wanted.previous = Some(self.wanted.weights.clone());
        self.wanted.weights.canary.weight = weight;
        self
    }

    pub(crate) fn experiment(mut self, additional: &[(&str, &str, i32)]) -> Self {
        self.wanted.previous = Some(self.wanted.weights.clone());
        self.wanted.weights.additional =
            additional.iter().map(|(service, hash, weight)| destination(*weight, service, hash)).collect();
        self
    }

    pub(crate) fn hashes(mut self, canary: &str, stable: &str) -> Self {
        canary.clone_into(&mut self.wanted.weights.canary.pod_template_hash);
        stable.clone_into(&mut self.wanted.weights.stable.pod_template_hash);
        self
    }

    #[track_caller]
    pub(crate) fn header(mut self, text: &str) -> Self {
        let route: SetHeaderRoute = serde_json::from_value(yaml(text)).unwrap();
        self.wanted.headers.retain(|other| other.name != route.name);
        self.wanted.headers.push(route);
        self
    }

    #[track_caller]
    pub(crate) fn mirror(mut self, text: &str) -> Self {
        let route: SetMirrorRoute = serde_json::from_value(yaml(text)).unwrap();
        self.wanted.mirrors.retain(|other| other.name != route.name);
        self.wanted.mirrors.push(route);
        self
    }

    pub(crate) fn no_routes(mut self) -> Self {
        self.wanted.headers.clear();
        self.wanted.mirrors.clear();
        self
    }

    pub(crate) fn outcome(&self) -> Outcome {
        route(&self.rollout, &self.wanted, &self.objects, &self.settings)
    }

    /// Carries out the changes as an API server would.
    #[track_caller]
    pub(crate) fn apply(mut self, outcome: &Outcome) -> Self {
        for change in &outcome.changes {
            let live = self.objects.get(&change.id).cloned();
            match &change.act {
                Act::Create { object } => {
                    assert_eq!(live, None, "{} exists", change.id);
                    assert_eq!(id_of(object), change.id);
                    self.add(object.clone());
                }
                Act::Delete { uid } => {
                    assert_eq!(live.as_ref().map(meta::uid), Some(uid.as_str()));
                    self.objects.remove(&change.id);
                }
                Act::Patch { patch } => {
                    let live = live.unwrap_or_else(|| panic!("{} does not exist", change.id));
                    let versions = (meta::resource_version(patch), meta::resource_version(&live));
                    assert_eq!(versions.0, versions.1, "{}: a stale patch", change.id);
                    let mut after = apply_merge_patch(live.clone(), patch).unwrap();
                    let next = versions.1.parse::<u64>().unwrap() + 1;
                    assert_ne!(after, live, "{}: a patch that changes nothing", change.id);
                    after["metadata"]["resourceVersion"] = json!(next.to_string());
                    self.objects.insert(change.id.clone(), after);
                }
            }
        }
        self
    }

    /// Routes and carries out; afterwards nothing may be left to do.
    #[track_caller]
    pub(crate) fn play(self) -> Self {
        self.play_told().0
    }

    /// As [`Scene::play`], with the events as `Reason: message`.
    #[track_caller]
    pub(crate) fn play_told(self) -> (Self, Vec<String>) {
        let outcome = self.outcome();
        assert_eq!(outcome.faults, vec![], "no fault");
        let events = told(&outcome);
        let after = self.apply(&outcome);
        let again = after.outcome();
        assert_eq!(again.changes, vec![], "routing again changes nothing");
        assert_eq!(again.faults, vec![], "no fault the second time");
        (after, events)
    }

    /// Returns the messages of the faults; there must be no change.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.outcome().faults.into_iter().map(|fault| fault.message).collect()
    }

    #[track_caller]
    pub(crate) fn object(&self, api_version: &str, kind: &str, name: &str) -> Value {
        let id =
            id_of(&json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "prod"}}));
        self.objects.get(&id).cloned().unwrap_or_else(|| panic!("{id} does not exist"))
    }

    pub(crate) fn exists(&self, api_version: &str, kind: &str, name: &str) -> bool {
        let id =
            id_of(&json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "prod"}}));
        self.objects.get(&id).is_some()
    }
}

/// Returns all events of an outcome as `Reason: message`, in order.
pub(crate) fn told(outcome: &Outcome) -> Vec<String> {
    let of_changes = outcome.changes.iter().flat_map(|change| &change.events);
    let all = of_changes.chain(&outcome.events).chain(outcome.faults.iter().flat_map(|fault| &fault.events));
    all.map(|note| format!("{}: {}", note.reason, note.message)).collect()
}

/// Says whether all of `wanted` is in `found`; lists must be equal in length.
#[track_caller]
pub(crate) fn contains(found: &Value, wanted: &str) {
    let wanted = yaml(wanted);
    assert!(is_within(&wanted, found), "wanted {wanted:#}\nfound {found:#}");
}

/// Says whether all of `wanted` is in `found`.
pub(crate) fn is_within(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            wanted.iter().all(|(key, value)| found.get(key).is_some_and(|found| is_within(value, found)))
        }
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len() && wanted.iter().zip(found).all(|(wanted, found)| is_within(wanted, found))
        }
        _ => wanted == found,
    }
}
