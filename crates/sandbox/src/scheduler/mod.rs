//! The scheduler: puts pods on nodes.
//!
//! | module | purpose |
//! | --- | --- |
//! | [`ask`] | what a pod asks of its node |
//! | [`even`] | how evenly pods lie |
//! | [`pick`] | the choice of a node |

pub mod ask;
pub mod even;
pub mod pick;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use tiphys_machinery::{error::ApiError, time};

use self::{
    ask::{Ask, Candidate},
    pick::Node,
};
use crate::{
    controllers::{About, Cache, Context, Controller, Key, Marks, Note, Update, Writer},
    object::Object,
    registry::Subresource,
    store::Change,
};

const NAME: &str = "default-scheduler";
const MANAGER: &str = "kube-scheduler";
const PODS: (&str, &str) = ("", "pods");

/// Puts every pod that waits for the default scheduler on a node, one after the other.
///
/// A pod that fits nowhere is tried again when a node changes or a pod leaves one.
#[derive(Debug, Default)]
pub(crate) struct Scheduler {
    nodes: BTreeMap<Arc<str>, Node>,
    /// Where each pod lies and what it asks, by the key in lists; also on nodes that are not known.
    placed: BTreeMap<Arc<str>, (Arc<str>, Arc<Ask>)>,
    /// Pods that fit nowhere, with the text of why.
    stuck: BTreeMap<Key, String>,
}

impl Controller for Scheduler {
    fn name(&self) -> &'static str {
        "scheduler"
    }

    fn on_change(&mut self, change: &Change, _: &Update, _: &Cache, marks: &mut Marks) {
        match change.resource.group_plural() {
            PODS => self.on_pod(change, marks),
            ("", "nodes") => self.on_node(change, marks),
            _ => {}
        }
    }

    fn reconcile(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), ApiError> {
        let pods = Writer::new(context.registry, MANAGER).resource(PODS.0, PODS.1)?;
        let Ok(object) = context.registry.get(&pods, &key.namespace, &key.name) else { return Ok(()) };
        let Some(pod) = waiting(&object) else { return Ok(()) };
        if pod.gated {
            let text = "Scheduling is blocked due to non-empty scheduling gates";
            return refuse(key, context, "SchedulingGated", text);
        }
        match pick::pick(&self.nodes, &pod.ask) {
            Ok(node) => self.bind(key, &object, pod, node, context),
            Err(text) => self.give_up(key, &pod, text, context),
        }
    }
}

/// Returns the pod if it waits for this scheduler.
fn waiting(object: &Object) -> Option<Candidate> {
    if object.index().is_some() || object.is_deleting() {
        return None;
    }
    Candidate::decode(&object.json()).filter(|pod| matches!(pod.scheduler.as_str(), "" | NAME) && pod.node.is_empty())
}

impl Scheduler {
    fn on_pod(&mut self, change: &Change, marks: &mut Marks) {
        let object = change.object();
        let gone = change.new.is_none();
        match object.index() {
            _ if gone => self.leave(object, marks),
            Some(_) if is_over(object) => self.leave(object, marks),
            Some(node) => self.settle(object, node),
            None => {
                let key = Key::new(object.namespace(), object.name());
                // What was written to a pod that fits nowhere does not make it fit, unless it is the spec.
                if !self.stuck.contains_key(&key) || change.prev.is_none() {
                    marks.insert(key);
                }
            }
        }
        if gone {
            self.stuck.remove(&Key::new(object.namespace(), object.name()));
        }
    }

    fn on_node(&mut self, change: &Change, marks: &mut Marks) {
        let name: Arc<str> = change.object().name().into();
        let Some(object) = &change.new else {
            self.nodes.remove(&name);
            return;
        };
        let mut node = self.nodes.remove(&name).unwrap_or_else(|| self.fresh(&name));
        let (labels, room) = (node.labels.clone(), node.allocatable.clone());
        let (taints, cordoned) = (node.taints.clone(), node.unschedulable);
        node.describe(&object.value());
        let same = node.labels == labels
            && node.allocatable == room
            && node.taints == taints
            && node.unschedulable == cordoned;
        self.nodes.insert(name, node);
        if !same {
            self.retry(marks);
        }
    }

    /// Returns a node with the pods that were bound to it before it was known.
    fn fresh(&self, name: &Arc<str>) -> Node {
        let mut node = Node::default();
        for (pod, (_, ask)) in self.placed.iter().filter(|(_, (place, _))| place == name) {
            node.add(pod.clone(), ask.clone());
        }
        node
    }

    fn settle(&mut self, object: &Object, node: &str) {
        if self.placed.contains_key(object.key()) {
            return;
        }
        let Some(pod) = Candidate::decode(&object.json()) else { return };
        self.place(object.key().clone(), node.into(), pod);
    }

    fn place(&mut self, pod: Arc<str>, node: Arc<str>, candidate: Candidate) {
        let ask = Arc::new(candidate.ask);
        if let Some(node) = self.nodes.get_mut(&node) {
            node.add(pod.clone(), ask.clone());
        }
        self.placed.insert(pod, (node, ask));
    }

    fn leave(&mut self, object: &Object, marks: &mut Marks) {
        let Some((node, _)) = self.placed.remove(object.key()) else { return };
        if let Some(node) = self.nodes.get_mut(&node) {
            node.remove(object.key());
        }
        self.retry(marks);
    }

    fn retry(&self, marks: &mut Marks) {
        marks.extend(self.stuck.keys().cloned());
    }

    fn bind(
        &mut self,
        key: &Key,
        object: &Object,
        pod: Candidate,
        node: Arc<str>,
        context: &mut Context<'_>,
    ) -> Result<(), ApiError> {
        let uid = pod.uid.clone();
        let now = time::seconds(context.now);
        Writer::new(context.registry, MANAGER).edit(PODS, key, Subresource::Binding, |value| {
            if value["metadata"]["uid"] == uid.as_str() && value["spec"]["nodeName"].as_str().is_none_or(str::is_empty)
            {
                value["spec"]["nodeName"] = (*node).into();
                let generation = value["metadata"]["generation"].as_i64().unwrap_or_default();
                set_scheduled(value, condition("True", "", "", generation, &now));
            }
        })?;
        let message = format!("Successfully assigned {}/{} to {node}", key.namespace, key.name);
        let about = About::object("v1", "Pod", object);
        context.note(&about, &Note::normal(NAME, "Scheduled", message));
        self.stuck.remove(key);
        self.place(object.key().clone(), node, pod);
        Ok(())
    }

    fn give_up(&mut self, key: &Key, pod: &Candidate, text: String, context: &mut Context<'_>) -> Result<(), ApiError> {
        if self.stuck.get(key) == Some(&text) {
            return Ok(());
        }
        self.stuck.insert(key.clone(), text.clone());
        refuse(key, context, "Unschedulable", &text)?;
        let about = About::new("v1", "Pod", key, &pod.uid);
        context.note(&about, &Note::warning(NAME, "FailedScheduling", text));
        Ok(())
    }
}

/// Returns whether a pod has ended, which frees what it reserved.
fn is_over(object: &Object) -> bool {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Wire {
        status: Status,
    }
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Status {
        phase: String,
    }
    object.decode::<Wire>().is_ok_and(|wire| matches!(wire.status.phase.as_str(), "Succeeded" | "Failed"))
}

fn refuse(key: &Key, context: &Context<'_>, reason: &str, text: &str) -> Result<(), ApiError> {
    let now = time::seconds(context.now);
    let written = Writer::new(context.registry, MANAGER).modify_status(PODS, key, |value| {
        let generation = value["metadata"]["generation"].as_i64().unwrap_or_default();
        set_scheduled(value, condition("False", reason, text, generation, &now));
    });
    written.map(|_| ())
}

fn condition(status: &str, reason: &str, message: &str, generation: i64, now: &str) -> Value {
    let mut value = json!({"type": "PodScheduled", "status": status, "lastProbeTime": null, "lastTransitionTime": now});
    if generation > 0 {
        value["observedGeneration"] = generation.into();
    }
    for (field, text) in [("reason", reason), ("message", message)].into_iter().filter(|(_, text)| !text.is_empty()) {
        value[field] = text.into();
    }
    value
}

/// Sets the condition; its time moves with its status only.
fn set_scheduled(pod: &mut Value, mut condition: Value) {
    let status = &mut pod["status"];
    if status["phase"].is_null() {
        status["phase"] = "Pending".into();
    }
    let list = &mut status["conditions"];
    if !list.is_array() {
        *list = json!([]);
    }
    let Some(list) = list.as_array_mut() else { return };
    match list.iter_mut().find(|former| former["type"] == "PodScheduled") {
        Some(former) => {
            if former["status"] == condition["status"] {
                condition["lastTransitionTime"] = former["lastTransitionTime"].clone();
            }
            *former = condition;
        }
        None => list.push(condition),
    }
}
