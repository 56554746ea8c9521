//! Scaling a Deployment in the middle of an update, or while it is paused: every ReplicaSet keeps its share.

use std::cmp::Reverse;

use super::rolling::{Resize, sum};
use crate::controllers::view::{Deployment, ReplicaSet};

/// Remembers, on a ReplicaSet, the wanted replicas of its Deployment.
pub(crate) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// Remembers, on a ReplicaSet, the most replicas its Deployment might have had, surge included.
pub(crate) const MAX: &str = "deployment.kubernetes.io/max-replicas";

/// Returns whether the Deployment was scaled since its active ReplicaSets were last written.
pub(crate) fn was_scaled(deployment: &Deployment, sets: &[&ReplicaSet]) -> bool {
    let desired = |set: &&ReplicaSet| set.meta.annotations.get(DESIRED)?.parse::<i64>().ok();
    sets.iter().filter(|set| set.replicas > 0).filter_map(desired).any(|desired| desired != deployment.replicas)
}

/// Returns the new sizes of the ReplicaSets. An entry without change refreshes the annotations.
pub(crate) fn scale(deployment: &Deployment, new: Option<&ReplicaSet>, old: &[&ReplicaSet]) -> Vec<Resize> {
    if let Some(only) = active_or_latest(new, old) {
        return vec![Resize::of(only, deployment.replicas)];
    }
    if new.is_some_and(|set| is_saturated(deployment, set)) {
        return old.iter().filter(|set| set.replicas > 0).map(|set| Resize::of(set, 0)).collect();
    }
    if deployment.rolling.is_none() {
        return Vec::new();
    }
    let active = old.iter().copied().chain(new).filter(|set| set.replicas > 0).collect();
    share(deployment, active)
}

/// The one active ReplicaSet; the newest one if none is active; nothing if several are.
fn active_or_latest<'a>(new: Option<&'a ReplicaSet>, old: &[&'a ReplicaSet]) -> Option<&'a ReplicaSet> {
    let mut active = old.iter().copied().chain(new).filter(|set| set.replicas > 0);
    match (active.next(), active.next()) {
        (Some(only), None) => Some(only),
        (None, _) => new.or_else(|| old.iter().copied().max_by_key(|set| set.meta.creation_timestamp)),
        _ => None,
    }
}

fn is_saturated(deployment: &Deployment, new: &ReplicaSet) -> bool {
    let desired = new.meta.annotations.get(DESIRED).and_then(|text| text.parse::<i64>().ok());
    let wanted = deployment.replicas;
    new.replicas == wanted && desired == Some(wanted) && new.status.available_replicas == wanted
}

/// Distributes what is missing or too much by size, the largest first; what rounding leaves goes to the first.
///
/// Scaled from 10 (surge 3: at most 13) to 20 (at most 23), with 8 and 5 replicas: 10 to add; the first gets
/// `round(8 × 23 / 13) - 8 = 6`, the second `round(5 × 23 / 13) - 5 = 4`.
fn share(deployment: &Deployment, mut active: Vec<&ReplicaSet>) -> Vec<Resize> {
    let most = if deployment.replicas > 0 { deployment.replicas + deployment.max_surge() } else { 0 };
    let change = most - sum(&active);
    let born = |set: &ReplicaSet| set.meta.creation_timestamp;
    if change >= 0 {
        active.sort_by_key(|set| (Reverse(set.replicas), Reverse(born(set)), set.meta.name.clone()));
    } else {
        active.sort_by_key(|set| (Reverse(set.replicas), born(set), set.meta.name.clone()));
    }
    let mut left = change;
    let mut sizes = Vec::with_capacity(active.len());
    for set in &active {
        let part = proportion(deployment, set, left);
        left -= part;
        sizes.push(set.replicas + part);
    }
    if let Some(first) = sizes.first_mut() {
        *first = (*first + left).max(0);
    }
    active.iter().zip(sizes).map(|(set, size)| Resize::of(set, size)).collect()
}

/// The share of one ReplicaSet in what is `left` to add (positive) or to remove (negative).
fn proportion(deployment: &Deployment, set: &ReplicaSet, left: i64) -> i64 {
    if set.replicas == 0 || left == 0 {
        return 0;
    }
    let fraction = fraction(deployment, set);
    if left > 0 { fraction.min(left) } else { fraction.max(left) }
}

fn fraction(deployment: &Deployment, set: &ReplicaSet) -> i64 {
    if deployment.replicas == 0 {
        return -set.replicas;
    }
    let noted = set.meta.annotations.get(MAX).and_then(|text| text.parse::<i64>().ok()).filter(|n| *n != 0);
    let before = noted.unwrap_or(deployment.status.replicas);
    if before == 0 {
        return 0;
    }
    round_div(set.replicas * (deployment.replicas + deployment.max_surge()), before) - set.replicas
}

/// Divides what is not negative, rounding halves up.
fn round_div(dividend: i64, divisor: i64) -> i64 {
    (2 * dividend + divisor) / (2 * divisor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::deployment::fixtures::{deployment, set};

    #[track_caller]
    fn check(name: &str, replicas: i64, before: i64, old: &[i64], new: i64, expected: &[i64]) {
        let deployment = deployment(replicas).rolling_percent(25, 25);
        let old: Vec<_> = old
            .iter()
            .enumerate()
            .map(|(n, size)| set(&format!("old-{n}"), *size, *size).annotated(MAX, &before.to_string()))
            .collect();
        let new = set("zz-new", new, new).annotated(MAX, &before.to_string());
        let refs: Vec<_> = old.iter().collect();
        let mut sizes: Vec<i64> = old.iter().map(|set| set.replicas).chain([new.replicas]).collect();
        for resize in scale(&deployment, Some(&new), &refs) {
            let at = old.iter().position(|set| set.meta.name == resize.name).unwrap_or(old.len());
            sizes[at] = resize.to;
        }
        assert_eq!(sizes, expected, "{name}");
    }

    #[test]
    fn each_active_set_keeps_its_share() {
        check("only the new one", 5, 4, &[0], 3, &[0, 5]);
        check("only an old one", 5, 4, &[3], 0, &[5, 0]);
        check("none active: the new one", 5, 4, &[0], 0, &[0, 5]);
        check("up", 20, 13, &[8], 5, &[15, 10]);
        check("down", 5, 13, &[8], 5, &[4, 3]);
        check("to nothing", 0, 13, &[8], 5, &[0, 0]);
        check("three sets", 20, 13, &[5, 5], 3, &[10, 10, 5]);
    }

    #[test]
    fn halves_round_up() {
        for (dividend, divisor, expected) in [(7, 2, 4), (5, 2, 3), (4, 3, 1), (5, 3, 2), (0, 3, 0), (184, 13, 14)] {
            assert_eq!(round_div(dividend, divisor), expected, "{dividend}/{divisor}");
        }
    }

    #[test]
    fn a_scaled_deployment_is_noticed_by_its_active_sets() {
        let wanted = deployment(5);
        let noted = |size: i64, desired: &str| set("a", size, size).annotated(DESIRED, desired);
        assert!(!was_scaled(&wanted, &[&noted(3, "5")]));
        assert!(was_scaled(&wanted, &[&noted(3, "4")]));
        assert!(!was_scaled(&wanted, &[&noted(0, "4")]));
        assert!(!was_scaled(&wanted, &[&set("a", 3, 3)]));
    }
}
