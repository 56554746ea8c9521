use serde_json::{Value, json};
use tiphys_api::types::AppProjectSpec;
use tiphys_gitops::project::{
    Cluster, Scope, permits_application_in, permits_destination, permits_kind, permits_source, policies, validate,
};

use super::compare;

#[test]
fn vectors_gitops_project() {
    compare("gitops-project", answer);
}

fn answer(input: &Value) -> Value {
    let text = |field: &str| input[field].as_str().unwrap_or_default();
    let spec: AppProjectSpec = serde_json::from_value(input["spec"].clone()).unwrap();
    let permitted = |permitted: bool| json!({"permitted": permitted});
    match text("fn") {
        "source" => permitted(permits_source(&spec, text("repoURL"))),
        "destination" => {
            let own: Vec<_> = input["projectClusters"].as_array().into_iter().flatten().map(cluster).collect();
            permitted(permits_destination(&spec, cluster(&input["cluster"]), text("namespace"), &own))
        }
        "groupKind" => {
            let scope = if input["namespaced"] == true { Scope::Namespaced } else { Scope::Cluster };
            permitted(permits_kind(&spec, text("group"), text("kind"), text("name"), scope))
        }
        "appNamespace" => permitted(permits_application_in(&spec, text("appNamespace"), text("controllerNamespace"))),
        "validate" => match validate(text("name"), &spec) {
            Ok(()) => json!({"valid": true}),
            Err(problem) => json!({"valid": false, "error": problem.to_string()}),
        },
        "policiesString" => json!({"policy": policies(text("name"), &spec)}),
        other => panic!("unknown function {other}"),
    }
}

fn cluster(json: &Value) -> Cluster<'_> {
    Cluster { name: json["name"].as_str().unwrap_or_default(), server: json["server"].as_str().unwrap_or_default() }
}
