//! Phases.

use serde_json::{Value, json};
use tiphys_api::{Rollout, decode, phase};

use tiphys_vectors as vectors;

fn answer(input: &Value) -> Value {
    let mut rollout = decode::<Rollout>(input["rollout"].clone()).object;
    rollout.spec.template_resolved_from_ref = input["resolvedFromRef"] == true;
    let (shown, message) = phase::shown(&rollout);
    let (calculated, why) = phase::calculate(&rollout);
    let mut lua = json!({"error": true});
    if let Some(health) = phase::argocd_health(&input["rollout"]) {
        lua = json!({"status": health.status});
        if let Some(message) = health.message {
            lua["message"] = json!(message);
        }
    }
    json!({"phase": shown, "message": message, "calc": {"phase": calculated.as_str(), "message": why}, "lua": lua})
}

#[test]
fn vectors_rollout_phase() {
    let rows = vectors::rows("rollout-phase");
    let mut differences = Vec::new();
    for row in &rows {
        let found = answer(&row.input);
        if found != row.output {
            differences.push(format!("{}: {found}\n  not {}\n  for {}", row.id, row.output, row.input));
        }
    }
    vectors::report("rollout-phase", rows.len(), &differences);
}

#[test]
fn steps_are_named_as_events_name_them() {
    for (step, summary) in [
        (json!({"setWeight": 20}), "setWeight: 20"),
        (json!({"pause": {}}), "pause"),
        (json!({"pause": {"duration": "1h"}}), "pause: 1h"),
        (json!({"pause": {"duration": 10}}), "pause: 10"),
        (json!({"experiment": {}}), "experiment"),
        (json!({"analysis": {}}), "analysis"),
        (json!({"setCanaryScale": {"weight": 25, "replicas": 1}}), "setCanaryScale{weight: 25}"),
        (json!({"setCanaryScale": {"matchTrafficWeight": true}}), "setCanaryScale{matchTrafficWeight: true}"),
        (json!({"setCanaryScale": {"replicas": 3}}), "setCanaryScale{replicas: 3}"),
        (json!({"setCanaryScale": {}}), "invalid"),
        (json!({"plugin": {"name": "a/b"}}), "plugin: a/b"),
        (json!({"setHeaderRoute": {"name": "h"}}), "setHeaderRoute: h"),
        (json!({"setMirrorRoute": {"name": "m"}}), "setMirrorRoute: m"),
        (json!({}), "invalid"),
    ] {
        let rollout = decode::<Rollout>(json!({"spec": {"strategy": {"canary": {"steps": [step]}}}})).object;
        assert_eq!(rollout.spec.strategy.canary.unwrap().steps[0].summary(), summary);
    }
}
