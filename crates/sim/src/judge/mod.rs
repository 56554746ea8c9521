//! The promises, checked at every write to the store.
//!
//! Only what the controller does is judged, against what it can have known. A pod that crashes, is lost with its node or
//! is deleted by a person counts as available until the controller can have seen that it is not; from then on the
//! controller has to count it as missing. A pod that became available counts at once where it helps, and where it is
//! taken away only once the controller can have relied on it.

mod availability;
pub mod facts;
mod release;
mod sizes;
mod window;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tiphys_sandbox::{object::Object, store::Change};

use self::{
    availability::{Cause, Lost},
    facts::{Pod, Rollout, Set, selected},
    window::{Promises, Sight},
};
use crate::{history::Write, world::NAMESPACE};

/// Who checks the promises. Knows one Rollout: the first that it sees.
#[derive(Debug, Default)]
pub struct Judge {
    rollout: Option<Rollout>,
    pods: BTreeMap<String, Pod>,
    sets: BTreeMap<String, Set>,
    /// The hash that each Service selects.
    services: BTreeMap<String, String>,
    promises: Promises,
    /// Times at which pods were asked to be restarted, and until when each was asked.
    restarts: Vec<(Timestamp, Option<Timestamp>)>,
    /// When an abort was last seen.
    aborted: Option<Timestamp>,
    sight: Sight,
    lost: Vec<Lost>,
    /// What each ReplicaSet was last made smaller for.
    shrunk: BTreeMap<String, Cause>,
    evicted: BTreeSet<String>,
    /// Pods with this uid, or of a ReplicaSet with this uid, were deleted by a person.
    deleted: BTreeSet<String>,
    /// Revisions of writes by people.
    by_person: BTreeSet<u64>,
    /// How often a rule was put to use, by its name.
    uses: BTreeMap<&'static str, u64>,
}

impl Judge {
    /// Says how old the controller's view may be while its connection is up.
    pub fn view_lags(&mut self, lag: SignedDuration) {
        self.sight.lags(lag);
    }

    /// Says that the controller cannot see or act from now on.
    pub fn sight_lost(&mut self, at: Timestamp) {
        self.sight.lost(at);
    }

    /// Says that the controller can see again.
    pub fn sight_regained(&mut self, at: Timestamp) {
        self.sight.regained(at);
    }

    /// Says that a write with this resource version was made by a person.
    pub fn by_person(&mut self, resource_version: Option<&str>) {
        self.by_person.extend(resource_version.and_then(|version| version.parse::<u64>().ok()));
    }

    /// Says that a person deletes the object with this uid.
    pub fn deleted_by_person(&mut self, uid: Option<&str>) {
        self.deleted.extend(uid.map(str::to_owned));
    }

    /// Returns the uids of all pods that were evicted.
    #[must_use]
    pub fn evicted(&self) -> &BTreeSet<String> {
        &self.evicted
    }

    /// Returns how many pods are available now.
    #[must_use]
    pub fn available(&self, at: Timestamp) -> i64 {
        let min_ready = self.promises.last().map_or(0, |promise| promise.min_ready);
        let available = self.pods.values().filter(|pod| pod.available_since(min_ready, at).is_some()).count();
        i64::try_from(available).unwrap_or(i64::MAX)
    }

    /// Returns how many pods stay.
    #[must_use]
    pub fn staying(&self) -> i64 {
        i64::try_from(self.pods.values().filter(|pod| pod.stays).count()).unwrap_or(i64::MAX)
    }

    /// Returns how often each rule had something to check: a rule that never had is no rule.
    #[must_use]
    pub fn uses(&self) -> &BTreeMap<&'static str, u64> {
        &self.uses
    }

    /// Takes in a write.
    ///
    /// # Errors
    /// The promise that it breaks.
    pub fn see(&mut self, write: &Write) -> Result<(), String> {
        let (at, change) = (write.at, &*write.change);
        if change.object().namespace() != NAMESPACE {
            return Ok(());
        }
        let broken = match change.resource.plural.as_str() {
            "pods" => self.see_pod(at, change),
            "replicasets" => self.see_set(at, change),
            "services" => self.see_service(at, change),
            "rollouts" => self.see_rollout(at, change),
            _ => Ok(()),
        };
        broken.map_err(|text| format!("{at}: {text}\n{}", self.picture(at)))
    }

    fn see_pod(&mut self, at: Timestamp, change: &Change) -> Result<(), String> {
        let new = change.new.as_deref().map(|object| Pod::of(&object.value()));
        let name = change.object().name().to_owned();
        let old = match new.clone() {
            Some(pod) => self.pods.insert(name, pod),
            None => self.pods.remove(&name),
        };
        // One of the same name may have come in its place.
        let old = old.filter(|old| new.as_ref().is_none_or(|new| new.uid == old.uid));
        self.judge_pod(at, old.as_ref(), new.as_ref())
    }

    fn see_set(&mut self, at: Timestamp, change: &Change) -> Result<(), String> {
        let new = change.new.as_deref().map(|object| Set::of(&object.value()));
        let name = change.object().name().to_owned();
        let old = match new.clone() {
            Some(set) => self.sets.insert(name, set),
            None => self.sets.remove(&name),
        };
        if let (Some(old), Some(new)) = (&old, &new) {
            self.note_shrinking(old, new);
        }
        match new {
            Some(new) => self.judge_set(at, old.as_ref(), &new, self.by_person.contains(&change.revision)),
            None => Ok(()),
        }
    }

    fn see_service(&mut self, at: Timestamp, change: &Change) -> Result<(), String> {
        let name = change.object().name().to_owned();
        let new = change.new.as_deref().map(|object: &Object| selected(&object.value())).unwrap_or_default();
        let old = self.services.insert(name.clone(), new.clone()).unwrap_or_default();
        if old == new || new.is_empty() { Ok(()) } else { self.judge_switch(at, &name, &old, &new) }
    }

    fn see_rollout(&mut self, at: Timestamp, change: &Change) -> Result<(), String> {
        let Some(object) = change.new.as_deref() else { return Ok(()) };
        if self.rollout.as_ref().is_some_and(|known| known.name != object.name()) {
            return Ok(());
        }
        let new = Rollout::of(&object.value());
        self.promises.from(at, new.promise);
        self.note_restart(at, new.restart_at);
        if new.status["abort"] == Value::Bool(true) {
            self.aborted = Some(at);
        }
        let old = self.rollout.replace(new.clone());
        match old {
            Some(old) => self.judge_status(at, &old, &new, self.by_person.contains(&change.revision)),
            None => Ok(()),
        }
    }

    fn note_restart(&mut self, at: Timestamp, asked: Option<Timestamp>) {
        if let Some((last, until)) = self.restarts.last_mut()
            && Some(*last) != asked
        {
            until.get_or_insert(at);
        }
        if let Some(asked) = asked
            && self.restarts.last().is_none_or(|(last, _)| *last != asked)
        {
            self.restarts.push((asked, None));
        }
    }

    fn used(&mut self, rule: &'static str) {
        *self.uses.entry(rule).or_default() += 1;
    }

    fn horizon(&self, at: Timestamp) -> Timestamp {
        self.sight.horizon(at)
    }

    /// What there is, for a person who reads of a broken promise.
    fn picture(&self, at: Timestamp) -> String {
        let mut lines = Vec::new();
        if let Some(rollout) = &self.rollout {
            let status = &rollout.status;
            lines.push(format!(
                "  rollout {:?}, stable {}, current {}, step {}, {} {}",
                rollout.promise,
                status["stableRS"],
                status["currentPodHash"],
                status["currentStepIndex"],
                status["phase"],
                status["message"]
            ));
        }
        lines
            .extend(self.sets.values().map(|set| format!("  set {} {} (surge {})", set.name, set.replicas, set.surge)));
        lines.extend(self.services.iter().map(|(name, hash)| format!("  service {name} -> {hash}")));
        for pod in self.pods.values() {
            let state = match pod.available_since(0, at) {
                Some(since) => format!("ready since {since}"),
                None if pod.stays => "not ready".to_owned(),
                None => "leaving".to_owned(),
            };
            lines.push(format!("  pod {} created {}, {state}", pod.name, pod.created));
        }
        lines.extend(self.lost.iter().map(|lost| format!("  lost {} at {}", lost.name, lost.at)));
        lines.join("\n")
    }
}
