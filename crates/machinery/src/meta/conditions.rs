//! Conditions in `status.conditions`, a list keyed by type.

use serde_json::{Value, json};

/// Returns the condition of a type.
#[must_use]
pub fn condition<'o>(object: &'o Value, kind: &str) -> Option<&'o Value> {
    object["status"]["conditions"].as_array()?.iter().find(|c| c["type"] == kind)
}

/// Returns the status of a condition: `True`, `False`, `Unknown`, or nothing.
#[must_use]
pub fn condition_status<'o>(object: &'o Value, kind: &str) -> Option<&'o str> {
    condition(object, kind)?["status"].as_str()
}

/// Returns whether a condition is there and `True`.
#[must_use]
pub fn is_condition_true(object: &Value, kind: &str) -> bool {
    condition_status(object, kind) == Some("True")
}

/// Sets a condition by its `type`. `lastTransitionTime` is kept while the status stays, and else set to `now` (RFC 3339).
/// Returns whether status, reason or message changed.
pub fn set_condition(object: &mut Value, mut condition: Value, now: &str) -> bool {
    if !object["status"].is_object() {
        object["status"] = json!({});
    }
    if !object["status"]["conditions"].is_array() {
        object["status"]["conditions"] = json!([]);
    }
    let Some(list) = object["status"]["conditions"].as_array_mut() else { return false };
    let Some(old) = list.iter_mut().find(|c| c["type"] == condition["type"]) else {
        condition["lastTransitionTime"] = json!(now);
        list.push(condition);
        return true;
    };
    let kept = old["status"] == condition["status"] && old["lastTransitionTime"].is_string();
    condition["lastTransitionTime"] = if kept { old["lastTransitionTime"].clone() } else { json!(now) };
    let changed = ["status", "reason", "message"].into_iter().any(|field| old.get(field) != condition.get(field));
    *old = condition;
    changed
}

/// Removes a condition; returns whether it was there.
pub fn remove_condition(object: &mut Value, kind: &str) -> bool {
    let Some(list) = object["status"]["conditions"].as_array_mut() else { return false };
    let before = list.len();
    list.retain(|c| c["type"] != kind);
    list.len() != before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transition_time_moves_with_the_status_only() {
        let mut object = json!({});
        let ready = |status: &str, reason: &str| json!({"type": "Ready", "status": status, "reason": reason});
        assert!(set_condition(&mut object, ready("True", "A"), "t1"));
        assert!(set_condition(&mut object, ready("True", "B"), "t2"));
        assert_eq!(condition(&object, "Ready").unwrap()["lastTransitionTime"], "t1");
        assert!(!set_condition(&mut object, ready("True", "B"), "t3"));
        assert!(set_condition(&mut object, ready("False", "B"), "t4"));
        assert_eq!(condition(&object, "Ready").unwrap()["lastTransitionTime"], "t4");
        assert!(!is_condition_true(&object, "Ready"));
        assert!(remove_condition(&mut object, "Ready") && !remove_condition(&mut object, "Ready"));
    }
}
