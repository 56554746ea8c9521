use serde_json::{Value, json};
use tiphys_api::decode;

use super::*;

/// Ten pods, steps 20 and 60, in the middle of an update.
struct Case {
    canary: Value,
    status: Value,
    new: Option<Pods<'static>>,
    stable: Option<Pods<'static>>,
    former: Option<Pods<'static>>,
}

fn pods(hash: &'static str, size: i32, available: i32) -> Option<Pods<'static>> {
    Some(Pods { hash, size, existing: size, available, is_failing: false })
}

fn case(new: (i32, i32), stable: (i32, i32)) -> Case {
    Case {
        canary: json!({"trafficRouting": {"nginx": {}}, "steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}]}),
        status: json!({"currentPodHash": "new", "stableRS": "stable", "currentStepIndex": 0}),
        new: pods("new", new.0, new.1),
        stable: pods("stable", stable.0, stable.1),
        former: None,
    }
}

impl Case {
    fn at(mut self, index: i32) -> Self {
        self.status["currentStepIndex"] = json!(index);
        self
    }

    fn with(mut self, status: &str, value: Value) -> Self {
        self.status[status] = value;
        self
    }

    fn dynamic(mut self) -> Self {
        self.canary["dynamicStableScale"] = json!(true);
        self
    }

    fn recorded(self, weight: i32) -> Self {
        self.recorded_for(weight, "new", "stable")
    }

    fn recorded_for(mut self, weight: i32, canary: &str, stable: &str) -> Self {
        self.status["canary"]["weights"] = json!({
            "canary": {"weight": weight, "podTemplateHash": canary},
            "stable": {"weight": 100 - weight, "podTemplateHash": stable},
        });
        self
    }

    fn former(mut self, available: i32) -> Self {
        self.former = pods("former", 6, available);
        self
    }

    fn promoted(mut self) -> Self {
        self.status["stableRS"] = json!("new");
        self.stable = self.new;
        self
    }

    fn decide(&self) -> Decision {
        let spec = json!({"replicas": 10, "strategy": {"canary": self.canary}});
        let rollout = decode(json!({"spec": spec, "status": self.status})).object;
        decide(&Input { rollout: &rollout, new: self.new, stable: self.stable, former: self.former, experiment: None })
    }
}

#[track_caller]
fn check(name: &str, case: &Case, situation: Situation, weight: i32, canary_hash: &str) {
    let decision = case.decide();
    assert!(decision.is_told, "{name}: nothing is told");
    let found = (decision.situation, decision.weight, decision.canary_hash.as_str());
    assert_eq!(found, (situation, weight, canary_hash), "{name}");
}

#[test]
fn weights_rise_after_the_pods_and_fall_before_them() {
    use Situation::{AtStep, Done, Full, Growing, NoCanary};
    check("no pod yet", &case((0, 0), (10, 10)), NoCanary, 0, "new");
    check("one of two is there", &case((2, 1), (10, 10)).recorded(0), Growing, 0, "new");
    check("both are", &case((2, 2), (10, 10)).recorded(0), AtStep, 20, "new");
    check("in the pause", &case((2, 2), (10, 10)).at(1).recorded(20), AtStep, 20, "new");
    check("the next step grows at the former weight", &case((6, 2), (10, 10)).at(2).recorded(20), Growing, 20, "new");
    check("and has its weight once all are there", &case((6, 6), (10, 10)).at(2).recorded(20), AtStep, 60, "new");
    check("all pods of the last step", &case((10, 10), (10, 10)).at(3).recorded(60), Done, 100, "new");
    check("promoted in full", &case((4, 4), (10, 10)).with("promoteFull", json!(true)).recorded(20), Full, 20, "new");
    let mut down = case((6, 6), (10, 10)).at(1).recorded(60);
    down.canary["steps"] = json!([{"setWeight": 60}, {"setWeight": 20}]);
    check("a lower weight does not wait for its pods", &down, Growing, 20, "new");
}

#[test]
fn one_missing_stable_pod_freezes_nothing() {
    use Situation::{AtStep, Done};
    check("the present weight is written again", &case((2, 2), (10, 7)).at(1).recorded(20), AtStep, 20, "new");
    check("a higher one helps the stable side", &case((6, 6), (10, 2)).at(2).recorded(20), AtStep, 60, "new");
    check("up to the last step", &case((10, 10), (10, 0)).at(3).recorded(60), Done, 100, "new");
    let first = case((0, 0), (10, 7)).decide();
    assert!(!first.is_told, "before the first time the stable side has to be complete");
    check("unless another version has its pods", &case((2, 2), (10, 0)), AtStep, 20, "new");
    let mut failing = case((2, 2), (10, 4)).recorded(0);
    failing.stable = Some(Pods { existing: 4, is_failing: true, ..failing.stable.unwrap() });
    check("a stable side that cannot make its pods may be mended", &failing, AtStep, 20, "new");
}

#[test]
fn an_abort_returns_the_users_as_fast_as_stable_pods_are_there() {
    use Situation::Aborted;
    let aborted = |stable: i32| case((6, 6), (10, stable)).with("abort", json!(true)).recorded(60);
    check("at once", &aborted(10), Aborted, 0, "new");
    check("two stable pods may be missing", &aborted(8), Aborted, 0, "new");
    check("with too few of them, as many users as they can bear", &aborted(5), Aborted, 50, "new");
    check("with none, nobody", &aborted(0), Aborted, 60, "new");
    let dead = case((6, 0), (10, 5)).with("abort", json!(true)).recorded(60);
    check("all of them if the canary has no pods left", &dead, Aborted, 0, "new");
    let dynamic = |stable: i32| case((6, 6), (stable, stable)).with("abort", json!(true)).recorded(60).dynamic();
    check("dynamic: stable grows first", &dynamic(4), Aborted, 60, "new");
    check("dynamic: then step by step", &dynamic(8), Aborted, 20, "new");
    let mut last = dynamic(10).recorded(20);
    last.new = pods("new", 2, 2);
    check("dynamic: all of them once the canary is small", &last, Aborted, 0, "new");
}

#[test]
fn a_canary_without_pods_has_no_users() {
    use Situation::NoCanary;
    check("it lost its pods", &case((6, 0), (10, 10)).at(2).recorded(60), NoCanary, 0, "new");
    check("few stable pods are better than none", &case((6, 0), (10, 2)).at(2).recorded(60), NoCanary, 0, "new");
    let routes = case((6, 0), (10, 10)).at(2).recorded(60).decide();
    assert!(!routes.may_have_routes, "routes lead to pods or do not exist");
    assert!(case((6, 5), (10, 10)).at(2).recorded(20).decide().may_have_routes, "and are back with the first pod");
}

#[test]
fn a_superseded_version_loses_its_users_before_another_takes_its_place() {
    use Situation::{AtStep, NoCanary, Superseding};
    let former = |new: (i32, i32), stable: i32| case(new, (10, stable)).recorded_for(60, "former", "stable").former(6);
    check("no pod of the third version", &former((0, 0), 10), NoCanary, 0, "former");
    check("stable cannot bear all of them", &former((0, 0), 5), NoCanary, 50, "former");
    check("the third version has pods", &former((2, 2), 5), Superseding, 50, "former");
    check("stable has grown", &former((2, 2), 10), Superseding, 0, "former");
    check("the third version has the pods for as many", &former((6, 6), 4).at(2), AtStep, 60, "new");
    check("now the third version", &case((2, 2), (10, 10)).recorded_for(0, "former", "stable"), AtStep, 20, "new");
    check("the former one is dead anyway", &former((2, 2), 5).former(0), Superseding, 0, "former");
}

#[test]
fn at_the_end_the_stable_side_shows_the_new_version_before_the_users_come_back() {
    use Situation::Promoted;
    let end = || case((10, 10), (10, 10)).at(3).promoted();
    check("hashes first", &end().recorded(100), Promoted, 100, "new");
    assert_eq!(end().recorded(100).decide().stable_hash, "new");
    check("then the users", &end().recorded_for(100, "new", "new"), Promoted, 0, "new");
    check("at rest", &end().recorded_for(0, "new", "new"), Promoted, 0, "new");
}

#[test]
fn a_return_to_stable_waits_for_its_pods_where_it_had_shrunk() {
    use Situation::{Promoted, RollingBack};
    let back = |available: i32| {
        let mut case = case((10, available), (10, 10)).promoted().recorded_for(60, "former", "new").former(6);
        case.canary["dynamicStableScale"] = json!(true);
        case
    };
    check("the abandoned version keeps its users", &back(4), RollingBack, 60, "former");
    check("until stable is complete", &back(10), Promoted, 0, "new");
}

#[test]
fn users_of_a_lost_stable_side_go_where_pods_are() {
    let mut lost = case((10, 7), (0, 0)).at(1).recorded(20);
    lost.stable = None;
    check("as far as there are pods", &lost, Situation::Growing, 70, "new");
    assert_eq!(lost.decide().stable_hash, "stable");
}
