//! Hashes of pod templates and canary steps.
//!
//! A ReplicaSet is recognised by the hash of its pod template, so the bytes that are hashed must be those of upstream:
//! what Go's JSON encoder writes for the typed template. A table says which fields there are and in which order they
//! come; unknown fields vanish and quantities are canonical, as after a typed round trip.

mod table;
mod writer;

use serde_json::{Value, json};

pub use self::writer::Form;
pub(crate) use self::writer::{write_list, write_struct};
use crate::constants::labels;

/// Returns the pod template hash.
///
/// `template` is `spec.template` as JSON, `collision_count` is `status.collisionCount`. Zero collisions and none differ.
///
/// The hash of `{"metadata":{"labels":{"app":"demo"}},"spec":{"containers":[{"name":"demo","image":"nginx:1"}]}}` is
/// `86965b87f7`, after one collision `b6f8b8b5b`.
#[must_use]
pub fn pod_template(template: &Value, collision_count: Option<i32>) -> String {
    hash(&pod_template_json(template, Form::Present), collision_count)
}

/// Returns the pod template hash as upstream up to 1.8 computes it, with `"creationTimestamp":null` among the bytes.
#[must_use]
pub fn pod_template_old(template: &Value, collision_count: Option<i32>) -> String {
    hash(&pod_template_json(template, Form::Old), collision_count)
}

/// Returns the text that is hashed.
#[must_use]
pub fn pod_template_json(template: &Value, form: Form) -> String {
    write_struct("PodTemplateSpec", template, form)
}

/// Returns the hash of `spec.strategy.canary.steps` (JSON; `null` for none).
#[must_use]
pub fn steps(steps: &Value) -> String {
    hash(&write_list("CanaryStep", steps), None)
}

/// Returns whether a ReplicaSet's pod template is the wanted one although its hash differs.
///
/// The hash label is left out of both, the defaults of `core/v1` are filled into `wanted` (the API server has filled them
/// into `existing`), empty and absent are the same, quantities compare by value. The caller has taken injected metadata
/// and anti-affinity out of `existing`.
#[must_use]
pub fn same_pod_template(wanted: &Value, existing: &Value) -> bool {
    let mut wanted = wanted.clone();
    tiphys_machinery::pod_template::apply_defaults(&mut wanted);
    comparable(wanted) == comparable(existing.clone())
}

fn comparable(mut template: Value) -> String {
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(labels::POD_TEMPLATE_HASH);
    }
    if let Some(spec) = template.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("serviceAccount".to_owned(), json!(""));
    }
    pod_template_json(&template, Form::Comparable)
}

/// FNV-1a over `text` and, if there is a collision count, eight bytes of it; lettered so that it makes no words.
fn hash(text: &str, collision_count: Option<i32>) -> String {
    let collisions = collision_count.map(|count| {
        let [a, b, c, d] = count.to_le_bytes();
        [a, b, c, d, 0, 0, 0, 0]
    });
    let bytes = text.bytes().chain(collisions.into_iter().flatten());
    safe(&bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)).to_string())
}

/// Returns `text` in the alphabet of generated names.
fn safe(text: &str) -> String {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    text.bytes().map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()])).collect()
}
