//! Agreement with recorded answers of upstream's own functions.

mod helm_args;
mod kustomize_args;
mod repo_url;
mod revision;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tiphys_render::checkout::{Checkout, Entry};
use tiphys_render::command::{Argument, Command};
use tiphys_render::request::Request;
use tiphys_render::yaml;
use tiphys_vectors::{report, rows};

/// Compares what the crate answers with every row, and fails with the first few that differ.
fn compare(topic: &str, answer: impl Fn(&Value) -> Value) {
    compare_as(topic, Value::clone, answer);
}

/// Compares both sides in the form that `comparable` brings them into.
fn compare_as(topic: &str, comparable: impl Fn(&Value) -> Value, answer: impl Fn(&Value) -> Value) {
    let rows = rows(topic);
    let mut differences = Vec::new();
    for row in &rows {
        let actual = answer(&row.input);
        if !same(&comparable(&actual), &comparable(&row.output)) {
            differences.push(format!("{}\n  in   {}\n  want {}\n  got  {actual}", row.id, row.input, row.output));
        }
    }
    report(topic, rows.len(), &differences);
}

/// Equal as JSON values (1 and 1.0 are), where the texts of errors do not count.
fn same(actual: &Value, expected: &Value) -> bool {
    match (actual, expected) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| key == "error" || same(a, b)))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => actual == expected,
    }
}

/// The request of a row about command lines; `files` is what the repository held.
fn with_request<T>(input: &Value, files: &[&str], answer: impl FnOnce(&Request<'_>) -> T) -> T {
    let source = serde_json::from_value(input["source"].clone()).unwrap();
    let text = |field: &str| input[field].as_str().unwrap_or_default();
    let api_versions: Vec<String> = serde_json::from_value(input["apiVersions"].clone()).unwrap();
    let checkout = Checkout::new(files.iter().map(|path| ((*path).to_owned(), Entry::File)));
    answer(&Request {
        source: &source,
        application: text("appName"),
        project: "proj",
        namespace: text("namespace"),
        revision: "0123456789abcdef0123456789abcdef01234567",
        kube_version: text("kubeVersion"),
        api_versions: &api_versions,
        checkout: &checkout,
        references: &BTreeMap::new(),
        schemes: &["https"],
    })
}

fn written(command: &Command) -> Value {
    let arguments: Vec<String> = command.arguments.iter().map(argument).collect();
    json!({"bin": command.program, "args": arguments})
}

fn argument(argument: &Argument) -> String {
    match argument {
        Argument::Text(text) => text.clone(),
        Argument::Path { before, path, .. } => format!("{before}<repo>/{path}"),
        Argument::InlineValues => "<inline-values>".to_owned(),
    }
}

/// How a YAML text is written is our own affair.
fn as_yaml(text: &Value) -> Value {
    text.as_str()
        .map_or(Value::Null, |text| yaml::read(text).map_or_else(|_| text.into(), |value| json!({"is": value})))
}
