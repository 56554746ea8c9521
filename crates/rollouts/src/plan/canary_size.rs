//! How many pods the two sides of a canary without a traffic router get.
//!
//! Traffic follows the pods here, so the sizes are the weight. [`ideal`] says where a weight leads, [`next`] how far one
//! step may go towards it without leaving the limits, [`shrink_old`] what happens to what is neither new nor stable.

use tiphys_api::{Rollout, defaults};

/// Full weight of a canary without a traffic router.
pub const FULL_WEIGHT: i32 = 100;

/// How many pods an update may add and how many may be missing, in pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Pods above the desired number.
    pub surge: i32,
    /// Pods of the desired number that may be unavailable.
    pub unavailable: i32,
}

impl Limits {
    /// Resolves `maxSurge` and `maxUnavailable` of a Rollout.
    #[must_use]
    pub fn of(rollout: &Rollout) -> Self {
        Self { surge: defaults::max_surge(rollout), unavailable: defaults::max_unavailable(rollout) }
    }
}

/// Size and availability of one ReplicaSet, in pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Side {
    /// `spec.replicas`.
    pub spec: i32,
    /// Available pods.
    pub available: i32,
}

/// A target for both sides, in pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// Pods of the new ReplicaSet.
    pub new: i32,
    /// Pods of the stable ReplicaSet.
    pub stable: i32,
}

/// The stable side of a canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stable {
    /// There is none: a first deploy.
    Missing,
    /// The new ReplicaSet is the stable one: promoted.
    SameAsNew,
    /// A ReplicaSet of its own.
    Other(Side),
}

/// What one step of a canary without a traffic router is decided from.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// `spec.replicas` of the Rollout.
    pub desired: i32,
    /// Wanted weight, 0 to 100.
    pub weight: i32,
    /// Resolved `maxSurge` and `maxUnavailable`.
    pub limits: Limits,
    /// The new ReplicaSet, if it exists.
    pub new: Option<Side>,
    /// The stable ReplicaSet.
    pub stable: Stable,
    /// Sum of `spec.replicas` over all other ReplicaSets.
    pub old: i32,
}

/// Returns the split of `desired` pods that is nearest to `weight`.
///
/// With room to surge the total may be one more than desired, if that comes nearer. Between 0 and 100 neither side
/// is empty when there are two pods to share; a tie goes to the canary.
///
/// Worked example: 10 pods, weight 5, surge 1: one canary in 11 (9.1 %) is nearer than one in 10, so 1 and 10.
#[must_use]
pub fn ideal(desired: i32, weight: i32, surge: i32) -> Split {
    if desired == 0 {
        return Split { new: 0, stable: 0 };
    }
    let mut best: Option<(f64, Split)> = None;
    for (new, total) in candidates(desired, weight, surge) {
        let off = (f64::from(new) * f64::from(FULL_WEIGHT) / f64::from(total) - f64::from(weight)).abs();
        if best.is_none_or(|(least, _)| off < least) {
            best = Some((off, Split { new, stable: total - new }));
        }
    }
    best.map_or(Split { new: 0, stable: desired }, |(_, split)| split)
}

/// The pairs of canary and total that are worth comparing, in order of preference.
fn candidates(desired: i32, weight: i32, surge: i32) -> Vec<(i32, i32)> {
    let exact = f64::from(desired) * f64::from(weight) / f64::from(FULL_WEIGHT);
    #[expect(clippy::cast_possible_truncation, reason = "between 0 and desired")]
    let (ceil, floor) = (exact.ceil() as i32, exact.floor() as i32);
    let is_tie = |total: i32| (f64::from(total) * (f64::from(weight) / f64::from(FULL_WEIGHT))).fract() == 0.5;
    let may_empty = weight == FULL_WEIGHT || weight == 0 || (desired == 1 && surge == 0);
    let mut pairs = Vec::new();
    if ceil < desired || may_empty {
        pairs.push((ceil, desired));
    }
    if !is_tie(desired) && (floor != 0 || may_empty) {
        pairs.push((floor, desired));
    }
    if surge > 0 {
        pairs.push((ceil, desired + 1));
        if !is_tie(desired + 1) && (floor != 0 || may_empty) {
            pairs.push((floor, desired + 1));
        }
    }
    pairs
}

/// Returns where the two sides go next: as near to the ideal split as the limits allow at this moment.
///
/// Guarantees: the sizes never exceed `desired + surge` because of a growth decided here, and shrinking leaves
/// `desired - unavailable` available pods. Pods that are not available may always be removed from the side that shrinks,
/// so a crash-looping side blocks neither an update nor an abort.
///
/// Without a stable ReplicaSet of its own the new one is driven to `desired` and the stable size is 0 and unused.
#[must_use]
pub fn next(sizes: &Sizes) -> Split {
    let new = sizes.new.unwrap_or_default();
    let Stable::Other(stable) = sizes.stable else {
        return Split { new: grow_alone(sizes, new), stable: 0 };
    };
    let want = ideal(sizes.desired, sizes.weight, sizes.limits.surge);
    let ceiling = sizes.desired + sizes.limits.surge;
    let mut room = ceiling - new.spec - stable.spec - sizes.old;
    let grown_stable = grow(stable.spec, want.stable, &mut room);
    let grown_new = if sizes.new.is_some() { grow(new.spec, want.new, &mut room) } else { 0 };
    let grown = Split { new: grown_new, stable: grown_stable };
    if sizes.old > 0 {
        return grown;
    }
    shrink(sizes, want, grown, stable)
}

/// Grows `size` towards `want` by at most `room`, and takes what it uses out of `room`.
fn grow(size: i32, want: i32, room: &mut i32) -> i32 {
    if size >= want || *room <= 0 {
        return size;
    }
    let growth = (want - size).min(*room);
    *room -= growth;
    size + growth
}

/// First deploy, or promoted: only one ReplicaSet counts.
fn grow_alone(sizes: &Sizes, new: Side) -> i32 {
    if sizes.new.is_none() {
        return 0;
    }
    let mut room = sizes.desired + sizes.limits.surge - new.spec - sizes.old;
    let grown = grow(new.spec, sizes.desired, &mut room);
    if sizes.old > 0 || grown <= sizes.desired {
        return grown;
    }
    let floor = sizes.desired - sizes.limits.unavailable;
    let stable_budget = if sizes.stable == Stable::SameAsNew { counted(new) } else { 0 };
    let budget = new.spec + stable_budget;
    if budget <= floor { grown } else { sizes.desired.max(new.spec - (budget - floor)) }
}

/// Available pods, never more than the size.
fn counted(side: Side) -> i32 {
    side.available.min(side.spec)
}

/// Shrinks the side that has more than it should, then fits both into the limits.
fn shrink(sizes: &Sizes, want: Split, grown: Split, stable: Side) -> Split {
    let new = sizes.new.unwrap_or_default();
    let rising = sizes.new.is_none() || want.new >= new.spec;
    let floor = sizes.desired - sizes.limits.unavailable;
    let budget = if rising { counted(new) + stable.spec } else { new.spec + counted(stable) };
    if budget <= floor {
        return grown;
    }
    let down = budget - floor;
    let ceiling = sizes.desired + sizes.limits.surge;
    if rising {
        let drained = drain(stable.spec, want.stable, grown.stable, down);
        let (stable_to, new_to) = fit(stable, drained, sizes.new.map(|side| (side, grown.new)), ceiling, floor);
        return Split { new: new_to, stable: stable_to };
    }
    let drained = drain(new.spec, want.new, grown.new, down);
    let (new_to, stable_to) = fit(new, drained, Some((stable, grown.stable)), ceiling, floor);
    Split { new: new_to, stable: stable_to }
}

fn drain(size: i32, want: i32, grown: i32, down: i32) -> i32 {
    if size > want { want.max(size - down) } else { grown }
}

/// Takes what is over the ceiling from the side that does not drain, gives back what the floor needs, and takes the rest
/// from the draining side. Returns the sizes of the draining and of the other side.
fn fit(drain: Side, drain_to: i32, other: Option<(Side, i32)>, ceiling: i32, floor: i32) -> (i32, i32) {
    let Some((other, other_to)) = other else {
        return (drain_to, 0);
    };
    let over = (other_to + drain_to - ceiling).max(0);
    let mut kept = other_to - over;
    let have = drain.available.min(drain_to) + other.available.min(kept);
    let lost = (other.available - kept).max(0);
    kept += lost.min((floor - have).max(0));
    let drained = drain_to - (kept + drain_to - ceiling).max(0);
    (drained, kept)
}

/// Returns the new size of each old ReplicaSet, newest revision first as given: unavailable pods go at once, then as many
/// available ones as the floor allows.
///
/// `available` is the sum over *all* ReplicaSets, new and stable included.
#[must_use]
pub fn shrink_old(old: &[Side], available: i32, floor: i32) -> Vec<i32> {
    let mut allowed = (available - floor).max(0);
    old.iter()
        .map(|side| {
            let healthy = counted(*side);
            let removed = healthy.min(allowed);
            allowed -= removed;
            healthy - removed
        })
        .collect()
}

#[cfg(test)]
#[path = "canary_size_tests.rs"]
mod tests;
