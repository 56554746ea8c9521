//! What a plan for an Experiment asks for.

use jiff::Timestamp;
use serde_json::Value;
use tiphys_runtime::{reason::Reason, recorder::Note};

use crate::action::Target;

/// The result of planning: what to do, in order, then what to write into the status, then what to tell.
#[must_use]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Carried out in order. One that fails ends the pass; a failed creation is remembered ([`super::observe::Recall`]).
    pub steps: Vec<Step>,
    /// Merge patch of the Experiment, `{"status": …}`.
    pub status: Option<Value>,
    /// Told once the status is written.
    pub events: Vec<Note>,
    /// Told about the Rollout that owns the Experiment.
    pub owner_events: Vec<Note>,
    /// When to plan again though nothing changes.
    pub requeue: Option<Timestamp>,
    /// Why things are as they are, most important first.
    pub reasons: Vec<Reason>,
}

/// One action and what is told when it is done.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What to do.
    pub action: Action,
    /// Event about it.
    pub event: Option<Note>,
}

/// A change of one object.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Creates the ReplicaSet of a template, without pods.
    CreateReplicaSet {
        /// The template.
        template: String,
        /// Name of the ReplicaSet.
        name: String,
        /// The whole object.
        object: Value,
    },
    /// Sets the size of a ReplicaSet, if it still is what was seen.
    ScaleReplicaSet {
        /// Which.
        target: Target,
        /// The size that was seen.
        from: i32,
        /// The new size.
        to: i32,
    },
    /// Merge patch of a ReplicaSet's annotations.
    AnnotateReplicaSet {
        /// Which.
        target: Target,
        /// The patch.
        patch: Value,
    },
    /// Creates the Service of a template.
    CreateService {
        /// The template.
        template: String,
        /// Name of the Service.
        name: String,
        /// The whole object.
        object: Value,
    },
    /// Deletes the Service of a template.
    DeleteService(Target),
    /// Creates the AnalysisRun of an analysis.
    CreateRun {
        /// The analysis.
        analysis: String,
        /// Name of the AnalysisRun.
        name: String,
        /// The whole object.
        object: Value,
    },
    /// Asks an AnalysisRun to end.
    TerminateRun(Target),
}

impl Plan {
    /// Returns whether nothing is to be done or told.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.steps.is_empty() && self.status.is_none() && self.events.is_empty() && self.owner_events.is_empty()
    }

    /// Asks for another pass at `at` at the latest.
    pub fn requeue_at(&mut self, at: impl Into<Option<Timestamp>>) {
        self.requeue = [self.requeue, at.into()].into_iter().flatten().min();
    }
}
