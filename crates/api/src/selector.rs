//! Label selectors.

use std::collections::BTreeMap;

use crate::types::LabelSelector;

/// Returns whether `selector` selects an object with `labels`. No selector selects nothing, an empty one everything.
///
/// An unknown operator selects nothing.
#[must_use]
pub fn selects(selector: Option<&LabelSelector>, labels: &BTreeMap<String, String>) -> bool {
    let Some(selector) = selector else {
        return false;
    };
    let mut equalities = selector.match_labels.iter().flatten();
    let mut expressions = selector.match_expressions.iter().flatten();
    equalities.all(|(key, value)| labels.get(key) == Some(value))
        && expressions.all(|expression| {
            let value = labels.get(&expression.key);
            let is_listed = || value.is_some_and(|value| expression.values.iter().flatten().any(|v| v == value));
            match expression.operator.as_str() {
                "In" => is_listed(),
                "NotIn" => !is_listed(),
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(selector: &Value, expected: bool) {
        let labels = BTreeMap::from([("app".to_owned(), "x".to_owned()), ("tier".to_owned(), String::new())]);
        let typed: Option<LabelSelector> = serde_json::from_value(selector.clone()).unwrap();
        assert_eq!(selects(typed.as_ref(), &labels), expected, "{selector}");
    }

    #[test]
    fn selectors_select_as_kubernetes_says() {
        let expression = |operator: &str, key: &str, values: &[&str]| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        check(&json!(null), false);
        check(&json!({}), true);
        check(&json!({"matchLabels": {"app": "x"}}), true);
        check(&json!({"matchLabels": {"app": "y"}}), false);
        check(
            &json!({"matchLabels": {"app": "x"}, "matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}),
            false,
        );
        check(&expression("In", "app", &["x", "y"]), true);
        check(&expression("In", "none", &["x"]), false);
        check(&expression("NotIn", "app", &["x"]), false);
        check(&expression("NotIn", "none", &["x"]), true);
        check(&expression("Exists", "tier", &[]), true);
        check(&expression("DoesNotExist", "none", &[]), true);
        check(&expression("Near", "app", &["x"]), false);
    }
}
