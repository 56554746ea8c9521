//! Whether a pod may be evicted.

use serde_json::{Value, json};
use tiphys_machinery::error::{ApiError, Cause};

use crate::controllers::view::{Budget, Phase, Pod};

/// Most granted evictions that a budget remembers.
const DISRUPTED_MAX: usize = 2000;

/// What becomes of an eviction that is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The pod goes; no budget has a say.
    Free,
    /// The pod is not healthy, so it costs nothing; it must not have changed meanwhile.
    Unhealthy,
    /// The pod goes once the budget of this name has one disruption less.
    Spend(String),
}

/// Returns whether budgets are not asked at all: the pod ended, never ran, or is going already.
pub(crate) fn is_exempt(pod: &Pod) -> bool {
    pod.deleting || pod.phase.is_terminal() || pod.phase == Phase::Pending
}

/// Decides about a pod that is not exempt; `budgets` are those that select it.
///
/// # Errors
/// 429 while the budget has nothing left or has not been looked at since it changed; 500 for more than one budget;
/// 403 for a budget in disorder.
pub(crate) fn decide(pod: &Pod, budgets: &[Budget]) -> Result<Verdict, ApiError> {
    let budget = match budgets {
        [] => return Ok(Verdict::Free),
        [one] => one,
        _ => return Err(several_budgets()),
    };
    let status = &budget.status;
    if !pod.is_ready() {
        let always = budget.spec.unhealthy_pod_eviction_policy.as_deref() == Some("AlwaysAllow");
        if always || (status.current_healthy >= status.desired_healthy && status.desired_healthy > 0) {
            return Ok(Verdict::Unhealthy);
        }
    }
    check_budget(budget)?;
    Ok(Verdict::Spend(budget.metadata.name.clone()))
}

/// Returns whether the budget has a disruption to spend.
///
/// # Errors
/// 429 or 403, as upstream answers.
pub(crate) fn check_budget(budget: &Budget) -> Result<(), ApiError> {
    let (name, status) = (&budget.metadata.name, &budget.status);
    let forbidden = |why: &str| Err(ApiError::forbidden("policy", "poddisruptionbudget", name, why));
    if status.observed_generation < budget.metadata.generation {
        return Err(still_processed(name));
    }
    if status.disruptions_allowed < 0 {
        return forbidden("pdb disruptions allowed is negative");
    }
    if status.disrupted_pods.len() > DISRUPTED_MAX {
        return forbidden("DisruptedPods map too big - too many evictions not confirmed by PDB controller");
    }
    if status.disruptions_allowed == 0 {
        let (desired, current) = (status.desired_healthy, status.current_healthy);
        let message = format!("The disruption budget {name} needs {desired} healthy pods and has {current} currently");
        return Err(refused(message, None));
    }
    Ok(())
}

/// The refusal of an eviction whose budget has to be looked at first; clients try again in 10 s.
pub(crate) fn still_processed(budget: &str) -> ApiError {
    refused(format!("The disruption budget {budget} is still being processed by the server."), Some(10))
}

fn refused(message: String, retry_after_secs: Option<i64>) -> ApiError {
    let mut error =
        ApiError::new(429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.");
    let mut cause = Cause { reason: "DisruptionBudget", message, field: String::new() }.to_value();
    if let Value::Object(cause) = &mut cause {
        cause.remove("field");
    }
    error.details = json!({"causes": [cause]});
    if let Some(seconds) = retry_after_secs {
        error.details["retryAfterSeconds"] = seconds.into();
    }
    error
}

fn several_budgets() -> ApiError {
    let message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
    ApiError::new(500, "", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::fixtures::pod;

    #[expect(clippy::needless_pass_by_value, reason = "tables write their JSON in place")]
    fn budget(spec: Value, status: Value) -> Budget {
        serde_json::from_value(json!({"metadata": {"name": "b", "generation": 2}, "spec": spec, "status": status}))
            .unwrap()
    }

    fn healthy(allowed: i64, current: i64, desired: i64) -> Value {
        json!({"observedGeneration": 2, "disruptionsAllowed": allowed, "currentHealthy": current, "desiredHealthy": desired})
    }

    fn ready() -> Pod {
        pod("p").ready_at("2026-01-01T00:00:00Z")
    }

    #[track_caller]
    fn check(pod: &Pod, budgets: &[Budget], expected: &Result<Verdict, (u16, &str)>) {
        let got = decide(pod, budgets);
        let got = got.as_ref().map_err(|e| (e.code, e.details["causes"][0]["message"].as_str().unwrap_or(&e.message)));
        assert_eq!(&got.cloned(), expected);
    }

    #[test]
    fn the_budget_decides_as_specified() {
        let spend = || Ok(Verdict::Spend("b".to_owned()));
        let needs = "The disruption budget b needs 2 healthy pods and has 2 currently";
        check(&ready(), &[], &Ok(Verdict::Free));
        check(&ready(), &[budget(json!({}), healthy(1, 3, 2))], &spend());
        check(&ready(), &[budget(json!({}), healthy(0, 2, 2))], &Err((429, needs)));
        check(&pod("p"), &[budget(json!({}), healthy(0, 2, 2))], &Ok(Verdict::Unhealthy));
        check(&pod("p"), &[budget(json!({}), healthy(1, 1, 0))], &spend());
        let short = "The disruption budget b needs 3 healthy pods and has 2 currently";
        check(&pod("p"), &[budget(json!({}), healthy(0, 2, 3))], &Err((429, short)));
        let always = json!({"unhealthyPodEvictionPolicy": "AlwaysAllow"});
        check(&pod("p"), &[budget(always, healthy(0, 2, 3))], &Ok(Verdict::Unhealthy));
        let unseen = "The disruption budget b is still being processed by the server.";
        check(&ready(), &[budget(json!({}), json!({"observedGeneration": 1}))], &Err((429, unseen)));
        let two = [budget(json!({}), healthy(1, 3, 2)), budget(json!({}), healthy(1, 3, 2))];
        check(&ready(), &two, &Err((500, &several_budgets().message)));
        let negative = "poddisruptionbudget.policy \"b\" is forbidden: pdb disruptions allowed is negative";
        check(&ready(), &[budget(json!({}), healthy(-1, 3, 2))], &Err((403, negative)));
    }

    #[test]
    fn pods_that_serve_nobody_go_without_asking() {
        assert!(is_exempt(&Pod { phase: Phase::Pending, ..pod("p") }));
        assert!(is_exempt(&Pod { phase: Phase::Failed, ..pod("p") }));
        assert!(is_exempt(&Pod { deleting: true, ..pod("p") }));
        assert!(!is_exempt(&pod("p")));
    }
}
