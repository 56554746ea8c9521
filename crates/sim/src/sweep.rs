//! One story for every write at which the controller can die: the end is the same.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    crash::Side,
    ending,
    setup::{NAME, Setup},
    world::{Failed, World},
};

/// How long a dead controller stays dead.
const DOWNTIME: Duration = Duration::from_secs(2);
/// How long a story may take.
const LIMIT_SECONDS: u32 = 1200;
/// How long nothing may happen at its end.
const QUIET: Duration = Duration::from_mins(5);

/// Something a person does, once the Rollout has come to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Another version.
    Image(&'static str),
    /// Promotes what is paused.
    Promote,
    /// Turns back.
    Abort,
    /// Tries again.
    Retry,
    /// Recreates all pods.
    Restart,
    /// Another number of pods.
    Scale(i64),
    /// Deletes the stable ReplicaSet.
    DeleteStable,
}

/// What came of a story.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What is left, see [`ending::of`].
    pub ending: Value,
    /// How many writes the controller sent, if it was never killed.
    pub writes: u64,
}

/// Plays a story; the controller dies at its `nth` write on this side of it, if given, and comes back.
///
/// # Errors
/// The first promise that was broken.
pub fn play(setup: &Setup, acts: &[Act], death: Option<(u64, Side)>) -> Result<Outcome, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.map_err(Failed::Runtime)?.block_on(async {
        let mut setup = setup.clone();
        let mut world = World::start(1).await?;
        world.revive();
        if let Some((nth, side)) = death {
            world.kill_at(nth, side);
        }
        for object in setup.surroundings() {
            world.apply(&object).await?;
        }
        world.apply(&setup.rollout()).await?;
        rest(&mut world).await?;
        for act in acts {
            do_act(&mut world, &mut setup, *act).await?;
            rest(&mut world).await?;
        }
        let writes = world.writes();
        let changes = world.changes();
        pass(&mut world, QUIET).await?;
        if world.changes() != changes {
            return Err(Failed::Broken("it is settled, and something still writes".into()));
        }
        Ok(Outcome { ending: ending::of(&world), writes })
    })
}

async fn do_act(world: &mut World, setup: &mut Setup, act: Act) -> Result<(), Failed> {
    let status = |patch: Value| json!({"status": patch});
    match act {
        Act::Image(tag) => {
            setup.tag = tag.into();
            world.apply(&setup.rollout()).await
        }
        Act::Scale(replicas) => {
            setup.replicas = replicas;
            world.apply(&setup.rollout()).await
        }
        Act::Promote => world.patch("Rollout", NAME, &status(json!({"pauseConditions": null}))).await,
        Act::Abort => world.patch("Rollout", NAME, &status(json!({"abort": true}))).await,
        Act::Retry => world.patch("Rollout", NAME, &status(json!({"abort": false}))).await,
        Act::Restart => {
            let now = world.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            world.patch("Rollout", NAME, &json!({"spec": {"restartAt": now}})).await
        }
        Act::DeleteStable => {
            let stable = world.get("Rollout", NAME)["status"]["stableRS"].as_str().unwrap_or_default().to_owned();
            world.delete("ReplicaSet", &format!("{NAME}-{stable}")).await
        }
    }
}

/// Lets time pass until nothing has been written for a while; brings a dead controller back.
async fn rest(world: &mut World) -> Result<(), Failed> {
    let mut quiet = 0;
    for _ in 0..LIMIT_SECONDS {
        let changes = world.changes();
        pass(world, Duration::from_secs(1)).await?;
        quiet = if world.changes() == changes { quiet + 1 } else { 0 };
        // Longer than any delay of the stories.
        if quiet > 40 {
            return Ok(());
        }
    }
    Err(Failed::Broken(format!("it does not come to rest: {}", world.get("Rollout", NAME)["status"])))
}

async fn pass(world: &mut World, time: Duration) -> Result<(), Failed> {
    if !world.is_alive() {
        let now = world.now();
        world.judge().sight_lost(now);
        world.pass(DOWNTIME).await?;
        world.revive();
        let now = world.now();
        world.judge().sight_regained(now);
    }
    world.pass(time).await
}
