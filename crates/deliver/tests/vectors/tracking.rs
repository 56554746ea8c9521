use serde_json::{Value, json};
use tiphys_deliver::tracking::{
    INSTANCE_LABEL, Method, Tracking, TrackingId, instance_name, parse_instance_name, parse_qualified_name,
    truncate_label,
};

use super::compare;

#[test]
fn vectors_gitops_tracking() {
    compare("gitops-tracking", answer);
}

fn answer(input: &Value) -> Value {
    let text = |field: &str| input[field].as_str().unwrap_or_default();
    let tracking = Tracking {
        method: Method::of(text("method")),
        label_key: input["labelKey"].as_str().unwrap_or(INSTANCE_LABEL),
        installation_id: text("installationID"),
    };
    let mut object = input["object"].clone();
    match text("fn") {
        "parse" => TrackingId::parse(text("value")).map_or_else(error, |id| id_json(&id)),
        "truncateLabel" => truncate_label(text("value")).map_or_else(error, |value| json!({"value": value})),
        "get" => json!({"app": tracking.application(&object), "instance": tracking.id(&object).map(|id| id_json(&id))}),
        "set" => match tracking.set(&mut object, text("app"), text("namespace")) {
            Ok(()) => json!({"object": object}),
            Err(problem) => error(problem),
        },
        "remove" => tracking.remove(&mut object).map_or_else(error, |()| json!({"object": object})),
        "normalize" => {
            let mut live = input["live"].clone();
            tracking.normalize(&input["config"], &mut live).map_or_else(error, |()| json!({"live": live}))
        }
        "instanceName" => json!({"value": instance_name(text("name"), text("namespace"), text("controllerNamespace"))}),
        "parseInstanceName" => names(parse_instance_name(text("value"), text("defaultNamespace"))),
        "parseQualifiedName" => names(parse_qualified_name(text("value"), text("defaultNamespace"))),
        other => panic!("unknown function {other}"),
    }
}

fn names((namespace, name): (&str, &str)) -> Value {
    json!({"namespace": namespace, "name": name})
}

fn id_json(id: &TrackingId) -> Value {
    json!({
        "application": id.application, "group": id.group, "kind": id.kind, "namespace": id.namespace, "name": id.name,
    })
}

fn error(problem: impl std::fmt::Display) -> Value {
    json!({"error": problem.to_string()})
}
