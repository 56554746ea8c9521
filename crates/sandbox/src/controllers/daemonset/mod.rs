//! DaemonSets: one pod on each node that wants one.

mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use tiphys_machinery::error::ApiError;

use self::plan::{HASH, Place, Plan};
use super::cache::{Cache, Marks, Update, in_namespace_of, key_of};
use super::context::{Context, Controller};
use super::history::{self, Owner, Present, Revision};
use super::ownership::{claim, controller_ref, namespace_ends};
use super::recorder::{About, Note};
use super::template;
use super::view::{DaemonSet, Key, Pod};
use crate::registry::DeleteOptions;
use crate::scheduler::ask::Candidate;
use crate::scheduler::pick::Node;
use crate::store::Change;

const SETS: (&str, &str) = ("apps", "daemonsets");
const PODS: (&str, &str) = ("", "pods");
const NODES: (&str, &str) = ("", "nodes");
const COMPONENT: &str = "daemonset-controller";
const GENERATION: &str = "pod-template-generation";
/// Annotation that older clients count templates with.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

/// The controller of DaemonSets.
#[derive(Debug, Default)]
pub(crate) struct DaemonSets {
    /// All of them: a node concerns each.
    known: BTreeSet<Key>,
}

impl Controller for DaemonSets {
    fn name(&self) -> &'static str {
        COMPONENT
    }

    fn on_change(&mut self, change: &Change, update: &Update, _: &Cache, marks: &mut Marks) {
        if let Update::Pod(sides) = update {
            marks.extend(sides.each().filter_map(|pod| pod.owner("DaemonSet")));
            let orphans = sides.new.iter().filter(|pod| pod.controller.is_none());
            marks.extend(orphans.flat_map(|pod| in_namespace_of(&self.known, &pod.key.namespace).cloned()));
            return;
        }
        let key = key_of(change.object());
        match change.resource.group_plural() {
            SETS if change.new.is_none() => _ = self.known.remove(&key),
            SETS => {
                self.known.insert(key.clone());
                marks.insert(key);
            }
            NODES if !shows_the_same(change) => marks.extend(self.known.iter().cloned()),
            _ => {}
        }
    }

    fn reconcile(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), ApiError> {
        let resource = context.writer().resource(SETS.0, SETS.1)?;
        let Ok(object) = context.registry.get(&resource, &key.namespace, &key.name) else { return Ok(()) };
        let Ok(set) = object.decode::<DaemonSet>() else { return Ok(()) };
        if set.meta.is_deleting() || set.spec.selector.is_empty() {
            return Ok(());
        }
        let matches = |pod: &Pod| set.spec.selector.matches(&pod.labels);
        let Some(pods) = claim(&set.meta, "DaemonSet", matches, |_| true, context)? else { return Ok(()) };
        let revisions = match history::present(history_of(&set), context)? {
            Present::Kept(revisions) => revisions,
            Present::Collides => return history::collide(SETS, key, context),
        };
        let Some(present) = revisions.last() else { return Ok(()) };
        let places = places(&set, &pods, context)?;
        let plan = plan::plan(&set, &places, &present.hash, context.now);
        Pass { set: &set, key, present }.carry_out(&plan, context)?;
        let lives = |revision: &Revision| {
            revision.name == present.name || pods.iter().any(|pod| pod.labels.get(HASH) == Some(&revision.hash))
        };
        history::truncate(history_of(&set), &revisions, set.spec.revision_history_limit.unwrap_or(10), lives, context)
    }
}

/// Returns whether nothing changed in a node that decides where pods go.
fn shows_the_same(change: &Change) -> bool {
    let (Some(prev), Some(new)) = (&change.prev, &change.new) else { return false };
    let (prev, new) = (prev.value(), new.value());
    prev["metadata"]["labels"] == new["metadata"]["labels"] && prev["spec"] == new["spec"]
}

fn history_of(set: &DaemonSet) -> Owner<'_> {
    Owner {
        meta: &set.meta,
        kind: "DaemonSet",
        hash_label: HASH,
        template: &set.spec.template,
        collisions: set.status.collision_count,
    }
}

/// Returns the nodes by name, each with the set's pods on it; pods for nodes that are gone form places of their own.
fn places(set: &DaemonSet, pods: &[Arc<Pod>], context: &Context<'_>) -> Result<Vec<Place>, ApiError> {
    let mut by_node: BTreeMap<String, Vec<Arc<Pod>>> = BTreeMap::new();
    for pod in pods {
        let node = pod.node.as_deref().map(ToOwned::to_owned).or_else(|| target(pod, context));
        by_node.entry(node.unwrap_or_default()).or_default().push(pod.clone());
    }
    let example = json!({"metadata": {"namespace": set.meta.namespace, "labels": set.spec.template["metadata"]["labels"]},
        "spec": spec_of(set)});
    let bytes = serde_json::to_vec(&example).map_err(ApiError::internal)?;
    let candidate = Candidate::decode(&bytes).unwrap_or_default();
    let nodes = context.writer().resource(NODES.0, NODES.1)?;
    let mut places = Vec::new();
    for object in context.registry.list(&nodes, None) {
        let mut node = Node::default();
        node.describe(&object.value());
        let named = candidate.node.is_empty() || candidate.node == object.name();
        let selected = named && node.selects(object.name(), &candidate.ask);
        let untolerated = |effects: &[&str]| node.untolerated(&candidate.ask, effects);
        let pods = by_node.remove(object.name()).unwrap_or_default();
        places.push(Place {
            node: object.name().to_owned(),
            wanted: selected && !untolerated(&["NoSchedule", "NoExecute"]),
            bearable: selected && !untolerated(&["NoExecute"]),
            pods,
        });
    }
    let lost = by_node.into_iter().map(|(node, mut pods)| {
        // What runs on a node that is gone is removed by others.
        pods.retain(|pod| pod.node.is_none());
        Place { node, wanted: false, bearable: false, pods }
    });
    places.extend(lost);
    Ok(places)
}

/// Returns the node that a pod which is not bound yet is meant for.
fn target(pod: &Pod, context: &Context<'_>) -> Option<String> {
    let resource = context.registry.resource(PODS.0, PODS.1)?;
    let value = context.registry.get(&resource, &pod.key.namespace, &pod.key.name).ok()?.value();
    let terms = value
        .pointer("/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms")?
        .as_array()?;
    let fields = terms.iter().flat_map(|term| term["matchFields"].as_array().into_iter().flatten());
    let name = fields.filter(|field| field["key"] == "metadata.name").find_map(|field| field["values"][0].as_str());
    name.map(ToOwned::to_owned)
}

/// Returns the spec of the set's pods, with the taints that all of them bear.
fn spec_of(set: &DaemonSet) -> Value {
    let mut spec = set.spec.template["spec"].clone();
    let mut tolerations = spec["tolerations"].as_array().cloned().unwrap_or_default();
    let mut borne = vec![
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
    ];
    if spec["hostNetwork"] == true {
        borne.push(("network-unavailable", "NoSchedule"));
    }
    for (key, effect) in borne {
        let toleration = json!({"key": format!("node.kubernetes.io/{key}"), "operator": "Exists", "effect": effect});
        if !tolerations.contains(&toleration) {
            tolerations.push(toleration);
        }
    }
    spec["tolerations"] = tolerations.into();
    spec
}

/// One look at a DaemonSet.
struct Pass<'a> {
    set: &'a DaemonSet,
    key: &'a Key,
    present: &'a Revision,
}

impl Pass<'_> {
    fn carry_out(&self, plan: &Plan, context: &mut Context<'_>) -> Result<(), ApiError> {
        if let Some(at) = plan.wake {
            context.wake(self.key, at);
        }
        for (pod, node, failed) in &plan.ended {
            self.tell_ended(pod, node, *failed, context);
        }
        let written = self.write_pods(plan, context);
        let idle = plan.create.is_empty() && plan.delete.is_empty();
        if (idle || written.is_err()) && plan.status != self.set.status {
            context.writer().put_status(SETS, self.key, &plan.status)?;
        }
        written
    }

    fn write_pods(&self, plan: &Plan, context: &mut Context<'_>) -> Result<(), ApiError> {
        for node in &plan.create {
            match context.writer().create(PODS, &self.key.namespace, self.pod(node)) {
                Ok(pod) => {
                    let message = format!("Created pod: {}", pod.name());
                    context.note(&self.about(), &Note::normal(COMPONENT, "SuccessfulCreate", message));
                }
                Err(error) => {
                    if !namespace_ends(&error) {
                        let message = format!("Error creating: {error}");
                        context.note(&self.about(), &Note::warning(COMPONENT, "FailedCreate", message));
                    }
                    return Err(error);
                }
            }
        }
        for name in &plan.delete {
            let pod = Key::new(self.key.namespace.clone(), name.as_str());
            context.writer().delete(PODS, &pod, &DeleteOptions::background())?;
            let message = format!("Deleted pod: {name}");
            context.note(&self.about(), &Note::normal(COMPONENT, "SuccessfulDelete", message));
        }
        Ok(())
    }

    fn tell_ended(&self, pod: &str, node: &str, failed: bool, context: &mut Context<'_>) {
        let namespace = &self.key.namespace;
        let note = if failed {
            let message = format!("Found failed daemon pod {namespace}/{pod} on node {node}, will try to kill it");
            Note::warning(COMPONENT, "FailedDaemonPod", message)
        } else {
            let message = format!("Found succeeded daemon pod {namespace}/{pod} on node {node}, will try to delete it");
            Note::normal(COMPONENT, "SucceededDaemonPod", message)
        };
        context.note(&self.about(), &note);
    }

    fn pod(&self, node: &str) -> Value {
        let mut pod = template::pod(&self.set.spec.template, &controller_ref("apps/v1", "DaemonSet", &self.set.meta));
        pod["metadata"]["generateName"] = format!("{}-", self.set.meta.name).into();
        pod["metadata"]["labels"][HASH] = self.present.hash.as_str().into();
        if let Some(generation) = self.set.meta.annotations.get(TEMPLATE_GENERATION) {
            pod["metadata"]["labels"][GENERATION] = generation.as_str().into();
        }
        pod["spec"] = spec_of(self.set);
        pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] = json!({
            "nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}],
        });
        pod
    }

    fn about(&self) -> About {
        About::new("apps/v1", "DaemonSet", self.key, &self.set.meta.uid)
    }
}
