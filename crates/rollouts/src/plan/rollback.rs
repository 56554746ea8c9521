//! Going back to a version that was there before.

use tiphys_api::{constants::annotations, defaults};

use super::release::Release;

/// Returns whether the wanted version is the stable one, or older than it. Also true for a promoted Rollout at rest.
#[must_use]
pub(crate) fn is_rollback(release: &Release<'_>) -> bool {
    let (Some(new), Some(stable)) = (release.new, release.stable) else { return false };
    new.hash == release.status().stable_rs || new.created < stable.created
}

/// Returns whether the wanted version lies within `rollbackWindow`: fewer than `revisions` ReplicaSets were created
/// between it and the stable one.
#[must_use]
pub(crate) fn is_within_window(release: &Release<'_>) -> bool {
    let (Some(new), Some(stable)) = (release.new, release.stable) else { return false };
    let window = defaults::rollback_window(release.rollout);
    if window <= 0 || new.created >= stable.created {
        return false;
    }
    let between = release.owned.iter().filter(|set| {
        let is_experiment = set.annotation(annotations::EXPERIMENT_NAME).is_some();
        !is_experiment && new.created < set.created && set.created < stable.created
    });
    i32::try_from(between.count()).is_ok_and(|count| count < window)
}

/// Returns whether steps, pauses and analyses are skipped on the way back: to the stable version, within the window, or
/// (blue-green) to one that is still up.
#[must_use]
pub(crate) fn is_fast(release: &Release<'_>) -> bool {
    let is_stable = release.new.is_some_and(|new| new.hash == release.status().stable_rs);
    let is_up = release.blue_green().is_some() && is_new_within_delay(release);
    is_rollback(release) && (is_within_window(release) || is_up || is_stable)
}

/// Whether the wanted ReplicaSet was waiting for its scale-down, or was so when this update began.
fn is_new_within_delay(release: &Release<'_>) -> bool {
    release.new.and_then(|new| new.deadline_at()).is_some_and(|at| at > release.now)
}
