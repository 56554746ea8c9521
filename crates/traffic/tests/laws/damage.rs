//! Objects as no manual shows them.

use fastrand::Rng;
use serde_json::{Value, json};
use tiphys_traffic::ObjectId;

use crate::scene::Scene;

/// Changes a few places below `spec`, `status` and the annotations to something else.
pub(super) fn damage(mut scene: Scene, rng: &mut Rng) -> Scene {
    let ids = ids(&scene);
    if ids.is_empty() {
        return scene;
    }
    let id = ids[rng.usize(0..ids.len())].clone();
    let mut object = scene.objects.get(&id).cloned().unwrap();
    for _ in 0..rng.usize(1..4) {
        let fields = ["spec", "spec", "spec", "annotations"];
        let part = match fields[rng.usize(0..fields.len())] {
            "annotations" => &mut object["metadata"]["annotations"],
            field => &mut object[field],
        };
        let count = places(part);
        let mut at = rng.usize(0..count);
        change(part, &mut at, rng);
    }
    scene.objects.insert(id, object);
    scene
}

fn ids(scene: &Scene) -> Vec<ObjectId> {
    let needs = tiphys_traffic::needs(&scene.rollout, &scene.objects, &scene.settings);
    let named = needs.into_iter().filter_map(|need| match need {
        tiphys_traffic::Need::Named(id) => Some(id),
        tiphys_traffic::Need::Labelled { .. } => None,
    });
    named.filter(|id| scene.objects.get(id).is_some()).collect()
}

fn places(value: &Value) -> usize {
    1 + match value {
        Value::Object(members) => members.values().map(places).sum(),
        Value::Array(items) => items.iter().map(places).sum(),
        _ => 0,
    }
}

/// Changes the place number `at`, counted from the root down.
fn change(value: &mut Value, at: &mut usize, rng: &mut Rng) {
    if *at == 0 {
        *value = other(value, rng);
        *at = usize::MAX;
        return;
    }
    *at -= 1;
    let children: Vec<&mut Value> = match value {
        Value::Object(members) => members.values_mut().collect(),
        Value::Array(items) => items.iter_mut().collect(),
        _ => return,
    };
    for child in children {
        change(child, at, rng);
        if *at == usize::MAX {
            return;
        }
    }
}

fn other(value: &Value, rng: &mut Rng) -> Value {
    let twice = || match value {
        Value::Array(items) => Value::Array([items.as_slice(), items.as_slice()].concat()),
        other => json!([other, other]),
    };
    let foreign =
        json!({"destination": {"host": "foreign"}, "name": "foreign", "serviceName": "foreign", "weight": 30});
    let mixed = match value {
        Value::Array(items) => Value::Array([items.as_slice(), std::slice::from_ref(&foreign)].concat()),
        _ => foreign,
    };
    let all = [
        Value::Null,
        json!(7),
        json!(-1),
        json!("text"),
        json!([]),
        json!({}),
        json!(true),
        json!([null]),
        json!([1, "x", {}]),
        json!({"a": {"b": null}}),
        json!(i64::MAX),
        json!(1.5),
        twice(),
        mixed,
    ];
    all[rng.usize(0..all.len())].clone()
}

/// Puts fields of others into the objects: beside ours, everywhere below metadata and spec.
pub(super) fn decorate(mut scene: Scene, rng: &mut Rng) -> Scene {
    for id in ids(&scene) {
        let mut object = scene.objects.get(&id).cloned().unwrap();
        let mut number = 0;
        let mark = format!("{}/{}", id.resource.kind, id.name);
        object["metadata"]["annotations"]["theirs"] = json!(format!("{mark}/annotation"));
        object["metadata"]["labels"]["theirs"] = json!(format!("{mark}/label"));
        object["status"]["theirs"] = json!(format!("{mark}/status"));
        put(&mut object["spec"], &mark, &mut number, rng);
        scene.objects.insert(id, object);
    }
    scene
}

fn put(value: &mut Value, mark: &str, number: &mut usize, rng: &mut Rng) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| put(item, mark, number, rng)),
        Value::Object(members) => {
            members.values_mut().for_each(|member| put(member, mark, number, rng));
            if rng.bool() {
                *number += 1;
                members.insert("theirs".to_owned(), json!(format!("{mark}/{number}")));
            }
        }
        _ => {}
    }
}

/// Returns every such field that is still there.
pub(super) fn decorations(scene: &Scene) -> Vec<Value> {
    let mut found = Vec::new();
    for id in ids(scene) {
        collect(scene.objects.get(&id).unwrap(), &mut found);
    }
    found
}

fn collect(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => {
            found.extend(members.get("theirs").cloned());
            members.values().for_each(|member| collect(member, found));
        }
        _ => {}
    }
}
