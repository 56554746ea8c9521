//! Gauges of Rollouts.

use tiphys_api::{
    Rollout,
    constants::{
        conditions::{INVALID_SPEC, PROGRESSING, TRUE},
        reasons,
    },
    defaults,
};
use tiphys_runtime::metrics::{Family, Kind, Page};

use super::OBJECT;
use crate::plan::RESTARTING;

/// The phases of `rollout_phase`.
const PHASES: [&str; 6] = ["Completed", "Progressing", "Paused", "Timeout", "Error", "Abort"];

const fn gauge(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Family {
    Family { name, help, kind: Kind::Gauge, labels }
}

static INFO: Family =
    gauge("rollout_info", "Information about rollout.", &["namespace", "name", "strategy", "traffic_router", "phase"]);
static AVAILABLE: Family =
    gauge("rollout_info_replicas_available", "The number of available replicas per rollout.", OBJECT);
static DESIRED: Family = gauge("rollout_info_replicas_desired", "The number of desired replicas per rollout.", OBJECT);
static UNAVAILABLE: Family =
    gauge("rollout_info_replicas_unavailable", "The number of unavailable replicas per rollout.", OBJECT);
static UPDATED: Family = gauge("rollout_info_replicas_updated", "The number of updated replicas per rollout.", OBJECT);
static PHASE: Family = gauge(
    "rollout_phase",
    "Information on the state of the rollout (DEPRECATED - use rollout_info)",
    &["namespace", "name", "strategy", "phase"],
);
static RESTART: Family = gauge(
    "tiphys_rollout_restart",
    "A restart that is not over; the reason says whether it runs or is blocked.",
    &["namespace", "name", "reason"],
);

type Samples = Vec<(Vec<String>, f64)>;
type Count = fn(&Rollout) -> i32;

/// Writes the gauges of Rollouts.
pub(crate) fn write(page: &mut Page, rollouts: &[Rollout]) {
    let counts: [(&Family, Count); 4] = [
        (&AVAILABLE, |rollout| rollout.status.available_replicas),
        (&DESIRED, defaults::replicas),
        (&UNAVAILABLE, |rollout| rollout.status.replicas - rollout.status.available_replicas),
        (&UPDATED, |rollout| rollout.status.updated_replicas),
    ];
    let infos: Samples = rollouts.iter().map(|rollout| (info(rollout), 1.0)).collect();
    page.all(&INFO, &infos);
    for (family, count) in counts {
        let samples: Samples = rollouts.iter().map(|rollout| (object(rollout), f64::from(count(rollout)))).collect();
        page.all(family, &samples);
    }
    page.all(&PHASE, &rollouts.iter().flat_map(phases).collect::<Samples>());
    page.all(&RESTART, &rollouts.iter().filter_map(restart).collect::<Samples>());
}

fn object(rollout: &Rollout) -> Vec<String> {
    let metadata = &rollout.metadata;
    vec![metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default()]
}

fn info(rollout: &Rollout) -> Vec<String> {
    let mut labels = object(rollout);
    labels.extend([strategy(rollout), router(rollout), phase(rollout)].map(str::to_owned));
    labels
}

fn phases(rollout: &Rollout) -> Samples {
    let now = phase(rollout);
    let one = |phase: &str| {
        let mut labels = object(rollout);
        labels.extend([strategy(rollout), phase].map(str::to_owned));
        (labels, if phase == now { 1.0 } else { 0.0 })
    };
    PHASES.iter().map(|phase| one(phase)).collect()
}

fn restart(rollout: &Rollout) -> Option<(Vec<String>, f64)> {
    let condition = rollout.status.conditions.iter().find(|condition| condition.kind == RESTARTING)?;
    let mut labels = object(rollout);
    labels.push(condition.reason.clone());
    (condition.status == TRUE).then_some((labels, 1.0))
}

fn strategy(rollout: &Rollout) -> &'static str {
    let strategy = &rollout.spec.strategy;
    match (&strategy.blue_green, &strategy.canary) {
        (Some(_), _) => "blueGreen",
        (None, Some(_)) => "canary",
        (None, None) => "none",
    }
}

/// The last of upstream's order; routers that it does not name are empty there too.
fn router(rollout: &Rollout) -> &'static str {
    let canary = rollout.spec.strategy.canary.as_ref().filter(|_| rollout.spec.strategy.blue_green.is_none());
    let Some(routing) = canary.and_then(|canary| canary.traffic_routing.as_ref()) else { return "" };
    let routers = [
        (routing.app_mesh.is_some(), "AppMesh"),
        (routing.smi.is_some(), "SMI"),
        (routing.nginx.is_some(), "Nginx"),
        (routing.istio.is_some(), "Istio"),
        (routing.ambassador.is_some(), "Ambassador"),
        (routing.alb.is_some(), "ALB"),
    ];
    routers.iter().find(|(is_set, _)| *is_set).map_or("", |(_, name)| name)
}

/// Not `status.phase`: the word that dashboards know.
fn phase(rollout: &Rollout) -> &'static str {
    let condition = |kind: &str| rollout.status.conditions.iter().find(|condition| condition.kind == kind);
    if condition(INVALID_SPEC).is_some() {
        return "InvalidSpec";
    }
    match condition(PROGRESSING).map(|condition| condition.reason.as_str()) {
        Some(reasons::NEW_REPLICA_SET_AVAILABLE) => "Completed",
        Some(reasons::ROLLOUT_PAUSED) => "Paused",
        Some(reasons::REPLICA_SET_CREATE_ERROR) => "Error",
        Some(reasons::PROGRESS_DEADLINE_EXCEEDED) => "Timeout",
        Some(reasons::ROLLOUT_ABORTED) => "Abort",
        _ => "Progressing",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tiphys_api::decode;

    use super::*;

    fn rollout(strategy: &Value, conditions: &Value) -> Rollout {
        let status = json!({"replicas": 5, "availableReplicas": 4, "updatedReplicas": 1, "conditions": conditions});
        let metadata = json!({"namespace": "shop", "name": "web"});
        decode(json!({"metadata": metadata, "spec": {"strategy": strategy}, "status": status})).object
    }

    #[test]
    fn phase_comes_from_the_progressing_condition() {
        for (kind, reason, expected) in [
            ("Progressing", "NewReplicaSetAvailable", "Completed"),
            ("Progressing", "RolloutPaused", "Paused"),
            ("Progressing", "ReplicaSetCreateError", "Error"),
            ("Progressing", "ProgressDeadlineExceeded", "Timeout"),
            ("Progressing", "RolloutAborted", "Abort"),
            ("Progressing", "ReplicaSetUpdated", "Progressing"),
            ("InvalidSpec", "InvalidSpec", "InvalidSpec"),
            ("Healthy", "", "Progressing"),
        ] {
            let found = rollout(&json!({}), &json!([{"type": kind, "status": "True", "reason": reason}]));
            assert_eq!(phase(&found), expected, "{kind} {reason}");
        }
    }

    #[test]
    fn strategy_and_router_are_named_as_upstream_names_them() {
        let routed = |router: &str| json!({"canary": {"trafficRouting": {router: {}}}});
        for (given, expected) in [
            (json!({"blueGreen": {}}), ("blueGreen", "")),
            (json!({"canary": {}}), ("canary", "")),
            (json!({}), ("none", "")),
            (routed("nginx"), ("canary", "Nginx")),
            (routed("smi"), ("canary", "SMI")),
            (routed("traefik"), ("canary", "")),
        ] {
            let found = rollout(&given, &json!([]));
            assert_eq!((strategy(&found), router(&found)), expected);
        }
    }

    #[test]
    fn page_has_every_gauge() {
        let restarting = json!([{"type": "Restarting", "status": "True", "reason": "RestartBlocked"}]);
        let mut page = Page::default();
        write(&mut page, &[rollout(&json!({"canary": {}}), &restarting)]);
        let text = page.finish();
        for line in [
            "rollout_info{namespace=\"shop\",name=\"web\",strategy=\"canary\",traffic_router=\"\",phase=\"Progressing\"} 1",
            "rollout_info_replicas_available{namespace=\"shop\",name=\"web\"} 4",
            "rollout_info_replicas_unavailable{namespace=\"shop\",name=\"web\"} 1",
            "rollout_info_replicas_desired{namespace=\"shop\",name=\"web\"} 1",
            "rollout_info_replicas_updated{namespace=\"shop\",name=\"web\"} 1",
            "rollout_phase{namespace=\"shop\",name=\"web\",strategy=\"canary\",phase=\"Progressing\"} 1",
            "rollout_phase{namespace=\"shop\",name=\"web\",strategy=\"canary\",phase=\"Abort\"} 0",
            "tiphys_rollout_restart{namespace=\"shop\",name=\"web\",reason=\"RestartBlocked\"} 1",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
