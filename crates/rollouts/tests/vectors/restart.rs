use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tiphys_api::{Rollout, decode, defaults};
use tiphys_rollouts::plan::restart::{Candidate, Floor, round};

use super::rows;

/// How a restart went: the fields of a row's `out`.
#[derive(Debug, PartialEq, Default)]
struct Outcome {
    evicted: Vec<String>,
    tried: Vec<String>,
    served: bool,
    requeue: Option<i64>,
    failed: bool,
}

#[test]
fn vectors_restart() {
    let Some(rows) = rows("restart") else { return };
    for row in &rows {
        let expected = expected(&row["out"]);
        assert_eq!(play(&row["in"], &pods(&row["in"])), expected, "row {}: {}", row["id"], row["in"]);
    }
}

/// Stable pods go before new ones and oldest first here; upstream takes them as listed. The number of pods that go must
/// be the same.
#[test]
fn vectors_restart_counts_do_not_depend_on_the_order() {
    let Some(rows) = rows("restart") else { return };
    for row in &rows {
        let (input, out) = (&row["in"], expected(&row["out"]));
        if input["pods"].as_array().into_iter().flatten().any(|pod| !pod["reject"].is_null()) {
            continue;
        }
        let mut pods = pods(input);
        pods.sort_by_key(|pod| {
            let owner = owner(input, pod.name);
            (*owner != input["stableRS"], *owner != input["newRS"], pod.created)
        });
        let played = play(input, &pods);
        assert_eq!(
            (played.evicted.len(), played.served, played.requeue),
            (out.evicted.len(), out.served, out.requeue),
            "row {}",
            row["id"]
        );
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_000_000_000 + seconds)
}

fn names(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|name| name.as_str().unwrap().to_owned()).collect()
}

fn expected(out: &Value) -> Outcome {
    let evicted = names(&out["evicted"]);
    let tried = if out["tried"].is_null() { evicted.clone() } else { names(&out["tried"]) };
    Outcome {
        evicted,
        tried,
        served: out["restartedAtSet"] == true,
        requeue: out["requeue"].as_i64(),
        failed: !out["error"].is_null(),
    }
}

fn owner<'a>(input: &'a Value, pod: &str) -> &'a Value {
    &listed(input, pod)["owner"]
}

fn listed<'a>(input: &'a Value, name: &str) -> &'a Value {
    input["pods"].as_array().into_iter().flatten().find(|pod| pod["name"] == name).unwrap()
}

/// The pods that belong to the Rollout, as listed.
fn pods(input: &Value) -> Vec<Candidate<'_>> {
    let owners: Vec<&Value> = input["replicaSets"].as_array().into_iter().flatten().map(|set| &set["name"]).collect();
    let min_ready = input["minReadySeconds"].as_i64().unwrap_or(0);
    let pods = input["pods"].as_array().into_iter().flatten();
    let ours = pods.filter(|pod| pod["noMatch"] != true && owners.contains(&&pod["owner"]));
    ours.map(|pod| {
        let deleting = pod["deleting"] == true;
        let is_ready = pod["readySince"].as_i64().is_some_and(|since| min_ready == 0 || since + min_ready <= 0);
        let created = at(pod["created"].as_i64().unwrap());
        Candidate { name: pod["name"].as_str().unwrap(), created, available: is_ready && !deleting, deleting }
    })
    .collect()
}

fn play(input: &Value, pods: &[Candidate<'_>]) -> Outcome {
    let Some(restart_at) = input["restartAt"].as_i64() else { return Outcome::default() };
    if restart_at >= 0 {
        let resync = input["resyncSeconds"].as_i64().unwrap();
        let requeue = (restart_at < resync).then_some(restart_at);
        return Outcome { requeue, ..Outcome::default() };
    }
    if input["restartedAt"].as_i64() == Some(restart_at) {
        return Outcome::default();
    }
    let round = round(pods, at(restart_at), floor(input), 0);
    let mut outcome = Outcome::default();
    for name in round.candidates {
        if outcome.evicted.len() == round.at_most {
            break;
        }
        outcome.tried.push(name.to_owned());
        match listed(input, name)["reject"].as_str() {
            None => outcome.evicted.push(name.to_owned()),
            Some("pdb") => {}
            Some(_) => return Outcome { failed: true, ..outcome },
        }
    }
    outcome.served = outcome.evicted.len() == round.old;
    outcome.requeue = (!outcome.served).then_some(30);
    outcome
}

fn floor(input: &Value) -> Floor {
    let limits = json!({"maxUnavailable": input["maxUnavailable"], "maxSurge": input["maxSurge"]});
    let strategy = input["strategy"].as_str().unwrap();
    let spec = json!({"replicas": input["replicas"], "strategy": {strategy: limits}});
    let rollout: Rollout = decode(json!({"spec": spec})).object;
    let sets = input["replicaSets"].as_array().into_iter().flatten();
    let total: i64 = sets.map(|set| set["replicas"].as_i64().unwrap()).sum();
    Floor {
        desired: defaults::replicas(&rollout),
        total: i32::try_from(total).unwrap(),
        unavailable: defaults::max_unavailable(&rollout),
    }
}
