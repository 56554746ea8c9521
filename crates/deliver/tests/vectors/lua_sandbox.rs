use jiff::Timestamp;
use serde_json::{Value, json};
use tiphys_deliver::{
    actions,
    health::{HealthScript, Status, health},
    lua::Libraries,
};
use tiphys_vectors::Row;

use super::compare_as;

#[test]
fn vectors_gitops_lua_sandbox() {
    compare_as("gitops-lua-sandbox", is_accepted, Clone::clone, answer);
}

/// What a sandbox does not have: `io`, `debug`, Go's channels, the insides and the version of another interpreter, a path
/// to load files from.
fn is_accepted(row: &Row) -> bool {
    let ids = ["expr-9-1", "expr-15-1", "expr-17-1", "expr-45-1", "expr-48-0", "expr-119-1"];
    ids.contains(&row.id.as_str().unwrap())
}

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn answer(input: &Value) -> Value {
    let text = input["script"].as_str().unwrap();
    if input["fn"] == "action" {
        return action(input, text);
    }
    let script =
        HealthScript { key: "*".to_owned(), text: format!(" {text}"), open_libraries: input["openLibs"] == true };
    match health(&input["object"], &[script], now()) {
        Ok(health) => {
            let health = health.unwrap();
            json!({"status": health.status.map_or("", Status::name), "message": health.message})
        }
        Err(problem) => json!({"error": problem.to_string()}),
    }
}

fn action(input: &Value, text: &str) -> Value {
    let params = input["params"].as_object().into_iter().flatten();
    let params: Vec<_> = params.map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    let libraries = if input["openLibs"] == true { Libraries::All } else { Libraries::Base };
    match actions::run_script(text, libraries, &input["object"], &params, now()) {
        Ok(impacted) => json!({"resources": super::actions::resources(&impacted)}),
        Err(problem) => json!({"error": problem.to_string()}),
    }
}
