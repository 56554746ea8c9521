//! Autoscaling and priorities.

use serde_json::{Value, json};

use super::set::{Fields, made, pointer};

pub(super) fn horizontal(object: &mut Fields) {
    super::spec(object, |spec| {
        pointer(spec, "minReplicas", 1);
        if spec.get("metrics").and_then(Value::as_array).is_none_or(Vec::is_empty) {
            let cpu = json!({"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}});
            spec.insert("metrics".to_owned(), json!([{"type": "Resource", "resource": cpu}]));
        }
        if super::set::has(spec, "behavior") {
            made(spec, "behavior", behavior);
        }
    });
}

fn behavior(behavior: &mut Fields) {
    let percent = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
    let pods = json!({"type": "Pods", "value": 4, "periodSeconds": 15});
    made(behavior, "scaleUp", |rules| {
        pointer(rules, "stabilizationWindowSeconds", 0);
        pointer(rules, "selectPolicy", "Max");
        pointer(rules, "policies", json!([pods, percent]));
    });
    made(behavior, "scaleDown", |rules| {
        pointer(rules, "selectPolicy", "Max");
        pointer(rules, "policies", json!([percent]));
    });
}

pub(super) fn priority_class(object: &mut Fields) {
    pointer(object, "preemptionPolicy", "PreemptLowerPriority");
}
