//! What a seed makes happen, and what must be so afterwards.

mod acts;
mod calm;

use std::time::Duration;

use fastrand::Rng;
use jiff::SignedDuration;

use crate::{
    setup::Setup,
    world::{Failed, World},
};

/// How long people and faults disturb, at least and at most, in seconds.
const DISTURBED: std::ops::Range<u64> = 300..1500;
/// How old the controller's view may be while faults disturb its connection.
const DISTURBED_LAG: SignedDuration = SignedDuration::from_secs(15);
/// How old it may be in calm.
const CALM_LAG: SignedDuration = SignedDuration::from_secs(2);

/// How a story ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// One line an act.
    pub acts: Vec<String>,
    /// One line a write to the store.
    pub history: Vec<String>,
    /// How often each rule of the judge had something to check.
    pub uses: std::collections::BTreeMap<&'static str, u64>,
}

/// Plays the story of a seed on a runtime of its own.
///
/// # Errors
/// The first promise that was broken, with everything that happened until then.
pub fn play(seed: u64) -> Result<Ending, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.map_err(|error| format!("the runtime could not be made: {error}"))?;
    runtime.block_on(async {
        let mut random = Rng::with_seed(seed);
        let setup = Setup::draw(&mut random);
        let world = World::start(seed).await.map_err(|error| error.tell())?;
        let mut story = Story { world, random, setup, acts: Vec::new(), crashing: Vec::new(), lost_nodes: Vec::new() };
        let told = story.tell().await;
        told.map_err(|error| format!("{}\nwhat happened:\n  {}", error.tell(), story.acts.join("\n  ")))?;
        let uses = story.world.judge().uses().clone();
        Ok(Ending { history: story.world.history().to_vec(), acts: story.acts, uses })
    })
}

struct Story {
    world: World,
    random: Rng,
    setup: Setup,
    acts: Vec<String>,
    /// Pods that crash again and again.
    crashing: Vec<String>,
    /// Nodes that are lost.
    lost_nodes: Vec<usize>,
}

impl Story {
    async fn tell(&mut self) -> Result<(), Failed> {
        self.note(format!("given {}", self.setup.rollout()));
        for object in self.setup.surroundings() {
            self.note(format!("given {object}"));
            self.world.apply(&object).await?;
        }
        self.world.apply(&self.setup.rollout()).await?;
        self.world.revive();
        self.world.judge().view_lags(CALM_LAG);
        if self.random.bool() {
            self.until_healthy().await?;
        }
        self.disturb().await?;
        self.calm_down().await?;
        self.until_healthy().await?;
        self.nothing_is_left_to_do().await?;
        self.abort_ends_on_stable().await?;
        self.restart_touches_each_pod_once().await?;
        self.nothing_is_left_to_do().await
    }

    fn note(&mut self, act: impl std::fmt::Display) {
        self.acts.push(format!("{} {act}", self.world.now()));
    }

    /// Lets time pass, second by second; a controller that is dead by then stays dead.
    async fn pass(&mut self, time: Duration) -> Result<(), Failed> {
        for _ in 0..time.as_secs() {
            let was_alive = self.world.is_alive();
            self.world.pass(Duration::from_secs(1)).await?;
            if was_alive && !self.world.is_alive() {
                let now = self.world.now();
                self.world.judge().sight_lost(now - Duration::from_secs(1));
                self.note("the controller has died");
            }
        }
        Ok(())
    }
}
