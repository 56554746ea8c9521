//! A pod as the planner sees it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    replica_set::controller_uid,
    trouble::{Trouble, condition},
    watched::WatchedPod,
};

/// A pod of the Rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodView {
    /// Name.
    pub name: String,
    /// Unique id.
    pub uid: String,
    /// Unique id of its controlling owner.
    pub controller: Option<String>,
    /// When it was created.
    pub created: Timestamp,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Since when it is ready.
    pub ready_since: Option<Timestamp>,
    /// Whether it is being deleted, as far as it is known: an eviction of ours counts before its effect is seen.
    pub leaving: bool,
    /// Whether it has ended, well or badly.
    pub finished: bool,
    /// Why it is not ready.
    pub trouble: Option<Trouble>,
}

impl PodView {
    /// Returns the view of an object; `is_evicted` says that we have evicted it.
    #[must_use]
    pub fn new(pod: &WatchedPod, is_evicted: bool) -> Self {
        let meta = &pod.metadata;
        let ready = condition(pod, "Ready").filter(|ready| ready.status == "True");
        Self {
            name: meta.name.clone().unwrap_or_default(),
            uid: meta.uid.clone().unwrap_or_default(),
            controller: controller_uid(meta),
            created: meta.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0),
            labels: meta.labels.clone().unwrap_or_default(),
            annotations: meta.annotations.clone().unwrap_or_default(),
            ready_since: ready
                .map(|ready| ready.last_transition_time.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0)),
            leaving: is_evicted || meta.deletion_timestamp.is_some(),
            finished: matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed")),
            trouble: if ready.is_some() { None } else { Some(Trouble::of(pod)) },
        }
    }

    /// Returns whether it is ready and stays.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.ready_since.is_some() && !self.leaving && !self.finished
    }

    /// Returns whether it has been ready for `min_ready_seconds` and stays.
    #[must_use]
    pub fn is_available(&self, min_ready_seconds: i32, now: Timestamp) -> bool {
        self.is_serving() && self.available_from(min_ready_seconds).is_some_and(|from| from <= now)
    }

    /// Returns when it is, or was, ready for `min_ready_seconds`; `None` while it is not ready.
    #[must_use]
    pub fn available_from(&self, min_ready_seconds: i32) -> Option<Timestamp> {
        let wait = SignedDuration::from_secs(min_ready_seconds.max(0).into());
        self.ready_since.map(|since| since.saturating_add(wait).unwrap_or(Timestamp::MAX))
    }
}
