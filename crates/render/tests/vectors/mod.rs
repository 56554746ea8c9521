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
use tiphys_vectors::{compare, compare_as};

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
        schemes: &["https".to_owned()],
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
