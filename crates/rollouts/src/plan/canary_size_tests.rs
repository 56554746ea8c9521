use serde_json::{Value, json};

use super::*;

fn limits(desired: i32, surge: &str, unavailable: &str) -> Limits {
    let amount = |text: &str| text.parse().map_or_else(|_| json!(text), |pods: i32| json!(pods));
    let canary = json!({"maxSurge": amount(surge), "maxUnavailable": amount(unavailable)});
    let rollout: Value = json!({"spec": {"replicas": desired, "strategy": {"canary": canary}}});
    Limits::of(&tiphys_api::decode(rollout).object)
}

fn side((spec, available): (i32, i32)) -> Side {
    Side { spec, available }
}

#[track_caller]
fn check_ideal(desired: i32, weight: i32, surge: i32, expected: (i32, i32)) {
    let split = ideal(desired, weight, surge);
    assert_eq!((split.new, split.stable), expected, "R={desired} w={weight} surge={surge}");
}

#[test]
fn ideal_split_is_the_nearest_that_leaves_neither_side_empty() {
    for (desired, weight, surge, expected) in [
        (0, 50, 1, (0, 0)),
        (1, 1, 1, (1, 1)),
        (1, 99, 1, (1, 1)),
        (1, 49, 0, (0, 1)),
        (1, 50, 0, (1, 0)),
        (1, 100, 1, (1, 0)),
        (2, 1, 0, (1, 1)),
        (2, 1, 1, (1, 2)),
        (2, 99, 1, (2, 1)),
        (3, 50, 0, (2, 1)),
        (3, 49, 1, (2, 2)),
        (3, 99, 0, (2, 1)),
        (3, 99, 1, (3, 1)),
        (4, 10, 1, (1, 4)),
        (4, 33, 1, (2, 3)),
        (5, 10, 1, (1, 5)),
        (5, 41, 0, (2, 3)),
        (5, 50, 0, (3, 2)),
        (5, 50, 1, (3, 3)),
        (7, 33, 1, (2, 5)),
        (10, 5, 0, (1, 9)),
        (10, 5, 1, (1, 10)),
        (10, 14, 0, (1, 9)),
        (10, 15, 0, (2, 8)),
        (10, 24, 1, (3, 8)),
        (10, 41, 0, (4, 6)),
        (10, 99, 0, (9, 1)),
        (10, 99, 1, (10, 1)),
        (20, 2, 1, (1, 20)),
        (100, 1, 0, (1, 99)),
    ] {
        check_ideal(desired, weight, surge, expected);
    }
}

/// One row of the worked evaluations: name, desired, weight, maxSurge, maxUnavailable, canary, stable, old, result.
type Evaluation = (&'static str, i32, i32, &'static str, &'static str, (i32, i32), (i32, i32), i32, (i32, i32));

const EVALUATIONS: &[Evaluation] = &[
    ("S1", 10, 10, "1", "1", (0, 0), (10, 10), 0, (1, 9)),
    ("S2", 10, 30, "3", "0", (0, 0), (10, 10), 0, (3, 10)),
    ("S3", 10, 30, "0", "5", (0, 0), (10, 10), 0, (0, 7)),
    ("S4", 10, 5, "1", "1", (0, 0), (10, 10), 0, (1, 10)),
    ("S5", 1, 5, "1", "0", (0, 0), (1, 1), 0, (1, 1)),
    ("S6", 1, 95, "1", "0", (0, 0), (1, 1), 0, (1, 1)),
    ("S7", 10, 100, "3", "0", (6, 3), (7, 8), 0, (6, 7)),
    ("S8", 10, 20, "20%", "0", (0, 0), (10, 10), 0, (2, 10)),
    ("S9", 10, 50, "25%", "25%", (2, 2), (8, 8), 0, (5, 6)),
    ("S10", 10, 50, "25%", "25%", (5, 2), (8, 8), 0, (5, 6)),
    ("S11", 10, 50, "25%", "25%", (5, 5), (8, 8), 0, (5, 5)),
    ("S12", 10, 50, "25%", "25%", (5, 5), (5, 5), 0, (5, 5)),
    ("S13", 4, 100, "1", "0", (0, 0), (4, 1), 0, (1, 4)),
    ("S14", 10, 0, "25%", "25%", (5, 5), (5, 5), 0, (3, 8)),
    ("S15", 10, 0, "25%", "25%", (5, 5), (8, 5), 0, (3, 8)),
    ("S16", 10, 0, "25%", "25%", (5, 5), (10, 10), 0, (0, 10)),
    ("S17", 10, 50, "3", "0", (3, 3), (3, 3), 4, (4, 5)),
    ("S18", 10, 40, "25%", "25%", (0, 0), (7, 7), 3, (3, 7)),
    ("S19", 10, 0, "0", "1%", (1, 1), (9, 9), 0, (0, 9)),
    ("S20", 10, 20, "0", "1%", (0, 0), (10, 10), 0, (0, 9)),
    ("S21", 0, 50, "25%", "25%", (0, 0), (0, 0), 0, (0, 0)),
    ("S22", 5, 20, "25%", "25%", (3, 3), (12, 12), 0, (1, 6)),
];

#[test]
fn one_step_towards_the_weight() {
    for &(name, desired, weight, surge, unavailable, new, stable, old, expected) in EVALUATIONS {
        let limits = limits(desired, surge, unavailable);
        let stable = Stable::Other(side(stable));
        let split = next(&Sizes { desired, weight, limits, new: Some(side(new)), stable, old });
        assert_eq!((split.new, split.stable), expected, "{name}");
    }
}

#[track_caller]
fn check_alone(name: &str, desired: i32, limits: (i32, i32), new: (i32, i32), stable: Stable, expected: i32) {
    let limits = Limits { surge: limits.0, unavailable: limits.1 };
    let split = next(&Sizes { desired, weight: 10, limits, new: Some(side(new)), stable, old: 0 });
    assert_eq!(split, Split { new: expected, stable: 0 }, "{name}");
}

#[test]
fn a_first_deploy_ignores_the_weight() {
    check_alone("surge 3", 10, (3, 2), (0, 0), Stable::Missing, 10);
    check_alone("no surge", 10, (0, 1), (0, 0), Stable::Missing, 10);
}

#[test]
fn a_promoted_rollout_follows_replicas_and_never_falls_below() {
    // Upstream counts the one ReplicaSet as both sides and answers 3 for S23, below the desired 5.
    check_alone("S23", 5, (0, 1), (10, 2), Stable::SameAsNew, 5);
    check_alone("S24", 5, (0, 1), (10, 10), Stable::SameAsNew, 5);
    check_alone("scale out", 20, (5, 5), (10, 10), Stable::SameAsNew, 20);
}

/// One row of the worked sequences: name, desired, weight, maxSurge, maxUnavailable, start (canary, stable), the resizes.
type Sequence = (&'static str, i32, i32, &'static str, &'static str, (i32, i32), &'static str);

const SEQUENCES: &[Sequence] = &[
    ("Q1", 10, 10, "1", "1", (0, 10), "stable 10-9, canary 0-1"),
    ("Q2", 10, 30, "3", "0", (0, 10), "canary 0-3, stable 10-7"),
    ("Q3", 10, 30, "0", "5", (0, 10), "stable 10-7, canary 0-3"),
    ("Q4", 10, 20, "25%", "25%", (0, 10), "stable 10-8, canary 0-2"),
    ("Q5", 10, 50, "25%", "25%", (2, 8), "stable 8-6, canary 2-5, stable 6-5"),
    ("Q6", 10, 100, "25%", "25%", (5, 5), "stable 5-3, canary 5-10, stable 3-0"),
    ("Q7", 10, 100, "25%", "25%", (0, 10), "stable 10-8, canary 0-5, stable 8-3, canary 5-10, stable 3-0"),
    ("Q8", 4, 50, "1", "0", (0, 4), "canary 0-1, stable 4-3, canary 1-2, stable 3-2"),
    ("Q9", 5, 20, "25%", "25%", (0, 5), "stable 5-4, canary 0-1"),
    ("Q10", 1, 10, "25%", "25%", (0, 1), "canary 0-1"),
    ("Q11", 1, 10, "0", "1", (0, 1), ""),
    ("Q12", 1, 50, "0", "1", (0, 1), "stable 1-0, canary 0-1"),
    ("Q13", 3, 99, "0", "1", (0, 3), "stable 3-2, canary 0-1, stable 2-1, canary 1-2"),
    ("Q14", 2, 50, "25%", "25%", (0, 2), "canary 0-1, stable 2-1"),
    ("Q15", 10, 0, "25%", "25%", (5, 5), "stable 5-8, canary 5-0, stable 8-10"),
];

#[test]
fn sequences_of_steps_with_every_pod_available_in_between() {
    for &(name, desired, weight, surge, unavailable, start, expected) in SEQUENCES {
        let limits = limits(desired, surge, unavailable);
        assert_eq!(play(desired, weight, limits, start).join(", "), expected, "{name}");
    }
}

/// Plays passes that each resize one side, stable first, until nothing changes.
fn play(desired: i32, weight: i32, limits: Limits, (mut new, mut stable): (i32, i32)) -> Vec<String> {
    let mut resizes = Vec::new();
    for _ in 0..50 {
        let sides = (side((new, new)), Stable::Other(side((stable, stable))));
        let split = next(&Sizes { desired, weight, limits, new: Some(sides.0), stable: sides.1, old: 0 });
        if split.stable != stable {
            resizes.push(format!("stable {stable}-{}", split.stable));
            stable = split.stable;
        } else if split.new != new {
            resizes.push(format!("canary {new}-{}", split.new));
            new = split.new;
        } else {
            return resizes;
        }
    }
    panic!("sizes never settle: {resizes:?}");
}

#[track_caller]
fn check_old(name: &str, old: &[(i32, i32)], available: i32, floor: i32, expected: &[i32]) {
    let sides: Vec<Side> = old.iter().copied().map(side).collect();
    assert_eq!(shrink_old(&sides, available, floor), expected, "{name}");
}

#[test]
fn old_replica_sets_shrink_as_availability_allows() {
    check_old("room for all", &[(2, 2), (3, 3)], 15, 10, &[0, 0]);
    check_old("newest first", &[(2, 2), (3, 3)], 13, 10, &[0, 2]);
    check_old("no room", &[(2, 2)], 8, 8, &[2]);
    check_old("unavailable pods go though there is no room", &[(4, 1)], 5, 8, &[1]);
    check_old("more available than wanted", &[(2, 3)], 9, 8, &[1]);
}
