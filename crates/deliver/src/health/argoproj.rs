//! Kinds of `argoproj.io`.

use serde_json::Value;
use tiphys_api::phase::argocd_health;
use tiphys_machinery::meta;

use super::{
    Health, HealthError, Status,
    fields::{conditions, text},
};
use crate::object::group;

/// Returns how the object is; `None` for kinds that are not known here.
pub(super) fn check(object: &Value) -> Option<Result<Health, HealthError>> {
    if group(object) != "argoproj.io" {
        return None;
    }
    match meta::kind(object) {
        "Rollout" => Some(rollout(object)),
        "AnalysisRun" => Some(Ok(analysis_run(object))),
        "Experiment" => Some(Ok(experiment(object))),
        "ApplicationSet" => Some(Ok(application_set(object))),
        "CronWorkflow" => Some(Ok(cron_workflow(object))),
        "EventBus" => Some(Ok(event_bus(object))),
        "Workflow" => Some(Ok(workflow(object))),
        _ => None,
    }
}

fn rollout(rollout: &Value) -> Result<Health, HealthError> {
    let health = argocd_health(rollout).ok_or(HealthError::Status)?;
    Ok(match Status::of(&health.status) {
        Some(status) => Health::new(status, health.message.unwrap_or_default()),
        None => Health::new(Status::Unknown, "Lua returned an invalid health status"),
    })
}

/// Nothing but a phase that is known says anything.
fn by_phase(object: &Value, unreconciled: &str, of: impl Fn(&str) -> Option<(Status, String)>) -> Health {
    if object["status"].is_null() {
        return Health::new(Status::Progressing, unreconciled);
    }
    let known = of(text(&object["status"], "phase"));
    known.map_or(Health { status: None, message: String::new() }, |(status, message)| Health::new(status, message))
}

fn analysis_run(run: &Value) -> Health {
    let own = |default: &str| run["status"]["message"].as_str().unwrap_or(default).to_owned();
    by_phase(run, "Waiting for analysis run to finish: status has not been reconciled.", |phase| {
        Some(match phase {
            "Pending" | "Running" => (Status::Progressing, "Analysis run is running".to_owned()),
            "Successful" => (Status::Healthy, own("Analysis run completed successfully")),
            "Failed" => (Status::Degraded, own("Analysis run failed")),
            "Error" => (Status::Degraded, own("Analysis run had an error")),
            "Inconclusive" => (Status::Unknown, own("Analysis run was inconclusive")),
            _ => return None,
        })
    })
}

fn experiment(experiment: &Value) -> Health {
    by_phase(experiment, "Waiting for experiment to finish: status has not been reconciled.", |phase| {
        let (status, message) = match phase {
            "Pending" => (Status::Progressing, "Experiment is pending"),
            "Running" => (Status::Progressing, "Experiment is running"),
            "Successful" => (Status::Healthy, "Experiment is successful"),
            "Failed" => (Status::Degraded, "Experiment has failed"),
            "Error" => (Status::Degraded, "Experiment had an error"),
            _ => return None,
        };
        Some((status, message.to_owned()))
    })
}

/// Returns the health of the first condition that a row `(type, status, health)` names, row by row.
fn by_conditions(object: &Value, rows: &[(&str, &str, Status)]) -> Option<Health> {
    rows.iter().find_map(|(name, status, health)| {
        let found =
            conditions(object).find(|condition| condition["type"] == *name && condition["status"] == *status)?;
        Some(Health::new(*health, text(found, "message")))
    })
}

fn application_set(set: &Value) -> Health {
    const ROWS: [(&str, &str, Status); 4] = [
        ("ErrorOccurred", "True", Status::Degraded),
        ("ResourcesUpToDate", "False", Status::Degraded),
        ("RolloutProgressing", "True", Status::Progressing),
        ("ResourcesUpToDate", "True", Status::Healthy),
    ];
    by_conditions(set, &ROWS)
        .unwrap_or_else(|| Health::new(Status::Progressing, "Waiting for the status to be reported"))
}

/// The first condition that says anything counts.
fn cron_workflow(workflow: &Value) -> Health {
    let first = conditions(workflow).filter(|condition| condition["status"] == "True").find_map(|condition| {
        let status = match text(condition, "type") {
            "SpecError" | "SubmissionError" => Status::Degraded,
            "Completed" => Status::Healthy,
            _ => return None,
        };
        Some(Health::new(status, text(condition, "message")))
    });
    first.unwrap_or_else(|| Health::new(Status::Healthy, "CronWorkflow is healthy."))
}

fn event_bus(bus: &Value) -> Health {
    let deployed = conditions(bus).filter(|condition| condition["type"] == "Deployed").find_map(|condition| {
        let status = match text(condition, "status") {
            "False" => Status::Degraded,
            "True" => Status::Healthy,
            _ => return None,
        };
        let message = condition["message"].as_str().unwrap_or_else(|| text(condition, "reason"));
        Some(Health::new(status, message))
    });
    deployed.unwrap_or_else(|| Health::new(Status::Progressing, "Waiting for initialization"))
}

fn workflow(workflow: &Value) -> Health {
    let status = match text(&workflow["status"], "phase") {
        "" | "Pending" | "Running" => Status::Progressing,
        "Succeeded" => Status::Healthy,
        "Failed" | "Error" => Status::Degraded,
        _ => Status::Unknown,
    };
    Health::new(status, text(&workflow["status"], "message"))
}
