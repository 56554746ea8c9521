use serde_json::{Value, json};
use tiphys_api::decode;

use super::*;

fn routed(replicas: i32, canary: &Value, status: &Value) -> Rollout {
    let mut full = json!({"currentPodHash": "new", "stableRS": "stable"});
    let mut strategy = json!({"trafficRouting": {}});
    for (all, some) in [(&mut full, status), (&mut strategy, canary)] {
        all.as_object_mut().unwrap().extend(some.as_object().unwrap().clone());
    }
    decode(json!({"spec": {"replicas": replicas, "strategy": {"canary": strategy}}, "status": full})).object
}

fn recorded(weights: Option<(i32, i32)>) -> Option<Recorded> {
    weights.map(|(canary, stable)| Recorded { canary, stable })
}

#[track_caller]
fn check(name: &str, replicas: i32, canary: &Value, status: &Value, weights: Option<(i32, i32)>, wanted: (i32, i32)) {
    let split = sizes(&routed(replicas, canary, status), None, None, recorded(weights));
    assert_eq!((split.new, split.stable), wanted, "{name}");
}

fn weight(weight: i32) -> Value {
    json!({"steps": [{"setWeight": weight}, {"pause": {}}]})
}

fn dynamic(weight: i32) -> Value {
    json!({"dynamicStableScale": true, "steps": [{"setWeight": weight}, {"pause": {}}]})
}

#[test]
fn sizes_follow_the_weight_rounded_up() {
    let none = json!({});
    check("T1", 10, &weight(10), &none, None, (1, 10));
    check("T2", 10, &weight(5), &none, None, (1, 10));
    check("T3", 10, &weight(0), &none, None, (0, 10));
    check("T4", 10, &weight(100), &none, None, (10, 10));
    check("T5 below a pod's share", 3, &weight(33), &none, None, (1, 3));
    check("T5 above it", 3, &weight(34), &none, None, (2, 3));
    check("T6", 1, &weight(1), &none, None, (1, 1));
    check("T7", 7, &weight(15), &none, None, (2, 7));
    let fine = |weight: i32| json!({"trafficRouting": {"maxTrafficWeight": 1000}, "steps": [{"setWeight": weight}]});
    check("T8 five of a thousand", 10, &fine(5), &none, None, (1, 10));
    check("T8 a hundred and fifty", 10, &fine(150), &none, None, (2, 10));
    check("promoted in full", 10, &weight(10), &json!({"promoteFull": true}), None, (10, 10));
    check("first deploy", 10, &weight(10), &json!({"stableRS": ""}), None, (10, 10));
}

#[test]
fn a_step_may_size_the_canary_apart_from_its_weight() {
    let scaled = |scale: Value, weight: i32| json!({"steps": [{"setCanaryScale": scale}, {"setWeight": weight}]});
    let second = json!({"currentStepIndex": 1});
    check("T9", 1, &scaled(json!({"replicas": 9}), 100), &second, None, (9, 1));
    check("T10", 4, &scaled(json!({"weight": 200}), 0), &second, None, (8, 4));
    check("T11", 10, &scaled(json!({"weight": 25}), 90), &second, None, (3, 10));
    let back = scaled(json!({"replicas": 9, "weight": 100, "matchTrafficWeight": true}), 20);
    check("T12", 10, &back, &second, None, (2, 10));
    check("neither of the two", 10, &scaled(json!({}), 20), &second, None, (2, 10));
    check(
        "after the last step",
        10,
        &scaled(json!({"replicas": 1}), 20),
        &json!({"currentStepIndex": 2}),
        None,
        (10, 10),
    );
}

#[test]
fn a_replica_set_has_a_least_number_of_pods_or_none() {
    let least = |pods: i32, mut canary: Value| {
        canary["minPodsPerReplicaSet"] = json!(pods);
        canary
    };
    let none = json!({});
    check("T13", 10, &least(2, weight(5)), &none, None, (2, 10));
    check("T14", 10, &least(2, weight(0)), &none, None, (0, 10));
    check("T15", 1, &least(2, weight(5)), &json!({"promoteFull": true}), None, (1, 1));
    check("T16", 10, &least(5, weight(20)), &none, None, (5, 10));
    let scaled = json!({"steps": [{"setCanaryScale": {"replicas": 1}}]});
    check("T17", 10, &least(2, scaled.clone()), &none, None, (1, 10));
    let mut both = least(2, scaled);
    both["dynamicStableScale"] = json!(true);
    check("T17 dynamic", 10, &both, &none, None, (2, 10));
    check("T29", 10, &least(2, dynamic(90)), &none, Some((90, 10)), (9, 2));
}

#[test]
fn a_dynamic_stable_side_keeps_the_pods_for_the_users_that_it_has() {
    let none = json!({});
    check("T19", 10, &dynamic(20), &none, None, (2, 8));
    check("T20", 10, &dynamic(20), &none, Some((0, 100)), (2, 10));
    check("T21", 10, &dynamic(20), &none, Some((20, 80)), (2, 8));
    check("T22", 10, &dynamic(60), &none, Some((20, 80)), (6, 8));
    check("T23", 10, &dynamic(60), &none, Some((60, 40)), (6, 4));
    check("T24", 10, &dynamic(20), &none, Some((60, 40)), (2, 8));
    check("T25", 10, &dynamic(100), &none, Some((60, 40)), (10, 4));
    check("T26", 10, &dynamic(100), &none, Some((100, 0)), (10, 0));
    check("T30", 3, &dynamic(50), &none, Some((50, 50)), (2, 2));
    check("T31", 10, &dynamic(60), &json!({"abort": true}), Some((20, 80)), (2, 10));
    let scaled =
        |scale: Value| json!({"dynamicStableScale": true, "steps": [{"setCanaryScale": scale}, {"setWeight": 10}]});
    let second = json!({"currentStepIndex": 1});
    check("T27", 10, &scaled(json!({"replicas": 3})), &second, Some((50, 50)), (3, 10));
    check("T28", 10, &scaled(json!({"weight": 50})), &second, Some((10, 90)), (5, 9));
}

#[test]
fn an_abort_keeps_what_its_delay_says() {
    let canary =
        |delay: i32| json!({"abortScaleDownDelaySeconds": delay, "steps": [{"setCanaryScale": {"replicas": 1}}]});
    check("T18 for ever", 10, &canary(0), &json!({"abort": true}), None, (1, 10));
    check("T18 for a while", 10, &canary(30), &json!({"abort": true}), None, (0, 10));
}

#[test]
fn a_dynamic_abort_walks_the_weights_backwards() {
    #[track_caller]
    fn check(name: &str, delay: Option<i32>, new: i32, stable: i32, weight: i32, wanted: (i32, i32)) {
        let canary = json!({
            "dynamicStableScale": true, "abortScaleDownDelaySeconds": delay, "steps": [{"setWeight": 10}, {"setWeight": 50}],
        });
        let rollout = routed(10, &canary, &json!({"abort": true}));
        let side = |pods| Some(Side { spec: pods, available: pods });
        let split = sizes(&rollout, side(new), side(stable), recorded(Some((weight, 100 - weight))));
        assert_eq!((split.new, split.stable), wanted, "{name}");
    }
    check("D1 stable grows first", None, 5, 5, 50, (5, 9));
    check("D1 then the canary shrinks", None, 5, 9, 10, (1, 9));
    check("D1 then stable is complete", None, 1, 9, 10, (1, 10));
    check("D1 and the canary goes", None, 1, 10, 0, (0, 10));
    check("D2 with a delay stable grows likewise", Some(30), 5, 5, 50, (5, 9));
    check("D2 until it is complete", Some(30), 5, 9, 10, (1, 10));
}

#[test]
fn pods_stay_as_long_as_their_users() {
    #[track_caller]
    fn check(
        name: &str,
        wanted: (i32, i32),
        present: (i32, i32),
        weights: Option<(i32, i32)>,
        aborted: bool,
        confirmed: bool,
        expected: (i32, i32),
    ) {
        let rollout = routed(10, &weight(20), &json!({}));
        let side = |pods| Side { spec: pods, available: pods };
        let present = Present {
            new: side(present.0),
            stable: side(present.1),
            recorded: recorded(weights),
            is_confirmed: confirmed,
            is_aborted: aborted,
        };
        let split = safe(&rollout, Split { new: wanted.0, stable: wanted.1 }, &present);
        assert_eq!((split.new, split.stable), expected, "{name}");
    }
    check("nothing is recorded", (2, 10), (6, 10), None, false, true, (2, 10));
    check("the canary has users of 60 of 100", (2, 10), (6, 10), Some((60, 40)), false, true, (6, 10));
    check("they are gone", (2, 10), (6, 10), Some((20, 80)), false, true, (2, 10));
    check("growth is not held", (6, 10), (2, 10), Some((20, 80)), false, true, (6, 10));
    check("not confirmed: nobody shrinks", (6, 4), (2, 10), Some((60, 40)), false, false, (6, 10));
    check("an aborted version never grows", (6, 10), (0, 10), Some((0, 100)), true, true, (0, 10));
}
