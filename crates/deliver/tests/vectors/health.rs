use jiff::Timestamp;
use serde_json::{Value, json};
use tiphys_deliver::health::{HealthScript, Status, health};

use super::compare_as;

#[test]
fn vectors_gitops_health() {
    compare_as("gitops-health", |_| false, without_message_of_errors, answer);
}

fn without_message_of_errors(out: &Value) -> Value {
    let mut out = out.clone();
    if !out["error"].is_null() {
        out.as_object_mut().unwrap().remove("message");
    }
    out
}

fn answer(input: &Value) -> Value {
    let scripts: Vec<_> = input["overrides"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, json)| HealthScript {
            key: key.clone(),
            text: json["health.lua"].as_str().unwrap_or_default().to_owned(),
            open_libraries: json["health.lua.useOpenLibs"] == true,
        })
        .collect();
    match health(&input["object"], &scripts, Timestamp::UNIX_EPOCH) {
        Ok(None) => json!({"none": true}),
        Ok(Some(health)) => {
            json!({"status": health.status.map_or("", Status::name), "message": health.message})
        }
        Err(problem) => json!({"error": problem.to_string(), "status": "Unknown"}),
    }
}
