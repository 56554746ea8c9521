use serde_json::{Value, json};
use tiphys_api::decode;
use tiphys_rollouts::plan::{
    canary_size::Side,
    routed_size::{Recorded, sizes},
};

use super::{ranges, rows};

/// The rule by which rows differ on purpose: a row of `docs/differences.md`.
const RULE: &str = "`setCanaryScale` above the full weight with `dynamicStableScale`";

#[test]
fn vectors_canary_replicas_traffic() {
    let Some(rows) = rows("canary-replicas-traffic") else { return };
    let mut negative = Vec::new();
    for row in &rows {
        let input = &row["in"];
        let spec = json!({"replicas": input["replicas"], "strategy": {"canary": input["canary"]}});
        let rollout = decode(json!({"spec": spec, "status": input["status"]})).object;
        let recorded =
            input["weights"].as_array().map(|weights| Recorded { canary: int(&weights[0]), stable: int(&weights[1]) });
        let split = sizes(&rollout, side(&input["new"]), side(&input["stable"]), recorded);
        let expected = (int(&row["out"]["new"]), int(&row["out"]["stable"]));
        if expected.1 < 0 {
            negative.push(row["id"].as_i64().unwrap());
        }
        assert_eq!((split.new, split.stable), (expected.0, expected.1.max(0)), "row {}: {input}", row["id"]);
    }
    let listed = format!("| {RULE} (`canary-replicas-traffic` rows {}) |", ranges(&negative));
    assert!(include_str!("../../../../docs/differences.md").contains(&listed), "docs/differences.md lacks: {listed}");
}

fn int(value: &Value) -> i32 {
    value.as_i64().and_then(|number| i32::try_from(number).ok()).unwrap_or(0)
}

fn side(value: &Value) -> Option<Side> {
    (!value.is_null()).then(|| Side { spec: int(&value["r"]), available: int(&value["a"]) })
}
