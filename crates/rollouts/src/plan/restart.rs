//! Which pods a restart may take away now.
//!
//! A restart recreates every pod that is older than `spec.restartAt`, and never lets availability fall by more than
//! `maxUnavailable` (at least one pod) for it. The rule is level-triggered: it looks at what is there and says what may
//! go, so it goes on wherever a crash left it.

use jiff::Timestamp;

/// A pod as the rule sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Name of the pod.
    pub name: &'a str,
    /// When it was created.
    pub created: Timestamp,
    /// Available: ready for `minReadySeconds` and not being deleted.
    pub available: bool,
    /// Being deleted, or known to be gone soon.
    pub deleting: bool,
}

/// How many pods must stay available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floor {
    /// `spec.replicas` of the Rollout.
    pub desired: i32,
    /// Sum of `spec.replicas` over all its ReplicaSets.
    pub total: i32,
    /// Resolved `maxUnavailable`.
    pub unavailable: i32,
}

impl Floor {
    /// Returns the number of pods that must stay available during a restart.
    ///
    /// `maxUnavailable` 0 still restarts one pod at a time: without it nothing would ever restart.
    #[must_use]
    pub fn pods(self) -> i32 {
        self.desired.max(self.total) - self.unavailable.max(1)
    }
}

/// What a restart does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round<'a> {
    /// Old pods that may be asked to leave, in this order.
    pub candidates: Vec<&'a str>,
    /// How many of the candidates may leave; a refusal by a budget does not count.
    pub at_most: usize,
    /// Old pods that are still there, leaving ones included. At 0 the restart is served.
    pub old: usize,
    /// Available pods now.
    pub available: i32,
}

/// Returns what may be restarted now. `pods` are considered in the given order; `condemned` available pods are about to
/// be removed by a scale-down and cannot be counted on.
///
/// Worked example: one stable and one canary pod, both available, one pod wanted: `2 - (max(1, 2) - 1) = 1` may go. With
/// only one of them available: `1 - 1 = 0`.
#[must_use]
pub fn round<'a>(pods: &[Candidate<'a>], restart_at: Timestamp, floor: Floor, condemned: i32) -> Round<'a> {
    let available = pods.iter().filter(|pod| pod.available).count();
    let available = i32::try_from(available).unwrap_or(i32::MAX) - condemned;
    let old: Vec<&Candidate<'a>> = pods.iter().filter(|pod| pod.created < restart_at).collect();
    Round {
        candidates: old.iter().filter(|pod| !pod.deleting).map(|pod| pod.name).collect(),
        at_most: usize::try_from(available - floor.pods()).unwrap_or(0),
        old: old.len(),
        available,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    /// A pod created `created` seconds after the restart was asked for; `a` available, `n` not, `d` being deleted.
    fn pod(created: i64, state: char) -> Candidate<'static> {
        Candidate { name: "pod", created: at(created), available: state == 'a', deleting: state == 'd' }
    }

    /// One row: name, desired, total, unavailable, pods, condemned, then candidates, at most, old.
    type Row = (&'static str, i32, i32, i32, &'static [(i64, char)], i32, (usize, usize, usize));

    const ROWS: &[Row] = &[
        ("one stable and one canary pod", 1, 2, 0, &[(-9, 'a'), (-8, 'a')], 0, (2, 1, 2)),
        ("only one of them available", 1, 2, 0, &[(-9, 'a'), (-8, 'n')], 0, (2, 0, 2)),
        ("a single pod goes, service is down", 1, 1, 0, &[(-9, 'a')], 0, (1, 1, 1)),
        ("maxUnavailable 2", 4, 4, 2, &[(-9, 'a'), (-8, 'a'), (-7, 'a'), (-6, 'a')], 0, (4, 2, 4)),
        ("leaving pods are old but no candidates", 2, 2, 1, &[(-9, 'd'), (-8, 'a'), (1, 'a')], 0, (1, 1, 2)),
        ("pods of the same second are new", 1, 1, 1, &[(0, 'a')], 0, (0, 1, 0)),
        ("a scale-down is about to take two", 2, 2, 1, &[(-9, 'a'), (-8, 'a'), (-7, 'a'), (-6, 'a')], 2, (4, 1, 4)),
        ("no pods wanted", 0, 0, 0, &[], 0, (0, 1, 0)),
    ];

    #[test]
    fn restart_takes_what_availability_allows() {
        for &(name, desired, total, unavailable, pods, condemned, expected) in ROWS {
            let pods: Vec<_> = pods.iter().map(|&(created, state)| pod(created, state)).collect();
            let round = round(&pods, at(0), Floor { desired, total, unavailable }, condemned);
            assert_eq!((round.candidates.len(), round.at_most, round.old), expected, "{name}");
        }
    }
}
