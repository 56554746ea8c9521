//! What a ReplicaSet does about its pods, and which ones it gives up.

use std::cmp::Ordering;
use std::sync::Arc;

use jiff::Timestamp;

use crate::controllers::view::{Phase, Pod, ReplicaSet, ReplicaSetStatus};

/// Most pods created or deleted in one pass.
pub(crate) const BURST: usize = 500;

/// What to do about the number of pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scale {
    /// It is right.
    Keep,
    /// Create so many.
    Create(usize),
    /// Delete so many, lowest ranked first.
    Delete(usize),
}

/// Compares the active pods with what is wanted.
pub(crate) fn scale(active: usize, replicas: i64) -> Scale {
    let wanted = usize::try_from(replicas).unwrap_or(0);
    match active.cmp(&wanted) {
        Ordering::Equal => Scale::Keep,
        Ordering::Less => Scale::Create((wanted - active).min(BURST)),
        Ordering::Greater => Scale::Delete((active - wanted).min(BURST)),
    }
}

/// Returns the sizes of slow-start batches that create `count` pods: 1, 2, 4, …; a failing batch is the last one.
pub(crate) fn batches(count: usize) -> impl Iterator<Item = usize> {
    let mut left = count;
    let mut size = 1;
    std::iter::from_fn(move || {
        let batch = size.min(left);
        left -= batch;
        size *= 2;
        (batch > 0).then_some(batch)
    })
}

/// An active pod, with how many active pods of related ReplicaSets share its node.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) pod: Arc<Pod>,
    pub(crate) related_on_node: usize,
}

/// Returns the `count` pods that go first when a ReplicaSet shrinks, in that order.
///
/// Upstream's ranking: unassigned; Pending, then Unknown, then Running; not ready; lower deletion cost; more related
/// pods on the node; ready for a shorter time (by powers of two, so that ages close to each other are a draw); more
/// restarts; younger. Draws go by uid.
pub(crate) fn victims(mut candidates: Vec<Candidate>, count: usize, now: Timestamp) -> Vec<Arc<Pod>> {
    candidates.sort_by(|a, b| rank(a, b, now));
    candidates.into_iter().take(count).map(|candidate| candidate.pod).collect()
}

fn rank(a: &Candidate, b: &Candidate, now: Timestamp) -> Ordering {
    let (x, y) = (&a.pod, &b.pod);
    x.node
        .is_some()
        .cmp(&y.node.is_some())
        .then(x.phase.cmp(&y.phase))
        .then(x.is_ready().cmp(&y.is_ready()))
        .then(x.deletion_cost.cmp(&y.deletion_cost))
        .then(b.related_on_node.cmp(&a.related_on_node))
        .then_with(|| by_age(x.ready_since, y.ready_since, x, y, now))
        .then(y.restarts.cmp(&x.restarts))
        .then_with(|| by_age(Some(x.created), Some(y.created), x, y, now))
        .then(x.uid.cmp(&y.uid))
}

/// Younger first in powers of two; the same power is a draw that the uid settles.
fn by_age(a: Option<Timestamp>, b: Option<Timestamp>, x: &Pod, y: &Pod, now: Timestamp) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) if a != b => age_power(a, now).cmp(&age_power(b, now)).then_with(|| x.uid.cmp(&y.uid)),
        _ => Ordering::Equal,
    }
}

/// Returns the power of two just below the age in nanoseconds; -1 for what is not past.
fn age_power(since: Timestamp, now: Timestamp) -> i32 {
    let nanos = now.duration_since(since).as_nanos();
    u128::try_from(nanos).ok().and_then(u128::checked_ilog2).map_or(-1, u32::cast_signed)
}

/// Returns the status that fits the active pods. Conditions are left as they are.
pub(crate) fn status(set: &ReplicaSet, active: &[Arc<Pod>], now: Timestamp) -> ReplicaSetStatus {
    let labelled = |pod: &Pod| set.template_labels.iter().all(|(key, value)| pod.labels.get(key) == Some(value));
    let count =
        |test: &dyn Fn(&Pod) -> bool| i64::try_from(active.iter().filter(|pod| test(pod)).count()).unwrap_or(i64::MAX);
    ReplicaSetStatus {
        replicas: count(&|_| true),
        fully_labeled_replicas: count(&labelled),
        ready_replicas: count(&Pod::is_ready),
        available_replicas: count(&|pod| is_available(pod, set.min_ready_seconds, now)),
        observed_generation: set.meta.generation,
        conditions: set.status.conditions.clone(),
    }
}

/// Returns whether a pod has been ready for long enough.
pub(crate) fn is_available(pod: &Pod, min_ready_seconds: i64, now: Timestamp) -> bool {
    pod.phase != Phase::Failed && pod.available_at(min_ready_seconds).is_some_and(|at| at <= now)
}

/// Returns when the next ready pod becomes available, if one is still waited for.
pub(crate) fn next_available(active: &[Arc<Pod>], min_ready_seconds: i64, now: Timestamp) -> Option<Timestamp> {
    active.iter().filter_map(|pod| pod.available_at(min_ready_seconds)).filter(|at| *at > now).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::fixtures::pod;

    const NOW: &str = "2026-01-01T01:00:00Z";

    #[track_caller]
    fn check_first(name: &str, first: Candidate, second: Candidate) {
        let now = NOW.parse().unwrap();
        let expected = first.pod.key.clone();
        for pair in [vec![first.clone(), second.clone()], vec![second, first]] {
            assert_eq!(victims(pair, 1, now)[0].key, expected, "{name}");
        }
    }

    fn candidate(pod: Pod) -> Candidate {
        Candidate { pod: Arc::new(pod), related_on_node: 1 }
    }

    #[test]
    fn the_lowest_ranked_pod_goes_first() {
        let old = || pod("old").ready_at("2026-01-01T00:00:00Z");
        let unassigned = Pod { node: None, ..pod("x") };
        check_first("unassigned", candidate(unassigned), candidate(Pod { phase: Phase::Pending, ..pod("y") }));
        check_first("pending", candidate(Pod { phase: Phase::Pending, ..pod("x") }), candidate(pod("y")));
        check_first("unready", candidate(pod("x")), candidate(old()));
        check_first("cost", candidate(Pod { deletion_cost: -1, ..old() }), candidate(pod("y").ready_at(NOW)));
        let crowded = Candidate { related_on_node: 3, ..candidate(old()) };
        check_first("crowded node", crowded, candidate(pod("y").ready_at("2026-01-01T00:59:59Z")));
        check_first("ready later", candidate(pod("x").ready_at("2026-01-01T00:59:50Z")), candidate(old()));
        check_first(
            "restarts",
            candidate(Pod { restarts: 2, ..old() }),
            candidate(pod("y").ready_at("2026-01-01T00:00:00Z")),
        );
        let older = Pod { created: "2025-01-01T00:00:00Z".parse().unwrap(), ..pod("a") };
        check_first("younger", candidate(pod("z")), candidate(older));
    }

    #[test]
    fn ages_of_the_same_power_of_two_are_a_draw_by_uid() {
        let a = candidate(pod("a").ready_at("2026-01-01T00:00:00Z"));
        let b = candidate(pod("b").ready_at("2026-01-01T00:05:00Z"));
        check_first("draw", a, b);
    }

    #[test]
    fn the_difference_decides_and_is_capped() {
        assert_eq!(scale(3, 3), Scale::Keep);
        assert_eq!(scale(1, 5), Scale::Create(4));
        assert_eq!(scale(0, 2000), Scale::Create(BURST));
        assert_eq!(scale(5, 0), Scale::Delete(5));
        assert_eq!(batches(10).collect::<Vec<_>>(), [1, 2, 4, 3]);
        assert_eq!(batches(0).count(), 0);
    }
}
