use serde_json::{Value, json};
use tiphys_render::revision::{self, Reference, RevisionError, Target};

use super::compare;

#[test]
fn vectors_gitops_revision() {
    compare("gitops-revision", answer);
}

fn answer(input: &Value) -> Value {
    let text = |field: &str| input[field].as_str().unwrap_or_default();
    match text("fn") {
        "isConstraint" => json!({"value": revision::is_constraint(text("revision"))}),
        "maxVersion" => {
            let tags: Vec<&str> = input["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            named("version", revision::max_version(text("revision"), &tags, text("tagPrefix")))
        }
        "lsRemote" => {
            let references: Vec<_> = input["refs"].as_array().unwrap().iter().map(reference).collect();
            named("sha", revision::resolve(text("revision"), &references, text("tagPrefix")))
        }
        other => panic!("unknown function {other}"),
    }
}

fn named(field: &str, result: Result<String, RevisionError>) -> Value {
    result.map_or_else(|problem| json!({"error": problem.to_string()}), |value| json!({field: value}))
}

fn reference(json: &Value) -> Reference {
    let text = |field: &str| json[field].as_str().map(str::to_owned);
    let target = text("hash").map_or_else(|| Target::Symbolic(text("target").unwrap()), Target::Hash);
    Reference { name: text("name").unwrap(), target }
}
