//! How many available pods are enough: `replicaProgressThreshold`.

use tiphys_api::{Rollout, types::ReplicaProgressThreshold};

use super::canary_size::Side;

/// What counts without a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strict {
    /// Size and available pods are exactly the wanted number.
    Exact,
    /// As many are available as wanted, or more.
    AtLeast,
}

/// Returns the threshold of a Rollout.
#[must_use]
pub(crate) fn of(rollout: &Rollout) -> Option<&ReplicaProgressThreshold> {
    rollout.spec.strategy.canary.as_ref()?.replica_progress_threshold.as_ref()
}

/// Returns whether enough pods of a ReplicaSet are available when `wanted` are wanted.
#[must_use]
pub(crate) fn is_met(
    threshold: Option<&ReplicaProgressThreshold>,
    side: Option<Side>,
    wanted: i32,
    strict: Strict,
) -> bool {
    let pods = side.unwrap_or_default();
    match (threshold.filter(|threshold| threshold.value >= 0 && side.is_some()), strict) {
        (Some(threshold), _) => {
            is_enough(threshold, pods.available, wanted) || pods.available >= wanted && strict == Strict::AtLeast
        }
        (None, Strict::Exact) => pods.spec == pods.available && pods.available == wanted,
        (None, Strict::AtLeast) => pods.available >= wanted,
    }
}

fn is_enough(threshold: &ReplicaProgressThreshold, available: i32, wanted: i32) -> bool {
    if threshold.kind != "Percent" {
        return available >= threshold.value;
    }
    wanted == 0 || i64::from(available) * 100 >= i64::from(threshold.value) * i64::from(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: &str, value: i32, available: i32, wanted: i32, expected: bool) {
        let threshold = ReplicaProgressThreshold { kind: kind.to_owned(), value };
        assert_eq!(is_enough(&threshold, available, wanted), expected, "{kind} {value}: {available} of {wanted}");
    }

    #[test]
    fn thresholds_count_available_pods() {
        check("Percent", 70, 7, 10, true);
        check("Percent", 70, 6, 10, false);
        check("Percent", 70, 0, 0, true);
        check("Pods", 8, 4, 4, false);
        check("Pods", 0, 0, 4, true);
        check("Percent", 33, 1, 3, true);
    }
}
