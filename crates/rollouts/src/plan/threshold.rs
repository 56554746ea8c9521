//! How many available pods are enough: `replicaProgressThreshold`.

use tiphys_api::types::ReplicaProgressThreshold;

use super::release::Release;
use crate::observe::ReplicaSetView;

/// What counts without a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strict {
    /// Size and available pods are exactly the wanted number.
    Exact,
    /// As many are available as wanted, or more.
    AtLeast,
}

/// Returns whether enough pods of a ReplicaSet are available when `wanted` are wanted.
#[must_use]
pub(crate) fn is_met(release: &Release<'_>, set: Option<&ReplicaSetView>, wanted: i32, strict: Strict) -> bool {
    let threshold = release.canary().and_then(|canary| canary.replica_progress_threshold.as_ref());
    let (size, available) = set.map_or((0, 0), |set| (set.size(), set.available()));
    match (threshold.filter(|threshold| threshold.value >= 0 && set.is_some()), strict) {
        (Some(threshold), _) => {
            is_enough(threshold, available, wanted) || available >= wanted && strict == Strict::AtLeast
        }
        (None, Strict::Exact) => size == available && available == wanted,
        (None, Strict::AtLeast) => available >= wanted,
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
