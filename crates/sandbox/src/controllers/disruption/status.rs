//! What a disruption budget allows right now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::controllers::scaled::{Rounding, Scaled};
use crate::controllers::view::{BudgetSpec, Pod};

/// How long an eviction that was granted keeps its pod out of the count, should the pod stay.
const DELETION_TIMEOUT: SignedDuration = SignedDuration::from_secs(120);

/// The numbers of a budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) expected: i64,
    pub(crate) desired: i64,
    pub(crate) current: i64,
    pub(crate) allowed: i64,
    /// Granted evictions that are not done yet.
    pub(crate) disrupted: BTreeMap<String, Timestamp>,
    /// When the first of these is given up.
    pub(crate) recheck: Option<Timestamp>,
}

/// Returns whether the budget counts the wanted replicas of controllers rather than the pods that exist.
pub(crate) fn counts_controllers(spec: &BudgetSpec) -> bool {
    spec.max_unavailable.is_some() || spec.min_available.as_ref().is_some_and(Scaled::is_percent)
}

/// Computes the numbers. `scale` is the sum of the wanted replicas of the pods' distinct controllers.
pub(crate) fn numbers(
    spec: &BudgetSpec,
    pods: &[Arc<Pod>],
    scale: i64,
    disrupted: &BTreeMap<String, Timestamp>,
    now: Timestamp,
) -> Numbers {
    let existing = i64::try_from(pods.len()).unwrap_or(i64::MAX);
    let (expected, desired) = match (&spec.max_unavailable, &spec.min_available) {
        (Some(most), _) => (scale, (scale - most.of(scale, Rounding::Up)).max(0)),
        (None, Some(Scaled::Count(least))) => (existing, *least),
        (None, Some(least)) => (scale, least.of(scale, Rounding::Up)),
        (None, None) => (0, 0),
    };
    let disrupted = still_disrupted(pods, disrupted, now);
    let healthy = |pod: &&Arc<Pod>| !pod.deleting && pod.is_ready() && !disrupted.contains_key(&*pod.key.name);
    let current = i64::try_from(pods.iter().filter(healthy).count()).unwrap_or(i64::MAX);
    let allowed = if expected > 0 { (current - desired).max(0) } else { 0 };
    let recheck = disrupted.values().map(|at| *at + DELETION_TIMEOUT).min();
    Numbers { expected, desired, current, allowed, disrupted, recheck }
}

fn still_disrupted(
    pods: &[Arc<Pod>],
    disrupted: &BTreeMap<String, Timestamp>,
    now: Timestamp,
) -> BTreeMap<String, Timestamp> {
    let present: BTreeSet<&str> = pods.iter().filter(|pod| !pod.deleting).map(|pod| &*pod.key.name).collect();
    let waits = |name: &str, at: Timestamp| present.contains(name) && at + DELETION_TIMEOUT > now;
    disrupted.iter().filter(|(name, at)| waits(name, **at)).map(|(name, at)| (name.clone(), *at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::fixtures::pod;

    const READY: &str = "2026-01-01T00:00:00Z";

    fn pods(ready: usize, unready: usize) -> Vec<Arc<Pod>> {
        let ready = (0..ready).map(|n| pod(&format!("r{n}")).ready_at(READY));
        ready.chain((0..unready).map(|n| pod(&format!("u{n}")))).map(Arc::new).collect()
    }

    #[track_caller]
    fn check(spec: serde_json::Value, pods: &[Arc<Pod>], scale: i64, expected: (i64, i64, i64, i64)) {
        let spec: BudgetSpec = serde_json::from_value(spec).unwrap();
        let n = numbers(&spec, pods, scale, &BTreeMap::new(), READY.parse().unwrap());
        assert_eq!((n.expected, n.desired, n.current, n.allowed), expected, "{spec:?}");
    }

    #[test]
    fn budgets_count_as_specified() {
        use serde_json::json;
        check(json!({"minAvailable": 2}), &pods(3, 1), 9, (4, 2, 3, 1));
        check(json!({"minAvailable": 5}), &pods(3, 0), 9, (3, 5, 3, 0));
        check(json!({"minAvailable": "50%"}), &pods(3, 0), 5, (5, 3, 3, 0));
        check(json!({"maxUnavailable": 1}), &pods(3, 0), 3, (3, 2, 3, 1));
        check(json!({"maxUnavailable": "25%"}), &pods(5, 0), 5, (5, 3, 5, 2));
        check(json!({"maxUnavailable": 1}), &[], 0, (0, 0, 0, 0));
        check(json!({"maxUnavailable": 9}), &pods(1, 0), 1, (1, 0, 1, 1));
        check(json!({}), &pods(1, 0), 1, (0, 0, 1, 0));
    }

    #[test]
    fn a_granted_eviction_counts_against_the_budget_for_two_minutes() {
        let spec: BudgetSpec = serde_json::from_value(serde_json::json!({"minAvailable": 1})).unwrap();
        let granted: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let disrupted = BTreeMap::from([("r0".to_owned(), granted), ("gone".to_owned(), granted)]);
        let soon = numbers(&spec, &pods(2, 0), 0, &disrupted, granted);
        assert_eq!((soon.current, soon.allowed, soon.recheck), (1, 0, Some(granted + DELETION_TIMEOUT)));
        assert_eq!(soon.disrupted.len(), 1);
        let late = numbers(&spec, &pods(2, 0), 0, &disrupted, granted + DELETION_TIMEOUT);
        assert_eq!((late.current, late.allowed, late.recheck), (2, 1, None));
    }
}
