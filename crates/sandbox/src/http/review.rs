//! Reviews: kinds that are answered and never stored (`spec/sandbox.md` section 12.3).

use serde_json::{Value, json};
use tiphys_machinery::{decode::FieldValidation, error::ApiError, field::Path, resource::Resource};

use super::{auth, call::Call, negotiate, reply::Reply, service::Server, write};

/// Answers a review; `None` for resources that are none.
pub(super) fn review(
    server: &Server,
    call: &Call,
    resource: &Resource,
    namespace: Option<&str>,
) -> Option<Result<Reply, ApiError>> {
    let group = resource.gvk.group.as_str();
    if !matches!(group, "authentication.k8s.io" | "authorization.k8s.io") {
        return None;
    }
    Some(answer(server, call, resource, namespace))
}

fn answer(server: &Server, call: &Call, resource: &Resource, namespace: Option<&str>) -> Result<Reply, ApiError> {
    let media = negotiate::wanted(call)?.media;
    let mut object = write::body(call, resource.into(), FieldValidation::Ignore)?.object;
    write::check_namespace(&mut object, resource, namespace.unwrap_or_default())?;
    check(resource, &object["spec"])?;
    object["status"] = match resource.gvk.kind.as_str() {
        "SelfSubjectReview" => json!({"userInfo": call.user.to_value()}),
        "TokenReview" => token_status(server, &object["spec"]),
        "SelfSubjectRulesReview" => rules_status(),
        "SelfSubjectAccessReview" => access_status(!call.user.is_anonymous()),
        _ => access_status(object["spec"]["user"] != "system:anonymous"),
    };
    Ok(Reply::value(201, media, &object))
}

/// # Errors
/// 422 for a question about access that does not say what to, or whose.
fn check(resource: &Resource, spec: &Value) -> Result<(), ApiError> {
    let kind = resource.gvk.kind.as_str();
    let mut causes = Vec::new();
    if kind.ends_with("AccessReview") && spec["resourceAttributes"].is_null() == spec["nonResourceAttributes"].is_null()
    {
        let detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        let given = spec["resourceAttributes"].clone();
        causes.push(Path::new("spec.resourceAttributes").invalid(given, detail));
    }
    let nobody =
        spec["user"].as_str().unwrap_or_default().is_empty() && spec["groups"].as_array().is_none_or(Vec::is_empty);
    if matches!(kind, "SubjectAccessReview" | "LocalSubjectAccessReview") && nobody {
        let detail = "at least one of user or group must be specified";
        causes.push(Path::new("spec.user").invalid("", detail));
    }
    if causes.is_empty() {
        return Ok(());
    }
    // Upstream leaves the kind out.
    Err(ApiError::invalid(&resource.gvk.group, "", "", &causes))
}

fn token_status(server: &Server, spec: &Value) -> Value {
    let token = spec["token"].as_str().unwrap_or_default();
    let Some(user) = auth::user_of(token, &server.credentials, server.registry.now()) else {
        return json!({"user": {}, "error": "invalid bearer token"});
    };
    let mut status = json!({"authenticated": true, "user": user.to_value()});
    if let Some(audiences) = spec.get("audiences") {
        status["audiences"] = audiences.clone();
    }
    status
}

fn rules_status() -> Value {
    json!({
        "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        "incomplete": false,
    })
}

fn access_status(allowed: bool) -> Value {
    if allowed {
        json!({"allowed": true})
    } else {
        json!({"allowed": false, "reason": "no user is known by that name"})
    }
}
