//! Secrets are masked before anything else sees them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::diff::{LAST_APPLIED, normalize_secret};

/// The shortest mask; each further value of a key gets four more signs.
const MASK: &str = "++++++++";

/// A target and a live Secret that can be shown: equal values have equal masks.
#[derive(Debug, Clone, PartialEq)]
pub struct Masked {
    /// What Git has.
    pub target: Option<Value>,
    /// What the cluster has.
    pub live: Option<Value>,
}

/// Masks every value of a pair of Secrets, also in what client-side apply noted down, and the `annotations` named.
#[must_use]
pub fn mask(target: Option<&Value>, live: Option<&Value>, annotations: &[&str]) -> Masked {
    let mut copies: [Option<Value>; 4] = [target.cloned(), live.cloned(), noted(target), noted(live)];
    for copy in copies.iter_mut().flatten() {
        normalize_secret(copy);
    }
    let keys: BTreeSet<String> = copies
        .iter()
        .flatten()
        .filter_map(|copy| copy["data"].as_object())
        .flat_map(|data| data.keys().cloned())
        .collect();
    for key in &keys {
        mask_one(&mut copies, &["data"], key);
    }
    for key in annotations {
        mask_one(&mut copies, &["metadata", "annotations"], key);
    }
    let [mut target, mut live, noted_target, noted_live] = copies;
    let whole = annotations.contains(&LAST_APPLIED);
    put_note(target.as_mut(), noted_target.as_ref(), whole);
    put_note(live.as_mut(), noted_live.as_ref(), whole);
    Masked { target, live }
}

fn note(object: Option<&Value>) -> Option<&str> {
    object?.pointer("/metadata/annotations")?.get(LAST_APPLIED)?.as_str()
}

fn noted(object: Option<&Value>) -> Option<Value> {
    note(object).and_then(|text| serde_json::from_str(text).ok()).filter(Value::is_object)
}

/// A note that cannot be read is masked whole: it may hold anything.
fn put_note(object: Option<&mut Value>, noted: Option<&Value>, whole: bool) {
    let Some(object) = object else { return };
    if note(Some(object)).is_none() {
        return;
    }
    let text = match noted {
        Some(noted) if !whole => noted.to_string(),
        _ => MASK.to_owned(),
    };
    object["metadata"]["annotations"][LAST_APPLIED] = json!(text);
}

fn mask_one(copies: &mut [Option<Value>; 4], path: &[&str], key: &str) {
    let mut masks: BTreeMap<String, String> = BTreeMap::new();
    for copy in copies.iter_mut().flatten() {
        let at = path.iter().try_fold(copy, |value, step| value.get_mut(*step));
        let Some(value) = at.and_then(|map| map.get_mut(key)) else { continue };
        let text = match &*value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let next = format!("{MASK}{}", "++++".repeat(masks.len()));
        *value = json!(masks.entry(text).or_insert(next));
    }
}
