//! Earlier versions, thresholds, names that are taken, ReplicaSets without owner, pods deleted by hand.

use serde_json::{Value, json};
use tiphys_rollouts::observe::Gone;

use crate::world::World;

fn canary(fields: &Value, spec: &Value) -> World {
    let mut strategy = json!({"strategy": {"canary": {"steps": [{"setWeight": 50}, {"pause": {}}]}}});
    crate::world::merge(&mut strategy["strategy"]["canary"], fields);
    crate::world::merge(&mut strategy, spec);
    let mut world = World::new(&strategy);
    world.run(3);
    assert_eq!(world.phase(), "Healthy");
    world.told(&[]);
    world
}

fn release_in_full(world: &mut World, version: &str) {
    world.release(version);
    world.run(4);
    world.change_status(&json!({"promoteFull": true}));
    world.run(8);
    assert_eq!(world.phase(), "Healthy", "{version}");
    world.now += jiff::SignedDuration::from_secs(60);
}

#[test]
fn a_rollback_within_the_window_skips_the_steps() {
    let mut world = canary(&json!({}), &json!({"rollbackWindow": {"revisions": 1}}));
    release_in_full(&mut world, "v2");
    release_in_full(&mut world, "v3");
    world.told(&[]);
    world.release("v2");
    world.run(8);
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:0 v2:4 v3:0"));
    assert!(world.told(&["RolloutCompleted"])[0].ends_with("Rollback within window"));
    release_in_full(&mut world, "v3");
    world.release("v1");
    world.run(8);
    assert_eq!(world.phase(), "Paused CanaryPauseStep", "two versions back is too far");
}

#[test]
fn enough_available_pods_are_enough_to_go_on() {
    let threshold = |kind: &str, value: i32| json!({"replicaProgressThreshold": {"type": kind, "value": value}});
    for (fields, is_enough) in
        [(threshold("Percent", 75), true), (threshold("Percent", 76), false), (threshold("Pods", 3), true)]
    {
        let mut world = canary(&json!({"steps": [{"setWeight": 75}, {"pause": {}}]}), &json!({}));
        world.change_spec(&json!({"strategy": {"canary": fields}}));
        world.run(2);
        world.release("v2");
        world.run(8);
        assert_eq!(world.sizes(), "v1:1 v2:3");
        world.start_seconds = None;
        world.change_status(&json!({"pauseConditions": null}));
        world.run(8);
        let is_promoted = world.status("/stableRS") == world.status("/currentPodHash");
        assert_eq!(is_promoted, is_enough, "{fields}: {}", world.phase());
    }
}

#[test]
fn a_name_that_is_taken_leads_to_another_hash() {
    let mut world = canary(&json!({"steps": []}), &json!({}));
    let taken = "web-569858f45d";
    let foreign = json!({
        "metadata": {
            "name": taken, "namespace": "shop", "uid": "foreign", "labels": {"app": "web", "rollouts-pod-template-hash": "569858f45d"},
            "creationTimestamp": world.now, "ownerReferences": [{
                "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "other", "uid": "other", "controller": true,
            }],
        },
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": crate::world::template("v2")},
        "status": {"replicas": 0},
    });
    world.sets.insert(taken.to_owned(), foreign);
    world.release("v2");
    world.run(8);
    assert_eq!(world.phase(), "Healthy");
    assert_eq!(world.status("/collisionCount"), &json!(1));
    assert_ne!(world.status("/stableRS"), "569858f45d");
    assert_eq!(world.sets[taken]["spec"]["replicas"], json!(0), "what is not ours stays as it is");
}

#[test]
fn a_replica_set_without_owner_is_adopted_and_one_that_does_not_match_is_released() {
    let mut world = canary(&json!({}), &json!({}));
    let set = world.set_of("v1").to_owned();
    world.sets.get_mut(&set).unwrap()["metadata"]["ownerReferences"] = json!([]);
    world.run(2);
    assert_eq!(world.sets[&set]["metadata"]["ownerReferences"][0]["uid"], "rollout-uid");
    assert_eq!((world.phase().as_str(), world.sets.len()), ("Healthy", 1));
    release_in_full(&mut world, "v2");
    world.sets.get_mut(&set).unwrap()["metadata"]["labels"]["app"] = json!("parked");
    world.run(2);
    assert_eq!(world.sets[&set]["metadata"]["ownerReferences"], json!([]));
    assert_eq!(world.phase(), "Healthy");
}

#[test]
fn people_who_delete_pods_by_hand_are_told_of_restarts_once() {
    let mut world = canary(&json!({}), &json!({}));
    let gone = |world: &World, pod: &str| Gone { pod: pod.to_owned(), uid: format!("{pod}-uid"), at: world.now };
    world.recall.gone.push(gone(&world, "web-1"));
    world.run(2);
    assert!(world.told(&["PodsDeletedByHand"]).is_empty(), "one pod is no habit");
    world.recall.gone.push(gone(&world, "web-2"));
    let hints = world.plan().hints;
    assert_eq!(hints.iter().map(|hint| hint.pod.uid.as_str()).collect::<Vec<_>>(), ["web-1-uid", "web-2-uid"]);
    world.run(2);
    assert_eq!(
        world.told(&["PodsDeletedByHand"]),
        [
            "PodsDeletedByHand pods of this Rollout are being deleted by hand; `kubectl argo rollouts restart web -n shop` \
             recreates all 4, at most 1 at a time, honouring the disruption budget"
        ]
    );
    let all = ["a", "b", "c", "d"].map(|pod| gone(&world, pod));
    world.recall.gone.extend(all);
    world.run(2);
    let told = world.told(&["PodsDeletedByHand"]);
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("PodsDeletedByHand all pods of this Rollout were deleted at once"), "{told:?}");
}
