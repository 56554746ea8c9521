//! One pass of a canary.

use jiff::Timestamp;
use tiphys_api::constants::reasons::pause;

use super::{
    canary_size::{self, Limits, Side, Sizes, Stable},
    canary_status,
    delay::{self, Delayed},
    history, metadata, plugin_steps, promote,
    release::Release,
    restarting::{self, Restart, Stage},
    revision, routed, scale, services,
    status::{self, Draft},
    steps, surge, traffic,
};
use crate::{
    action::{Plan, Step},
    observe::ReplicaSetView,
};

/// Plans one pass: users are led before anything is resized, at most one side is resized, and nothing else happens in a pass
/// that restarts pods.
pub(crate) fn plan(release: &Release<'_>) -> Plan {
    let restart = after_growth(release, restarting::decide(release));
    let mut steps = revision::sync(release);
    if release.is_template_changed() || release.are_steps_changed() {
        steps.extend(plugin_steps::stop(release));
        return settle(release, steps, canary_status::reset(release), &restart, None);
    }
    if !restart.steps.is_empty() {
        return super::restart_only(release, steps, restart);
    }
    steps.extend(metadata::steps(release));
    steps.extend(history::clean(release));
    steps.extend(services::canary(release));
    steps.extend(release.traffic().into_iter().flat_map(|traffic| traffic.steps.iter().cloned()));
    let (experiments, analyses) = (release.experiments(), release.analyses());
    steps.extend(experiments.steps.iter().chain(&analyses.steps).cloned());
    let is_news = experiments.is_news() || analyses.is_news();
    let is_halted = release.halted().is_some() || is_news;
    let sizes = if is_halted { Delayed::default() } else { resize(release) };
    let is_resized = sizes.steps.iter().any(scale::is_resize);
    steps.extend(sizes.steps);
    steps.extend(promote::drain_workload(release));
    let begin = if is_resized || is_news { None } else { begin_pause(release) };
    let plugins = plugin_steps::plan(release, is_resized || is_halted);
    steps.extend(plugins.calls.iter().cloned());
    let mut draft = canary_status::advance(release, begin, &plugins);
    traffic::note(release, &mut draft);
    let mut plan = settle(release, steps, draft, &restart, sizes.until);
    plan.requeue_at(traffic::next_check(release));
    plan.requeue_at(plugins.until);
    plan.is_failed = analyses.trouble.is_some() || experiments.trouble.is_some();
    plan
}

/// A restart that surges and an update that grows would both add pods: the update goes first, and the restart takes its extra
/// pods back meanwhile.
fn after_growth(release: &Release<'_>, restart: Restart) -> Restart {
    let is_running = matches!(restart.stage, Stage::Running(_)) && status::wants_surge(release);
    if !is_running || release.halted().is_some() || !resize(release).steps.iter().any(scale::is_raise) {
        return restart;
    }
    Restart { steps: surge::clean(release, None), ..restart }
}

fn settle(release: &Release<'_>, steps: Vec<Step>, draft: Draft, restart: &Restart, until: Option<Timestamp>) -> Plan {
    let (status, events) = status::finish(release, draft, restart);
    let mut plan = Plan { steps, status: status::patch(release, &status), events, ..Plan::default() };
    plan.requeue_at(restart.requeue);
    plan.requeue_at(until);
    plan.requeue_at(canary_status::pause_check(release).filter(|at| *at > release.now));
    plan.requeue_at(super::progress::next_check(release, &status));
    plan
}

/// A pause step begins unless it began, or a person has already resumed it.
fn begin_pause(release: &Release<'_>) -> Option<&'static str> {
    let status = release.status();
    let current = steps::current(release.rollout)?;
    let is_skipped = release.rollout.spec.paused || status.promote_full || release.is_aborted();
    let is_known = status.controller_pause || release.pause(pause::CANARY_PAUSE_STEP).is_some();
    let begins = current.step.pause.is_some() && !is_skipped && !is_known && !status.stable_rs.is_empty();
    begins.then_some(pause::CANARY_PAUSE_STEP)
}

/// Moves the sizes one step towards the weight: stable, or new, or all old ReplicaSets.
#[must_use]
pub(crate) fn resize(release: &Release<'_>) -> Delayed {
    if release.canary().is_some_and(|canary| canary.traffic_routing.is_some()) {
        return routed::resize(release);
    }
    Delayed { steps: resize_both(release), until: None }
}

fn resize_both(release: &Release<'_>) -> Vec<Step> {
    let mut steps = delay::lift(release);
    let split = canary_size::next(&sizes(release));
    let stable = release.separate_stable().map(|set| (set, split.stable));
    let new = release.new.map(|set| (set, split.new));
    for (set, size) in [stable, new].into_iter().flatten().filter(|(set, _)| !set.deleting) {
        let size = spared(set, size, &mut spare(release));
        let step = scale::to(release, set, size, scale::Deadline::Drop);
        let is_resized = step.as_ref().is_some_and(scale::is_resize);
        steps.extend(step);
        if is_resized {
            return steps;
        }
    }
    steps.extend(shrink_old(release));
    if steps.is_empty() {
        steps.extend(give_way(release));
    }
    steps
}

/// Pods of the stable version that are not available make room for new ones, where old ReplicaSets hold the rest of the
/// places and cannot go themselves. Upstream never moves again then.
fn give_way(release: &Release<'_>) -> Option<Step> {
    let (new, stable) = (release.new?, release.separate_stable().filter(|set| !set.deleting)?);
    let sizes = sizes(release);
    let is_full = stable.size() + new.size() + sizes.old >= sizes.desired + sizes.limits.surge;
    if sizes.old == 0 || !is_full {
        return None;
    }
    let want = canary_size::ideal(sizes.desired, sizes.weight, sizes.limits.surge);
    let dead = stable.size() - stable.serving();
    let places = dead.min(want.new - new.size()).min(stable.size() - want.stable);
    (places > 0).then(|| scale::to(release, stable, stable.size() - places, scale::Deadline::Drop))?
}

/// Extra pods of a restart that cannot go yet leave an update less room: one may come on top of it, no more.
fn beside_extra_pods(release: &Release<'_>, limits: Limits) -> Limits {
    let extra: i32 = release.owned.iter().map(|set| set.surge).sum();
    let least = limits.surge.min(i32::from(limits.unavailable == 0));
    Limits { surge: (limits.surge - (extra - 1).max(0)).max(least), ..limits }
}

/// Available pods that are not needed.
fn spare(release: &Release<'_>) -> i32 {
    (release.lasting() - release.desired() + Limits::of(release.rollout).unavailable).max(0)
}

/// A ReplicaSet shrinks by its pods that are not ready, which go first, and by what is spare. One that is ready but not yet
/// available may stay in place of an available one. (Upstream takes every pod that is not available for gone.)
fn spared(set: &ReplicaSetView, size: i32, spare: &mut i32) -> i32 {
    let serving = set.serving();
    if size >= serving {
        return size;
    }
    let taken = (serving - size).min(*spare);
    *spare -= taken;
    serving - taken
}

fn sizes(release: &Release<'_>) -> Sizes {
    let stable = match (release.stable, release.separate_stable()) {
        (None, _) => Stable::Missing,
        (Some(_), None) => Stable::SameAsNew,
        (Some(_), Some(stable)) => Stable::Other(stable.side()),
    };
    Sizes {
        desired: release.desired(),
        weight: steps::weight(release.rollout),
        limits: beside_extra_pods(release, Limits::of(release.rollout)),
        new: release.new.map(ReplicaSetView::side),
        stable,
        old: release.others.iter().map(|set| set.size()).sum(),
    }
}

fn shrink_old(release: &Release<'_>) -> Vec<Step> {
    let mut old: Vec<&ReplicaSetView> =
        release.others.iter().copied().filter(|set| set.size() > 0 && !set.deleting).collect();
    old.sort_by(|a, b| (b.revision(), b.created, &b.name).cmp(&(a.revision(), a.created, &a.name)));
    let sides: Vec<Side> = old.iter().map(|set| set.side()).collect();
    let floor = release.desired() - Limits::of(release.rollout).unavailable;
    let shrunk = canary_size::shrink_old(&sides, release.lasting(), floor);
    let mut spare = spare(release);
    let shrunk = old.into_iter().zip(shrunk).map(|(set, size)| (set, spared(set, size, &mut spare)));
    let steps = shrunk.filter(|(set, size)| *size < set.size());
    steps.filter_map(|(set, size)| scale::to(release, set, size, scale::Deadline::Drop)).collect()
}
