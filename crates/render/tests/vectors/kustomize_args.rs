use serde_json::{Value, json};
use tiphys_render::kustomize::build;

use super::{as_yaml, compare_as, with_request, written};

#[test]
fn vectors_gitops_kustomize_args() {
    compare_as("gitops-kustomize-args", |_| false, comparable, |input| comparable(&answer(input)));
}

/// Upstream runs what stands before an option that cannot be followed; Tiphys runs nothing.
fn comparable(out: &Value) -> Value {
    let mut out = out.clone();
    if !out["error"].is_null() {
        return json!({"error": ""});
    }
    if out["kustomization"].is_string() {
        out["kustomization"] = as_yaml(&out["kustomization"]);
    }
    out
}

fn answer(input: &Value) -> Value {
    let options = input["buildOptions"].as_str().unwrap_or_default();
    let files = ["kust/kustomization.yaml", "kust/comp/kustomization.yaml"];
    match with_request(input, &files, |request| build(request, Some("resources: []\n"), options)) {
        Ok(build) => {
            let commands: Vec<Value> = build.commands.iter().map(written).collect();
            let mut out = json!({"commands": commands});
            if let Some(kustomization) = build.kustomization {
                out["kustomization"] = kustomization.into();
            }
            out
        }
        Err(problem) => json!({"error": problem.to_string()}),
    }
}
