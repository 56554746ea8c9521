use serde_json::{Value, json};
use tiphys_deliver::normalize::{IgnoreRule, IgnoreRules, KnownTypes, drop_managed, split_key};
use tiphys_machinery::{
    meta,
    schema::{Schema, builtin},
};

use tiphys_vectors::Row;

use super::compare_as;

#[test]
fn vectors_gitops_normalize() {
    compare_as("gitops-normalize", has_path_through_a_function, Clone::clone, answer);
}

/// Upstream's jq lets a function pass for a path where it returns its input unchanged.
fn has_path_through_a_function(row: &Row) -> bool {
    row.input.to_string().contains("ascii_downcase")
}

fn answer(input: &Value) -> Value {
    match input["fn"].as_str().unwrap() {
        "ignore" => ignore(input),
        "knownTypes" => known_types(input),
        "managedFieldsManagers" => managers(input),
        other => panic!("unknown function {other}"),
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn ignore(input: &Value) -> Value {
    let rule = |json: &Value, group: &str, kind: &str| IgnoreRule {
        group: group.to_owned(),
        kind: kind.to_owned(),
        name: json["name"].as_str().unwrap_or_default().to_owned(),
        namespace: json["namespace"].as_str().unwrap_or_default().to_owned(),
        json_pointers: texts(&json["jsonPointers"]),
        jq_path_expressions: texts(&json["jqPathExpressions"]),
    };
    let own = input["ignoreDifferences"].as_array().into_iter().flatten();
    let own = own.map(|json| {
        let text = |field: &str| json[field].as_str().unwrap_or_default();
        rule(json, text("group"), text("kind"))
    });
    let system = input["overrides"].as_object().into_iter().flatten();
    let system = system.map(|(key, json)| {
        let (group, kind) = split_key(key);
        rule(json, group, kind)
    });
    let rules = match IgnoreRules::new(own.chain(system)) {
        Ok(rules) => rules,
        Err(problem) => return json!({"error": problem.to_string(), "stage": "config"}),
    };
    let mut object = input["object"].clone();
    match rules.apply(&mut object) {
        Ok(()) => changed(&input["object"], &object),
        Err(problem) => json!({"error": problem.to_string(), "stage": "normalize"}),
    }
}

fn changed(before: &Value, after: &Value) -> Value {
    if before == after { json!({"unchanged": true}) } else { json!({ "object": after }) }
}

fn known_types(input: &Value) -> Value {
    let overrides = input["overrides"].as_object().into_iter().flatten();
    let fields = overrides.flat_map(|(key, json)| {
        let fields = json["knownTypeFields"].as_array().into_iter().flatten();
        fields.map(move |field| (key.as_str(), field["field"].as_str().unwrap(), field["type"].as_str().unwrap()))
    });
    let mut object = input["object"].clone();
    match KnownTypes::new(fields).apply(&mut object) {
        Ok(()) => changed(&input["object"], &object),
        Err(problem) => json!({"error": problem.to_string()}),
    }
}

fn managers(input: &Value) -> Value {
    let managers = texts(&input["managers"]);
    let managers: Vec<&str> = managers.iter().map(String::as_str).collect();
    let (mut live, mut config) = (input["live"].clone(), input["config"].clone());
    if managers.is_empty() || live.is_null() || config.is_null() {
        return json!({"skipped": true});
    }
    let schema = builtin(meta::api_version(&live), meta::kind(&live));
    drop_managed(&mut live, &mut config, &managers, schema.as_deref().unwrap_or(&Schema::any()));
    json!({"live": live, "config": config})
}
