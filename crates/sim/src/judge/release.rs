//! The course of a release: what becomes stable, which pauses are passed, when a restart is served.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Judge,
    facts::{Rollout, time},
};

impl Judge {
    pub(super) fn judge_status(
        &mut self,
        at: Timestamp,
        old: &Rollout,
        new: &Rollout,
        by_person: bool,
    ) -> Result<(), String> {
        if by_person || old.status == new.status {
            return Ok(());
        }
        self.judge_promotion(at, old, new)?;
        self.judge_pause(old, new)?;
        self.judge_restarted(old, new)
    }

    /// A version becomes stable once it has its pods, and the release has come to its end.
    fn judge_promotion(&mut self, at: Timestamp, old: &Rollout, new: &Rollout) -> Result<(), String> {
        let (before, after) = (old.status_text("stableRS"), new.status_text("stableRS"));
        if before.is_empty() || before == after {
            return Ok(());
        }
        self.used("promotion");
        if new.promise.is_blue_green {
            let active = self.services.get(&new.services.0).map_or("", String::as_str);
            // A Service that never selected a version makes this a first deploy.
            return if active == after || active.is_empty() {
                Ok(())
            } else {
                Err(format!("{after} becomes stable, {active} is active"))
            };
        }
        let horizon = self.horizon(at);
        let wanted = self.promises.since(horizon).map(|promise| promise.enough.unwrap_or(promise.replicas)).min();
        let has = self.left(at, |hash| hash == after);
        if has < wanted.unwrap_or(0) {
            return Err(format!("{after} becomes stable with {has} available pods, {wanted:?} are needed"));
        }
        let count = i64::try_from(new.steps.len()).unwrap_or(i64::MAX);
        let is_at_end = old.status["currentStepIndex"].as_i64().is_none_or(|index| index + 1 >= count);
        if is_at_end || old.status["promoteFull"] == Value::Bool(true) || new.has_rollback_window {
            return Ok(());
        }
        Err(format!("{after} becomes stable at step {} of {count}", old.status["currentStepIndex"]))
    }

    /// A pause without end is passed only when a person says so.
    fn judge_pause(&mut self, old: &Rollout, new: &Rollout) -> Result<(), String> {
        let same = |field: &str| old.status[field] == new.status[field];
        let (Some(before), Some(after)) =
            (old.status["currentStepIndex"].as_i64(), new.status["currentStepIndex"].as_i64())
        else {
            return Ok(());
        };
        if !same("currentPodHash") || !same("currentStepHash") || after <= before {
            return Ok(());
        }
        let Some(step) = usize::try_from(before).ok().and_then(|index| old.steps.get(index)) else { return Ok(()) };
        let is_endless = step["pause"].is_object() && step["pause"]["duration"].is_null();
        if !is_endless || old.status_text("stableRS").is_empty() {
            return Ok(());
        }
        self.used("endless pause");
        let conditions = old.status["pauseConditions"].as_array().map_or(0, Vec::len);
        let is_resumed = old.status["controllerPause"] == Value::Bool(true) && conditions == 0;
        if is_resumed || old.status["promoteFull"] == Value::Bool(true) || new.has_rollback_window {
            return Ok(());
        }
        Err(format!("the pause at step {before} is passed though nobody said so"))
    }

    /// A restart is served when no old pod is left.
    fn judge_restarted(&mut self, old: &Rollout, new: &Rollout) -> Result<(), String> {
        let served = time(&new.status["restartedAt"]);
        let is_same_release = old.status["currentPodHash"] == new.status["currentPodHash"]
            && old.status["currentStepHash"] == new.status["currentStepHash"];
        if old.status["restartedAt"] == new.status["restartedAt"] || !is_same_release {
            return Ok(());
        }
        let Some(served) = served else { return Ok(()) };
        self.used("restart is served");
        let ours: Vec<&str> =
            self.sets.values().filter(|set| set.owner == new.uid).map(|set| set.uid.as_str()).collect();
        let left =
            self.pods.values().find(|pod| pod.stays && pod.created < served && ours.contains(&pod.owner.as_str()));
        match left {
            None => Ok(()),
            Some(pod) => Err(format!("the restart of {served} is served, and pod {} is older", pod.name)),
        }
    }
}
