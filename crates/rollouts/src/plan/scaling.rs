//! `spec.replicas` changed: sizes follow, and nothing else moves in the same pass.

use super::{
    blue_green, canary,
    pauses::Marks,
    release::Release,
    restarting, revision, scale,
    status::{self, Draft},
};
use crate::{
    action::{Plan, Step},
    observe::ReplicaSetView,
};

/// Returns whether the new or the stable ReplicaSet was last scaled for another number of wanted pods.
#[must_use]
pub(crate) fn is_due(release: &Release<'_>) -> bool {
    let sets = [release.new, release.separate_stable()].into_iter().flatten();
    let desired = release.desired();
    sets.filter(|set| set.spec_replicas > 0).any(|set| set.desired().is_some_and(|known| known != desired))
}

/// Plans the pass.
pub(crate) fn plan(release: &Release<'_>) -> Plan {
    let mut steps = revision::sync(release);
    let mut requeue = None;
    if release.blue_green().is_some() {
        let (sizes, until) = blue_green::resize(release, &blue_green::selectors(release));
        steps.extend(sizes);
        requeue = until;
    } else if release.halted().is_some() {
        steps.extend(scale_in_proportion(release));
    } else {
        let sizes = canary::resize(release);
        steps.extend(sizes.steps);
        requeue = sizes.until;
    }
    let restart = restarting::decide(release);
    let (status, events) = status::finish(release, draft(release), &restart);
    let mut plan = Plan { steps, status: status::patch(release, &status), events, requeue, ..Plan::default() };
    plan.requeue_at(restart.requeue);
    plan
}

fn draft(release: &Release<'_>) -> Draft {
    let mut status = release.status().clone();
    let fresh = status::base(release);
    let active = release.owned.iter().find(|set| set.hash == status.blue_green.active_selector);
    let active = active.filter(|_| release.blue_green().is_some());
    status.hpa_replicas = active.map_or(fresh.hpa_replicas, |set| set.existing());
    status.available_replicas = active.map_or(fresh.available_replicas, |set| set.available());
    let marks = Marks { keep_resume: status.controller_pause, ..Marks::default() };
    Draft { status, marks, notes: Vec::new() }
}

/// A paused canary keeps its proportions when it is scaled. (Upstream does not scale it at all.)
fn scale_in_proportion(release: &Release<'_>) -> Vec<Step> {
    let sets = release.owned.iter().copied().filter(|set| set.size() > 0 && !set.deleting);
    let sized = sets.map(|set| (set, proportional(set, release.desired())));
    sized.filter_map(|(set, size)| scale::to(release, set, size, scale::Deadline::Keep)).collect()
}

/// Half a pod counts as one, and what had pods keeps at least one.
fn proportional(set: &ReplicaSetView, desired: i32) -> i32 {
    let before = set.desired().filter(|before| *before > 0).unwrap_or(desired);
    if desired <= 0 || before == desired {
        return if desired <= 0 { 0 } else { set.size() };
    }
    let (size, before, desired) = (i64::from(set.size()), i64::from(before), i64::from(desired));
    let scaled = (2 * size * desired + before) / (2 * before);
    i32::try_from(scaled.max(1)).unwrap_or(i32::MAX)
}
