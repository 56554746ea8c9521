//! What the controller reads of a CronJob, and the status it writes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::controllers::view::{Meta, nullable};

/// A CronJob.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct CronJob {
    #[serde(rename = "metadata")]
    pub(super) meta: Meta,
    pub(super) spec: Spec,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) status: Status,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec {
    pub(super) schedule: String,
    pub(super) time_zone: Option<String>,
    pub(super) starting_deadline_seconds: Option<i64>,
    pub(super) concurrency_policy: String,
    #[serde(deserialize_with = "nullable")]
    pub(super) suspend: bool,
    pub(super) successful_jobs_history_limit: Option<i64>,
    pub(super) failed_jobs_history_limit: Option<i64>,
    pub(super) job_template: Value,
}

/// Status, as written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "nullable")]
    pub(super) active: Vec<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_schedule_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_successful_time: Option<Timestamp>,
}

/// A Job that runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Reference {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) resource_version: String,
}
