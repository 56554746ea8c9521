//! What routing asks to be done.

use std::time::Duration;

use serde_json::Value;
use tiphys_api::types::AlbStatus;
use tiphys_runtime::recorder::{Note, Severity};

use crate::{
    fault::{Fault, Routed, Router},
    objects::ObjectId,
};

/// What all routers together ask for.
#[must_use]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// Changes in order; one that fails does not stop those of other routers.
    pub changes: Vec<Change>,
    /// Why routers could not do their part. Weights of a pass with faults are not what users get.
    pub faults: Vec<Fault>,
    /// Whether routers confirm the weights.
    pub verification: Verification,
    /// Plugins to call with the wanted state.
    pub plugins: Vec<PluginCall>,
    /// Events to tell though nothing changes.
    pub events: Vec<Note>,
}

/// A change of one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Whose change it is.
    pub router: Router,
    /// What it is about.
    pub aspect: Aspect,
    /// The object.
    pub id: ObjectId,
    /// What to do.
    pub act: Act,
    /// Told when it is done.
    pub events: Vec<Note>,
    /// Told when it fails.
    pub failure: Failure,
    /// How long the same change must have been wanted before it is carried out; zero but for farewells.
    pub hold: Duration,
}

/// What a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aspect {
    /// Which pods a destination means. Proxies may see a later change of weights first, so that a caller may wait between
    /// the two.
    Selection,
    /// Weights and routes.
    Weights,
}

/// What to do with an object.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Merge patch. It carries the version that was read, so that it fails with a conflict on any other.
    Patch {
        /// The patch.
        patch: Value,
    },
    /// Creates it. That it exists already means that the view was old: read again.
    Create {
        /// The whole object.
        object: Value,
    },
    /// Deletes it, if it still is the same one. That it is gone is no failure.
    Delete {
        /// Unique id.
        uid: String,
    },
}

/// What is told when a change fails.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failure {
    /// The message up to the error.
    pub prefix: String,
    /// Event with the message, if there is one besides `TrafficRoutingError`.
    pub event: Option<(Severity, String)>,
}

/// Whether routers confirm the weights.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Verification {
    /// No router can tell.
    #[default]
    NotSupported,
    /// The weights are in force.
    Verified,
    /// Not yet.
    NotYet {
        /// What is missing.
        why: String,
    },
    /// The answer is outside of the cluster: ask, and hand the answer in.
    Ask(Vec<Verify>),
}

/// What to ask AWS about one Ingress: see [`crate::aws`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verify {
    /// The Ingress.
    pub ingress: ObjectId,
    /// DNS names of its load balancers.
    pub hostnames: Vec<String>,
    /// Name of the action that carries the weights.
    pub action: String,
    /// Port of the target groups.
    pub port: i32,
    /// Service of the new pods, with the weight that it should have.
    pub canary: (String, i64),
    /// Service of the stable pods, with the weight that it should have.
    pub stable: (String, i64),
    /// Further Services with their weights.
    pub additional: Vec<(String, i64)>,
}

/// The answer about one Ingress.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// Whether all weights are in force.
    pub is_verified: bool,
    /// What is missing.
    pub why: Option<String>,
    /// What goes into `status.alb` and `status.albs`.
    pub status: Option<AlbStatus>,
    /// Events.
    pub events: Vec<Note>,
}

/// A plugin to call. Calls are idempotent: the same state may be sent again at any time.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginCall {
    /// Name of the plugin.
    pub plugin: String,
    /// Its configuration in the Rollout.
    pub config: Value,
}

impl Change {
    pub(crate) fn new(router: Router, aspect: Aspect, id: ObjectId, act: Act) -> Self {
        Self { router, aspect, id, act, events: Vec::new(), failure: Failure::default(), hold: Duration::ZERO }
    }

    pub(crate) fn told(mut self, note: Note) -> Self {
        self.events.push(note);
        self
    }

    pub(crate) fn failing(mut self, prefix: impl Into<String>) -> Self {
        self.failure.prefix = prefix.into();
        self
    }

    pub(crate) fn failing_as(mut self, event: (Severity, String)) -> Self {
        self.failure.event = Some(event);
        self
    }

    /// Returns the fault of this change when it failed with `error`, with the events about it.
    #[must_use]
    pub fn failed(&self, error: &str) -> Box<Fault> {
        let message = format!("{}{error}", self.failure.prefix);
        let mut fault = Fault::new(self.router.clone(), message.clone()).on(&self.id);
        if let Some((severity, reason)) = &self.failure.event {
            fault.events.insert(0, Note { severity: *severity, reason: reason.clone(), message });
        }
        fault
    }
}

impl Outcome {
    pub(crate) fn change(&mut self, change: impl Into<Option<Change>>) {
        self.changes.extend(change.into());
    }

    pub(crate) fn result(&mut self, result: Routed<Option<Change>>) {
        match result {
            Ok(change) => self.change(change),
            Err(fault) => self.faults.push(*fault),
        }
    }

    /// Adds what another router asks for.
    pub(crate) fn merge(&mut self, other: Self) {
        self.changes.extend(other.changes);
        self.faults.extend(other.faults);
        self.plugins.extend(other.plugins);
        self.events.extend(other.events);
        let mine = std::mem::take(&mut self.verification);
        self.verification = mine.and(other.verification);
    }
}

impl Verification {
    /// Both must hold; what cannot be told does not count.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::NotSupported, other) | (other, Self::NotSupported) => other,
            (Self::NotYet { why }, _) | (_, Self::NotYet { why }) => Self::NotYet { why },
            (Self::Ask(mut all), Self::Ask(more)) => {
                all.extend(more);
                Self::Ask(all)
            }
            (Self::Ask(all), Self::Verified) | (Self::Verified, Self::Ask(all)) => Self::Ask(all),
            (Self::Verified, Self::Verified) => Self::Verified,
        }
    }
}
