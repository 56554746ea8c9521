use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tiphys_deliver::{
    diff::{DiffOptions, Mode, Webhooks, diff},
    mask::mask,
};
use tiphys_machinery::{
    resource::Gvk,
    schema::{Schema, builtin, from_crd},
};

use tiphys_vectors::Row;

use super::compare_as;

#[test]
fn vectors_gitops_diff() {
    compare_as("gitops-diff", is_accepted, without_directives, answer);
}

/// Old versions of kinds that no server has had for years are compared as custom resources here.
fn is_accepted(row: &Row) -> bool {
    let live = row.input["live"]["apiVersion"].as_str().unwrap_or_default();
    matches!(live, "apps/v1beta1" | "extensions/v1beta1") || ACCEPTED.contains(&row.id.as_str().unwrap())
}

/// Node ports, which a server keeps when ports are applied, stay; what merging leaves empty is absent, not `null`; items
/// of a Rollout's pods have keys.
const ACCEPTED: [&str; 4] = ["fixture-smd-merge-2", "smd-ConfigMap-1-13", "smd-Rollout-1-63", "smd-Rollout-1-130"];

fn schema_of(gvk: &Gvk) -> Option<Arc<Schema>> {
    if gvk.kind != "Rollout" {
        return builtin(&gvk.api_version(), &gvk.kind);
    }
    let crd = tiphys_api::crds::crds().into_iter().find(|crd| crd["spec"]["names"]["kind"] == "Rollout")?;
    Some(Arc::new(from_crd(Some(&crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]))))
}

/// Upstream leaves directives of its patches in both compared objects.
fn without_directives(out: &Value) -> Value {
    match out {
        Value::Object(map) => {
            let kept = map.iter().filter(|(key, _)| *key != "$retainKeys");
            Value::Object(kept.map(|(key, value)| (key.clone(), without_directives(value))).collect())
        }
        Value::Array(items) => items.iter().map(without_directives).collect(),
        other => other.clone(),
    }
}

fn answer(input: &Value) -> Value {
    let side = |field: &str| Some(&input[field]).filter(|object| !object.is_null());
    let (target, live) = (side("target"), side("live"));
    if input["fn"] == "hideSecretData" {
        let annotations = input["hideAnnotations"].as_array().into_iter().flatten().map(|key| key.as_str().unwrap());
        let masked = mask(target, live, &annotations.collect::<Vec<_>>());
        return json!({"target": masked.target, "live": masked.live});
    }
    let manager = input["manager"].as_str().unwrap_or_default();
    let mode = match input["mode"].as_str().unwrap() {
        "merge" => Mode::Merge,
        "structured-merge" => Mode::Structured { manager },
        "server-side" => Mode::ServerSide { manager, dry_run: &input["dryRunResult"], webhooks: Webhooks::Ignored },
        other => panic!("unknown mode {other}"),
    };
    let options = DiffOptions {
        mode,
        ignore_aggregated_roles: input["ignoreAggregatedRoles"] == true,
        normalizer: &|_| {},
        types: &schema_of,
        now: Timestamp::UNIX_EPOCH,
    };
    match diff(target, live, &options) {
        Ok(diff) => {
            let mut out = json!({"modified": diff.modified, "normalizedLive": diff.live});
            if diff.predicted != diff.live {
                out["predictedLive"] = diff.predicted;
            }
            out
        }
        Err(problem) => json!({"error": problem.to_string()}),
    }
}
