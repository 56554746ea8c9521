//! Jobs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Condition, Meta, nullable};
use crate::controllers::labels::Selector;

/// What controllers remember of a Job.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Job {
    #[serde(rename = "metadata")]
    pub(crate) meta: Meta,
    #[serde(default)]
    pub(crate) spec: JobSpec,
    #[serde(default, deserialize_with = "nullable")]
    pub(crate) status: JobStatus,
}

/// The wish.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct JobSpec {
    pub(crate) parallelism: Option<i64>,
    pub(crate) completions: Option<i64>,
    pub(crate) backoff_limit: Option<i64>,
    pub(crate) backoff_limit_per_index: Option<i64>,
    pub(crate) max_failed_indexes: Option<i64>,
    pub(crate) active_deadline_seconds: Option<i64>,
    pub(crate) ttl_seconds_after_finished: Option<i64>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) suspend: bool,
    #[serde(deserialize_with = "nullable")]
    pub(crate) completion_mode: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) pod_replacement_policy: String,
    pub(crate) managed_by: Option<String>,
    pub(crate) pod_failure_policy: Option<FailurePolicy>,
    pub(crate) success_policy: Option<Value>,
    pub(crate) selector: Selector,
    template: TemplateWire,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
struct TemplateWire {
    spec: TemplateSpecWire,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct TemplateSpecWire {
    restart_policy: String,
}

/// How failed pods count.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct FailurePolicy {
    #[serde(deserialize_with = "nullable")]
    pub(crate) rules: Vec<FailureRule>,
}

/// One rule: matches by exit code or by a condition of the pod.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct FailureRule {
    pub(crate) action: String,
    pub(crate) on_exit_codes: Option<ExitCodes>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) on_pod_conditions: Vec<ConditionPattern>,
}

/// Exit codes of one container, or of any.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ExitCodes {
    pub(crate) container_name: Option<String>,
    pub(crate) operator: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) values: Vec<i64>,
}

/// A condition of a pod.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct ConditionPattern {
    pub(crate) r#type: String,
    pub(crate) status: String,
}

/// Status of a Job, as written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct JobStatus {
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub(crate) conditions: Vec<Condition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) completion_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) active: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) succeeded: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) failed: i64,
    #[serde(deserialize_with = "nullable")]
    pub(crate) ready: i64,
    #[serde(deserialize_with = "nullable")]
    pub(crate) terminating: i64,
    #[serde(skip_serializing_if = "String::is_empty", deserialize_with = "nullable")]
    pub(crate) completed_indexes: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failed_indexes: Option<String>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) uncounted_terminated_pods: Uncounted,
}

/// Pods that ended and are not in the counters yet, because their finalizer may still be there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Uncounted {
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub(crate) succeeded: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub(crate) failed: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl Job {
    /// Returns whether pods are told apart by an index.
    pub(crate) fn is_indexed(&self) -> bool {
        self.spec.completion_mode == "Indexed"
    }

    /// Returns whether a pod is replaced only once it has fully ended.
    pub(crate) fn replaces_failed_only(&self) -> bool {
        self.spec.pod_replacement_policy == "Failed"
    }

    /// Returns how many pods may run at a time.
    pub(crate) fn parallelism(&self) -> i64 {
        self.spec.parallelism.unwrap_or(1)
    }

    /// Returns whether containers restart in place, so that restarts count against the limit.
    pub(crate) fn restarts_in_place(&self) -> bool {
        self.spec.template.spec.restart_policy == "OnFailure"
    }

    /// Returns when and how the Job finished.
    pub(crate) fn finish(&self) -> Option<&Condition> {
        let ends = |c: &&Condition| c.status == "True" && matches!(c.r#type.as_str(), "Complete" | "Failed");
        self.status.conditions.iter().find(ends)
    }
}
