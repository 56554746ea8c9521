use serde_json::{Value, json};
use tiphys_render::helm::template;

use super::{as_yaml, compare_as, with_request, written};

const FILES: [&str; 8] = [
    "chart/Chart.yaml",
    "chart/values.yaml",
    "chart/prod.yaml",
    "chart/values-web.yaml",
    "chart/env/eu.yaml",
    "chart/env/us.yaml",
    "chart/file.txt",
    "shared/common.yaml",
];

#[test]
fn vectors_gitops_helm_args() {
    compare_as("gitops-helm-args", |_| false, with_values_as_yaml, |input| with_values_as_yaml(&answer(input)));
}

fn with_values_as_yaml(out: &Value) -> Value {
    let mut out = out.clone();
    if out["commands"][0]["inlineValues"].is_string() {
        out["commands"][0]["inlineValues"] = as_yaml(&out["commands"][0]["inlineValues"]);
    }
    out
}

fn answer(input: &Value) -> Value {
    match with_request(input, &FILES, template) {
        Ok(template) => {
            let mut command = written(&template.command);
            if let Some(values) = template.inline_values {
                command["inlineValues"] = values.into();
            }
            json!({"commands": [command]})
        }
        Err(problem) => json!({"error": problem.to_string()}),
    }
}
