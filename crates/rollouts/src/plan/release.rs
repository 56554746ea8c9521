//! What every step may look at: the Rollout, its ReplicaSets by role, and the time. Made once, never changed.

use std::cell::OnceCell;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tiphys_api::{
    Rollout,
    constants::annotations,
    defaults,
    types::{BlueGreenStrategy, CanaryStrategy, PauseCondition, RolloutStatus, Time},
};

use super::{
    Settings,
    analyses::{self, Analyses},
    experiments::{self, Experiments},
    steps,
    traffic::{self, Traffic},
};
use crate::{
    action::Target,
    observe::{Observed, PodView, ReplicaSetView},
};

/// A Rollout and its ReplicaSets by role.
#[derive(Debug, Clone)]
pub(crate) struct Release<'a> {
    /// All that was observed.
    pub seen: &'a Observed,
    /// The Rollout, with the template of its workload if it refers to one.
    pub rollout: &'a Rollout,
    /// The wanted pod template as JSON, unknown fields included.
    pub template: &'a Value,
    /// Hash of the wanted pod template: the new ReplicaSet's label, or computed while there is none.
    pub hash: String,
    /// The ReplicaSet of the wanted template.
    pub new: Option<&'a ReplicaSetView>,
    /// The ReplicaSet of the last fully promoted template.
    pub stable: Option<&'a ReplicaSetView>,
    /// Neither new nor stable; by creation, then name.
    pub others: Vec<&'a ReplicaSetView>,
    /// All ReplicaSets of the Rollout.
    pub owned: Vec<&'a ReplicaSetView>,
    /// The time of this pass.
    pub now: Timestamp,
    /// Settings of the controller.
    pub settings: &'a Settings,
    /// What routers are told, planned once.
    pub told: OnceCell<Option<Traffic>>,
    /// What becomes of analyses, planned once.
    pub judged: OnceCell<Analyses>,
    /// What becomes of Experiments, planned once.
    pub tried: OnceCell<Experiments>,
}

impl<'a> Release<'a> {
    /// Returns what routers are told in this pass; `None` without a router.
    #[must_use]
    pub(crate) fn traffic(&self) -> Option<&Traffic> {
        self.told.get_or_init(|| traffic::plan(self)).as_ref()
    }

    /// Returns what becomes of analyses in this pass.
    #[must_use]
    pub(crate) fn analyses(&self) -> &Analyses {
        self.judged.get_or_init(|| analyses::plan(self))
    }

    /// Returns what becomes of Experiments in this pass.
    #[must_use]
    pub(crate) fn experiments(&self) -> &Experiments {
        self.tried.get_or_init(|| experiments::plan(self))
    }

    /// Returns the stored status.
    #[must_use]
    pub(crate) fn status(&self) -> &'a RolloutStatus {
        &self.rollout.status
    }

    /// Returns the time of this pass, to the second as the API keeps it.
    #[must_use]
    pub(crate) fn stamp(&self) -> Time {
        Time(Timestamp::from_second(self.now.as_second()).unwrap_or(self.now))
    }

    /// Returns the name of the Rollout.
    #[must_use]
    pub(crate) fn name(&self) -> &'a str {
        self.rollout.metadata.name.as_deref().unwrap_or_default()
    }

    /// Returns the namespace of the Rollout.
    #[must_use]
    pub(crate) fn namespace(&self) -> &'a str {
        self.rollout.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// Returns `spec.replicas`, 1 unless set.
    #[must_use]
    pub(crate) fn desired(&self) -> i32 {
        defaults::replicas(self.rollout)
    }

    /// Returns the canary strategy, unless the Rollout is a blue-green.
    #[must_use]
    pub(crate) fn canary(&self) -> Option<&'a CanaryStrategy> {
        self.rollout.spec.strategy.canary.as_ref().filter(|_| self.blue_green().is_none())
    }

    /// Returns the blue-green strategy.
    #[must_use]
    pub(crate) fn blue_green(&self) -> Option<&'a BlueGreenStrategy> {
        self.rollout.spec.strategy.blue_green.as_ref()
    }

    /// Returns the revision of the Rollout; 0 without one.
    #[must_use]
    pub(crate) fn revision(&self) -> i64 {
        self.annotation(annotations::REVISION).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// Returns an annotation of the Rollout.
    #[must_use]
    pub(crate) fn annotation(&self, key: &str) -> Option<&'a str> {
        self.rollout.metadata.annotations.as_ref()?.get(key).map(String::as_str)
    }

    /// Returns whether the stored status says that the wanted template is the stable one.
    #[must_use]
    pub(crate) fn is_promoted(&self) -> bool {
        self.status().stable_rs == self.hash
    }

    /// Returns whether the update is aborted. A promoted Rollout cannot be.
    #[must_use]
    pub(crate) fn is_aborted(&self) -> bool {
        let status = self.status();
        status.abort && status.stable_rs != status.current_pod_hash
    }

    /// Returns whether the stable ReplicaSet is one of its own.
    #[must_use]
    pub(crate) fn separate_stable(&self) -> Option<&'a ReplicaSetView> {
        self.stable.filter(|stable| self.new.is_none_or(|new| new.uid != stable.uid))
    }

    /// Returns whether a ReplicaSet that was stable is gone, which is damage and no first deploy.
    #[must_use]
    pub(crate) fn is_stable_lost(&self) -> bool {
        !self.status().stable_rs.is_empty() && self.stable.is_none()
    }

    /// Returns whether the wanted template differs from the one that the status is about.
    #[must_use]
    pub(crate) fn is_template_changed(&self) -> bool {
        let current = &self.status().current_pod_hash;
        !current.is_empty() && self.new.is_some_and(|new| new.hash != *current)
    }

    /// Returns whether the canary steps are not those that the status is about.
    #[must_use]
    pub(crate) fn are_steps_changed(&self) -> bool {
        let stored = &self.status().current_step_hash;
        self.canary().is_some() && (stored.is_empty() || *stored != self.step_hash())
    }

    /// Returns the hash of the canary steps; empty for a blue-green.
    #[must_use]
    pub(crate) fn step_hash(&self) -> String {
        if self.canary().is_none() {
            return String::new();
        }
        let path = ["spec", "strategy", "canary", "steps"];
        tiphys_api::hash::steps(self.seen.rollout.part(&path).unwrap_or(&Value::Null))
    }

    /// Returns the number of canary steps as the status counts them; `None` without steps.
    #[must_use]
    pub(crate) fn step_count(&self) -> Option<i32> {
        i32::try_from(steps::count(self.rollout)).ok().filter(|count| *count > 0)
    }

    /// Returns the pause of a reason.
    #[must_use]
    pub(crate) fn pause(&self, reason: &str) -> Option<&'a PauseCondition> {
        self.status().pause_conditions.iter().find(|pause| pause.reason == reason)
    }

    /// Returns why nothing may move on for the time being; a pause step is no such reason.
    #[must_use]
    pub(crate) fn halted(&self) -> Option<&'static str> {
        if self.rollout.spec.paused {
            return Some("user paused");
        }
        let inconclusive = tiphys_api::constants::reasons::pause::INCONCLUSIVE_ANALYSIS_RUN;
        self.pause(inconclusive).map(|_| "inconclusive analysis")
    }

    /// Returns the pods of a ReplicaSet, by name.
    pub(crate) fn pods_of(&self, set: &ReplicaSetView) -> impl Iterator<Item = &'a PodView> {
        let uid = set.uid.clone();
        self.seen.pods.iter().filter(move |pod| pod.controller.as_ref() == Some(&uid))
    }

    /// Returns the sum of available pods over all ReplicaSets.
    #[must_use]
    pub(crate) fn available(&self) -> i32 {
        self.owned.iter().map(|set| set.available()).sum()
    }

    /// Returns the sum of available pods that are not about to be removed.
    #[must_use]
    pub(crate) fn lasting(&self) -> i32 {
        self.owned.iter().map(|set| set.lasting()).sum()
    }

    /// Returns `now` plus whole seconds.
    #[must_use]
    pub(crate) fn after(&self, wait: SignedDuration) -> Timestamp {
        self.now.saturating_add(wait).unwrap_or(Timestamp::MAX)
    }
}

/// Returns a ReplicaSet as the target of an action.
#[must_use]
pub(crate) fn target(set: &ReplicaSetView) -> Target {
    Target { name: set.name.clone(), uid: set.uid.clone() }
}

/// Returns a pod as the target of an action.
#[must_use]
pub(crate) fn pod_target(pod: &PodView) -> Target {
    Target { name: pod.name.clone(), uid: pod.uid.clone() }
}
