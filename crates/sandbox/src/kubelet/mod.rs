//! The kubelets of the simulated nodes: they start, watch and stop pods without running anything.
//!
//! | module | purpose |
//! | --- | --- |
//! | [`pod`] | what a kubelet reads of a pod |
//! | [`knobs`] | annotations that make it behave in some way |
//! | [`command`] | what its command would do |
//! | [`run`] | its state |
//! | [`lifecycle`], [`container`] | how that state moves with time |
//! | [`status`] | the state as `status`, and back |
//! | [`node`] | what a node has: addresses, images |

pub mod command;
pub mod container;
pub mod knobs;
pub mod lifecycle;
pub mod node;
pub mod pod;
pub mod run;
pub mod status;

use std::collections::BTreeMap;

use serde_json::Value;
use tiphys_machinery::error::ApiError;

use self::{
    knobs::Timing,
    lifecycle::{Outcome, Surroundings},
    node::Node,
    pod::{Pod, Source},
    run::{ContainerRun, Run, Stage},
    status::Addresses,
};
use crate::{
    controllers::{About, Cache, Context, Controller, Key, Marks, Note, Update, Writer},
    object::Object,
    registry::{DeleteOptions, Registry},
    store::Change,
};

const NAME: &str = "kubelet";
const PODS: (&str, &str) = ("", "pods");

/// All kubelets at once.
///
/// What they know beyond the objects is more exact times only: after a restart everything is read from the status of
/// the pods, in whole seconds.
#[derive(Debug, Default)]
pub(crate) struct Kubelets {
    timing: Timing,
    nodes: BTreeMap<String, Node>,
    pods: BTreeMap<Key, Kept>,
}

#[derive(Debug)]
struct Kept {
    /// Revision at which the pod was read or last written here.
    revision: u64,
    pod: Pod,
    run: Run,
    addresses: Option<Addresses>,
}

struct Around<'a> {
    registry: &'a Registry,
    namespace: &'a str,
    node: &'a Node,
}

impl Surroundings for Around<'_> {
    fn has_image(&self, image: &str) -> bool {
        self.node.images.contains(image)
    }

    fn lacks(&self, source: &Source) -> Option<String> {
        let (kind, word) = if source.plural == "secrets" { ("Secret", "secret") } else { ("ConfigMap", "configmap") };
        let resource = self.registry.resource("", source.plural)?;
        let Ok(object) = self.registry.get(&resource, self.namespace, &source.name) else {
            return Some(format!("{word} \"{}\" not found", source.name));
        };
        let key = source.key.as_ref()?;
        let value = object.value();
        let has = ["data", "binaryData"].iter().any(|field| value[*field].get(key).is_some());
        (!has).then(|| format!("couldn't find key {key} in {kind} {}/{}", self.namespace, source.name))
    }
}

impl Controller for Kubelets {
    fn name(&self) -> &'static str {
        NAME
    }

    fn on_change(&mut self, change: &Change, _: &Update, _: &Cache, marks: &mut Marks) {
        match change.resource.group_plural() {
            PODS => self.on_pod(change, marks),
            ("", "nodes") => self.on_node(change, marks),
            _ => {}
        }
    }

    fn reconcile(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), ApiError> {
        let pods = Writer::new(context.registry, NAME).resource(PODS.0, PODS.1)?;
        let Ok(object) = context.registry.get(&pods, &key.namespace, &key.name) else {
            self.forget(key);
            return Ok(());
        };
        let Some(news) = self.read(key, &object) else { return Ok(()) };
        let Some(kept) = self.pods.get_mut(key) else { return Ok(()) };
        let Some(node) = self.nodes.get_mut(&kept.pod.node).filter(|node| !node.is_lost) else { return Ok(()) };
        if kept.addresses.is_none() {
            kept.addresses = Some(node.addresses_for(&kept.pod));
        }
        let before = kept.run.clone();
        let around = Around { registry: context.registry, namespace: &kept.pod.namespace, node };
        let outcome = lifecycle::advance(&kept.pod, &mut kept.run, &around, context.now);
        node.images.extend(outcome.pulled.iter().cloned());
        if news == News::Some || !shows_the_same(&before, &kept.run) {
            kept.write(key, context)?;
        }
        tell(&kept.pod, &object, &outcome, context);
        if kept.run.stopped {
            let options = DeleteOptions::background().of_uid(kept.pod.uid.as_str()).grace(0);
            Writer::new(context.registry, NAME).delete(PODS, key, &options)?;
        } else if let Some(due) = outcome.due {
            context.wake(key, due);
        }
        Ok(())
    }
}

/// Whether a pod was changed by somebody else since it was last looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    None,
    Some,
}

impl Kubelets {
    fn on_pod(&self, change: &Change, marks: &mut Marks) {
        let object = change.object();
        if change.new.is_some() && object.index().is_none() {
            return;
        }
        let key = Key::new(object.namespace(), object.name());
        let own = |kept: &Kept| kept.revision == change.revision && change.new.is_some();
        if !self.pods.get(&key).is_some_and(own) {
            marks.insert(key);
        }
    }

    fn on_node(&mut self, change: &Change, marks: &mut Marks) {
        let name = change.object().name();
        let Some(object) = &change.new else {
            self.nodes.remove(name);
            return;
        };
        let known = self.nodes.get(name).map(|node| node.is_lost);
        let node = self.nodes.entry(name.to_owned()).or_default();
        node.describe(&object.value());
        if known != Some(node.is_lost) && !node.is_lost {
            for (key, kept) in self.pods.iter_mut().filter(|(_, kept)| kept.pod.node == name) {
                // Others wrote into the status meanwhile.
                kept.revision = 0;
                marks.insert(key.clone());
            }
        }
    }

    fn forget(&mut self, key: &Key) {
        if let Some(kept) = self.pods.remove(key)
            && let Some(node) = self.nodes.get_mut(&kept.pod.node)
            && let Some(addresses) = &kept.addresses
        {
            node.release(&addresses.pod);
        }
    }

    /// Takes in what changed in the pod; `None` if it is none of a kubelet's.
    fn read(&mut self, key: &Key, object: &Object) -> Option<News> {
        if self.pods.get(key).is_some_and(|kept| kept.revision == object.revision()) {
            return Some(News::None);
        }
        if self.pods.get(key).is_some_and(|kept| *kept.pod.uid != **object.uid()) {
            self.forget(key);
        }
        let pod = Pod::decode(&object.json(), &self.timing).filter(|pod| !pod.node.is_empty())?;
        if let Some(kept) = self.pods.get_mut(key) {
            kept.revision = object.revision();
            kept.pod = pod;
            return Some(News::Some);
        }
        let value = object.value();
        let run =
            status::read(&value["status"], &pod).unwrap_or_else(|| Run::new(pod.init.len(), pod.containers.len()));
        let addresses = self.restored_addresses(&value["status"], &pod);
        self.pods.insert(key.clone(), Kept { revision: object.revision(), pod, run, addresses });
        Some(News::Some)
    }

    /// Returns the addresses that a pod got before a restart, and takes them and its images down.
    fn restored_addresses(&mut self, status: &Value, pod: &Pod) -> Option<Addresses> {
        let address = status["podIP"].as_str().filter(|address| !address.is_empty())?;
        let node = self.nodes.get_mut(&pod.node)?;
        node.take(address);
        let statuses = status["containerStatuses"].as_array().into_iter().flatten();
        let present = statuses.filter(|status| status["imageID"].as_str().is_some_and(|id| !id.is_empty()));
        node.images.extend(present.filter_map(|status| status["image"].as_str().map(ToOwned::to_owned)));
        Some(Addresses { host: node.address.clone(), pod: address.to_owned() })
    }
}

impl Kept {
    fn write(&mut self, key: &Key, context: &Context<'_>) -> Result<(), ApiError> {
        let Some(addresses) = &self.addresses else { return Ok(()) };
        let mut edited = 0;
        let written = Writer::new(context.registry, NAME).modify_status(PODS, key, |value| {
            edited = revision_of(value);
            if value["metadata"]["uid"] == self.pod.uid.as_str() {
                status::write(value, &self.pod, &self.run, addresses, context.now);
            }
        });
        match written {
            Ok(object) if edited == self.revision => self.revision = object.revision(),
            // Somebody else wrote in between: the pod is read again when that change arrives.
            Ok(_) => {}
            Err(error) if error.code == 404 => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

fn revision_of(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Returns whether two states look the same in the status.
fn shows_the_same(a: &Run, b: &Run) -> bool {
    let same = |a: &[ContainerRun], b: &[ContainerRun]| {
        a.iter().zip(b).all(|(a, b)| a == b || (is_creating(a) && is_creating(b)))
    };
    a.since == b.since && a.phase == b.phase && same(&a.init, &b.init) && same(&a.containers, &b.containers)
}

fn is_creating(state: &ContainerRun) -> bool {
    state.last.is_none() && matches!(state.stage, Stage::Blocked | Stage::Pulling { .. } | Stage::Starting { .. })
}

fn tell(pod: &Pod, object: &Object, outcome: &Outcome, context: &mut Context<'_>) {
    for note in &outcome.notes {
        let about = About::object("v1", "Pod", object).at(note.field.as_str());
        let event = if note.warning { Note::warning } else { Note::normal };
        context.note(&about, &event(NAME, note.reason, note.message.as_str()).on_host(&pod.node));
    }
}

#[cfg(test)]
mod tests;
