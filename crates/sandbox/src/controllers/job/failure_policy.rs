//! What a Job's failure policy says about a failed pod.

use serde_json::Value;

use crate::controllers::view::{ExitCodes, FailurePolicy, FailureRule};

/// How a failed pod counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Against the backoff limit.
    #[default]
    Count,
    /// Not at all.
    Ignore,
    /// Its index is over.
    FailIndex,
    /// The Job is over, for this reason.
    FailJob(String),
}

/// Applies the first rule that matches the failed pod (its whole object).
pub(crate) fn judge(policy: &FailurePolicy, pod: &Value) -> Verdict {
    let matched = policy.rules.iter().enumerate().find_map(|(at, rule)| Some((at, rule, matches(rule, pod)?)));
    let Some((at, rule, what)) = matched else { return Verdict::Count };
    match rule.action.as_str() {
        "Ignore" => Verdict::Ignore,
        "FailIndex" => Verdict::FailIndex,
        "FailJob" => Verdict::FailJob(format!("{what} matching FailJob rule at index {at}")),
        _ => Verdict::Count,
    }
}

/// Returns what matched, in the words of the condition's message.
fn matches(rule: &FailureRule, pod: &Value) -> Option<String> {
    let name = format!("{}/{}", text(&pod["metadata"]["namespace"]), text(&pod["metadata"]["name"]));
    if let Some(codes) = &rule.on_exit_codes {
        let (container, code) = exited(codes, pod)?;
        return Some(format!("Container {container} for pod {name} failed with exit code {code}"));
    }
    let has = |r#type: &str, status: &str| {
        let conditions = pod["status"]["conditions"].as_array();
        conditions.into_iter().flatten().any(|c| text(&c["type"]) == r#type && text(&c["status"]) == status)
    };
    let pattern = rule.on_pod_conditions.iter().find(|p| has(&p.r#type, &p.status))?;
    Some(format!("Pod {name} has condition {}", pattern.r#type))
}

fn exited(codes: &ExitCodes, pod: &Value) -> Option<(String, i64)> {
    let lists = ["containerStatuses", "initContainerStatuses"];
    let statuses = lists.iter().flat_map(|list| pod["status"][list].as_array().into_iter().flatten());
    statuses
        .filter(|status| codes.container_name.as_ref().is_none_or(|name| text(&status["name"]) == name))
        .filter_map(|status| {
            Some((text(&status["name"]).to_owned(), status["state"]["terminated"]["exitCode"].as_i64()?))
        })
        .find(|(_, code)| *code != 0 && codes.values.contains(code) == (codes.operator == "In"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "tables write their JSON in place")]
    fn check(rules: Value, expected: Verdict) {
        let policy: FailurePolicy = serde_json::from_value(json!({"rules": rules})).unwrap();
        let pod = json!({
            "metadata": {"namespace": "ns", "name": "p"},
            "status": {"conditions": [{"type": "DisruptionTarget", "status": "True"}],
                "containerStatuses": [{"name": "main", "state": {"terminated": {"exitCode": 42}}}]},
        });
        assert_eq!(judge(&policy, &pod), expected);
    }

    #[test]
    fn the_first_matching_rule_decides() {
        let code = |op: &str, values: Value, action: &str| json!({"action": action, "onExitCodes": {"operator": op, "values": values}});
        let disrupted =
            json!({"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]});
        let why = "Container main for pod ns/p failed with exit code 42 matching FailJob rule at index 1".to_owned();
        check(json!([]), Verdict::Count);
        check(json!([code("In", json!([1]), "Ignore"), code("In", json!([42]), "FailJob")]), Verdict::FailJob(why));
        check(json!([code("NotIn", json!([1]), "FailIndex")]), Verdict::FailIndex);
        check(json!([code("NotIn", json!([42]), "FailIndex"), disrupted]), Verdict::Ignore);
    }
}
