//! Sizes of ReplicaSets: never more pods than the ceiling; and what Services may select.

use jiff::Timestamp;

use super::{
    Judge,
    facts::{Set, total},
};

impl Judge {
    pub(super) fn judge_set(
        &mut self,
        at: Timestamp,
        old: Option<&Set>,
        new: &Set,
        by_person: bool,
    ) -> Result<(), String> {
        let is_ours = self.rollout.as_ref().is_some_and(|rollout| rollout.uid == new.owner);
        let grew = new.replicas > old.map_or(0, |old| old.replicas);
        if !is_ours || !grew || by_person {
            return Ok(());
        }
        self.used("ceiling");
        let horizon = self.horizon(at);
        let is_blue_green = self.promises.last().is_some_and(|promise| promise.is_blue_green);
        let most = |of: fn(&super::facts::Promise) -> i64| self.promises.since(horizon).map(of).max().unwrap_or(0);
        let (replicas, ceiling, surge) =
            (most(|p| p.replicas), most(|p| p.replicas + p.surge), most(|p| p.surge.max(1)));
        let (size, extra) = if is_blue_green {
            (new.replicas - new.surge, new.surge)
        } else {
            (
                total(&self.sets, &new.owner, |set| set.replicas - set.surge),
                total(&self.sets, &new.owner, |set| set.surge),
            )
        };
        if size > ceiling {
            return Err(format!("{size} pods are wanted after {} grew, {ceiling} is the ceiling", new.name));
        }
        // One more than the release itself needs must be possible, or a restart could not surge in its midst.
        let with_extra = (replicas + surge).max(size + 1);
        if extra > 0 && size + extra > with_extra {
            return Err(format!(
                "{} pods are wanted in a restart that surges, {with_extra} is the ceiling",
                size + extra
            ));
        }
        Ok(())
    }

    /// A Service is switched only to a version that can serve.
    pub(super) fn judge_switch(&mut self, at: Timestamp, service: &str, old: &str, new: &str) -> Result<(), String> {
        let Some(rollout) = &self.rollout else { return Ok(()) };
        let promise = rollout.promise;
        let (first, second) = rollout.services.clone();
        if service == second && promise.is_blue_green {
            // The preview is shown before it has pods: nobody depends on it.
            return Ok(());
        }
        if service != first && service != second {
            return Ok(());
        }
        self.used("services");
        let horizon = self.horizon(at);
        let has = self.left(at, |hash| hash == new);
        let needed = if promise.is_blue_green {
            let wanted = self.promises.since(horizon).map(|promise| promise.replicas).min().unwrap_or(0);
            let is_back = self.aborted.is_some_and(|seen| seen >= horizon);
            if is_back { wanted.min(self.left(at, |hash| hash == old)) } else { wanted }
        } else {
            1
        };
        if has >= needed || promise.replicas == 0 {
            return Ok(());
        }
        Err(format!("Service {service} is switched to {new}, which has {has} available pods, {needed} are needed"))
    }
}
