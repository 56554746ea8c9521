//! What runs pods: Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs, CronJobs.

use serde_json::{Value, json};

use super::{
    set::{Fields, get, has, items, made, pointer, text, within},
    template,
};

pub(super) fn deployment(object: &mut Fields) {
    super::spec(object, |spec| {
        template(spec);
        pointer(spec, "replicas", 1);
        made(spec, "strategy", |strategy| {
            text(strategy, "type", "RollingUpdate");
            if get(strategy, "type") == "RollingUpdate" {
                made(strategy, "rollingUpdate", |rolling| {
                    pointer(rolling, "maxUnavailable", "25%");
                    pointer(rolling, "maxSurge", "25%");
                });
            }
        });
        pointer(spec, "revisionHistoryLimit", 10);
        pointer(spec, "progressDeadlineSeconds", 600);
    });
}

pub(super) fn replica_set(object: &mut Fields) {
    super::spec(object, |spec| {
        template(spec);
        pointer(spec, "replicas", 1);
    });
}

pub(super) fn replication_controller(object: &mut Fields) {
    super::spec(object, |spec| {
        if has(spec, "template") {
            template(spec);
        }
        pointer(spec, "replicas", 1);
        let labels = spec.get("template").map(|t| t["metadata"]["labels"].clone()).unwrap_or_default();
        let unset = spec.get("selector").and_then(Value::as_object).is_none_or(serde_json::Map::is_empty);
        if unset && !labels.is_null() {
            spec.insert("selector".to_owned(), labels);
        }
    });
    labels_from_template(object);
}

pub(super) fn stateful_set(object: &mut Fields) {
    super::spec(object, |spec| {
        template(spec);
        text(spec, "podManagementPolicy", "OrderedReady");
        made(spec, "updateStrategy", |strategy| {
            if get(strategy, "type").is_empty() {
                text(strategy, "type", "RollingUpdate");
                pointer(strategy, "rollingUpdate", json!({}));
            }
            if get(strategy, "type") == "RollingUpdate" {
                within(strategy, "rollingUpdate", |rolling| pointer(rolling, "partition", 0));
            }
        });
        made(spec, "persistentVolumeClaimRetentionPolicy", |policy| {
            text(policy, "whenDeleted", "Retain");
            text(policy, "whenScaled", "Retain");
        });
        pointer(spec, "replicas", 1);
        pointer(spec, "revisionHistoryLimit", 10);
        items(spec, "volumeClaimTemplates", |claim| {
            claim.insert("apiVersion".to_owned(), json!("v1"));
            claim.insert("kind".to_owned(), json!("PersistentVolumeClaim"));
            super::storage::claim(claim);
        });
    });
}

pub(super) fn daemon_set(object: &mut Fields) {
    super::spec(object, |spec| {
        template(spec);
        made(spec, "updateStrategy", |strategy| {
            text(strategy, "type", "RollingUpdate");
            if get(strategy, "type") == "RollingUpdate" {
                made(strategy, "rollingUpdate", |rolling| {
                    pointer(rolling, "maxUnavailable", 1);
                    pointer(rolling, "maxSurge", 0);
                });
            }
        });
        pointer(spec, "revisionHistoryLimit", 10);
    });
}

pub(super) fn job(object: &mut Fields) {
    super::spec(object, job_spec);
    labels_from_template(object);
}

/// Sets the defaults of a Job that a Job gets by itself, but not inside a CronJob.
fn job_spec(spec: &mut Fields) {
    template(spec);
    if !has(spec, "parallelism") {
        pointer(spec, "completions", 1);
    }
    pointer(spec, "parallelism", 1);
    let limit = if has(spec, "backoffLimitPerIndex") { i64::from(i32::MAX) } else { 6 };
    pointer(spec, "backoffLimit", limit);
    pointer(spec, "completionMode", "NonIndexed");
    pointer(spec, "suspend", false);
    let replacement = if has(spec, "podFailurePolicy") { "Failed" } else { "TerminatingOrFailed" };
    pointer(spec, "podReplacementPolicy", replacement);
    pointer(spec, "manualSelector", false);
    failure_policy(spec);
}

fn failure_policy(spec: &mut Fields) {
    within(spec, "podFailurePolicy", |policy| {
        items(policy, "rules", |rule| {
            items(rule, "onPodConditions", |condition| text(condition, "status", "True"));
        });
    });
}

pub(super) fn cron_job(object: &mut Fields) {
    super::spec(object, |spec| {
        text(spec, "concurrencyPolicy", "Allow");
        pointer(spec, "suspend", false);
        pointer(spec, "successfulJobsHistoryLimit", 3);
        pointer(spec, "failedJobsHistoryLimit", 1);
        made(spec, "jobTemplate", |job| {
            made(job, "spec", |spec| {
                template(spec);
                failure_policy(spec);
            });
        });
    });
}

/// An object without labels takes those of its pod template.
pub(crate) fn labels_from_template(object: &mut Fields) {
    let labels = object.get("spec").map(|spec| spec["template"]["metadata"]["labels"].clone()).unwrap_or_default();
    if labels.as_object().is_none_or(serde_json::Map::is_empty) {
        return;
    }
    made(object, "metadata", |metadata| {
        if metadata.get("labels").and_then(Value::as_object).is_none_or(serde_json::Map::is_empty) {
            metadata.insert("labels".to_owned(), labels);
        }
    });
}
