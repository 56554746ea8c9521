use serde_json::{Value, json};
use tiphys_render::{repository, revision};

use super::compare;

#[test]
fn vectors_gitops_repo_url() {
    compare("gitops-repo-url", answer);
}

fn answer(input: &Value) -> Value {
    let text = |field: &str| input[field].as_str().unwrap_or_default();
    match text("fn") {
        "normalize" => normal_forms(text("url")),
        "same" => json!({"same": repository::is_same(text("a"), text("b"))}),
        "credentialTemplate" => {
            let templates = input["templates"].as_array().unwrap().iter().map(|url| url.as_str().unwrap());
            let index = repository::credential_template(text("url"), templates);
            json!({"index": index.map_or(-1, |index| i64::try_from(index).unwrap())})
        }
        "webhookURL" => matched(repository::matches_web_url(text("webURL"), text("repoURL"))),
        "webhookAPIURL" => matched(repository::matches_api_url(text("apiURL"), text("url"))),
        "parseRevision" => json!({"revision": revision::of_reference(text("ref"))}),
        "sourceRevisionHasChanged" => {
            let touched_head = input["touchedHead"] == true;
            let pushed = text("pushedRevision");
            json!({"changed": revision::is_changed_by_push(text("targetRevision"), pushed, touched_head)})
        }
        other => panic!("unknown function {other}"),
    }
}

fn normal_forms(url: &str) -> Value {
    json!({
        "normalized": repository::normalize(url),
        "normalizedAllowInvalid": repository::normalize_or_keep(url),
        "sanitized": repository::without_credentials(url),
        "isSSH": repository::ssh_user(url).is_some(),
        "isHTTPS": repository::is_https(url),
        "isHTTP": repository::is_http(url),
        "sshUser": repository::ssh_user(url).unwrap_or_default(),
        "sshHostPort": repository::ssh_host_port(url),
    })
}

fn matched(result: Result<bool, repository::ParseUrlError>) -> Value {
    result.map_or_else(|problem| json!({"error": problem.to_string()}), |matches| json!({"matches": matches}))
}
