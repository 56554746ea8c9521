//! What pods carry for their role: metadata, and a distance from the other version.

use serde_json::{Value, json};

use crate::world::World;

fn labels(world: &World) -> Vec<String> {
    let label = |pod: &Value| {
        let image = pod["spec"]["containers"][0]["image"].as_str().unwrap();
        format!("{image} {}", pod["metadata"]["labels"]["role"].as_str().unwrap_or("none"))
    };
    let mut all: Vec<String> = world.pods.values().map(label).collect();
    all.sort();
    all.dedup();
    all
}

#[test]
fn a_blue_green_gives_its_pods_the_metadata_of_their_role() {
    let strategy = json!({
        "activeService": "active", "autoPromotionEnabled": false,
        "activeMetadata": {"labels": {"role": "active"}}, "previewMetadata": {"labels": {"role": "preview"}},
    });
    let mut world = World::new(&json!({"strategy": {"blueGreen": strategy}})).with_service("active");
    world.run(4);
    assert_eq!(labels(&world), ["v1 active"]);
    world.release("v2");
    world.run(5);
    assert_eq!(labels(&world), ["v1 active", "v2 preview"]);
    world.change_status(&json!({"pauseConditions": null}));
    world.run(5);
    assert_eq!(labels(&world), ["v1 none", "v2 active"], "the old version has no role");
    world.change_spec(&json!({"strategy": {"blueGreen": {"activeMetadata": null, "previewMetadata": null}}}));
    world.run(3);
    assert_eq!(labels(&world), ["v1 none", "v2 none"], "what was injected goes");
}

/// Hashes that pods of a version keep away from.
fn kept_away_from(world: &World, version: &str, list: &str) -> Value {
    let template = &world.sets[world.set_of(version)]["spec"]["template"];
    template["spec"]["affinity"]["podAntiAffinity"][list].clone()
}

fn hash_of(world: &World, version: &str) -> Value {
    world.sets[world.set_of(version)]["metadata"]["labels"]["rollouts-pod-template-hash"].clone()
}

#[test]
fn new_pods_keep_away_from_stable_ones() {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    let canary = json!({"steps": [{"setWeight": 50}, {"pause": {}}], "antiAffinity": {REQUIRED: {}}});
    let mut world = World::new(&json!({"strategy": {"canary": canary}}));
    world.run(3);
    assert_eq!(kept_away_from(&world, "v1", REQUIRED), Value::Null, "there is nobody to keep away from");
    world.release("v2");
    world.run(5);
    let expected = json!([{
        "labelSelector": {"matchExpressions": [
            {"key": "rollouts-pod-template-hash", "operator": "In", "values": [hash_of(&world, "v1")]},
        ]},
        "namespaces": ["shop"], "topologyKey": "kubernetes.io/hostname",
    }]);
    assert_eq!(kept_away_from(&world, "v2", REQUIRED), expected);
    world.change_status(&json!({"promoteFull": true}));
    world.run(8);
    assert_eq!(world.phase(), "Healthy");
    assert_eq!(world.sets.len(), 2, "the term makes no version of its own");
    world.release("v1");
    world.run(8);
    let terms = kept_away_from(&world, "v1", REQUIRED);
    assert_eq!(terms[0]["labelSelector"]["matchExpressions"][0]["values"], json!([hash_of(&world, "v2")]));
    assert_eq!(world.sets.len(), 2);
}

#[test]
fn a_preference_has_its_weight() {
    const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
    let strategy = json!({"activeService": "active", "antiAffinity": {PREFERRED: {"weight": 7}}});
    let mut world = World::new(&json!({"strategy": {"blueGreen": strategy}})).with_service("active");
    world.run(4);
    world.release("v2");
    world.run(2);
    let term = kept_away_from(&world, "v2", PREFERRED);
    assert_eq!((&term[0]["weight"], term.as_array().unwrap().len()), (&json!(7), 1));
}
