//! What a field means when it is not set, and what percentages resolve to. Nothing here is ever written into objects.

use jiff::SignedDuration;

use crate::types::{Experiment, IntOrString, Metric, Rollout, TemplateSpec};

/// Share of pods that may be missing or added, unless set.
const SHARE: &str = "25";
/// Seconds before an old or aborted ReplicaSet is scaled down, unless set.
const SCALE_DOWN_DELAY_SECONDS: i32 = 30;
/// Seconds without progress, unless set.
const PROGRESS_DEADLINE_SECONDS: i32 = 600;
/// The weight that means everybody, unless set.
pub(crate) const MAX_TRAFFIC_WEIGHT: i32 = 100;

/// Which way a share of pods is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// To the next larger number.
    Up,
    /// To the next smaller number.
    Down,
}

/// When the new ReplicaSet of an aborted update is scaled down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbortScaleDown {
    /// Never: the field is 0.
    Never,
    /// After this time; zero is at once.
    After(SignedDuration),
}

/// Returns the wanted number of pods: 1 unless set.
#[must_use]
pub fn replicas(rollout: &Rollout) -> i32 {
    rollout.spec.replicas.unwrap_or(1)
}

/// Returns how many old ReplicaSets are kept: 10 unless set.
#[must_use]
pub fn revision_history_limit(rollout: &Rollout) -> i32 {
    rollout.spec.revision_history_limit.unwrap_or(10)
}

/// Returns how many successful AnalysisRuns and Experiments are kept: 5 unless set.
#[must_use]
pub fn successful_run_history_limit(rollout: &Rollout) -> i32 {
    rollout.spec.analysis.as_ref().and_then(|analysis| analysis.successful_run_history_limit).unwrap_or(5)
}

/// Returns how many failed, errored and inconclusive AnalysisRuns and Experiments are kept: 5 unless set.
#[must_use]
pub fn unsuccessful_run_history_limit(rollout: &Rollout) -> i32 {
    rollout.spec.analysis.as_ref().and_then(|analysis| analysis.unsuccessful_run_history_limit).unwrap_or(5)
}

/// Returns the seconds without progress after which a Rollout is degraded: 600 unless set.
#[must_use]
pub fn progress_deadline_seconds(rollout: &Rollout) -> i32 {
    rollout.spec.progress_deadline_seconds.unwrap_or(PROGRESS_DEADLINE_SECONDS)
}

/// Returns how far back a rollback skips the steps: 0 (off) unless set.
#[must_use]
pub fn rollback_window(rollout: &Rollout) -> i32 {
    rollout.spec.rollback_window.as_ref().map_or(0, |window| window.revisions)
}

/// Returns `spec.strategy….maxSurge` as written, or the default.
#[must_use]
pub fn max_surge_as_written(rollout: &Rollout) -> IntOrString {
    let canary = rollout.spec.strategy.canary.as_ref();
    canary.and_then(|canary| canary.max_surge.clone()).unwrap_or_else(default_share)
}

/// Returns `spec.strategy….maxUnavailable` as written, or the default.
#[must_use]
pub fn max_unavailable_as_written(rollout: &Rollout) -> IntOrString {
    let strategy = &rollout.spec.strategy;
    let blue_green = strategy.blue_green.as_ref().and_then(|blue_green| blue_green.max_unavailable.clone());
    let canary = || strategy.canary.as_ref().and_then(|canary| canary.max_unavailable.clone());
    blue_green.or_else(canary).unwrap_or_else(default_share)
}

/// Returns how many pods above the wanted number a canary may have: 25 %, rounded up, unless set. 0 for blue-green.
///
/// 5 pods: 2. 10 pods and `1%`: 1.
#[must_use]
pub fn max_surge(rollout: &Rollout) -> i32 {
    if rollout.spec.strategy.canary.is_some() { fenceposts(rollout).0 } else { 0 }
}

/// Returns how many pods may be unavailable: 25 %, rounded down, unless set; at most all.
///
/// If surge and this both come out as 0 for a canary, this is 1. 4 pods: 1. 1 pod and `maxSurge: 0`: 1.
#[must_use]
pub fn max_unavailable(rollout: &Rollout) -> i32 {
    let replicas = replicas(rollout);
    if replicas == 0 {
        return 0;
    }
    let unavailable = if rollout.spec.strategy.canary.is_some() {
        fenceposts(rollout).1
    } else {
        resolve(&max_unavailable_as_written(rollout), replicas, Rounding::Down).unwrap_or(0)
    };
    unavailable.min(replicas)
}

/// Returns how long an old ReplicaSet stays up: 30 s unless set; 0 for a canary without traffic routing.
#[must_use]
pub fn scale_down_delay(rollout: &Rollout) -> SignedDuration {
    let strategy = &rollout.spec.strategy;
    let routed = strategy.canary.as_ref().filter(|canary| canary.traffic_routing.is_some());
    let seconds = match (routed, &strategy.blue_green) {
        (Some(canary), _) => canary.scale_down_delay_seconds.unwrap_or(SCALE_DOWN_DELAY_SECONDS),
        (None, Some(blue_green)) => blue_green.scale_down_delay_seconds.unwrap_or(SCALE_DOWN_DELAY_SECONDS),
        (None, None) => 0,
    };
    SignedDuration::from_secs(seconds.into())
}

/// Returns how many old ReplicaSets may stay up: any number unless set.
#[must_use]
pub fn scale_down_delay_revision_limit(rollout: &Rollout) -> i32 {
    let strategy = &rollout.spec.strategy;
    let limit = match (&strategy.blue_green, &strategy.canary) {
        (Some(blue_green), _) => blue_green.scale_down_delay_revision_limit,
        (None, Some(canary)) => canary.scale_down_delay_revision_limit,
        (None, None) => None,
    };
    limit.unwrap_or(i32::MAX)
}

/// Returns when the new ReplicaSet of an aborted update goes: after 30 s unless set; at once for a canary without traffic
/// routing.
#[must_use]
pub fn abort_scale_down(rollout: &Rollout) -> AbortScaleDown {
    let seconds = match abort_scale_down_field(rollout) {
        None => 0,
        Some(None) => SCALE_DOWN_DELAY_SECONDS,
        Some(Some(0)) => return AbortScaleDown::Never,
        Some(Some(seconds)) => seconds,
    };
    AbortScaleDown::After(SignedDuration::from_secs(seconds.into()))
}

/// Returns whether a delay after an abort was asked for: the field applies, is set and not 0.
#[must_use]
pub fn has_explicit_abort_scale_down_delay(rollout: &Rollout) -> bool {
    matches!(abort_scale_down_field(rollout), Some(Some(seconds)) if seconds != 0)
}

/// The field, or `None` where it does not apply.
fn abort_scale_down_field(rollout: &Rollout) -> Option<Option<i32>> {
    match (&rollout.spec.strategy.blue_green, &rollout.spec.strategy.canary) {
        (Some(blue_green), _) => Some(blue_green.abort_scale_down_delay_seconds),
        (None, Some(canary)) if canary.traffic_routing.is_some() => Some(canary.abort_scale_down_delay_seconds),
        _ => None,
    }
}

/// Returns whether a blue-green switch needs no person: true unless set.
#[must_use]
pub fn auto_promotion_enabled(rollout: &Rollout) -> bool {
    rollout.spec.strategy.blue_green.as_ref().and_then(|blue_green| blue_green.auto_promotion_enabled).unwrap_or(true)
}

/// Returns the weight that means everybody: 100 unless set.
#[must_use]
pub fn max_traffic_weight(rollout: &Rollout) -> i32 {
    let canary = rollout.spec.strategy.canary.as_ref();
    let routing = canary.and_then(|canary| canary.traffic_routing.as_ref());
    routing.and_then(|routing| routing.max_traffic_weight).unwrap_or(MAX_TRAFFIC_WEIGHT)
}

/// Returns how many errors in a row a metric survives: 4 unless set.
#[must_use]
pub fn consecutive_error_limit(metric: &Metric) -> i32 {
    metric.consecutive_error_limit.as_ref().map_or(4, int_value)
}

/// Returns the wanted number of pods of an Experiment's template: 1 unless set.
#[must_use]
pub fn experiment_replicas(template: &TemplateSpec) -> i32 {
    template.replicas.unwrap_or(1)
}

/// Returns the seconds without progress after which a template has failed: 600 unless set.
#[must_use]
pub fn experiment_progress_deadline_seconds(experiment: &Experiment) -> i32 {
    experiment.spec.progress_deadline_seconds.unwrap_or(PROGRESS_DEADLINE_SECONDS)
}

/// Returns how long an Experiment's ReplicaSets stay up after its end: 30 s unless set.
#[must_use]
pub fn experiment_scale_down_delay(experiment: &Experiment) -> SignedDuration {
    let seconds = experiment.spec.scale_down_delay_seconds.unwrap_or(SCALE_DOWN_DELAY_SECONDS);
    SignedDuration::from_secs(seconds.into())
}

/// Returns the number that a count or share stands for: a number is itself, any text is a percentage of `total`, with or
/// without `%`. `None` for text that is no number.
#[must_use]
pub fn resolve(value: &IntOrString, total: i32, rounding: Rounding) -> Option<i32> {
    let percent: i64 = match value {
        IntOrString::Int(number) => return Some(*number),
        IntOrString::String(text) => text.replace('%', "").parse().ok()?,
    };
    // Floating point as upstream, so that the same shares come out.
    #[expect(clippy::cast_precision_loss, reason = "percentages are small")]
    let share = percent as f64 * f64::from(total) / 100.0;
    let rounded = match rounding {
        Rounding::Up => share.ceil(),
        Rounding::Down => share.floor(),
    };
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    Some(rounded as i32)
}

/// Returns a number, or what text says in decimal; 0 for text that is no number.
#[must_use]
pub fn int_value(value: &IntOrString) -> i32 {
    match value {
        IntOrString::Int(number) => *number,
        IntOrString::String(text) => text.parse().unwrap_or(0),
    }
}

fn default_share() -> IntOrString {
    IntOrString::String(SHARE.to_owned())
}

/// Surge and unavailable pods of a canary; both 0 if either is malformed.
fn fenceposts(rollout: &Rollout) -> (i32, i32) {
    let replicas = replicas(rollout);
    let surge = resolve(&max_surge_as_written(rollout), replicas, Rounding::Up);
    let unavailable = resolve(&max_unavailable_as_written(rollout), replicas, Rounding::Down);
    match surge.zip(unavailable) {
        // Surge may be impossible because of a quota.
        Some((0, 0)) => (0, 1),
        Some(both) => both,
        None => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::decode;

    fn rollout(spec: &Value) -> Rollout {
        decode(json!({"spec": spec})).object
    }

    #[track_caller]
    fn check_fenceposts(replicas: i32, max_surge: &Value, max_unavailable: &Value, expected: (i32, i32)) {
        let canary = json!({"maxSurge": max_surge, "maxUnavailable": max_unavailable});
        let rollout = rollout(&json!({"replicas": replicas, "strategy": {"canary": canary}}));
        let found = (super::max_surge(&rollout), super::max_unavailable(&rollout));
        assert_eq!(found, expected, "{replicas} {max_surge} {max_unavailable}");
    }

    #[test]
    fn shares_resolve_as_upstream_documents() {
        check_fenceposts(1, &json!("25%"), &json!("25%"), (1, 0));
        check_fenceposts(3, &json!("25%"), &json!("25%"), (1, 0));
        check_fenceposts(4, &json!("25%"), &json!("25%"), (1, 1));
        check_fenceposts(5, &json!("25%"), &json!("25%"), (2, 1));
        check_fenceposts(10, &json!("25%"), &json!("25%"), (3, 2));
        check_fenceposts(10, &json!("1%"), &json!("1%"), (1, 0));
        check_fenceposts(10, &json!(0), &json!("1%"), (0, 1));
        check_fenceposts(1, &json!(0), &json!("25%"), (0, 1));
        check_fenceposts(7, &json!("33%"), &json!("33%"), (3, 2));
        check_fenceposts(10, &json!(0), &json!(20), (0, 10));
        check_fenceposts(10, &json!("25"), &json!(null), (3, 2));
        check_fenceposts(10, &json!("x"), &json!(3), (0, 0));
        check_fenceposts(0, &json!("25%"), &json!("25%"), (0, 0));
    }

    #[test]
    fn delays_depend_on_the_strategy() {
        let at = |seconds| SignedDuration::from_secs(seconds);
        let basic = rollout(&json!({"strategy": {"canary": {"abortScaleDownDelaySeconds": 5}}}));
        assert_eq!(scale_down_delay(&basic), at(0));
        assert_eq!(abort_scale_down(&basic), AbortScaleDown::After(at(0)));
        assert!(!has_explicit_abort_scale_down_delay(&basic));
        let routed = rollout(&json!({"strategy": {"canary": {"trafficRouting": {}, "scaleDownDelaySeconds": 5}}}));
        assert_eq!(scale_down_delay(&routed), at(5));
        assert_eq!(abort_scale_down(&routed), AbortScaleDown::After(at(30)));
        let never = rollout(&json!({"strategy": {"blueGreen": {"abortScaleDownDelaySeconds": 0}}}));
        assert_eq!(scale_down_delay(&never), at(30));
        assert_eq!(abort_scale_down(&never), AbortScaleDown::Never);
        assert!(!has_explicit_abort_scale_down_delay(&never));
        assert_eq!(scale_down_delay_revision_limit(&never), i32::MAX);
    }

    #[test]
    fn an_empty_rollout_has_the_documented_defaults() {
        let empty = rollout(&json!({}));
        assert_eq!(replicas(&empty), 1);
        assert_eq!(revision_history_limit(&empty), 10);
        assert_eq!(progress_deadline_seconds(&empty), 600);
        assert_eq!((successful_run_history_limit(&empty), unsuccessful_run_history_limit(&empty)), (5, 5));
        assert_eq!(max_traffic_weight(&empty), 100);
        assert!(auto_promotion_enabled(&empty));
        assert_eq!(rollback_window(&empty), 0);
    }
}
