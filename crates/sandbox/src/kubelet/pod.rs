//! What a kubelet reads of a pod: the spec and the few parts of the metadata and the status that others write.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{
    command::{self, Program},
    knobs::{Knobs, Timing},
};

/// When a container is started again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum RestartPolicy {
    /// Whatever its exit code.
    #[default]
    Always,
    /// If it failed.
    OnFailure,
    /// Never.
    Never,
}

/// The request to stop a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// When containers that still run are killed.
    pub deadline: Timestamp,
}

/// One container of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Name, unique in the pod.
    pub name: String,
    /// Image reference.
    pub image: String,
    /// `Always`, `IfNotPresent` or `Never`.
    pub pull_policy: String,
    /// What its command does.
    pub program: Program,
    /// Time from running until the startup probe has passed.
    pub startup: SignedDuration,
    /// Time from started until the readiness probe has passed; `None` without one.
    pub readiness: Option<SignedDuration>,
    /// An init container that goes on running next to the others.
    pub sidecar: bool,
    /// ConfigMaps and Secrets that must exist before it starts.
    pub sources: Vec<Source>,
}

/// An object that a container cannot start without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// `configmaps` or `secrets`.
    pub plural: &'static str,
    /// Its name, in the namespace of the pod.
    pub name: String,
    /// The key that must be in it, if a certain one is asked for.
    pub key: Option<String>,
}

/// A pod as its kubelet sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Uid.
    pub uid: String,
    /// Generation of the object, told back as `observedGeneration`.
    pub generation: i64,
    /// Node it is bound to; empty before.
    pub node: String,
    /// Whether it uses its node's address.
    pub host_network: bool,
    /// When its containers are started again.
    pub restart_policy: RestartPolicy,
    /// Containers that run before the others, in order.
    pub init: Vec<Container>,
    /// Containers.
    pub containers: Vec<Container>,
    /// Conditions that must be true for the pod to be ready, with their present status.
    pub gates: Vec<(String, Option<String>)>,
    /// How long its `preStop` hooks take, before its containers are told to stop.
    pub pre_stop: SignedDuration,
    /// Set once it is to stop.
    pub deletion: Option<Deletion>,
    /// `BestEffort`, `Burstable` or `Guaranteed`.
    pub qos: &'static str,
    /// How it behaves.
    pub knobs: Knobs,
}

impl Pod {
    /// Decodes the parts of a stored pod; `None` if it is not one.
    #[must_use]
    pub fn decode(json: &[u8], timing: &Timing) -> Option<Self> {
        let wire: PodWire = serde_json::from_slice(json).ok()?;
        Some(Self::from_wire(wire, timing))
    }

    fn from_wire(wire: PodWire, timing: &Timing) -> Self {
        let PodWire { metadata, spec, status } = wire;
        let qos = qos(&spec);
        let gates = spec.readiness_gates.into_iter().map(|gate| {
            let found = status.conditions.iter().find(|condition| condition.r#type == gate.condition_type);
            (gate.condition_type, found.map(|condition| condition.status.clone()))
        });
        Self {
            namespace: metadata.namespace,
            name: metadata.name,
            uid: metadata.uid,
            generation: metadata.generation,
            host_network: spec.host_network,
            restart_policy: spec.restart_policy,
            gates: gates.collect(),
            pre_stop: spec.containers.iter().map(|c| pre_stop(&c.lifecycle.pre_stop)).max().unwrap_or_default(),
            deletion: metadata.deletion_timestamp.map(|deadline| Deletion { deadline }),
            qos,
            knobs: Knobs::read(&metadata.annotations, timing),
            node: spec.node_name,
            init: spec.init_containers.into_iter().map(ContainerWire::view).collect(),
            containers: spec.containers.into_iter().map(ContainerWire::view).collect(),
        }
    }
}

/// Decodes `null` as the default, because a stored list or map may be either.
pub(crate) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PodWire {
    metadata: MetaWire,
    #[serde(deserialize_with = "nullable")]
    spec: SpecWire,
    #[serde(deserialize_with = "nullable")]
    status: StatusWire,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct MetaWire {
    namespace: String,
    name: String,
    uid: String,
    generation: i64,
    deletion_timestamp: Option<Timestamp>,
    #[serde(deserialize_with = "nullable")]
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SpecWire {
    node_name: String,
    #[serde(deserialize_with = "nullable")]
    host_network: bool,
    #[serde(deserialize_with = "nullable")]
    restart_policy: RestartPolicy,
    #[serde(deserialize_with = "nullable")]
    init_containers: Vec<ContainerWire>,
    #[serde(deserialize_with = "nullable")]
    containers: Vec<ContainerWire>,
    #[serde(deserialize_with = "nullable")]
    readiness_gates: Vec<GateWire>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct GateWire {
    condition_type: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StatusWire {
    #[serde(deserialize_with = "nullable")]
    conditions: Vec<ConditionWire>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConditionWire {
    r#type: String,
    status: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ContainerWire {
    name: String,
    image: String,
    image_pull_policy: String,
    #[serde(deserialize_with = "nullable")]
    command: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    args: Vec<String>,
    startup_probe: Option<ProbeWire>,
    readiness_probe: Option<ProbeWire>,
    restart_policy: Option<String>,
    #[serde(deserialize_with = "nullable")]
    env: Vec<EnvWire>,
    #[serde(deserialize_with = "nullable")]
    env_from: Vec<EnvFromWire>,
    #[serde(deserialize_with = "nullable")]
    resources: ResourcesWire,
    #[serde(deserialize_with = "nullable")]
    lifecycle: LifecycleWire,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LifecycleWire {
    pre_stop: Value,
}

/// Returns how long a hook takes: `sleep`, or a command with `sleep SECONDS` in it.
#[must_use]
pub fn pre_stop(hook: &Value) -> SignedDuration {
    let words = hook["exec"]["command"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let words: Vec<&str> = words.flat_map(str::split_whitespace).collect();
    let command = words.windows(2).rev().find(|pair| pair[0] == "sleep");
    let command = command.and_then(|pair| pair[1].trim_end_matches('s').parse::<i64>().ok());
    let seconds = hook["sleep"]["seconds"].as_i64().or(command).unwrap_or(0);
    SignedDuration::from_secs(seconds.clamp(0, i64::from(i32::MAX)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ResourcesWire {
    #[serde(deserialize_with = "nullable")]
    requests: BTreeMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    limits: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ProbeWire {
    initial_delay_seconds: u32,
    period_seconds: Option<u32>,
    success_threshold: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct EnvWire {
    value_from: Option<ValueFromWire>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ValueFromWire {
    config_map_key_ref: Option<SourceWire>,
    secret_key_ref: Option<SourceWire>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct EnvFromWire {
    config_map_ref: Option<SourceWire>,
    secret_ref: Option<SourceWire>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SourceWire {
    name: String,
    key: Option<String>,
    #[serde(deserialize_with = "nullable")]
    optional: bool,
}

impl ProbeWire {
    fn passes_after(&self) -> SignedDuration {
        let more = self.success_threshold.unwrap_or(1).saturating_sub(1);
        let seconds =
            i64::from(self.initial_delay_seconds) + i64::from(more) * i64::from(self.period_seconds.unwrap_or(10));
        SignedDuration::from_secs(seconds)
    }
}

impl ContainerWire {
    fn view(self) -> Container {
        let env = self.env.into_iter().filter_map(|env| env.value_from);
        let keys = env.flat_map(|from| [("configmaps", from.config_map_key_ref), ("secrets", from.secret_key_ref)]);
        let whole = self.env_from.into_iter();
        let whole = whole.flat_map(|from| [("configmaps", from.config_map_ref), ("secrets", from.secret_ref)]);
        let sources = keys.chain(whole).filter_map(|(plural, source)| {
            let source = source.filter(|source| !source.optional)?;
            Some(Source { plural, name: source.name, key: source.key })
        });
        Container {
            sources: sources.collect(),
            program: command::program(&self.command, &self.args),
            startup: self.startup_probe.map_or(SignedDuration::ZERO, |probe| probe.passes_after()),
            readiness: self.readiness_probe.map(|probe| probe.passes_after()),
            sidecar: self.restart_policy.as_deref() == Some("Always"),
            pull_policy: if self.image_pull_policy.is_empty() { "IfNotPresent".into() } else { self.image_pull_policy },
            name: self.name,
            image: self.image,
        }
    }
}

/// Returns the class of service: by whether all, some or none of the resources are asked for and limited.
fn qos(spec: &SpecWire) -> &'static str {
    let all = || spec.init_containers.iter().chain(&spec.containers).map(|container| &container.resources);
    if all().all(|r| r.requests.is_empty() && r.limits.is_empty()) {
        return "BestEffort";
    }
    let guaranteed = |resources: &ResourcesWire| {
        ["cpu", "memory"].iter().all(|name| {
            let limit = resources.limits.get(*name);
            limit.is_some() && resources.requests.get(*name).is_none_or(|request| Some(request) == limit)
        })
    };
    if all().all(guaranteed) { "Guaranteed" } else { "Burstable" }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(value: &Value) -> Pod {
        Pod::decode(&serde_json::to_vec(value).unwrap(), &Timing::default()).unwrap()
    }

    #[test]
    fn probes_tell_how_long_they_take() {
        let pod = pod(&json!({"metadata": {"name": "p"}, "spec": {"nodeName": "n", "containers": [{
            "name": "c", "image": "i", "startupProbe": {"initialDelaySeconds": 2},
            "readinessProbe": {"initialDelaySeconds": 10, "successThreshold": 3, "periodSeconds": 5}}]}}));
        let container = &pod.containers[0];
        assert_eq!(container.startup, SignedDuration::from_secs(2));
        assert_eq!(container.readiness, Some(SignedDuration::from_secs(20)));
        assert_eq!((pod.qos, pod.restart_policy), ("BestEffort", RestartPolicy::Always));
    }

    #[test]
    fn sources_are_those_that_must_exist() {
        let pod = pod(&json!({"spec": {"containers": [{"name": "c",
            "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": true}}}],
            "envFrom": [{"secretRef": {"name": "t"}}]}]}}));
        assert_eq!(
            pod.containers[0].sources,
            [
                Source { plural: "configmaps", name: "m".into(), key: Some("k".into()) },
                Source { plural: "secrets", name: "t".into(), key: None },
            ]
        );
    }

    #[test]
    fn the_class_of_service_follows_requests_and_limits() {
        for (resources, want) in [
            (json!({}), "BestEffort"),
            (json!({"requests": {"cpu": "1"}}), "Burstable"),
            (json!({"limits": {"cpu": "1", "memory": "1Gi"}}), "Guaranteed"),
            (json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}), "Burstable"),
        ] {
            let pod = pod(&json!({"spec": {"containers": [{"name": "c", "resources": resources}]}}));
            assert_eq!(pod.qos, want, "{resources}");
        }
    }
}
