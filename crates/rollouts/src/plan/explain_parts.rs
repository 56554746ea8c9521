//! What reasons are made from.

use jiff::Timestamp;
use tiphys_api::types::StepPluginStatus;

pub(crate) use super::plugin_steps::next_call;
pub(crate) use super::{
    blue_green::pause_end as blue_green_pause_end,
    damage::is_stable_missing,
    progress::deadline,
    release::Release,
    restarting::{Block, Progress, Restart, Stage, spell},
    traffic::Traffic,
    weights::{Held, Situation},
};
use super::{canary_status, steps};

/// Returns the index of the current step.
pub(crate) fn step_index(release: &Release<'_>) -> usize {
    steps::current(release.rollout).map_or(0, |current| current.index)
}

/// Returns when the current pause step ends by itself.
pub(crate) fn canary_pause_end(release: &Release<'_>) -> Option<Timestamp> {
    canary_status::pause_end(release, steps::current(release.rollout)?.step.pause.as_ref()?)
}

/// Returns the current step in words: `2 of 5 (setWeight: 40)`.
pub(crate) fn current_step(release: &Release<'_>) -> Option<String> {
    let current = steps::current(release.rollout)?;
    Some(format!("{} of {} ({})", current.index + 1, steps::count(release.rollout), current.step.summary()))
}

/// Returns the plugin of the current step with what the status says about its run; `None` at any other step.
pub(crate) fn plugin_step<'a>(release: &Release<'a>) -> Option<(&'a str, Option<&'a StepPluginStatus>)> {
    release.canary()?;
    let current = steps::current(release.rollout).filter(|_| !release.is_aborted() && !release.is_promoted())?;
    let plugin = current.step.plugin.as_ref()?;
    let index = i32::try_from(current.index).ok()?;
    let all = &release.status().canary.step_plugin_statuses;
    Some((&plugin.name, all.iter().find(|known| known.index == index && known.operation == "Run")))
}

/// Returns the current step in words if it is an Experiment.
pub(crate) fn experiment_step(release: &Release<'_>) -> Option<String> {
    release.canary()?;
    let current = steps::current(release.rollout).filter(|_| !release.is_aborted() && !release.is_promoted())?;
    current.step.experiment.as_ref().and_then(|_| current_step(release))
}
