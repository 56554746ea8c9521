//! Templates and arguments.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use tiphys_analysis::template::{
    ExperimentTemplate, Hashes, TemplateError, experiment_argument, flatten, merge_arguments, resolve_metric,
    rollout_arguments, run_spec, unique,
};
use tiphys_api::types::{AnalysisRunSpec, AnalysisTemplateSpec, Metric};

use super::{report, rows};

/// Rows in which we differ on purpose; `docs/differences.md` says why.
const DIFFERENT: [u64; 9] = [12, 18, 29, 42, 46, 55, 63, 83, 164];

fn read<T: DeserializeOwned + Default>(json: &Json) -> T {
    if json.is_null() { T::default() } else { serde_json::from_value(json.clone()).unwrap() }
}

fn specs(input: &Json) -> Vec<AnalysisTemplateSpec> {
    let list = |field: &str| input[field].as_array().cloned().unwrap_or_default();
    [list("templates"), list("clusterTemplates")].concat().iter().map(|template| read(&template["spec"])).collect()
}

fn names(input: &Json) -> Json {
    let list = input.as_array().cloned().unwrap_or_default();
    let names = list.iter().map(|template| template["metadata"]["name"].as_str().unwrap().to_owned()).collect();
    json!(unique::<String>(names, |name| name))
}

fn answer(input: &Json) -> Result<Json, TemplateError> {
    Ok(match input["kind"].as_str().unwrap() {
        "resolve-metric" => {
            let metric: Metric = read(&input["metric"]);
            json!(resolve_metric(&metric, &read::<Vec<_>>(&input["args"]))?)
        }
        "merge-args" => {
            json!(merge_arguments(&read::<Vec<_>>(&input["incoming"]), &read::<Vec<_>>(&input["template"]))?)
        }
        "flatten" => json!(flatten(&specs(input))?),
        "unique" => {
            json!({"templates": names(&input["templates"]), "clusterTemplates": names(&input["clusterTemplates"])})
        }
        "new-run" => {
            let (args, dry_run): (Vec<_>, Vec<_>) = (read(&input["args"]), read(&input["dryRun"]));
            json!(run_spec(&specs(input), &args, &dry_run, &read::<Vec<_>>(&input["measurementRetention"]))?)
        }
        "rollout-args" => {
            let text = |field: &str| input[field].as_str().unwrap_or_default().to_owned();
            let hashes = Hashes { stable: text("stableHash"), latest: text("latestHash") };
            let rollout = tiphys_api::decode(input["rollout"].clone()).object;
            json!(rollout_arguments(&read::<Vec<_>>(&input["args"]), &hashes, &rollout)?)
        }
        _ => {
            let template = |template: &Json| ExperimentTemplate {
                pod_template_hash: template["podTemplateHash"].as_str().unwrap().to_owned(),
                replica_set: template["replicaset"].as_str().unwrap().to_owned(),
            };
            let templates = input["templates"].as_object().cloned().unwrap_or_default();
            let templates: BTreeMap<_, _> =
                templates.iter().map(|(name, json)| (name.clone(), template(json))).collect();
            let available_at = input["availableAt"].as_str().map(|at| at.parse().unwrap());
            let duration = input["duration"].as_str().unwrap_or_default();
            json!(experiment_argument(input["value"].as_str().unwrap(), available_at, duration, &templates)?)
        }
    })
}

/// Upstream writes empty objects where we write nothing: both sides are read into the same types, and those that other
/// types bring are dropped.
fn normal(kind: &str, json: &Json) -> Json {
    without_empty(match kind {
        "resolve-metric" => json!(read::<Metric>(json)),
        "flatten" => json!(read::<AnalysisTemplateSpec>(json)),
        "new-run" => json!(read::<AnalysisRunSpec>(json)),
        _ => json.clone(),
    })
}

fn without_empty(json: Json) -> Json {
    match json {
        Json::Object(fields) => {
            let fields = fields.into_iter().map(|(key, value)| (key, without_empty(value)));
            fields.filter(|(_, value)| value.as_object().is_none_or(|object| !object.is_empty())).collect()
        }
        Json::Array(items) => items.into_iter().map(without_empty).collect(),
        other => other,
    }
}

#[test]
fn vectors_analysis_args() {
    let Some(rows) = rows("analysis-args") else { return };
    let mut wrong = Vec::new();
    for row in &rows {
        let (id, kind) = (row["id"].as_u64().unwrap(), row["in"]["kind"].as_str().unwrap());
        let got = answer(&row["in"]);
        let is_same = match (&got, row["out"]["error"].as_str()) {
            (Ok(got), None) => normal(kind, &row["out"]["result"]) == normal(kind, got),
            // The text repeats the whole metric as JSON, in which the order of fields is no part of anything.
            (Err(TemplateError::Unterminated { .. }), Some(wanted)) => wanted.starts_with("Cannot find end tag"),
            (Err(got), Some(wanted)) => got.to_string() == wanted,
            _ => false,
        };
        if is_same == DIFFERENT.contains(&id) {
            wrong.push(format!("{id}: {}\n    upstream {}\n    here     {got:?}", row["in"], row["out"]));
        }
    }
    report("analysis-args", rows.len(), &wrong);
}
