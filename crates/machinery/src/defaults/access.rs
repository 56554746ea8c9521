//! Roles, admission configuration and CustomResourceDefinitions.

use serde_json::{Value, json};

use super::set::{Fields, get, has, items, made, pointer, text, within};

const RBAC: &str = "rbac.authorization.k8s.io";

pub(super) fn role_binding(object: &mut Fields) {
    made(object, "roleRef", |reference| text(reference, "apiGroup", RBAC));
    items(object, "subjects", |subject| {
        if matches!(get(subject, "kind"), "User" | "Group") {
            text(subject, "apiGroup", RBAC);
        }
    });
}

pub(super) fn validating_webhooks(object: &mut Fields) {
    items(object, "webhooks", webhook);
}

pub(super) fn mutating_webhooks(object: &mut Fields) {
    items(object, "webhooks", |hook| {
        webhook(hook);
        pointer(hook, "reinvocationPolicy", "Never");
    });
}

fn webhook(hook: &mut Fields) {
    pointer(hook, "failurePolicy", "Fail");
    matching(hook);
    pointer(hook, "timeoutSeconds", 10);
    items(hook, "rules", |rule| pointer(rule, "scope", "*"));
    within(hook, "clientConfig", |client| within(client, "service", |service| pointer(service, "port", 443)));
}

fn matching(fields: &mut Fields) {
    pointer(fields, "matchPolicy", "Equivalent");
    pointer(fields, "namespaceSelector", json!({}));
    pointer(fields, "objectSelector", json!({}));
}

fn match_resources(resources: &mut Fields) {
    matching(resources);
    for list in ["resourceRules", "excludeResourceRules"] {
        items(resources, list, |rule| pointer(rule, "scope", "*"));
    }
}

pub(super) fn policy(object: &mut Fields) {
    super::spec(object, |spec| {
        pointer(spec, "failurePolicy", "Fail");
        within(spec, "matchConstraints", match_resources);
    });
}

pub(super) fn policy_binding(object: &mut Fields) {
    super::spec(object, |spec| within(spec, "matchResources", match_resources));
}

pub(super) fn custom_resource_definition(object: &mut Fields) {
    super::spec(object, |spec| {
        made(spec, "names", |names| {
            let kind = get(names, "kind").to_owned();
            text(names, "singular", &kind.to_lowercase());
            if !kind.is_empty() {
                text(names, "listKind", &format!("{kind}List"));
            }
        });
        pointer(spec, "conversion", json!({"strategy": "None"}));
        within(spec, "conversion", |conversion| {
            within(conversion, "webhook", |hook| {
                within(hook, "clientConfig", |client| {
                    within(client, "service", |service| pointer(service, "port", 443));
                });
            });
        });
    });
    stored_versions(object);
}

fn stored_versions(object: &mut Fields) {
    let versions = object.get("spec").and_then(|spec| spec["versions"].as_array());
    let storage = versions.into_iter().flatten().find(|v| v["storage"] == true).map(|v| v["name"].clone());
    made(object, "status", |status| {
        let filled =
            has(status, "storedVersions") && status["storedVersions"].as_array().is_some_and(|v| !v.is_empty());
        if let Some(name) = storage.filter(|_| !filled) {
            status.insert("storedVersions".to_owned(), Value::Array(vec![name]));
        }
    });
}
