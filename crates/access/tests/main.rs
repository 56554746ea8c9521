//! RBAC against upstream's answers, and where it must not agree.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tiphys_access::{
    Access, Claims, Policy, Request,
    config::{self, Config},
    pattern::MatchMode,
    project,
};

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_default()
}

/// What a row asks, answered here.
fn answer(input: &Value) -> Value {
    match text(input, "fn") {
        "enforce" => enforce(input).map_or_else(|error| json!({"error": error}), |allowed| json!({"allowed": allowed})),
        "validatePolicy" => match Policy::parse(text(input, "policy")) {
            Ok(_) => json!({"valid": true}),
            Err(_) => {
                json!({"valid": false, "error": format!("policy syntax error: {}", text(input, "policy"))})
            }
        },
        "policyCSV" => {
            let data: BTreeMap<String, String> = serde_json::from_value(input["data"].clone()).unwrap();
            json!({"policy": config::text_of_policy(&data)})
        }
        other => panic!("no such function: {other}"),
    }
}

fn enforce(input: &Value) -> Result<bool, String> {
    let scopes = input.get("scopes").map(|scopes| serde_json::from_value(scopes.clone()).unwrap());
    let config = Config {
        policy: Policy::parse(text(input, "policy")).map_err(|error| error.message)?,
        default_role: text(input, "policyDefault").to_owned(),
        match_mode: MatchMode::parse(text(input, "matchMode")),
        scopes: scopes.unwrap_or_else(|| Config::default().scopes),
    };
    let projects = input["projects"].as_array().into_iter().flatten();
    let projects = projects
        .filter_map(|object| Some((object["metadata"]["name"].as_str()?.to_owned(), project::policy(object).ok()?)));
    let access = Access::new(&config, &projects.collect());
    let request =
        Request { resource: text(input, "resource"), action: text(input, "action"), object: text(input, "object") };
    Ok(access.allows(&Claims::new(input["claims"].clone()), request))
}

/// `docs/differences.md`: an identity or a group is never taken for a role.
fn is_named_like_a_role(input: &Value) -> bool {
    let claims = &input["claims"];
    let groups = claims["groups"].as_array().into_iter().flatten();
    groups.chain([&claims["sub"]]).filter_map(Value::as_str).any(|name| name.starts_with("role:"))
}

/// The texts of errors are the host libraries' own.
fn is_error(answer: &Value) -> bool {
    answer.get("error").is_some() && answer.get("valid").is_none()
}

#[test]
fn vectors_gitops_rbac() {
    let rows = tiphys_vectors::rows("gitops-rbac");
    let mut differences = Vec::new();
    for row in &rows {
        let found = answer(&row.input);
        let is_listed = is_named_like_a_role(&row.input) && found == json!({"allowed": false});
        if found != row.output && !(is_error(&found) && is_error(&row.output)) && !is_listed {
            differences.push(format!("{}: {found} instead of {}: {}", row.id, row.output, row.input));
        }
    }
    tiphys_vectors::report("gitops-rbac", rows.len(), &differences);
}

fn access(policy: &str) -> Access {
    let config = Config { policy: Policy::parse(policy).unwrap(), ..Config::default() };
    Access::new(&config, &BTreeMap::new())
}

const SYNC: Request<'_> = Request { resource: "applications", action: "sync", object: "team-a/web" };

#[test]
fn a_name_of_an_identity_provider_is_no_built_in_role() {
    let plain = access("g, ops, role:admin");
    for (name, claims, expected) in [
        ("the local administrator", json!({"iss": "argocd", "sub": "admin"}), true),
        ("a user of a provider named admin", json!({"iss": "https://idp", "sub": "admin"}), false),
        ("a group named admin", json!({"iss": "https://idp", "sub": "x", "groups": ["admin"]}), false),
        ("a group named like a role", json!({"iss": "https://idp", "sub": "x", "groups": ["role:admin"]}), false),
        ("a user named like a role", json!({"iss": "https://idp", "sub": "role:admin"}), false),
        ("a group that was given the role", json!({"iss": "https://idp", "sub": "x", "groups": ["ops"]}), true),
        ("nobody", Value::Null, false),
    ] {
        assert_eq!(plain.allows(&Claims::new(claims), SYNC), expected, "{name}");
    }
    assert!(plain.allows_subject("role:admin", SYNC), "roles can be asked about by name");
}

#[test]
fn a_group_can_be_given_the_role_that_its_name_hides() {
    let claims = Claims::new(json!({"iss": "https://idp", "sub": "x", "groups": ["admin"]}));
    assert!(access("g, admin, role:admin").allows(&claims, SYNC), "a person wrote it down");
}
