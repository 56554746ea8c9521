//! Availability: what the controller takes away, and what it leaves.

use jiff::Timestamp;

use super::{
    Judge,
    facts::{Pod, Set},
};

/// A pod that stopped being available through no act of the controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) hash: String,
    pub(super) at: Timestamp,
}

/// Who took a pod away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The controller, for a restart.
    Restart,
    /// The controller, by making its ReplicaSet smaller.
    ScaleDown,
    /// Somebody else.
    Other,
}

impl Judge {
    pub(super) fn judge_pod(&mut self, at: Timestamp, old: Option<&Pod>, new: Option<&Pod>) -> Result<(), String> {
        if let (Some(old), Some(new)) = (old, new)
            && old.disruption != new.disruption
            && new.disruption == "EvictionByEvictionAPI"
        {
            self.judge_eviction(at, new)?;
        }
        let min_ready = self.promises.last().map_or(0, |promise| promise.min_ready);
        let since = old.and_then(|old| old.available_since(min_ready, at));
        let is_available = new.is_some_and(|new| new.available_since(min_ready, at).is_some());
        if let Some(new) = new.filter(|_| is_available && since.is_none()) {
            self.replaced(new);
        }
        let (Some(old), Some(since), false) = (old, since, is_available) else { return Ok(()) };
        match self.cause(old, new) {
            Cause::Other => {
                let (name, uid, hash) = (old.name.clone(), old.uid.clone(), old.hash.clone());
                let horizon = self.horizon(at);
                self.lost.retain(|lost| lost.at >= horizon);
                self.lost.push(Lost { name, uid, hash, at });
                Ok(())
            }
            cause => self.disrupted(at, old, since, cause),
        }
    }

    /// A pod that comes back, or another one in its place, ends a loss.
    fn replaced(&mut self, pod: &Pod) {
        let same = self.lost.iter().position(|lost| lost.uid == pod.uid);
        let place = same.or_else(|| self.lost.iter().position(|lost| lost.hash == pod.hash));
        if let Some(place) = place {
            self.lost.remove(place);
        }
    }

    fn cause(&self, old: &Pod, new: Option<&Pod>) -> Cause {
        if new.is_some_and(|new| new.stays) {
            return Cause::Other;
        }
        let disruption = new.map_or(old.disruption.as_str(), |new| new.disruption.as_str());
        let set = self.sets.values().find(|set| set.uid == old.owner && !set.is_deleting);
        let is_by_person = self.deleted.contains(&old.uid) || self.deleted.contains(&old.owner);
        match (disruption, set) {
            ("EvictionByEvictionAPI", _) => Cause::Restart,
            ("", Some(_)) if is_by_person => Cause::Other,
            // One that is to have no pods at all is emptied by the update, whatever a restart had in mind.
            // Where the update shrinks a ReplicaSet in the midst of a restart that surges, the pods that go are the marked ones,
            // and the update answers for them.
            ("", Some(set)) if old.goes_next && set.replicas > 0 => {
                self.shrunk.get(&set.uid).copied().unwrap_or(Cause::Restart)
            }
            ("", Some(_)) => Cause::ScaleDown,
            _ => Cause::Other,
        }
    }

    /// Notes what a ReplicaSet was made smaller for: its extra pods are the restart's, the others the update's.
    pub(super) fn note_shrinking(&mut self, old: &Set, new: &Set) {
        if new.replicas < old.replicas {
            let is_update = new.replicas - new.surge < old.replicas - old.surge;
            let cause = if is_update { Cause::ScaleDown } else { Cause::Restart };
            self.shrunk.insert(new.uid.clone(), cause);
        }
    }

    fn disrupted(&mut self, at: Timestamp, pod: &Pod, since: Timestamp, cause: Cause) -> Result<(), String> {
        let horizon = self.horizon(at);
        if since > horizon || !self.serves(&pod.hash) || !self.is_ours(pod) {
            return Ok(());
        }
        self.used("availability");
        let is_restart = cause == Cause::Restart;
        let floor = self.promises.since(horizon).map(|promise| promise.floor(is_restart)).min().unwrap_or(0);
        let left = self.left(at, |hash| self.serves(hash));
        if left >= floor {
            return Ok(());
        }
        Err(format!("{cause:?} took pod {} and left {left} available pods, {floor} were promised", pod.name))
    }

    /// Pods of a ReplicaSet that belongs to somebody else do not count.
    fn is_ours(&self, pod: &Pod) -> bool {
        let uid = self.rollout.as_ref().map(|rollout| rollout.uid.as_str());
        let set = self.sets.values().find(|set| set.uid == pod.owner);
        set.is_none_or(|set| Some(set.owner.as_str()) == uid)
    }

    /// Returns whether users are served by pods of this version.
    fn serves(&self, hash: &str) -> bool {
        let Some(rollout) = self.rollout.as_ref().filter(|rollout| rollout.promise.is_blue_green) else { return true };
        let active = self.services.get(&rollout.services.0).map_or("", String::as_str);
        active.is_empty() || active == hash
    }

    /// Returns the available pods of some versions, with those whose loss the controller cannot know yet.
    pub(super) fn left(&self, at: Timestamp, counts: impl Fn(&str) -> bool) -> i64 {
        let horizon = self.horizon(at);
        let min_ready = self.promises.last().map_or(0, |promise| promise.min_ready);
        let available = self.pods.values().filter(|pod| counts(&pod.hash) && self.is_ours(pod));
        let available = available.filter(|pod| pod.available_since(min_ready, at).is_some()).count();
        let excused = self.lost.iter().filter(|lost| lost.at >= horizon && counts(&lost.hash)).count();
        i64::try_from(available + excused).unwrap_or(i64::MAX)
    }

    /// A restart touches each old pod once, and no other.
    fn judge_eviction(&mut self, at: Timestamp, pod: &Pod) -> Result<(), String> {
        self.used("restart touches old pods once");
        if !self.evicted.insert(pod.uid.clone()) {
            return Err(format!("pod {} is evicted a second time", pod.name));
        }
        let horizon = self.horizon(at);
        let asked =
            self.restarts.iter().filter(|(asked, until)| *asked < at && until.is_none_or(|until| until >= horizon));
        let newest = asked.map(|(asked, _)| *asked).max();
        match newest {
            Some(newest) if pod.created < newest => Ok(()),
            Some(newest) => Err(format!("pod {} was created after the restart of {newest} and is evicted", pod.name)),
            None => Err(format!("pod {} is evicted though no restart was asked for", pod.name)),
        }
    }
}
