//! What holds for every router, whatever the objects look like.

mod damage;
mod samples;

use fastrand::Rng;
use serde_json::{Value, json};

use self::{
    damage::{damage, decorate, decorations},
    samples::{SAMPLES, Sample},
};
use crate::scene::{Scene, told};

const SEEDS: u64 = 100;

/// Returns the sample with any wanted state.
fn any(sample: &Sample, rng: &mut Rng) -> Scene {
    let mut scene = sample.scene();
    for _ in 0..rng.usize(1..3) {
        scene = next(scene, rng);
    }
    scene
}

fn next(scene: Scene, rng: &mut Rng) -> Scene {
    let weight = *[0, 0, 1, 20, 50, 99, 100, rng.i32(0..=100)].get(rng.usize(0..8)).unwrap();
    let mut scene =
        scene.weight(weight).hashes(["", "new", "newer"][rng.usize(0..3)], ["old", "new"][rng.usize(0..2)]).no_routes();
    if weight <= 50 && rng.bool() {
        scene = scene.experiment(&[("exp-a", "ha", rng.i32(0..30)), ("exp-b", "hb", 5)][..rng.usize(0..3)]);
    } else {
        scene = scene.experiment(&[]);
    }
    if rng.bool() {
        scene = scene.header("{name: h, match: [{headerName: X-A, headerValue: {exact: b}}]}");
    }
    if rng.bool() {
        scene = scene.mirror("{name: m, match: [{method: {exact: GET}}], percentage: 10}");
    }
    if rng.bool() {
        "ping".clone_into(&mut scene.rollout.status.canary.stable_ping_pong);
    }
    scene
}

#[test]
fn routing_twice_changes_nothing_and_weights_sum() {
    for sample in &SAMPLES {
        for seed in 0..SEEDS {
            let mut rng = Rng::with_seed(seed);
            let mut scene = any(sample, &mut rng);
            for _ in 0..3 {
                let outcome = scene.outcome();
                assert_eq!(outcome.faults, vec![], "{} seed {seed}", sample.name);
                scene = settle(scene, sample, seed);
                let weights = (sample.weights)(&scene);
                let wanted = &scene.wanted.weights;
                assert_eq!(weights.iter().sum::<i64>(), 100, "{} seed {seed}: {weights:?}", sample.name);
                assert!(
                    weights.iter().all(|weight| (0..=100).contains(weight)),
                    "{} seed {seed}: {weights:?}",
                    sample.name
                );
                assert!(weights.contains(&i64::from(wanted.canary.weight)), "{} seed {seed}: {weights:?}", sample.name);
                if sample.takes_experiments {
                    let all = |weight: i32| weights.contains(&i64::from(weight));
                    assert!(
                        wanted.additional.iter().all(|one| all(one.weight)),
                        "{} seed {seed}: {weights:?}",
                        sample.name
                    );
                }
                scene = next(scene, &mut rng);
            }
        }
    }
}

/// Carries out until nothing is left; one farewell may follow the change.
fn settle(mut scene: Scene, sample: &Sample, seed: u64) -> Scene {
    let is_farewell = |scene: &Scene| scene.outcome().changes.iter().all(|change| !change.hold.is_zero());
    let outcome = scene.outcome();
    scene = scene.apply(&outcome);
    assert!(is_farewell(&scene), "{} seed {seed}: {:#?}", sample.name, scene.outcome().changes);
    let outcome = scene.outcome();
    scene = scene.apply(&outcome);
    assert_eq!(scene.outcome().changes, vec![], "{} seed {seed}", sample.name);
    scene
}

#[test]
fn damaged_objects_give_faults_that_name_them_and_never_a_loop() {
    let (mut faulty, mut healthy) = (0, 0);
    for sample in &SAMPLES {
        for seed in 0..SEEDS {
            let mut rng = Rng::with_seed(seed);
            let mut scene = any(sample, &mut rng);
            if rng.bool() {
                let outcome = scene.outcome();
                scene = scene.apply(&outcome);
            }
            let scene = damage(scene, &mut rng);
            let outcome = scene.outcome();
            for fault in &outcome.faults {
                assert!(fault.object.is_some(), "{} seed {seed}: {fault:?}", sample.name);
                assert!(
                    !fault.message.is_empty() && fault.events.iter().any(|event| event.reason == "TrafficRoutingError")
                );
            }
            if outcome.faults.is_empty() {
                healthy += 1
            } else {
                faulty += 1
            }
            settle(scene, sample, seed);
        }
    }
    assert!(faulty > 100 && healthy > 100, "{faulty} faulty, {healthy} healthy");
}

#[test]
fn fields_of_others_survive() {
    for sample in &SAMPLES {
        for seed in 0..SEEDS {
            let mut rng = Rng::with_seed(seed);
            let scene = decorate(sample.scene(), &mut rng);
            let before = decorations(&scene);
            let mut scene = next(scene, &mut rng);
            for _ in 0..3 {
                scene = settle(scene, sample, seed);
                let after = decorations(&scene);
                let lost: Vec<&Value> = before.iter().filter(|mark| !after.contains(mark)).collect();
                assert_eq!(lost, Vec::<&Value>::new(), "{} seed {seed}", sample.name);
                scene = next(scene, &mut rng);
            }
        }
    }
}

#[test]
fn missing_objects_give_faults_that_name_them() {
    for sample in &SAMPLES {
        for text in sample.objects {
            let mut scene = sample.scene().weight(20);
            let id = crate::scene::id_of(&crate::scene::yaml(text));
            scene.objects.remove(&id);
            let outcome = scene.outcome();
            let named = outcome.faults.iter().any(|fault| fault.object.as_ref() == Some(&id.reference()));
            assert!(named && outcome.faults.iter().all(|fault| fault.remedy.is_some()), "{} {id}", sample.name);
            assert!(
                told(&outcome).iter().any(|event| event.starts_with("TrafficRoutingError: ")),
                "{} {id}",
                sample.name
            );
            assert_eq!(outcome.faults[0].reason().code, "TrafficRoutingError");
        }
    }
}

#[test]
fn everything_read_is_asked_for() {
    for sample in &SAMPLES {
        let mut scene = sample.scene().weight(20);
        let needs = tiphys_traffic::needs(&scene.rollout, &scene.objects, &scene.settings);
        for text in sample.objects {
            let id = crate::scene::id_of(&crate::scene::yaml(text));
            assert!(needs.contains(&tiphys_traffic::Need::Named(id.clone())), "{} does not ask for {id}", sample.name);
        }
        for change in scene.outcome().changes {
            assert!(needs.contains(&tiphys_traffic::Need::Named(change.id.clone())), "{} {}", sample.name, change.id);
        }
        scene.rollout.spec.strategy.canary = None;
        assert_eq!(scene.outcome(), tiphys_traffic::Outcome::default(), "{}", sample.name);
        assert_eq!(json!(tiphys_traffic::needs(&scene.rollout, &scene.objects, &scene.settings).len()), 0);
    }
}
