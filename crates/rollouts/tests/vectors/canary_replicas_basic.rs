use serde_json::{Value, json};
use tiphys_api::{Rollout, decode, defaults};
use tiphys_rollouts::plan::{
    canary_size::{Limits, Side, Sizes, Stable, next},
    steps,
};

use super::rows;

#[test]
fn vectors_canary_replicas_basic() {
    let Some(rows) = rows("canary-replicas-basic") else { return };
    for row in &rows {
        let split = next(&sizes(&row["in"]));
        let expected = (int(&row["out"]["new"]), int(&row["out"]["stable"]));
        assert_eq!((split.new, split.stable), expected, "row {}: {}", row["id"], row["in"]);
    }
}

fn int(value: &Value) -> i32 {
    value.as_i64().and_then(|number| i32::try_from(number).ok()).unwrap_or(0)
}

fn side(value: &Value) -> Option<Side> {
    (!value.is_null()).then(|| Side { spec: int(&value["r"]), available: int(&value["a"]) })
}

fn sizes(input: &Value) -> Sizes {
    let spec = json!({"replicas": input["replicas"], "strategy": {"canary": input["canary"]}});
    let rollout: Rollout = decode(json!({"spec": spec, "status": input["status"]})).object;
    let stable = match side(&input["stable"]) {
        None => Stable::Missing,
        Some(_) if input["stable"]["n"] == input["new"]["n"] => Stable::SameAsNew,
        Some(stable) => Stable::Other(stable),
    };
    let old = input["old"].as_array().into_iter().flatten().map(|old| int(&old["r"])).sum();
    Sizes {
        desired: defaults::replicas(&rollout),
        weight: steps::weight(&rollout),
        limits: Limits::of(&rollout),
        new: side(&input["new"]),
        stable,
        old,
    }
}
