//! Autoscalers.

use serde_json::Value;
use tiphys_machinery::meta;

use super::{Health, HealthError, Status, fields::text};
use crate::object::version;

/// Where version 1 keeps its conditions.
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";

/// Type and reason of conditions that mean failure, whatever their status.
const DEGRADED: [(&str, &str); 8] = [
    ("AbleToScale", "FailedGetScale"),
    ("AbleToScale", "FailedUpdateScale"),
    ("ScalingActive", "FailedGetResourceMetric"),
    ("ScalingActive", "FailedGetObjectMetric"),
    ("ScalingActive", "FailedGetPodsMetric"),
    ("ScalingActive", "FailedGetExternalMetric"),
    ("ScalingActive", "FailedComputeMetricsReplicas"),
    ("ScalingActive", "InvalidSelector"),
];

pub(super) fn check(autoscaler: &Value) -> Result<Health, HealthError> {
    let conditions = if version(autoscaler) == "v1" {
        noted(autoscaler)?
    } else {
        autoscaler["status"]["conditions"].as_array().cloned().unwrap_or_default()
    };
    let is_degraded = |condition: &&Value| DEGRADED.contains(&(text(condition, "type"), text(condition, "reason")));
    let is_healthy = |condition: &&Value| {
        matches!(text(condition, "type"), "AbleToScale" | "ScalingLimited") && condition["status"] == "True"
    };
    let found = |is_it: &dyn Fn(&&Value) -> bool, status| {
        conditions.iter().find(is_it).map(|condition| Health::new(status, text(condition, "message")))
    };
    Ok(found(&is_degraded, Status::Degraded)
        .or_else(|| found(&is_healthy, Status::Healthy))
        .unwrap_or_else(|| Health::new(Status::Progressing, "Waiting to Autoscale")))
}

fn noted(autoscaler: &Value) -> Result<Vec<Value>, HealthError> {
    let Some(note) = meta::annotation(autoscaler, CONDITIONS) else { return Ok(Vec::new()) };
    let is_text = |condition: &Value, field| condition[field].is_null() || condition[field].is_string();
    let is_condition = |condition: &Value| {
        (condition.is_object() || condition.is_null())
            && ["type", "reason", "message", "status"].into_iter().all(|field| is_text(condition, field))
    };
    match serde_json::from_str(note) {
        Ok(Value::Array(conditions)) if conditions.iter().all(is_condition) => Ok(conditions),
        Ok(Value::Null) => Ok(Vec::new()),
        _ => Err(HealthError::Conditions),
    }
}
