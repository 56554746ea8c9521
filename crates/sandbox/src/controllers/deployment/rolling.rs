//! The arithmetic of a rolling update and of recreation: which ReplicaSet gets how many replicas next.

use crate::controllers::view::{Deployment, ReplicaSet};

/// A new size for a ReplicaSet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resize {
    /// Name of the ReplicaSet.
    pub(crate) name: String,
    /// Its size until now.
    pub(crate) from: i64,
    /// Its size from now on; the same size refreshes only the annotations.
    pub(crate) to: i64,
}

impl Resize {
    /// Returns the change of `set` to `to`.
    pub(crate) fn of(set: &ReplicaSet, to: i64) -> Self {
        Self { name: set.meta.name.clone(), from: set.replicas, to }
    }
}

/// Returns the size for the new ReplicaSet, which has `current` of the `total` replicas of all ReplicaSets.
///
/// With 10 replicas and surge 3, old 10 and new 0: `new = min(13 - 10, 10 - 0) = 3`.
pub(crate) fn new_size(deployment: &Deployment, current: i64, total: i64) -> i64 {
    let wanted = deployment.replicas;
    if deployment.rolling.is_none() {
        return wanted;
    }
    let room = wanted + deployment.max_surge() - total;
    if room <= 0 { current } else { current + room.min(wanted - current) }
}

/// Returns the change to the new ReplicaSet in this step, if there is one.
pub(crate) fn resize_new(deployment: &Deployment, new: &ReplicaSet, old: &[&ReplicaSet]) -> Option<Resize> {
    let to = match new.replicas.cmp(&deployment.replicas) {
        std::cmp::Ordering::Equal => return None,
        std::cmp::Ordering::Greater => deployment.replicas,
        std::cmp::Ordering::Less => new_size(deployment, new.replicas, sum(old) + new.replicas),
    };
    (to != new.replicas).then(|| Resize::of(new, to))
}

/// Returns the changes to the old ReplicaSets in this step: pods that are not available first, then available ones as
/// far as enough remain. `old` is in order of age, oldest first.
///
/// What may go at all: `total - (replicas - max unavailable) - (new pods that are not available)`. With 10 replicas,
/// unavailable 2, old 10 (10 available), new 3 (0 available): `13 - 8 - 3 = 2`, so 2 old pods go.
pub(crate) fn shrink_old(deployment: &Deployment, new: Option<&ReplicaSet>, old: &[&ReplicaSet]) -> Vec<Resize> {
    let least = deployment.replicas - deployment.max_unavailable();
    let new_total = new.map_or(0, |set| set.replicas);
    let new_available = new.map_or(0, |set| set.status.available_replicas);
    let may_go = sum(old) + new_total - least - (new_total - new_available);
    if sum(old) == 0 || may_go <= 0 {
        return Vec::new();
    }
    let mut sizes: Vec<i64> = old.iter().map(|set| set.replicas).collect();
    drop_unavailable(&mut sizes, old, may_go);
    let available: i64 = new_available + old.iter().map(|set| set.status.available_replicas).sum::<i64>();
    take(&mut sizes, available - least, |_, size| size);
    let changed = old.iter().zip(sizes).filter(|(set, size)| set.replicas != *size);
    changed.map(|(set, size)| Resize::of(set, size)).collect()
}

fn drop_unavailable(sizes: &mut [i64], old: &[&ReplicaSet], may_go: i64) {
    take(sizes, may_go, |at, size| size - old[at].status.available_replicas);
}

/// Takes up to `budget` from the sizes in order, from each no more than `most` says.
fn take(sizes: &mut [i64], mut budget: i64, most: impl Fn(usize, i64) -> i64) {
    for (at, size) in sizes.iter_mut().enumerate() {
        let taken = most(at, *size).clamp(0, budget.max(0)).min(*size);
        *size -= taken;
        budget -= taken;
    }
}

/// Returns the changes that scale every old ReplicaSet to nothing: the first half of `Recreate`.
pub(crate) fn drain_old(old: &[&ReplicaSet]) -> Vec<Resize> {
    old.iter().filter(|set| set.replicas > 0).map(|set| Resize::of(set, 0)).collect()
}

/// Sums the wanted replicas.
pub(crate) fn sum(sets: &[&ReplicaSet]) -> i64 {
    sets.iter().map(|set| set.replicas).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::deployment::fixtures::{deployment, set};

    #[track_caller]
    fn check_new(name: &str, replicas: i64, surge: i64, old: i64, new: i64, expected: Option<i64>) {
        let deployment = deployment(replicas).rolling(surge, 0);
        let (old, new) = (set("old", old, old), set("new", new, 0));
        assert_eq!(resize_new(&deployment, &new, &[&old]).map(|resize| resize.to), expected, "{name}");
    }

    #[test]
    fn the_new_set_grows_into_the_surge() {
        check_new("first step", 10, 3, 10, 0, Some(3));
        check_new("no room", 10, 3, 10, 3, None);
        check_new("room after shrinking", 10, 3, 5, 3, Some(8));
        check_new("never beyond replicas", 10, 3, 0, 3, Some(10));
        check_new("too big", 10, 3, 0, 12, Some(10));
        check_new("done", 10, 3, 0, 10, None);
    }

    #[track_caller]
    fn check_old(name: &str, unavailable: i64, new: (i64, i64), old: &[(i64, i64)], expected: &[i64]) {
        let deployment = deployment(10).rolling(3, unavailable);
        let new = set("new", new.0, new.1);
        let old: Vec<_> = old.iter().enumerate().map(|(n, (r, a))| set(&format!("old-{n}"), *r, *a)).collect();
        let refs: Vec<_> = old.iter().collect();
        let mut sizes: Vec<i64> = old.iter().map(|set| set.replicas).collect();
        for resize in shrink_old(&deployment, Some(&new), &refs) {
            let at = old.iter().position(|set| set.meta.name == resize.name).unwrap();
            assert_ne!(resize.from, resize.to, "{name}");
            sizes[at] = resize.to;
        }
        assert_eq!(sizes, expected, "{name}");
    }

    #[test]
    fn old_sets_shrink_by_what_may_be_unavailable() {
        check_old("all old available", 2, (3, 0), &[(10, 10)], &[8]);
        check_old("new not available yet", 0, (3, 0), &[(10, 10)], &[10]);
        check_old("new available", 0, (3, 3), &[(10, 10)], &[7]);
        check_old("unavailable old pods go first", 2, (0, 0), &[(5, 5), (5, 3)], &[5, 3]);
        check_old("oldest first", 2, (8, 8), &[(2, 2), (3, 3)], &[0, 0]);
        check_old("oldest first, partly", 2, (5, 5), &[(2, 2), (4, 4)], &[0, 3]);
        check_old("nothing old", 2, (10, 10), &[], &[]);
    }

    #[test]
    fn recreation_drains_all_old_sets() {
        let (a, b) = (set("a", 2, 2), set("b", 0, 0));
        assert_eq!(drain_old(&[&a, &b]), [Resize { name: "a".into(), from: 2, to: 0 }]);
    }
}
