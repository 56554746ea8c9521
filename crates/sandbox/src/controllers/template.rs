//! Recognising pod templates: equality but for the hash label, and the hash itself.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// Tells the pods of one template from those of another.
pub(crate) const HASH_LABEL: &str = "pod-template-hash";

/// Letters that spell no words, as the API uses them in generated names.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// Returns a pod of `template` without a name, controlled by the owner of this reference.
pub(crate) fn pod(template: &Value, owner: &Value) -> Value {
    let mut metadata = json!({"ownerReferences": [owner]});
    for field in ["labels", "annotations", "finalizers"] {
        if let Some(part) = template["metadata"].get(field).filter(|part| !part.is_null()) {
            metadata[field] = part.clone();
        }
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
}

/// Returns a number that is equal for templates that are equal once [`HASH_LABEL`] and nulls are left out.
pub(crate) fn digest(template: &Value) -> u64 {
    canonical(template)
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Returns the hash that names a ReplicaSet of `template`; `collisions` makes another one of the same template.
///
/// Stable across runs and independent of the order of keys. Not upstream's number, which depends on Go's memory layout;
/// ReplicaSets are recognised by their template, never by this.
pub(crate) fn name_hash(template: &Value, collisions: Option<i64>) -> String {
    let count = collisions.map(|count| count.to_le_bytes());
    let bytes = canonical(template).into_bytes().into_iter().chain(count.into_iter().flatten());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    safe(&hash.to_string())
}

/// Returns `text` in letters that spell no words.
pub(crate) fn safe(text: &str) -> String {
    text.bytes().map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()])).collect()
}

fn canonical(template: &Value) -> String {
    let mut text = String::with_capacity(1024);
    write_canonical(&mut text, template, 0);
    text
}

/// Writes sorted JSON without nulls; at depth 2 the labels, where the hash label is left out.
fn write_canonical(text: &mut String, value: &Value, depth: u8) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().filter(|(_, v)| !v.is_null()).collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            text.push('{');
            for (key, value) in entries.into_iter().filter(|(key, _)| depth != 2 || *key != HASH_LABEL) {
                let _ = write!(text, "{key:?}:");
                write_canonical(text, value, depth.saturating_add(1));
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write_canonical(text, item, u8::MAX);
                text.push(',');
            }
            text.push(']');
        }
        scalar => {
            let _ = write!(text, "{scalar}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_label_and_nulls_do_not_tell_templates_apart() {
        let plain = json!({"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"image": "x"}]}});
        let hashed = json!({"metadata": {"creationTimestamp": null, "labels": {"app": "a", HASH_LABEL: "h"}},
            "spec": {"containers": [{"image": "x"}]}});
        let other = json!({"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"image": "y"}]}});
        assert_eq!(digest(&plain), digest(&hashed));
        assert_ne!(digest(&plain), digest(&other));
        assert_eq!(name_hash(&plain, None), name_hash(&hashed, None));
    }

    #[test]
    fn a_collision_changes_the_name_but_not_the_digest() {
        let template = json!({"spec": {}});
        assert_ne!(name_hash(&template, None), name_hash(&template, Some(1)));
        assert!(name_hash(&template, None).bytes().all(|b| ALPHABET.contains(&b)));
    }

    #[test]
    fn digits_become_safe_letters() {
        assert_eq!(safe("0123456789"), "456789bcdf");
    }
}
