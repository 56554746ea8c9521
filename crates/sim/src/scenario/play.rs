//! Plays a scenario.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    expect::{Expectation, resolve, rollout},
    line::{Command, Line},
};
use crate::world::{Failed, World};

/// How often it is looked whether an expectation holds.
const STRIDE: Duration = Duration::from_millis(200);
/// How long nothing may be written before a scenario counts as over.
const QUIET: Duration = Duration::from_secs(10);
/// How long it may take until then.
const LIMIT: Duration = Duration::from_mins(10);

/// Plays a scenario on a runtime of its own.
///
/// # Errors
/// The number of the line that fails, and how.
pub fn play(lines: &[Line]) -> Result<(), (usize, String)> {
    let last = lines.last().map_or(0, |line| line.number);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.map_err(|error| (0, format!("the runtime could not be made: {error}")))?;
    runtime.block_on(async {
        let mut world = World::start(1).await.map_err(|error| (0, error.tell()))?;
        world.revive();
        let mut stage = Stage { world, always: Vec::new() };
        for line in lines {
            stage.play(&line.command).await.map_err(|error| (line.number, stage.tell(&error)))?;
            if line.command.is_act() {
                // What follows is about the world that has seen it.
                stage.step(STRIDE).await.map_err(|error| (line.number, stage.tell(&error)))?;
            }
        }
        stage.end().await.map_err(|error| (last, stage.tell(&error)))
    })
}

struct Stage {
    world: World,
    /// What has to hold to the end.
    always: Vec<Expectation>,
}

impl Stage {
    async fn play(&mut self, command: &Command) -> Result<(), Failed> {
        match command {
            Command::Apply(objects) => {
                for object in objects {
                    self.world.apply(object).await?;
                }
                Ok(())
            }
            Command::Image(image) => self.set_image(image).await,
            Command::Restart(after) => {
                let at = (self.world.now() + *after).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                self.patch_rollout(&json!({"spec": {"restartAt": at}})).await
            }
            Command::PatchRollout(patch) => self.patch_rollout(patch).await,
            Command::Patch { kind, name, patch } => {
                let name = resolve(&self.world, name);
                self.world.patch(kind, &name, patch).await
            }
            Command::Undo => self.undo().await,
            Command::Delete { kind, name } => {
                let name = resolve(&self.world, name);
                self.world.delete(kind, &name).await
            }
            Command::Kill => {
                let now = self.world.now();
                self.world.judge().sight_lost(now);
                self.world.kill();
                Ok(())
            }
            Command::Start => {
                let now = self.world.now();
                self.world.judge().sight_regained(now);
                self.world.revive();
                Ok(())
            }
            Command::Wait(time) => self.pass(*time).await,
            Command::Within(time, expectation) => self.within(*time, expectation).await,
            Command::For(time, expectation) => self.hold(*time, expectation).await,
            Command::Always(expectation) => {
                self.always.push(expectation.clone());
                self.within(Duration::ZERO, expectation).await
            }
        }
    }

    async fn within(&mut self, time: Duration, expectation: &Expectation) -> Result<(), Failed> {
        let until = self.world.now() + time;
        loop {
            let Some(instead) = expectation.unmet(&self.world) else { return Ok(()) };
            if self.world.now() >= until {
                return Err(Failed::Broken(format!("not within {time:?}; instead: {instead}")));
            }
            self.until_changed(until).await?;
        }
    }

    async fn hold(&mut self, time: Duration, expectation: &Expectation) -> Result<(), Failed> {
        let until = self.world.now() + time;
        loop {
            if let Some(instead) = expectation.unmet(&self.world) {
                return Err(Failed::Broken(format!("it does not hold; instead: {instead}")));
            }
            self.until_changed(until).await?;
            if self.world.now() >= until {
                return Ok(());
            }
        }
    }

    /// Lets time pass until something is written, or it is late.
    async fn until_changed(&mut self, until: Timestamp) -> Result<(), Failed> {
        let changes = self.world.changes();
        while self.world.now() < until && self.world.changes() == changes {
            self.step(STRIDE).await?;
        }
        Ok(())
    }

    async fn pass(&mut self, time: Duration) -> Result<(), Failed> {
        let until = self.world.now() + time;
        while self.world.now() < until {
            self.step(STRIDE.min(time)).await?;
        }
        Ok(())
    }

    async fn step(&mut self, time: Duration) -> Result<(), Failed> {
        let changes = self.world.changes();
        self.world.pass(time).await?;
        if self.world.changes() == changes {
            return Ok(());
        }
        for expectation in &self.always {
            if let Some(instead) = expectation.unmet(&self.world) {
                return Err(Failed::Broken(format!("{expectation:?} does not hold always; instead: {instead}")));
            }
        }
        Ok(())
    }

    /// In the end nothing is left to do.
    async fn end(&mut self) -> Result<(), Failed> {
        let (mut quiet, until) = (Duration::ZERO, self.world.now() + LIMIT);
        while quiet < QUIET {
            let changes = self.world.changes();
            self.step(STRIDE).await?;
            quiet = if self.world.changes() == changes { quiet + STRIDE } else { Duration::ZERO };
            if self.world.now() > until {
                return Err(Failed::Broken("it never comes to rest".into()));
            }
        }
        for rollout in self.world.list("Rollout") {
            let name = rollout["metadata"]["name"].as_str().unwrap_or_default();
            match self.world.next_plan(name) {
                Some(plan) if !plan.is_settled() => {
                    return Err(Failed::Broken(format!("it has come to rest, and there still is a plan: {plan:?}")));
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn patch_rollout(&mut self, patch: &Value) -> Result<(), Failed> {
        let rollout = rollout(&self.world);
        self.world.patch("Rollout", rollout["metadata"]["name"].as_str().unwrap_or_default(), patch).await
    }

    async fn set_image(&mut self, image: &str) -> Result<(), Failed> {
        let rollout = rollout(&self.world);
        let mut containers = rollout["spec"]["template"]["spec"]["containers"].clone();
        containers[0]["image"] = image.into();
        self.patch_rollout(&json!({"spec": {"template": {"spec": {"containers": containers}}}})).await
    }

    /// Back to the revision before the present one.
    async fn undo(&mut self) -> Result<(), Failed> {
        let revision = |set: &Value| {
            let text = set["metadata"]["annotations"]["rollout.argoproj.io/revision"].as_str();
            text.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0)
        };
        let mut sets = self.world.list("ReplicaSet");
        sets.sort_by_key(|set| std::cmp::Reverse(revision(set)));
        let before = sets.get(1).map(|set| set["spec"]["template"]["spec"]["containers"].clone());
        let Some(containers) = before else { return Err(Failed::Broken("there is no revision before".into())) };
        self.patch_rollout(&json!({"spec": {"template": {"spec": {"containers": containers}}}})).await
    }

    /// The error, and what there is.
    fn tell(&self, error: &Failed) -> String {
        let rollout = rollout(&self.world);
        let mut status = rollout["status"].clone();
        if let Some(fields) = status.as_object_mut() {
            fields.remove("conditions");
        }
        format!("{}\n  at {}, status {status}", error.tell(), self.world.now())
    }
}
