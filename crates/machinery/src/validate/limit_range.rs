//! Ranges of limits.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::fields::{list, text};
use crate::{error::Cause, field::Path, names, quantity::Quantity};

const TYPES: [&str; 3] = ["Container", "PersistentVolumeClaim", "Pod"];

pub(super) fn limit_range(object: &Value) -> Vec<Cause> {
    let path = Path::new("spec.limits");
    let mut seen = BTreeSet::new();
    let mut causes = Vec::new();
    for (i, limit) in list(&object["spec"], "limits").iter().enumerate() {
        let (kind, at) = (text(limit, "type"), path.index(i));
        if !TYPES.contains(&kind) {
            causes.extend(names::qualified_name(kind).iter().map(|why| at.child("type").invalid(kind, why)));
        }
        if !seen.insert(kind) {
            causes.push(at.child("type").duplicate(kind));
        }
        if kind == "Pod" {
            let given = ["default", "defaultRequest"].into_iter().filter(|field| !amounts(limit, field).is_empty());
            let detail = "may not be specified when `type` is 'Pod'";
            causes.extend(given.map(|field| at.child(field).forbidden(detail)));
        }
        if kind == "PersistentVolumeClaim" && limit["min"]["storage"].is_null() && limit["max"]["storage"].is_null() {
            let detail = "either minimum or maximum storage value is required, but neither was provided";
            causes.push(at.child("limits").required(detail));
        }
        causes.extend(orders(limit, kind == "Pod", &at));
    }
    causes
}

fn amounts<'a>(limit: &'a Value, field: &str) -> &'a Map<String, Value> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    limit[field].as_object().unwrap_or(&NONE)
}

/// Which amount may not be greater than which other one, where the cause is told, and what is shown there.
const ORDERS: [(&str, &str, &str, &str, [&str; 2]); 6] = [
    ("min", "max", "min", "min", ["min value", "max value"]),
    ("min", "defaultRequest", "defaultRequest", "defaultRequest", ["min value", "default request value"]),
    ("defaultRequest", "max", "defaultRequest", "defaultRequest", ["default request value", "max value"]),
    ("defaultRequest", "default", "defaultRequest", "defaultRequest", ["default request value", "default limit value"]),
    ("min", "default", "default", "min", ["min value", "default value"]),
    ("default", "max", "default", "max", ["default value", "max value"]),
];

fn orders(limit: &Value, pod: bool, path: &Path) -> Vec<Cause> {
    let fields = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"];
    let used = |field: &str| !(pod && field.starts_with("default"));
    let keys: BTreeSet<&String> =
        fields.iter().filter(|field| used(field)).flat_map(|field| amounts(limit, field).keys()).collect();
    let mut causes = Vec::new();
    for key in keys {
        let amount = |field: &str| {
            let value = amounts(limit, field).get(key).filter(|_| used(field))?;
            Some((Quantity::from_json(value).ok()?, value.clone()))
        };
        for (less, more, at, shown, [this, other]) in ORDERS {
            let (Some((low, low_value)), Some((high, high_value))) = (amount(less), amount(more)) else { continue };
            if low > high {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let detail = format!("{this} {} is greater than {other} {}", text(&low_value), text(&high_value));
                let value = if shown == less { low_value } else { high_value };
                causes.push(path.child(at).key(key).invalid(value, &detail));
            }
        }
        let one = Quantity::from_json(&Value::from(1)).ok();
        if let (Some((ratio, value)), Some(one)) = (amount("maxLimitRequestRatio"), one)
            && ratio < one
        {
            let detail = format!("ratio {} is less than 1", value.as_str().unwrap_or_default());
            causes.push(path.child("maxLimitRequestRatio").key(key).invalid(value, &detail));
        }
    }
    causes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_are_in_order() {
        let given = json!({"spec": {"limits": [
            {"type": "Pod", "default": {"cpu": "500m"}},
            {"type": "Container", "min": {"cpu": "2"}, "max": {"cpu": "1"}, "maxLimitRequestRatio": {"cpu": "500m"}},
        ]}});
        let texts: Vec<String> = limit_range(&given).iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        assert_eq!(
            texts,
            [
                "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
                "spec.limits[1].min[cpu]: Invalid value: \"2\": min value 2 is greater than max value 1",
                "spec.limits[1].maxLimitRequestRatio[cpu]: Invalid value: \"500m\": ratio 500m is less than 1",
            ]
        );
        assert!(limit_range(&json!({"spec": {"limits": [{"type": "Container", "max": {"cpu": "1"}}]}})).is_empty());
    }
}
