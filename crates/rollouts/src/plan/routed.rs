//! Sizes in one pass of a canary with a router.

use tiphys_api::defaults::{self, AbortScaleDown};

use super::{
    delay::{self, Delayed},
    release::Release,
    routed_size::{self, Present, Recorded},
    scale::{self, Deadline},
    services, traffic,
};
use crate::observe::ReplicaSetView;

/// Moves the sizes towards the weights: stable, or new, or the old ReplicaSets.
#[must_use]
pub(crate) fn resize(release: &Release<'_>) -> Delayed {
    let mut delayed = Delayed { steps: delay::lift(release), until: None };
    let split = wanted(release);
    if let Some(stable) = release.separate_stable().filter(|set| !set.deleting) {
        delayed.steps.extend(scale::to(release, stable, split.stable, Deadline::Drop));
    }
    if delayed.steps.iter().any(scale::is_resize) {
        return delayed;
    }
    if let Some(new) = release.new.filter(|set| !set.deleting) {
        delayed.append(resize_new(release, new, split.new));
    }
    if !delayed.steps.iter().any(scale::is_resize) {
        delayed.append(retire(release));
    }
    delayed
}

/// Returns the sizes of both sides: what the weights ask for, as far as users have left.
fn wanted(release: &Release<'_>) -> super::canary_size::Split {
    let side = |set: Option<&ReplicaSetView>| set.map(ReplicaSetView::side);
    let (new, stable) = (side(release.new), side(release.stable));
    let stored = release.status().canary.weights.as_ref();
    let recorded = stored.map(|weights| Recorded { canary: weights.canary.weight, stable: weights.stable.weight });
    let wanted = routed_size::sizes(release.rollout, new, stable, recorded);
    let is_ours = stored.is_some_and(|weights| weights.canary.pod_template_hash == release.hash);
    let present = Present {
        new: new.unwrap_or_default(),
        stable: side(release.separate_stable()).unwrap_or_default(),
        recorded: recorded.filter(|_| is_ours && release.separate_stable().is_some()),
        is_confirmed: traffic::may_go_on(release),
        is_aborted: release.is_aborted(),
    };
    routed_size::safe(release.rollout, wanted, &present)
}

/// The version of an aborted update stays for its delay, or for ever.
fn resize_new(release: &Release<'_>, new: &ReplicaSetView, size: i32) -> Delayed {
    if let Some(delay) = delay::abort_delay(release) {
        let has_users = release.traffic().is_some_and(|traffic| traffic.has_canary_users(release));
        return delay::hold_aborted(release, new, delay, has_users);
    }
    let stays = release.is_aborted()
        && defaults::abort_scale_down(release.rollout) == AbortScaleDown::Never
        && release.stable.is_some();
    let step = if stays { scale::refresh(release, new) } else { scale::to(release, new, size, Deadline::Drop) };
    Delayed { steps: step.into_iter().collect(), until: None }
}

/// Old ReplicaSets go once nothing leads users to them: after their delay once the update is over, a version that was
/// superseded at once.
fn retire(release: &Release<'_>) -> Delayed {
    let floor = release.desired() - defaults::max_unavailable(release.rollout);
    if !traffic::may_go_on(release) || release.available() <= floor {
        return Delayed::default();
    }
    if release.is_promoted() && !routed_size::is_dynamic(release.rollout) {
        return delay::retire(release, delay::Kept::OwnSize, |hash| is_referenced(release, hash));
    }
    let is_waiting = |set: &ReplicaSetView| set.deadline().is_some() && !routed_size::is_dynamic(release.rollout);
    let mut delayed =
        delay::retire_some(release, delay::Kept::OwnSize, |set| is_waiting(set) && !is_referenced(release, &set.hash));
    let free = release.others.iter().copied().filter(|set| set.size() > 0 && !set.deleting && !is_waiting(set));
    let unwanted = free.filter(|set| !is_referenced(release, &set.hash));
    delayed.steps.extend(unwanted.filter_map(|set| scale::to(release, set, 0, Deadline::Drop)));
    delayed
}

/// Whether the status, a router or a Service still leads users to a hash.
fn is_referenced(release: &Release<'_>, hash: &str) -> bool {
    let status = release.status();
    let weights = status.canary.weights.as_ref();
    let told = weights.map(|weights| [&weights.canary.pod_template_hash, &weights.stable.pod_template_hash]);
    let decided = release.traffic().map(|traffic| [&traffic.decision.canary_hash, &traffic.decision.stable_hash]);
    let known = [&status.stable_rs, &status.current_pod_hash].into_iter();
    known.chain(told.into_iter().flatten()).chain(decided.into_iter().flatten()).any(|known| known == hash)
        || services::in_use(release).any(|name| services::selected(release, name) == hash)
}
