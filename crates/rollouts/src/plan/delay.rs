//! How long ReplicaSets that are no longer wanted stay up.

use jiff::{SignedDuration, Timestamp};
use tiphys_api::defaults::{self, AbortScaleDown};

use super::{
    release::Release,
    rollback,
    scale::{self, Deadline},
};
use crate::{action::Step, observe::ReplicaSetView};

/// Steps, and when to look again.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Delayed {
    /// What to do.
    pub steps: Vec<Step>,
    /// When the next delay ends.
    pub until: Option<Timestamp>,
}

impl Delayed {
    /// Adds what another step asks for.
    pub(crate) fn append(&mut self, other: Self) {
        self.steps.extend(other.steps);
        self.until = [self.until, other.until].into_iter().flatten().min();
    }

    fn also(&mut self, until: Timestamp) {
        self.until = Some(self.until.map_or(until, |known| known.min(until)));
    }
}

/// Takes the deadlines away from ReplicaSets that are wanted again.
///
/// A version that comes back while it is still up keeps its deadline until users have been switched to it: the deadline
/// is what says that neither pause nor analysis is needed. (Upstream takes it away at once and forgets.)
#[must_use]
pub(crate) fn lift(release: &Release<'_>) -> Vec<Step> {
    let is_returning = release.status().blue_green.active_selector != release.hash && rollback::is_fast(release);
    let new = release.new.filter(|_| abort_delay(release).is_none() && !is_returning);
    let wanted = [new, release.separate_stable()].into_iter().flatten();
    wanted.filter(|set| set.deadline().is_some()).map(|set| scale::set_deadline(set, None)).collect()
}

/// Returns how long the new ReplicaSet of an aborted update stays up; `None` if it does not stay for a while.
#[must_use]
pub(crate) fn abort_delay(release: &Release<'_>) -> Option<SignedDuration> {
    if !release.is_aborted() || release.stable.is_none() || !has_abort_delay(release) {
        return None;
    }
    match defaults::abort_scale_down(release.rollout) {
        AbortScaleDown::Never => None,
        AbortScaleDown::After(delay) => Some(delay),
    }
}

/// A canary whose stable side had shrunk steps back instead, unless a delay was asked for.
fn has_abort_delay(release: &Release<'_>) -> bool {
    let is_routed = release.canary().is_some_and(|canary| canary.traffic_routing.is_some());
    let steps_back = release.canary().is_some_and(|canary| canary.dynamic_stable_scale)
        && !defaults::has_explicit_abort_scale_down_delay(release.rollout);
    release.blue_green().is_some() || is_routed && !steps_back
}

/// Keeps the new ReplicaSet of an aborted update for its delay, which starts when the stable one is complete.
///
/// `is_serving` says that users still reach it: then it stays, however long that takes.
#[must_use]
pub(crate) fn hold_aborted(
    release: &Release<'_>,
    new: &ReplicaSetView,
    delay: SignedDuration,
    is_serving: bool,
) -> Delayed {
    let mut delayed = Delayed::default();
    let ends = new.deadline_at();
    if !is_serving && ends.is_some_and(|ends| ends <= release.now) {
        delayed.steps.extend(scale::to(release, new, 0, Deadline::Keep));
        return delayed;
    }
    delayed.steps.extend(scale::refresh(release, new));
    if let Some(ends) = ends {
        delayed.also(ends);
    } else if !is_serving && release.stable.is_some_and(|stable| stable.available() >= release.desired()) {
        let ends = release.after(delay);
        delayed.steps.push(scale::set_deadline(new, Some(ends)));
        delayed.also(ends);
    }
    delayed
}

/// The size of an old ReplicaSet during its delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// As many pods as are wanted now.
    Desired,
    /// As many as it has.
    OwnSize,
}

/// Scales old ReplicaSets down, newest revision first: each after its delay, and at most so many at once.
///
/// `referenced` says whether something still leads users to a hash; such a ReplicaSet is left alone. A delay of 0 means
/// now (upstream keeps it for ever).
#[must_use]
pub(crate) fn retire(release: &Release<'_>, kept: Kept, referenced: impl Fn(&str) -> bool) -> Delayed {
    retire_some(release, kept, |set| !referenced(&set.hash))
}

/// Does as [`retire`] with those old ReplicaSets that `is_meant` says.
#[must_use]
pub(crate) fn retire_some(release: &Release<'_>, size: Kept, is_meant: impl Fn(&ReplicaSetView) -> bool) -> Delayed {
    let limit = defaults::scale_down_delay_revision_limit(release.rollout);
    let delay = defaults::scale_down_delay(release.rollout);
    let mut old: Vec<&ReplicaSetView> =
        release.others.iter().copied().filter(|set| set.size() > 0 && !set.deleting).collect();
    old.sort_by(|a, b| (b.revision(), b.created, &b.name).cmp(&(a.revision(), a.created, &a.name)));
    let mut delayed = Delayed::default();
    for (set, kept) in old.into_iter().filter(|set| is_meant(set)).zip(1..) {
        match ends(release, set, delay).filter(|ends| kept <= limit && *ends > release.now) {
            None => delayed.steps.extend(scale::to(release, set, 0, Deadline::Drop)),
            Some(ends) => {
                let keep = if set.deadline().is_none() {
                    Some(scale::set_deadline(set, Some(ends)))
                } else {
                    let size = if size == Kept::Desired { release.desired() } else { set.size() };
                    scale::to(release, set, size, Deadline::Keep)
                };
                delayed.steps.extend(keep);
                delayed.also(ends);
            }
        }
    }
    delayed
}

/// When the delay of an old ReplicaSet ends; `None` for a deadline that is no time.
fn ends(release: &Release<'_>, set: &ReplicaSetView, delay: SignedDuration) -> Option<Timestamp> {
    match set.deadline() {
        None => Some(release.after(delay)),
        Some(_) => set.deadline_at(),
    }
}
