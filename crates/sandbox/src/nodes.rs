//! Simulated nodes: their objects, and what happens when one is lost, cordoned, tainted or removed.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize as _;
use serde_json::{Value, json};
use tiphys_machinery::{error::ApiError, time};

use crate::{
    controllers::{About, Cache, Context, Controller, Key, Marks, Note, Update, Writer},
    eviction::set_disruption_target,
    node_lease,
    object::Object,
    registry::{DeleteOptions, Registry, Subresource, WriteOptions},
    scheduler::ask::{Candidate, Taint},
    store::Change,
};

/// When a node stopped answering; absent while it does. Setting it is the knob that loses a node.
pub const FAILED_AT: &str = "sandbox.tiphys.dev/failed-at";

const NODES: (&str, &str) = ("", "nodes");
const PODS: (&str, &str) = ("", "pods");
const COMPONENT: &str = "node-controller";
/// From the last sign of life until the node counts as lost.
const GRACE: SignedDuration = SignedDuration::from_secs(40);
/// How long pods without a word about it bear a lost node.
const DEFAULT_TOLERATION: SignedDuration = SignedDuration::from_secs(300);
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
const LOST_MESSAGE: &str = "Kubelet stopped posting node status.";

/// What the conditions of a healthy node say: type, status, reason, message.
const HEALTHY: [(&str, &str, &str, &str); 4] = [
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
];

/// Nodes to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeOptions {
    /// How many.
    pub count: usize,
    /// Cores of each, as a quantity.
    pub cpu: String,
    /// Memory of each, as a quantity.
    pub memory: String,
    /// Pods that fit on each.
    pub pods: u32,
    /// Zones, taken in turn; none by default.
    pub zones: Vec<String>,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self { count: 1, cpu: "32".into(), memory: "256Gi".into(), pods: 110, zones: Vec::new() }
    }
}

/// Adds nodes `node-1`, `node-2`, ... with the lowest free numbers; returns their names.
///
/// # Errors
/// Whatever a write returns.
pub fn add(registry: &Registry, options: &NodeOptions) -> Result<Vec<String>, ApiError> {
    let nodes = Writer::new(registry, "kubelet").resource(NODES.0, NODES.1)?;
    let taken: BTreeSet<String> = registry.list(&nodes, None).iter().map(|node| node.name().to_owned()).collect();
    let free = (1..).filter(|number| !taken.contains(&name_of(*number))).take(options.count);
    free.map(|number| add_one(registry, &nodes, number, options)).collect()
}

/// Adds nodes until there are as many as the options say; returns the names of the new ones.
///
/// # Errors
/// Whatever a write returns.
pub fn ensure(registry: &Registry, options: &NodeOptions) -> Result<Vec<String>, ApiError> {
    let nodes = Writer::new(registry, "kubelet").resource(NODES.0, NODES.1)?;
    let count = options.count.saturating_sub(registry.list(&nodes, None).len());
    add(registry, &NodeOptions { count, ..options.clone() })
}

fn name_of(number: usize) -> String {
    format!("node-{number}")
}

fn add_one(
    registry: &Registry,
    nodes: &tiphys_machinery::resource::Resource,
    number: usize,
    options: &NodeOptions,
) -> Result<String, ApiError> {
    let name = name_of(number);
    let value = object(&name, number, options, registry.now());
    let write = WriteOptions::by("kubelet");
    registry.create(nodes, "", value.clone(), &write)?;
    registry.modify(nodes, "", &name, Subresource::Status, &write, |node| node["status"] = value["status"].clone())?;
    Ok(name)
}

fn object(name: &str, number: usize, options: &NodeOptions, now: Timestamp) -> Value {
    let mut labels = json!({
        "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": "amd64",
    });
    if !options.zones.is_empty() {
        labels["topology.kubernetes.io/zone"] = options.zones[(number - 1) % options.zones.len()].as_str().into();
    }
    let range = format!("10.{}.{}.0/24", 244 + number / 256, number % 256);
    let address = format!("172.18.{}.{}", number / 250, 2 + number % 250);
    let room = json!({"cpu": options.cpu, "memory": options.memory, "pods": options.pods.to_string(), "ephemeral-storage": "1Ti"});
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels},
        "spec": {"podCIDR": range, "podCIDRs": [range], "providerID": format!("tiphys://{name}")},
        "status": {
            "capacity": room, "allocatable": room,
            "conditions": conditions(&Value::Null, None, now),
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "architecture": "amd64", "operatingSystem": "linux", "bootID": "", "machineID": name, "systemUUID": "",
                "containerRuntimeVersion": "containerd://2.1.0", "kernelVersion": "6.1.0", "osImage": "Tiphys sandbox",
                "kubeletVersion": "v1.34.0", "kubeProxyVersion": "",
            },
        },
    })
}

/// Loses a node: nothing moves on it any more, and after 40 s it counts as unreachable.
///
/// # Errors
/// `NotFound`.
pub fn fail(registry: &Registry, name: &str) -> Result<(), ApiError> {
    let now = registry.now().to_string();
    edit(registry, name, |node| {
        let annotations = &mut node["metadata"]["annotations"];
        if annotations[FAILED_AT].is_null() {
            annotations[FAILED_AT] = now.as_str().into();
        }
    })
}

/// Brings a lost node back.
///
/// # Errors
/// `NotFound`.
pub fn recover(registry: &Registry, name: &str) -> Result<(), ApiError> {
    edit(registry, name, |node| {
        if let Some(annotations) = node["metadata"]["annotations"].as_object_mut() {
            annotations.remove(FAILED_AT);
        }
    })
}

fn edit(registry: &Registry, name: &str, change: impl FnMut(&mut Value)) -> Result<(), ApiError> {
    Writer::new(registry, "tiphys").modify(NODES, &Key::new("", name), change).map(|_| ())
}

/// Returns when a node stopped answering, from its metadata.
#[must_use]
pub fn failed_at(metadata: &Value) -> Option<Timestamp> {
    time::parse(&metadata["annotations"][FAILED_AT])
}

/// Returns the conditions of a node; times move with the status only.
fn conditions(former: &Value, lost: Option<Timestamp>, now: Timestamp) -> Value {
    let former = |r#type: &str| former.as_array().into_iter().flatten().find(|condition| condition["type"] == r#type);
    let one = |(r#type, status, reason, message): (&str, &str, &str, &str)| {
        let (status, reason, message) = match lost {
            Some(_) => ("Unknown", "NodeStatusUnknown", LOST_MESSAGE),
            None => (status, reason, message),
        };
        let before = former(r#type);
        let since =
            before.filter(|before| before["status"] == status).and_then(|before| before["lastTransitionTime"].as_str());
        let beat = before.and_then(|before| before["lastHeartbeatTime"].as_str());
        json!({
            "type": r#type, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": beat.map_or_else(|| time::seconds(now), ToOwned::to_owned),
            "lastTransitionTime": since.map_or_else(|| time::seconds(now), ToOwned::to_owned),
        })
    };
    HEALTHY.into_iter().map(one).collect()
}

/// What node life-cycle, taint and pod garbage controllers do.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    /// Nodes that pods may have to leave.
    evicting: BTreeSet<String>,
}

impl Controller for Nodes {
    fn name(&self) -> &'static str {
        "nodes"
    }

    fn on_change(&mut self, change: &Change, _: &Update, _: &Cache, marks: &mut Marks) {
        let object = change.object();
        match change.resource.group_plural() {
            NODES => _ = marks.insert(Key::new("", object.name())),
            PODS if change.new.is_some() => {
                let before = change.prev.as_ref().and_then(|prev| prev.index());
                if let Some(node) = object.index().filter(|node| before != Some(*node) && self.evicting.contains(*node))
                {
                    marks.insert(Key::new("", node));
                }
            }
            _ => {}
        }
    }

    fn reconcile(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), ApiError> {
        let nodes = Writer::new(context.registry, COMPONENT).resource(NODES.0, NODES.1)?;
        let Ok(object) = context.registry.get(&nodes, "", &key.name) else {
            self.evicting.remove(&*key.name);
            return collect(&key.name, context);
        };
        let node = object.value();
        let lost = failed_at(&node["metadata"]).map(|at| at + GRACE);
        let due = lost.filter(|at| *at > context.now);
        let lost = lost.filter(|at| *at <= context.now);
        judge(key, &object, &node, lost, context)?;
        let taints = taints(&node, lost.is_some(), context.now);
        if node["spec"]["taints"].as_array().cloned().unwrap_or_default() != taints {
            Writer::new(context.registry, "kube-controller-manager").modify(NODES, key, |node| {
                node["spec"]["taints"] = Value::Array(taints.clone());
            })?;
        }
        let next = self.evict(&key.name, &taints, context)?;
        let renewal = node_lease::renew(&node, failed_at(&node["metadata"]).is_some(), context)?;
        if let Some(at) = [due, next, renewal].into_iter().flatten().min() {
            context.wake(key, at);
        }
        Ok(())
    }
}

/// Writes the conditions of a node, and into its pods that they are not ready any more.
fn judge(
    key: &Key,
    object: &Object,
    node: &Value,
    lost: Option<Timestamp>,
    context: &mut Context<'_>,
) -> Result<(), ApiError> {
    let ready = |node: &Value| {
        let mut all = node["status"]["conditions"].as_array().into_iter().flatten();
        all.find(|condition| condition["type"] == "Ready").map(|condition| condition["status"].clone())
    };
    let was_lost = ready(node) == Some("Unknown".into());
    if was_lost == lost.is_some() {
        return Ok(());
    }
    Writer::new(context.registry, "kube-controller-manager").modify_status(NODES, key, |node| {
        node["status"]["conditions"] = conditions(&node["status"]["conditions"], lost, context.now);
    })?;
    let status = if lost.is_some() { "NodeNotReady" } else { "NodeReady" };
    let message = format!("Node {} status is now: {status}", key.name);
    context.note(&About::object("v1", "Node", object), &Note::normal(COMPONENT, status, message));
    if lost.is_some() {
        for pod in context.registry.pods_on(&key.name) {
            unready(&pod, context)?;
        }
    }
    Ok(())
}

fn unready(pod: &Object, context: &mut Context<'_>) -> Result<(), ApiError> {
    let key = Key::new(pod.namespace(), pod.name());
    let now = time::seconds(context.now);
    Writer::new(context.registry, "kube-controller-manager").modify_status(PODS, &key, |pod| {
        let conditions = pod["status"]["conditions"].as_array_mut().into_iter().flatten();
        for condition in conditions.filter(|condition| condition["type"] == "Ready" && condition["status"] == "True") {
            condition["status"] = "False".into();
            condition["reason"] = "NodeNotReady".into();
            condition["lastTransitionTime"] = now.as_str().into();
        }
    })?;
    let about = About::object("v1", "Pod", pod);
    context.note(&about, &Note::warning(COMPONENT, "NodeNotReady", "Node is not ready"));
    Ok(())
}

/// Returns the taints a node has to have: those of users, and those that follow from its state.
fn taints(node: &Value, lost: bool, now: Timestamp) -> Vec<Value> {
    let former = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
    let cordoned = node["spec"]["unschedulable"].as_bool().unwrap_or_default();
    let wanted =
        [(UNSCHEDULABLE, "NoSchedule", cordoned), (UNREACHABLE, "NoSchedule", lost), (UNREACHABLE, "NoExecute", lost)];
    let is = |taint: &Value, key: &str, effect: &str| taint["key"] == key && taint["effect"] == effect;
    let unwanted = |taint: &Value| wanted.iter().any(|(key, effect, on)| !on && is(taint, key, effect));
    let mut taints: Vec<Value> = former.into_iter().filter(|taint| !unwanted(taint)).collect();
    for (key, effect, _) in wanted.iter().filter(|(_, _, on)| *on) {
        if !taints.iter().any(|taint| is(taint, key, effect)) {
            taints.push(json!({"key": key, "effect": effect, "timeAdded": time::seconds(now)}));
        }
    }
    taints
}

impl Nodes {
    /// Deletes the pods that do not bear the node's taints (any longer); returns when the next one stops to.
    fn evict(
        &mut self,
        name: &str,
        taints: &[Value],
        context: &mut Context<'_>,
    ) -> Result<Option<Timestamp>, ApiError> {
        let forcing = taints.iter().filter(|taint| taint["effect"] == "NoExecute");
        let forcing: Vec<(Taint, Timestamp)> = forcing
            .filter_map(|taint| {
                Some((Taint::deserialize(taint).ok()?, time::parse(&taint["timeAdded"]).unwrap_or(context.now)))
            })
            .collect();
        if forcing.is_empty() {
            self.evicting.remove(name);
            return Ok(None);
        }
        self.evicting.insert(name.to_owned());
        let mut due = None;
        for pod in context.registry.pods_on(name).into_iter().filter(|pod| !pod.is_deleting()) {
            match Candidate::decode(&pod.json()).and_then(|candidate| leaves_at(&candidate, &forcing)) {
                Some(at) if at <= context.now => drive_out(&pod, context)?,
                Some(at) => due = Some(due.map_or(at, |due: Timestamp| due.min(at))),
                None => {}
            }
        }
        Ok(due)
    }
}

/// Returns when a pod has to leave a node with these taints; `None` for never.
fn leaves_at(pod: &Candidate, taints: &[(Taint, Timestamp)]) -> Option<Timestamp> {
    let one = |(taint, since): &(Taint, Timestamp)| {
        let mut bearing = pod.ask.tolerations.iter().filter(|toleration| toleration.bears(taint)).peekable();
        if bearing.peek().is_none() {
            let system = matches!(taint.key.as_str(), UNREACHABLE | NOT_READY);
            return Some(if system { *since + DEFAULT_TOLERATION } else { *since });
        }
        // The least of the limits holds; without one it stays.
        let limits = bearing.filter_map(|toleration| toleration.seconds);
        limits.min().map(|seconds| *since + SignedDuration::from_secs(seconds.clamp(0, i64::from(i32::MAX))))
    };
    taints.iter().filter_map(one).min()
}

fn drive_out(pod: &Object, context: &mut Context<'_>) -> Result<(), ApiError> {
    let key = Key::new(pod.namespace(), pod.name());
    let now = context.now;
    let writer = Writer::new(context.registry, "kube-controller-manager");
    writer.modify_status(PODS, &key, |pod| {
        let message = "Taint manager: deleting due to NoExecute taint";
        set_disruption_target(pod, "DeletionByTaintManager", message, now);
    })?;
    writer.delete(PODS, &key, &DeleteOptions::background().of_uid(pod.uid().to_string()))?;
    let message = format!("Marking for deletion Pod {}/{}", key.namespace, key.name);
    context.note(
        &About::object("v1", "Pod", pod),
        &Note::normal("taint-eviction-controller", "TaintManagerEviction", message),
    );
    Ok(())
}

/// Removes the pods of a node that is gone: no kubelet will.
fn collect(name: &str, context: &mut Context<'_>) -> Result<(), ApiError> {
    for pod in context.registry.pods_on(name) {
        let key = Key::new(pod.namespace(), pod.name());
        let options = DeleteOptions::background().of_uid(pod.uid().to_string()).grace(0);
        Writer::new(context.registry, "kube-controller-manager").delete(PODS, &key, &options)?;
    }
    Ok(())
}
