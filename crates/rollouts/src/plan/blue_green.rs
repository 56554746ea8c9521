//! One pass of a blue-green.

use jiff::{SignedDuration, Timestamp};
use tiphys_api::{
    constants::{labels, reasons::pause},
    defaults,
};

use super::{
    analyses, blue_green_status, conditions, delay, history, metadata,
    pauses::Marks,
    preview_size, promote,
    release::Release,
    restarting::{self, Restart},
    revision, rollback, scale, services,
    status::{self, Draft},
};
use crate::{
    action::{Plan, Step},
    observe::ReplicaSetView,
};

/// Hashes that the two Services select, as they are after the switches of this pass; empty for none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selectors {
    /// Of the active Service.
    pub active: String,
    /// Of the preview Service.
    pub preview: String,
}

/// Plans one pass.
pub(crate) fn plan(release: &Release<'_>) -> Plan {
    let restart = restarting::decide(release);
    let mut steps = revision::sync(release);
    let mut selectors = selectors(release);
    steps.extend(switch_preview(release, &mut selectors));
    if release.is_template_changed() {
        return settle(release, steps, blue_green_status::reset(release, &selectors), &restart, None);
    }
    if !restart.steps.is_empty() {
        return super::restart_only(release, steps, restart);
    }
    let analyses = release.analyses();
    steps.extend(release.experiments().steps.iter().chain(&analyses.steps).cloned());
    let (sizes, until) = resize(release, &selectors);
    steps.extend(sizes);
    steps.extend(history::clean(release));
    let marks = pause(release);
    steps.extend(switch_active(release, &mut selectors, &marks));
    steps.extend(metadata::steps(release));
    steps.extend(promote::drain_workload(release));
    let draft = blue_green_status::advance(release, &selectors, marks);
    let mut plan = settle(release, steps, draft, &restart, until);
    plan.is_failed = analyses.trouble.is_some();
    plan
}

/// Returns what the Services select now.
#[must_use]
pub(crate) fn selectors(release: &Release<'_>) -> Selectors {
    let selected = |name: Option<&String>| name.map_or("", |name| services::selected(release, name)).to_owned();
    let strategy = release.blue_green();
    Selectors {
        active: selected(strategy.map(|strategy| &strategy.active_service)),
        preview: selected(strategy.map(|strategy| &strategy.preview_service)),
    }
}

fn settle(release: &Release<'_>, steps: Vec<Step>, draft: Draft, restart: &Restart, until: Option<Timestamp>) -> Plan {
    let (status, events) = status::finish(release, draft, restart);
    let mut plan = Plan { steps, status: status::patch(release, &status), events, ..Plan::default() };
    plan.requeue_at(restart.requeue);
    plan.requeue_at(until);
    plan.requeue_at(pause_check(release).filter(|at| *at > release.now));
    plan.requeue_at(super::progress::next_check(release, &status));
    plan
}

/// The preview Service shows the new version at once, before any pod exists.
fn switch_preview(release: &Release<'_>, selectors: &mut Selectors) -> Option<Step> {
    let name = &release.blue_green()?.preview_service;
    let new = release.new.filter(|_| !name.is_empty() && release.halted().is_none())?;
    selectors.preview.clone_from(&new.hash);
    services::switch(release, name, &new.hash)
}

/// Stable and new ReplicaSets get their pods, old ones lose them after their delay. Returns when the next delay ends.
#[must_use]
pub(crate) fn resize(release: &Release<'_>, selectors: &Selectors) -> (Vec<Step>, Option<Timestamp>) {
    let mut steps = delay::lift(release);
    if let Some(stable) = release.separate_stable().filter(|set| !set.deleting) {
        steps.extend(scale::to(release, stable, release.desired(), scale::Deadline::Drop));
    }
    let mut until = None;
    if let Some(new) = release.new.filter(|set| !set.deleting) {
        if let Some(delay) = delay::abort_delay(release) {
            let held = delay::hold_aborted(release, new, delay, selectors.active == new.hash);
            steps.extend(held.steps);
            until = held.until;
        } else {
            steps.extend(scale::to(release, new, new_size(release, new), scale::Deadline::Drop));
        }
    }
    if may_retire(release, selectors) {
        let retired = delay::retire(release, delay::Kept::Desired, |hash| is_referenced(release, selectors, hash));
        steps.extend(retired.steps);
        until = [until, retired.until].into_iter().flatten().min();
    }
    (steps, until)
}

/// Old versions stay while a person has to decide, and, without a delay of their own, until the analysis after the switch has
/// found the new one good. While the active Service selects no version, users reach all of them, so that the old ones stay until
/// the new one is complete.
fn may_retire(release: &Release<'_>, selectors: &Selectors) -> bool {
    let is_needed = selectors.active.is_empty() && release.new.is_none_or(|new| new.lasting() < release.desired());
    let has_delay = release.blue_green().is_some_and(|strategy| strategy.scale_down_delay_seconds.is_some());
    let is_undecided = release.pause(pause::INCONCLUSIVE_ANALYSIS_RUN).is_some();
    !is_needed && !is_undecided && (has_delay || release.is_promoted() || analyses::is_after_done(release))
}

fn is_referenced(release: &Release<'_>, selectors: &Selectors, hash: &str) -> bool {
    let status = release.status();
    let stored = [&status.stable_rs, &status.current_pod_hash];
    let shown = [&status.blue_green.active_selector, &status.blue_green.preview_selector];
    let live = [&selectors.active, &selectors.preview];
    stored.into_iter().chain(shown).chain(live).any(|known| known == hash)
}

fn new_size(release: &Release<'_>, new: &ReplicaSetView) -> i32 {
    if rollback::is_fast(release) {
        // Nobody is asked before the switch, so there is nothing to preview.
        return release.desired();
    }
    let active = &release.status().blue_green.active_selector;
    let has_active = release.owned.iter().any(|set| set.hash == *active);
    preview_size::new_size(release.rollout, &new.hash, has_active)
}

/// Whether the new ReplicaSet has all the pods it gets before a resume.
fn is_ready_for_pause(release: &Release<'_>) -> bool {
    release.new.is_some_and(|new| {
        let size = new_size(release, new);
        new.size() == size && new.available() == size
    })
}

/// Whether nothing is to be waited for: the version was up before, or users see no version yet.
fn is_fast_tracked(release: &Release<'_>) -> bool {
    let active = &selectors(release).active;
    rollback::is_fast(release) || release.status().promote_full || is_unserved(release) || *active == release.hash
}

fn is_unserved(release: &Release<'_>) -> bool {
    let service = release.blue_green().and_then(|strategy| release.seen.services.get(&strategy.active_service));
    service.is_some_and(|service| !service.selector.contains_key(labels::POD_TEMPLATE_HASH))
}

/// Begins and ends the pause before the switch.
fn pause(release: &Release<'_>) -> Marks {
    let ends = Marks { end: Some(pause::BLUE_GREEN_PAUSE), ..Marks::default() };
    if release.is_aborted() || !is_ready_for_pause(release) || release.halted().is_some() {
        return Marks::default();
    }
    let is_approved = release.status().blue_green.scale_up_preview_check_point;
    if is_fast_tracked(release) {
        return ends;
    }
    if !analyses::is_before_done(release) {
        return Marks::default();
    }
    if is_approved || !blue_green_status::waits_before_switch(release) {
        return ends;
    }
    match release.pause(pause::BLUE_GREEN_PAUSE) {
        Some(_) if is_pause_complete(release) => ends,
        None if !release.status().controller_pause => {
            Marks { begin: Some(pause::BLUE_GREEN_PAUSE), ..Marks::default() }
        }
        _ => Marks::default(),
    }
}

/// Returns whether the pause before the switch is over: its time has passed, or a person resumed.
///
/// A resume ends a timed pause too (upstream begins it again).
#[must_use]
pub(crate) fn is_pause_complete(release: &Release<'_>) -> bool {
    let status = release.status();
    if status.blue_green.scale_up_preview_check_point || !blue_green_status::waits_before_switch(release) {
        return true;
    }
    match release.pause(pause::BLUE_GREEN_PAUSE) {
        None => status.controller_pause,
        Some(_) => pause_end(release).is_some_and(|end| release.now > end),
    }
}

/// Returns when the pause before the switch ends by itself.
#[must_use]
pub(crate) fn pause_end(release: &Release<'_>) -> Option<Timestamp> {
    let seconds = release.blue_green()?.auto_promotion_seconds;
    let is_timed = defaults::auto_promotion_enabled(release.rollout) && seconds > 0;
    let began = release.pause(pause::BLUE_GREEN_PAUSE)?.start_time.as_ref()?.0;
    began.saturating_add(SignedDuration::from_secs(seconds.into())).ok().filter(|_| is_timed)
}

fn pause_check(release: &Release<'_>) -> Option<Timestamp> {
    pause_end(release)?.saturating_add(SignedDuration::from_millis(1)).ok()
}

/// Points the active Service at the new version once that is complete and nothing is to be waited for; after an abort
/// back at the stable one, as soon as that serves no fewer pods.
fn switch_active(release: &Release<'_>, selectors: &mut Selectors, marks: &Marks) -> Option<Step> {
    let name = &release.blue_green()?.active_service;
    let new = release.new.filter(|_| release.halted().is_none() && !release.analyses().is_news())?;
    let target = if release.is_aborted() {
        let stable = release.stable?;
        let serves = stable.available() > 0
            && (stable.available() >= release.desired() || stable.available() >= new.available());
        serves.then(|| stable.hash.clone())?
    } else {
        let is_complete = is_ready_for_pause(release) && conditions::is_saturated(release, new);
        let is_let = analyses::is_before_done(release) && is_pause_complete(release);
        let may_switch = is_fast_tracked(release) || (marks.begin.is_none() && is_let);
        let target = if may_switch { &new.hash } else { &selectors.active };
        (is_complete && !target.is_empty()).then(|| target.clone())?
    };
    selectors.active.clone_from(&target);
    services::switch(release, name, &target)
}
