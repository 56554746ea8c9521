//! The controller dies at each of its writes in turn; the end is always the same.
//!
//! Plays some of the writes; all of them where `TIPHYS_SWEEP` is `all`.

use serde_json::{Value, json};
use tiphys_sim::{
    crash::Side,
    setup::Setup,
    sweep::{Act, play},
};

/// Of so many deaths one is played by default; odd, so that both sides of a write have their turn.
const SOME: usize = 23;

#[track_caller]
fn check(name: &str, setup: &Setup, acts: &[Act]) {
    let undisturbed = play(setup, acts, None).unwrap_or_else(|error| panic!("{name}: {}", error.tell()));
    assert!(undisturbed.writes > 5, "{name}: only {} writes", undisturbed.writes);
    let sides = [Side::Before, Side::After];
    let deaths = (1..=undisturbed.writes).flat_map(|nth| sides.map(|side| (nth, side)));
    let is_whole = std::env::var("TIPHYS_SWEEP").is_ok_and(|which| which == "all");
    for (nth, side) in deaths.step_by(if is_whole { 1 } else { SOME }) {
        let killed = play(setup, acts, Some((nth, side)));
        let killed = killed.unwrap_or_else(|error| panic!("{name}, dead {side:?} write {nth}: {}", error.tell()));
        assert_eq!(
            differences(&undisturbed.ending, &killed.ending, ""),
            Vec::<String>::new(),
            "{name}, dead {side:?} write {nth} of {}",
            undisturbed.writes
        );
    }
}

/// The paths at which two values differ, with both values.
fn differences(a: &Value, b: &Value, path: &str) -> Vec<String> {
    match (a, b) {
        _ if a == b => Vec::new(),
        (Value::Object(left), Value::Object(right)) => {
            let keys: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            keys.into_iter().flat_map(|key| differences(&a[key], &b[key], &format!("{path}/{key}"))).collect()
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            let pairs = left.iter().zip(right).enumerate();
            pairs.flat_map(|(at, (a, b))| differences(a, b, &format!("{path}/{at}"))).collect()
        }
        _ => vec![format!("{path}: {a} and {b}")],
    }
}

#[test]
fn a_canary_ends_the_same_wherever_the_controller_dies() {
    let canary = json!({"canary": {
        "maxSurge": 1, "maxUnavailable": 0, "stableService": "web", "canaryService": "web-next",
        "canaryMetadata": {"labels": {"role": "canary"}}, "stableMetadata": {"labels": {"role": "stable"}},
        "steps": [{"setWeight": 50}, {"pause": {}}],
    }});
    check("canary", &Setup::plain(3, canary), &[Act::Image("2"), Act::Promote, Act::Restart]);
}

#[test]
fn an_aborted_canary_ends_the_same_wherever_the_controller_dies() {
    let canary = json!({"canary": {"steps": [{"setWeight": 50}, {"pause": {}}]}});
    let acts = [Act::Image("2"), Act::DeleteStable, Act::Abort, Act::Scale(3), Act::Retry, Act::Promote];
    check("aborted canary", &Setup::plain(2, canary), &acts);
}

#[test]
fn a_blue_green_ends_the_same_wherever_the_controller_dies() {
    let blue_green = json!({"blueGreen": {
        "activeService": "web", "previewService": "web-next", "autoPromotionEnabled": false, "previewReplicaCount": 1,
        "scaleDownDelaySeconds": 10,
    }});
    check("blue-green", &Setup::plain(2, blue_green), &[Act::Image("2"), Act::Promote, Act::Restart]);
}

#[test]
fn a_surging_restart_ends_the_same_wherever_the_controller_dies() {
    let mut setup = Setup::plain(3, json!({"canary": {}}));
    setup.surges_restarts = true;
    check("surging restart", &setup, &[Act::Restart]);
}
