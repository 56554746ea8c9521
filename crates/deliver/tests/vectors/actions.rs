use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tiphys_deliver::actions::{Action, ActionError, Impacted, Operation, discover, run};

use super::compare;

#[test]
fn vectors_gitops_actions() {
    compare("gitops-actions", answer);
}

fn answer(input: &Value) -> Value {
    let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
    let object = &input["object"];
    if input["fn"] == "discovery" {
        return match discover(object, None, now) {
            Ok(actions) => json!({"actions": actions.iter().map(action).collect::<Vec<_>>()}),
            Err(problem) => json!({"error": problem.to_string()}),
        };
    }
    let params = input["params"].as_object().into_iter().flatten();
    let params: Vec<_> = params.map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    match run(object, input["action"].as_str().unwrap(), &params, None, now) {
        Ok(impacted) => json!({"resources": resources(&impacted)}),
        Err(problem @ ActionError::Lookup) => json!({"error": problem.to_string(), "stage": "lookup"}),
        Err(problem) => json!({"error": problem.to_string(), "stage": "run"}),
    }
}

pub(super) fn resources(impacted: &[Impacted]) -> Vec<Value> {
    let operation = |operation: Option<Operation>| match operation {
        Some(Operation::Create) => "create",
        Some(Operation::Patch) => "patch",
        None => "",
    };
    impacted.iter().map(|one| json!({"operation": operation(one.operation), "resource": one.resource})).collect()
}

fn action(action: &Action) -> Value {
    let mut out = Map::new();
    out.insert("name".into(), json!(action.name));
    if action.disabled {
        out.insert("disabled".into(), json!(true));
    }
    for (name, text) in [("iconClass", &action.icon_class), ("displayName", &action.display_name)] {
        if !text.is_empty() {
            out.insert(name.into(), json!(text));
        }
    }
    if !action.parameters.is_empty() {
        let params: Vec<_> = action.parameters.iter().map(|name| json!({"name": name})).collect();
        out.insert("params".into(), json!(params));
    }
    Value::Object(out)
}
