//! The calm after the faults: progress is demanded, and then that nothing is left to do.

use std::{collections::BTreeSet, time::Duration};

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{CALM_LAG, Story};
use crate::{setup::NAME, world::Failed};

/// How long it may take until everything is as wanted.
const LIMIT: SignedDuration = SignedDuration::from_mins(40);
/// How long nothing may be written once it is.
const QUIET: Duration = Duration::from_mins(15);
/// How time passes while nothing is expected to happen.
const STRIDE: Duration = Duration::from_secs(10);
/// The longest wait of anybody: before a container that crashed again and again is started once more.
const LONGEST_WAIT: Duration = Duration::from_secs(320);
/// How long a view may be old after faults have ended.
const AFTERMATH: Duration = Duration::from_secs(60);

impl Story {
    /// Ends every fault, and says what people want in the end.
    pub(super) async fn calm_down(&mut self) -> Result<(), Failed> {
        self.note("calm");
        self.world.faults().calm();
        self.revive()?;
        self.world.spare();
        for node in std::mem::take(&mut self.lost_nodes) {
            self.world.set_node(node, true);
        }
        for pod in std::mem::take(&mut self.crashing) {
            self.world.set_crashing(&pod, false).await?;
        }
        if self.setup.tag.ends_with("-error") {
            self.setup.tag = self.random.u32(1..3).to_string();
        }
        self.note(format!("image {}", self.setup.image()));
        let rollout = self.setup.rollout();
        self.world.apply(&rollout).await?;
        self.world.patch("Rollout", NAME, &json!({"spec": {"paused": false}})).await?;
        self.set_status("retry", json!({"abort": false})).await?;
        self.pass(AFTERMATH).await?;
        self.world.judge().view_lags(CALM_LAG);
        Ok(())
    }

    /// Waits until all wanted pods run the wanted version and serve; promotes where a person has to, tries again where it
    /// was aborted by a deadline.
    pub(super) async fn until_healthy(&mut self) -> Result<(), Failed> {
        let until = self.world.now() + LIMIT;
        loop {
            let rollout = self.world.get("Rollout", NAME);
            if is_healthy(&rollout) && self.serves_what_is_wanted() {
                self.note("healthy");
                return Ok(());
            }
            if self.world.now() > until {
                let status = &rollout["status"];
                let (status, plan) = (without_conditions(status), self.world.next_plan(NAME));
                return Err(Failed::Broken(format!("no progress in calm: {status}\nnext plan: {plan:?}")));
            }
            if phase_is(&rollout, "Paused") {
                self.set_status("promote", json!({"pauseConditions": null})).await?;
            }
            if rollout["status"]["abort"] == true && phase_is(&rollout, "Degraded") {
                self.set_status("retry", json!({"abort": false})).await?;
            }
            if self.is_stable_dead(&rollout) {
                self.set_status("promote in full, for the stable version does not run", json!({"promoteFull": true}))
                    .await?;
            } else if self.is_stable_lost(&rollout) {
                self.set_status(
                    "promote in full, for nothing is left of the stable version",
                    json!({"promoteFull": true}),
                )
                .await?;
            }
            self.pass(Duration::from_secs(5)).await?;
        }
    }

    /// Whether a release came to a halt because its stable version has no pods that serve: it waits for them.
    fn is_stable_dead(&self, rollout: &Value) -> bool {
        let status = &rollout["status"];
        let message = status["message"].as_str().unwrap_or_default();
        let is_late = message.starts_with("ProgressDeadlineExceeded") && status["stableRS"] != status["currentPodHash"];
        let of_stable = |pod: &Value| pod["metadata"]["labels"]["rollouts-pod-template-hash"] == status["stableRS"];
        is_late && !self.serving().iter().any(of_stable)
    }

    /// Whether the stable ReplicaSet was deleted for good: no update was under way that would have kept its template.
    fn is_stable_lost(&self, rollout: &Value) -> bool {
        let status = &rollout["status"];
        let name = format!("{NAME}-{}", status["stableRS"].as_str().unwrap_or_default());
        let is_under_way = status["stableRS"].is_string() && status["stableRS"] != status["currentPodHash"];
        is_under_way
            && self.world.get("ReplicaSet", &name).is_null()
            && self.world.get("ControllerRevision", &name).is_null()
    }

    /// Planning again yields nothing, and nothing is written any more.
    pub(super) async fn nothing_is_left_to_do(&mut self) -> Result<(), Failed> {
        self.settle().await?;
        let changes = self.world.changes();
        self.world.pass(QUIET).await?;
        if self.world.changes() != changes {
            let last = self.world.history().last().cloned().unwrap_or_default();
            return Err(Failed::Broken(format!("it is settled, and something still writes: {last}")));
        }
        match self.world.next_plan(NAME) {
            Some(plan) if plan.is_settled() => Ok(()),
            plan => Err(Failed::Broken(format!("it is settled, and there still is a plan: {plan:?}"))),
        }
    }

    /// Waits until delays and leaving pods are over, and pods that crashed have been started again.
    async fn settle(&mut self) -> Result<(), Failed> {
        let mut quiet = Duration::ZERO;
        for _ in 0..LIMIT.as_secs() {
            let changes = self.world.changes();
            self.world.pass(STRIDE).await?;
            quiet = if self.world.changes() == changes { quiet + STRIDE } else { Duration::ZERO };
            if quiet > LONGEST_WAIT {
                return Ok(());
            }
        }
        Err(Failed::Broken("it never comes to rest".into()))
    }

    /// An aborted release ends on the stable version; tried again, it comes to its end.
    pub(super) async fn abort_ends_on_stable(&mut self) -> Result<(), Failed> {
        let stable = self.setup.tag.clone();
        self.setup.tag = format!("{stable}-next");
        self.note(format!("image {}", self.setup.image()));
        let rollout = self.setup.rollout();
        self.world.apply(&rollout).await?;
        let pause = self.random.u64(1..40);
        self.pass(Duration::from_secs(pause)).await?;
        if self.is_promoted() {
            // Nothing is left to abort.
            return self.until_healthy().await;
        }
        self.set_status("abort", json!({"abort": true})).await?;
        let until = self.world.now() + LIMIT;
        while !self.ended_on_stable(&stable) {
            if self.is_promoted() {
                // The abort came too late.
                return self.until_healthy().await;
            }
            if self.world.now() > until {
                let status = &self.world.get("Rollout", NAME)["status"];
                let text = format!("the aborted release does not end on stable: {}", without_conditions(status));
                return Err(Failed::Broken(text));
            }
            self.pass(Duration::from_secs(5)).await?;
        }
        self.note("aborted");
        self.nothing_is_left_to_do().await?;
        if !self.ended_on_stable(&stable) {
            return Err(Failed::Broken("the aborted release does not stay on stable".into()));
        }
        self.set_status("retry", json!({"abort": false})).await?;
        self.pass(Duration::from_secs(2)).await?;
        self.until_healthy().await
    }

    fn is_promoted(&self) -> bool {
        let status = &self.world.get("Rollout", NAME)["status"];
        let set = self.world.get("ReplicaSet", &format!("{NAME}-{}", status["stableRS"].as_str().unwrap_or_default()));
        set["spec"]["template"]["spec"]["containers"][0]["image"] == self.setup.image().as_str()
    }

    fn ended_on_stable(&self, tag: &str) -> bool {
        let rollout = self.world.get("Rollout", NAME);
        let image = format!("web:{tag}");
        let serving = self.serving().iter().filter(|pod| image_of(pod) == image).count();
        let is_enough = i64::try_from(serving).is_ok_and(|serving| serving == self.setup.replicas);
        let stable = rollout["status"]["stableRS"].as_str().unwrap_or_default();
        let is_active = !self.setup.is_blue_green
            || self.world.get("Service", "web")["spec"]["selector"]["rollouts-pod-template-hash"] == stable;
        let is_told = phase_is(&rollout, "Degraded") && rollout["status"]["abort"] == true;
        let is_alone = self.setup.is_blue_green || self.serving().len() == serving;
        is_enough && is_active && is_told && is_alone
    }

    /// A restart in calm recreates every pod, each once.
    pub(super) async fn restart_touches_each_pod_once(&mut self) -> Result<(), Failed> {
        self.settle().await?;
        let before = self.uids();
        let evicted_before = self.world.judge().evicted().clone();
        self.pass(Duration::from_secs(2)).await?;
        self.restart().await?;
        self.pass(Duration::from_secs(2)).await?;
        self.until_healthy().await?;
        self.settle().await?;
        let (after, set) = (self.uids(), self.world.get("Rollout", NAME));
        if let Some(old) = before.intersection(&after).next() {
            return Err(Failed::Broken(format!("the restart is over, and pod {old} was not touched")));
        }
        if set["spec"]["restartAt"] != set["status"]["restartedAt"] {
            return Err(Failed::Broken("the restart is over, and not served".into()));
        }
        let evicted: BTreeSet<String> = self.world.judge().evicted().difference(&evicted_before).cloned().collect();
        if !self.setup.surges_restarts && evicted != before {
            return Err(Failed::Broken(format!("the restart evicted {evicted:?}, there were {before:?}")));
        }
        Ok(())
    }

    fn uids(&self) -> BTreeSet<String> {
        let pods = self.world.list("Pod");
        pods.iter().filter_map(|pod| pod["metadata"]["uid"].as_str()).map(str::to_owned).collect()
    }

    fn serves_what_is_wanted(&self) -> bool {
        let image = self.setup.image();
        let serving = self.serving().iter().filter(|pod| image_of(pod) == image).count();
        i64::try_from(serving).is_ok_and(|serving| serving == self.setup.replicas)
    }

    fn serving(&self) -> Vec<Value> {
        let pods = self.world.list("Pod").into_iter();
        pods.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null() && is_ready(pod)).collect()
    }
}

fn image_of(pod: &Value) -> &str {
    pod["spec"]["containers"][0]["image"].as_str().unwrap_or_default()
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

fn phase_is(rollout: &Value, phase: &str) -> bool {
    rollout["status"]["phase"] == phase
}

fn is_healthy(rollout: &Value) -> bool {
    let generation = rollout["metadata"]["generation"].to_string();
    phase_is(rollout, "Healthy") && rollout["status"]["observedGeneration"] == generation.as_str()
}

fn without_conditions(status: &Value) -> Value {
    let mut status = status.clone();
    if let Some(fields) = status.as_object_mut() {
        fields.remove("conditions");
    }
    status
}
