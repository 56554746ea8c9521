//! Properties that hold for any history of an object.

use serde_json::{Map, json};

use super::*;
use crate::schema::{ListType, Type};

/// A schema with every way in which lists and maps merge.
fn schema() -> Schema {
    let of = |ty| Schema { ty, ..Schema::default() };
    let object = |fields: Vec<(&str, Schema)>| Schema {
        properties: fields.into_iter().map(|(name, field)| (name.to_owned(), Arc::new(field))).collect(),
        ..of(Type::Object)
    };
    let list = |items: Schema, list: ListType| Schema { items: Some(Arc::new(items)), list, ..of(Type::Array) };
    let map = |values: Schema| Schema { additional: Some(Arc::new(values)), ..of(Type::Object) };
    let item = object(vec![
        ("a", of(Type::String)),
        ("b", Schema { default: Some(json!("b")), ..of(Type::String) }),
        ("v", of(Type::Integer)),
        ("below", object(vec![("x", of(Type::Integer)), ("y", of(Type::Integer))])),
    ]);
    let keys = ListType::Map(vec!["a".to_owned(), "b".to_owned()]);
    let spec = object(vec![
        ("number", of(Type::Integer)),
        ("atomic", list(of(Type::Integer), ListType::Atomic)),
        ("set", list(of(Type::String), ListType::Set)),
        ("items", list(item, keys)),
        ("map", map(object(vec![("x", of(Type::Integer)), ("y", of(Type::Integer))]))),
        ("whole", Schema { atomic_map: true, ..map(of(Type::String)) }),
        ("free", Schema { preserve_unknown: true, ..of(Type::Object) }),
    ]);
    object(vec![("spec", spec)])
}

/// A random value of a schema; items of one list never share a key.
fn value(rng: &mut fastrand::Rng, schema: &Schema) -> Value {
    match schema.ty {
        Type::Object if !schema.properties.is_empty() => {
            let mut map = Map::new();
            for (name, field) in &schema.properties {
                if name == "a" || rng.bool() {
                    map.insert(name.clone(), value(rng, field));
                }
            }
            Value::Object(map)
        }
        Type::Object => {
            let number = Arc::new(Schema { ty: Type::Integer, ..Schema::default() });
            let values = schema.additional.as_ref().unwrap_or(&number);
            (0..rng.usize(..3)).map(|_| (word(rng), value(rng, values))).collect::<Map<_, _>>().into()
        }
        Type::Array => {
            let items = schema.items.as_ref().unwrap();
            let mut list: Vec<Value> = Vec::new();
            for _ in 0..rng.usize(..4) {
                let item = value(rng, items);
                let same = |other: &Value| match item.get("a") {
                    Some(a) => other.get("a") == Some(a),
                    None => *other == item,
                };
                if !list.iter().any(same) {
                    list.push(item);
                }
            }
            Value::Array(list)
        }
        Type::String => Value::from(word(rng)),
        _ => Value::from(rng.i32(0..3)),
    }
}

fn word(rng: &mut fastrand::Rng) -> String {
    ["a", "b", "c"][rng.usize(..3)].to_owned()
}

fn owners(object: &Object) -> ManagedFields {
    let list = object.live.as_ref().and_then(|live| live.pointer("/metadata/managedFields"));
    ManagedFields::decode(list.unwrap_or(&Value::Null)).unwrap()
}

#[test]
fn histories_keep_their_promises() {
    let schema = schema();
    for seed in 0..300 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut object = Object::custom(schema.clone());
        for _ in 0..8 {
            let manager = ["m", "n", "kubectl"][rng.usize(..3)];
            let mut body = value(&mut rng, &schema);
            body["metadata"] = json!({"labels": {word(&mut rng): "x"}});
            if rng.bool() {
                object.update(manager, &body);
            } else {
                object.force(manager, &body);
                let mine = ManagerId::new(manager, Operation::Apply, "", "");
                let mentioned = from_value(&object.schema, &body);
                assert_eq!(owners(&object).get(&mine).unwrap().set(), mentioned, "seed {seed}");
                // An empty map or list that loses its last field to pruning vanishes; the next apply brings it back.
                if ["{}", "[]"].iter().any(|e| body.to_string().contains(e)) {
                    object.force(manager, &body);
                }
                let before = object.live.clone();
                assert_eq!(object.try_apply(manager, &body, OnConflict::Refuse), Ok(false), "seed {seed}");
                assert_eq!(object.live, before, "seed {seed}");
            }
            check(&object, seed);
        }
    }
}

/// Entries read back as they were written, and nobody is left with nothing.
#[track_caller]
fn check(object: &Object, seed: u64) {
    let managed = owners(object);
    assert!(managed.entries().iter().all(|entry| !entry.set().is_empty()), "seed {seed}");
    let live = object.live.as_ref().unwrap();
    assert_eq!(managed.encode().as_ref(), live.pointer("/metadata/managedFields"), "seed {seed}");
}

#[test]
fn two_appliers_without_common_fields_do_not_disturb_each_other() {
    for seed in 0..100 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let free = Schema { preserve_unknown: true, ..Schema::default() };
        let (a, b) = (json!({"a": value(&mut rng, &schema())}), json!({"b": value(&mut rng, &schema())}));
        let mut together = Object::custom(free);
        together.apply("a", &a).apply("b", &b).apply("a", &json!({})).is(&b).apply("b", &json!({})).is(&json!({}));
    }
}
