use serde_json::{Value, json};
use tiphys_api::{
    Rollout, decode,
    types::{ExperimentStatus, WeightDestination},
};
use tiphys_rollouts::plan::{
    routes::{Routes, live},
    weights::{Decision, Input, Pods, decide},
};

use super::{ranges, rows};

/// The rule by which rows differ on purpose: a row of `docs/differences.md`.
const RULE: &str = "Weights while the stable side lacks pods";

#[test]
fn vectors_traffic_weights() {
    let Some(rows) = rows("traffic-weights") else { return };
    let differing: Vec<i64> = rows.iter().filter(|row| differs(row)).map(|row| row["id"].as_i64().unwrap()).collect();
    let listed = format!("| {RULE} (`traffic-weights` rows {}) |", ranges(&differing));
    assert!(include_str!("../../../../docs/differences.md").contains(&listed), "docs/differences.md lacks: {listed}");
}

/// Returns whether a row differs by the rule; any other difference fails.
#[track_caller]
fn differs(row: &Value) -> bool {
    let (input, out) = (&row["in"], &row["out"]);
    let rollout: Rollout = decode(input["rollout"].clone()).object;
    let experiment: Option<ExperimentStatus> =
        serde_json::from_value(input["experimentStatus"].clone()).unwrap_or(None);
    let decision = decide(&Input {
        rollout: &rollout,
        new: pods(&input["newRS"]),
        stable: pods(&input["stableRS"]),
        former: former(input, &rollout),
        experiment: experiment.as_ref(),
    });
    let calls = out["calls"].as_array().unwrap();
    let last = |name: &str| calls.iter().rev().find(|call| call["call"] == name);
    let Some(set) = last("SetWeight") else {
        assert!(decision.held.is_some() || decision.is_told, "row {}: {decision:?}", row["id"]);
        return decision.is_told;
    };
    let hashes = last("UpdateHash").unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let theirs = json!({
        "weight": set["weight"], "additional": destinations(&set["additional"]),
        "hashes": [text(&hashes["canary"]), text(&hashes["stable"])],
        "stable": out["weights"]["stable"]["weight"],
    });
    assert_eq!(ours(&decision), theirs, "row {}: {decision:?} {row}", row["id"]);
    let revision = rollout.metadata.annotations.as_ref().and_then(|all| all.get("rollout.argoproj.io/revision"));
    let is_update = revision.is_some_and(|revision| revision.parse::<i64>().unwrap() > 1);
    let routes = if decision.may_have_routes && is_update { live(&rollout) } else { Routes::default() };
    compare_routes(row, &decision, &routes);
    false
}

/// A route exists if the last that was said of it is a step with matches.
#[track_caller]
fn compare_routes(row: &Value, decision: &Decision, routes: &Routes<'_>) {
    let calls = row["out"]["calls"].as_array().unwrap();
    let is_removed = calls.iter().any(|call| call["call"] == "RemoveManagedRoutes");
    assert!(!is_removed || !decision.may_have_routes, "row {}: {decision:?}", row["id"]);
    for call in calls {
        let live = match call["call"].as_str().unwrap() {
            "SetHeaderRoute" => routes.headers.iter().any(|route| call["name"] == route.name.as_str()),
            "SetMirrorRoute" => routes.mirrors.iter().any(|route| call["name"] == route.name.as_str()),
            _ => continue,
        };
        assert_eq!(live, call["match"].is_array(), "row {}: {call}", row["id"]);
    }
}

fn ours(decision: &Decision) -> Value {
    json!({
        "weight": decision.weight, "additional": additional(&decision.additional),
        "hashes": [decision.canary_hash, decision.stable_hash], "stable": decision.stable_weight(),
    })
}

fn additional(all: &[WeightDestination]) -> Vec<(i32, String, String)> {
    all.iter().map(|one| (one.weight, one.service_name.clone(), one.pod_template_hash.clone())).collect()
}

fn destinations(list: &Value) -> Vec<(i32, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    list.as_array()
        .into_iter()
        .flatten()
        .map(|one| (int(&one["weight"]), text(&one["service"]), text(&one["hash"])))
        .collect()
}

fn int(value: &Value) -> i32 {
    value.as_i64().and_then(|number| i32::try_from(number).ok()).unwrap_or(0)
}

fn pods(value: &Value) -> Option<Pods<'_>> {
    let hash = value["hash"].as_str()?;
    let (size, available) = (int(&value["replicas"]), int(&value["available"]));
    Some(Pods { hash, size, existing: size, available, is_failing: false })
}

fn former<'a>(input: &'a Value, rollout: &Rollout) -> Option<Pods<'a>> {
    let hash = &rollout.status.canary.weights.as_ref()?.canary.pod_template_hash;
    input["otherRSs"].as_array()?.iter().filter_map(pods).find(|pods| pods.hash == hash)
}
