//! The table as a whole.

use serde_json::json;

use super::*;

fn stored(spec: Value, status: Value) -> Stored<Rollout> {
    Stored::new(json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": spec, "status": status}))
}

#[track_caller]
fn check(spec: Value, status: Value, expected: &[&str]) {
    let rollout = stored(spec, status);
    let sets = [json!({"metadata": {"name": "a"}}), json!({"metadata": {"name": "b"}})];
    let subject = Subject { rollout: &rollout, sets: &sets, workload: None, budgets: &[] };
    let possible: Vec<&str> =
        TABLE.iter().filter(|action| action.obstacle(&subject).is_none()).map(|action| action.name).collect();
    assert_eq!(possible, expected, "{}", rollout.raw);
}

#[test]
fn what_makes_sense_depends_on_the_state() {
    let canary = json!({"strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}]}}});
    let updating = json!({"stableRS": "a", "currentPodHash": "b", "replicas": 2});
    let with = |base: &Value, more: Value| {
        let mut all = base.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let stable = json!({"stableRS": "a", "currentPodHash": "a", "replicas": 2});
    check(canary.clone(), stable, &["pause", "restart", "undo", "set-image"]);
    check(
        canary.clone(),
        updating.clone(),
        &["promote", "promote-full", "pause", "abort", "restart", "undo", "set-image"],
    );
    check(canary.clone(), with(&updating, json!({"abort": true})), &["pause", "retry", "restart", "undo", "set-image"]);
    check(
        with(&canary, json!({"paused": true})),
        updating.clone(),
        &["promote", "promote-full", "resume", "abort", "restart", "undo", "set-image"],
    );
    let restarting = with(&canary, json!({"restartAt": "2026-01-01T00:00:00Z"}));
    check(
        restarting,
        updating,
        &["promote", "promote-full", "pause", "abort", "restart", "cancel-restart", "undo", "set-image"],
    );
}

#[test]
fn names_are_unique_and_every_inverse_exists() {
    for (index, action) in TABLE.iter().enumerate() {
        assert!(
            TABLE[..index]
                .iter()
                .all(|other| other.name != action.name && other.key.is_none_or(|key| Some(key) != action.key))
        );
        assert!(action.inverse.is_none_or(|name| Action::named(name).is_some()), "{}", action.name);
    }
}

#[test]
fn command_does_the_same() {
    let rollout = stored(json!({}), json!({}));
    let subject = Subject { rollout: &rollout, sets: &[], workload: None, budgets: &[] };
    let options = Options { surge: true, revision: 3, images: vec![("app".into(), "web:2".into())], at: None };
    for (name, expected) in [
        ("promote", "tiphys promote web -n shop"),
        ("promote-full", "tiphys promote web -n shop --full"),
        ("restart", "tiphys restart web -n shop --surge"),
        ("cancel-restart", "tiphys restart web -n shop --cancel"),
        ("undo", "tiphys undo web -n shop --to-revision 3"),
        ("set-image", "tiphys set image web -n shop app=web:2"),
    ] {
        assert_eq!(Action::named(name).unwrap().command(&subject, &options), expected);
    }
}

#[test]
fn effects_say_what_will_happen() {
    let pause = json!({"pauseConditions": [{"reason": "CanaryPauseStep"}]});
    for (action, spec, status, expected) in [
        ("abort", json!({}), json!({"stableRS": "a", "currentPodHash": "a"}), "nothing changes"),
        ("abort", json!({}), json!({"stableRS": "a", "currentPodHash": "b", "abort": true}), "aborted already"),
        ("abort", json!({}), json!({"stableRS": "a", "currentPodHash": "b"}), "the canary goes"),
        (
            "abort",
            json!({"strategy": {"blueGreen": {}}}),
            json!({"stableRS": "a", "currentPodHash": "b"}),
            "active Service",
        ),
        ("resume", json!({"paused": true}), json!({}), "goes on where it was"),
        ("resume", json!({"paused": true}), pause.clone(), "stays: `tiphys promote web`"),
        ("resume", json!({}), pause, "not paused by hand"),
        ("resume", json!({}), json!({}), "nothing changes"),
        ("retry", json!({}), json!({"abort": true}), "starts again at its first step"),
    ] {
        let rollout = stored(spec, status);
        let subject = Subject { rollout: &rollout, sets: &[], workload: None, budgets: &[] };
        let text = Action::named(action).unwrap().effect(&subject, &Options::default());
        assert!(text.contains(expected), "{action} {}: {text}", rollout.raw);
    }
}
