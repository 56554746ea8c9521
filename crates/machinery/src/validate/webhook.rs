//! Configurations of admission webhooks.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    fields::{is_set, list, text},
    one_of,
};
use crate::{error::Cause, field::Path, names, pod_template::label_selector};

pub(super) fn configuration(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut seen = BTreeSet::new();
    for (i, hook) in list(object, "webhooks").iter().enumerate() {
        let path = Path::new("webhooks").index(i);
        causes.extend(webhook(hook, &path));
        causes.extend(review_versions(hook, &path.child("admissionReviewVersions")));
        let name = text(hook, "name");
        if !name.is_empty() && !seen.insert(name) {
            causes.push(path.child("name").duplicate(name));
        }
    }
    causes
}

fn webhook(hook: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = full_name(text(hook, "name"), &path.child("name"));
    let rules = list(hook, "rules").iter().enumerate();
    causes.extend(rules.flat_map(|(i, given)| rule(given, &path.child("rules").index(i))));
    causes.extend(one_of(hook, "failurePolicy", &["Fail", "Ignore"], path));
    causes.extend(one_of(hook, "matchPolicy", &["Equivalent", "Exact"], path));
    const EFFECTS: [&str; 2] = ["None", "NoneOnDryRun"];
    if is_set(hook, "sideEffects") {
        causes.extend(one_of(hook, "sideEffects", &EFFECTS, path));
    } else {
        causes.push(path.child("sideEffects").required(&format!("must specify one of {}", EFFECTS.join(", "))));
    }
    if let Some(seconds) = hook["timeoutSeconds"].as_i64().filter(|seconds| !(1..=30).contains(seconds)) {
        let detail = "the timeout value must be between 1 and 30 seconds";
        causes.push(path.child("timeoutSeconds").invalid(seconds, detail));
    }
    for field in ["namespaceSelector", "objectSelector"] {
        causes.extend(label_selector(&hook[field], &path.child(field)));
    }
    causes.extend(client(&hook["clientConfig"], &path.child("clientConfig")));
    causes
}

fn full_name(name: &str, path: &Path) -> Vec<Cause> {
    if name.is_empty() {
        return vec![path.required("")];
    }
    let wrong = names::dns_subdomain(name);
    if !wrong.is_empty() {
        return vec![path.invalid(name, &wrong.join(","))];
    }
    let detail = "should be a domain with at least three segments separated by dots";
    if name.split('.').count() < 3 { vec![path.invalid(name, detail)] } else { Vec::new() }
}

fn rule(rule: &Value, path: &Path) -> Vec<Cause> {
    const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
    let mut causes = Vec::new();
    for field in ["apiGroups", "apiVersions", "resources"] {
        let (given, at) = (list(rule, field), path.child(field));
        if given.is_empty() {
            causes.push(at.required(""));
        } else if given.len() > 1 && field != "resources" && given.iter().any(|word| word == "*") {
            causes.push(at.invalid(given.to_vec(), "if '*' is present, must not specify other API groups"));
        }
    }
    let (operations, at) = (list(rule, "operations"), path.child("operations"));
    if operations.is_empty() {
        causes.push(at.required(""));
    }
    let unknown = operations.iter().enumerate().filter(|(_, o)| !o.as_str().is_some_and(|o| OPERATIONS.contains(&o)));
    causes.extend(unknown.map(|(i, given)| at.index(i).unsupported(given.clone(), &OPERATIONS)));
    causes
}

fn client(client: &Value, path: &Path) -> Vec<Cause> {
    let (url, service) = (&client["url"], &client["service"]);
    if url.is_null() == service.is_null() {
        return vec![path.required("exactly one of url or service is required")];
    }
    if let Some(url) = url.as_str() {
        let detail = "'https' is the only allowed URL scheme; desired format: https://host[/path]";
        return if url.starts_with("https://") { Vec::new() } else { vec![path.child("url").invalid(url, detail)] };
    }
    let at = path.child("service");
    let missing = [("name", "service name is required"), ("namespace", "service namespace is required")];
    let missing = missing.into_iter().filter(|(field, _)| text(service, field).is_empty());
    missing.map(|(field, detail)| at.child(field).required(detail)).collect()
}

fn review_versions(hook: &Value, path: &Path) -> Vec<Cause> {
    let versions = list(hook, "admissionReviewVersions");
    if versions.is_empty() {
        return vec![path.required("must specify one of v1, v1beta1")];
    }
    let mut causes = Vec::new();
    for (i, version) in versions.iter().enumerate() {
        let given = version.as_str().unwrap_or_default();
        if versions[..i].contains(version) {
            causes.push(path.index(i).invalid(given, "duplicate version"));
            continue;
        }
        causes.extend(names::dns_label_1035(given).iter().map(|why| path.index(i).invalid(given, why)));
    }
    if causes.is_empty() && !versions.iter().any(|version| version == "v1" || version == "v1beta1") {
        causes.push(path.invalid(versions.to_vec(), "must include at least one of v1, v1beta1"));
    }
    causes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(hook: &Value, expected: &[&str]) {
        let causes = configuration(&json!({"webhooks": [hook]}));
        let texts: Vec<String> = causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn hooks_are_checked() {
        let good = json!({
            "name": "a.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": "https://example.com"},
            "rules": [{"apiGroups": ["*"], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}],
        });
        check(&good, &[]);
        let mut bad = good;
        bad["name"] = json!("a");
        bad["timeoutSeconds"] = json!(31);
        bad["clientConfig"] = json!({});
        bad["admissionReviewVersions"] = json!(["v2"]);
        check(
            &bad,
            &[
                "webhooks[0].name: Invalid value: \"a\": should be a domain with at least three segments separated by dots",
                "webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds",
                "webhooks[0].clientConfig: Required value: exactly one of url or service is required",
                "webhooks[0].admissionReviewVersions: Invalid value: [\"v2\"]: must include at least one of v1, v1beta1",
            ],
        );
    }
}
