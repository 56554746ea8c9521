//! What a plan asks to be done. Each action says everything; nothing is left to be decided when it is carried out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use tiphys_runtime::{reason::Reason, recorder::Note};

use crate::{apply::Kind, router_plugin::Ask, step_plugin::Call};

/// The result of planning: what to do, in order, then what to write into the status, then what to tell.
#[must_use]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Carried out in order; the first failure ends the pass.
    pub steps: Vec<Step>,
    /// Merge patch of the Rollout's status subresource.
    pub status: Option<Value>,
    /// Told once the status is written.
    pub events: Vec<Note>,
    /// Told about other objects after that.
    pub hints: Vec<Hint>,
    /// When to plan again though nothing changes.
    pub requeue: Option<Timestamp>,
    /// Whether this pass counts as failed: it is tried again with a growing delay.
    pub is_failed: bool,
    /// Why things are as they are, most important first.
    pub reasons: Vec<Reason>,
}

/// An event about a pod that may be gone by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The pod.
    pub pod: Target,
    /// What is told.
    pub note: Note,
}

/// One action and what is told when it is done.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What to do.
    pub action: Action,
    /// Events about it.
    pub events: Vec<Note>,
}

/// A change of one object, or of pods in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Makes the Rollout the controlling owner of a ReplicaSet that has none. The Rollout must still exist.
    AdoptReplicaSet(Target),
    /// Takes the Rollout out of the owners of a ReplicaSet that it no longer selects.
    ReleaseReplicaSet(Target),
    /// Keeps the stable pod template in a ControllerRevision; one that exists already is as good.
    RecordTemplate {
        /// Name of the ControllerRevision.
        name: String,
        /// The whole object.
        object: Value,
    },
    /// Deletes a ControllerRevision made by `RecordTemplate`.
    ForgetTemplate {
        /// Name of the ControllerRevision.
        name: String,
    },
    /// Creates a ReplicaSet.
    CreateReplicaSet {
        /// Its name.
        name: String,
        /// The whole object.
        object: Value,
    },
    /// Merge patch of a ReplicaSet's owned fields.
    PatchReplicaSet {
        /// Which.
        target: Target,
        /// The patch.
        patch: Value,
    },
    /// Sets the size of a ReplicaSet, if it still is what was seen.
    ScaleReplicaSet {
        /// Which.
        target: Target,
        /// The size that was seen.
        from: i32,
        /// The new size.
        to: i32,
        /// Annotations to set, or to remove where `None`.
        annotations: BTreeMap<String, Option<String>>,
    },
    /// Deletes a ReplicaSet in the background, if it is still as it was seen.
    DeleteReplicaSet {
        /// Which.
        target: Target,
        /// Version that was seen.
        resource_version: String,
    },
    /// Merge patch of a pod's metadata; a pod that is gone is no failure.
    PatchPod {
        /// Which.
        target: Target,
        /// The patch.
        patch: Value,
    },
    /// Evicts pods in this order until `at_most` evictions are accepted. A refusal by a disruption budget goes on with the
    /// next pod; any other failure ends the pass.
    EvictPods {
        /// In order.
        candidates: Vec<Target>,
        /// Number of evictions.
        at_most: usize,
    },
    /// Merge patch of a Service: its selector and the annotation that names the Rollout.
    PatchService {
        /// Name.
        name: String,
        /// The patch.
        patch: Value,
    },
    /// Changes an object of a router.
    Route(Box<tiphys_traffic::Change>),
    /// Asks AWS whether a load balancer has its weights; the answer is for the next plan.
    VerifyWeights(Box<tiphys_traffic::Verify>),
    /// Tells a router that is a plugin the wanted state; what it answers is for the next plan.
    TellRouter(Box<Ask>),
    /// Asks a step plugin to do something; what it answers is for the next plan.
    CallPlugin(Box<Call>),
    /// Sets the size of the referenced Deployment.
    ScaleWorkload {
        /// Name of the Deployment.
        name: String,
        /// The size.
        replicas: i32,
    },
    /// Creates an object that the Rollout owns and that is no ReplicaSet.
    Create {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
        /// The whole object.
        object: Value,
    },
    /// Merge patch of an object; one that is gone is no failure.
    Patch {
        /// Its kind.
        kind: Kind,
        /// Which.
        target: Target,
        /// The patch.
        patch: Value,
    },
    /// Deletes an object in the background.
    Delete {
        /// Its kind.
        kind: Kind,
        /// Which.
        target: Target,
    },
    /// Merge patch of the Rollout itself.
    PatchRollout {
        /// The patch.
        patch: Value,
    },
}

/// An object by name; it must still be the same one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Name.
    pub name: String,
    /// Unique id.
    pub uid: String,
}

impl Step {
    /// Returns a step that tells nothing.
    #[must_use]
    pub fn quiet(action: Action) -> Self {
        Self { action, events: Vec::new() }
    }

    /// Returns a step that tells one event when it is done.
    #[must_use]
    pub fn told(action: Action, event: Note) -> Self {
        Self { action, events: vec![event] }
    }
}

impl Plan {
    /// Returns whether nothing is to be done or told.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.steps.is_empty()
            && self.status.is_none()
            && self.events.is_empty()
            && self.hints.is_empty()
            && !self.is_failed
    }

    /// Asks for another pass at `at` at the latest.
    pub fn requeue_at(&mut self, at: impl Into<Option<Timestamp>>) {
        self.requeue = [self.requeue, at.into()].into_iter().flatten().min();
    }
}
