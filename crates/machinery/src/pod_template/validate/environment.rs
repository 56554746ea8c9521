//! Environment variables.

use serde_json::Value;

use super::{
    Caller,
    fields::{is_set, list, text},
};
use crate::{error::Cause, field::Path, names, quantity::Quantity};

/// Fields of a pod that a variable can show.
const POD_FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
/// Fields of a pod that exist for the downward API, but not as variables.
const OTHER_POD_FIELDS: [&str; 5] =
    ["metadata.annotations", "metadata.labels", "spec.restartPolicy", "spec.schedulerName", "status.phase"];
/// Resources of a container that a variable can show.
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

pub(super) fn variables(container: &Value, caller: Caller, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (i, variable) in list(container, "env").iter().enumerate() {
        let at = path.index(i);
        let name = text(variable, "name");
        if name.is_empty() {
            causes.push(at.child("name").required(""));
        } else {
            causes.extend(name_errors(name, caller).iter().map(|why| at.child("name").invalid(name, why)));
        }
        if is_set(variable, "valueFrom") {
            causes.extend(value_from(variable, caller, &at.child("valueFrom")));
        }
    }
    causes
}

pub(super) fn sources(container: &Value, caller: Caller, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (i, source) in list(container, "envFrom").iter().enumerate() {
        let at = path.index(i);
        let prefix = text(source, "prefix");
        if !prefix.is_empty() {
            causes.extend(name_errors(prefix, caller).iter().map(|why| at.child("prefix").invalid(prefix, why)));
        }
        let given: Vec<&str> =
            ["configMapRef", "secretRef"].into_iter().filter(|field| is_set(source, field)).collect();
        for field in &given {
            let (name, at) = (text(&source[*field], "name"), at.child(field).child("name"));
            if name.is_empty() {
                causes.push(at.required(""));
            } else {
                causes.extend(names::dns_subdomain(name).iter().map(|why| at.invalid(name, why)));
            }
        }
        match given.len() {
            0 => causes.push(path.invalid("", "must specify one of: `configMapRef` or `secretRef`")),
            1 => {}
            _ => causes.push(path.invalid("", "may not have more than one field specified at a time")),
        }
    }
    causes
}

fn name_errors(name: &str, caller: Caller) -> Vec<String> {
    if caller == Caller::ApiServer {
        return names::env_var_name(name);
    }
    let mut errors = Vec::new();
    let fits = |c: u8| c.is_ascii_alphanumeric() || b"-._".contains(&c);
    if !name.bytes().all(fits) || name.starts_with(|c: char| c.is_ascii_digit()) {
        let what = "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', \
                    and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used \
                    for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')";
        errors.push(what.to_owned());
    }
    match name {
        "." => errors.push("must not be '.'".to_owned()),
        ".." => errors.push("must not be '..'".to_owned()),
        name if name.starts_with("..") => errors.push("must not start with '..'".to_owned()),
        _ => {}
    }
    errors
}

fn value_from(variable: &Value, caller: Caller, path: &Path) -> Vec<Cause> {
    let source = &variable["valueFrom"];
    let mut causes = Vec::new();
    let mut count = 0;
    for (field, check) in [
        ("fieldRef", field_ref as fn(&Value, &Path) -> Vec<Cause>),
        ("resourceFieldRef", resource_ref),
        ("configMapKeyRef", key_ref),
        ("secretKeyRef", key_ref),
    ] {
        if is_set(source, field) {
            count += 1;
            causes.extend(check(&source[field], &path.child(field)));
        }
    }
    if is_set(source, "fileKeyRef") {
        count += 1;
    }
    if count == 0 {
        let sources = match caller {
            Caller::ApiServer => "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
            Caller::Rollouts => "`fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`",
        };
        causes.push(path.invalid("", &format!("must specify one of: {sources}")));
    } else if !text(variable, "value").is_empty() {
        causes.push(path.invalid("", "may not be specified when `value` is not empty"));
    } else if count > 1 {
        causes.push(path.invalid("", "may not have more than one field specified at a time"));
    }
    causes
}

fn field_ref(reference: &Value, path: &Path) -> Vec<Cause> {
    let (version, field) = (text(reference, "apiVersion"), text(reference, "fieldPath"));
    for (name, value) in [("apiVersion", version), ("fieldPath", field)] {
        if value.is_empty() {
            return vec![path.child(name).required("")];
        }
    }
    let refuse =
        |why: String| vec![path.child("fieldPath").invalid(field, &format!("error converting fieldPath: {why}"))];
    if version != "v1" {
        return refuse(format!("unsupported pod version: {version}"));
    }
    if let Some((map, key)) = subscript(field) {
        let key = match map {
            "metadata.annotations" => key.to_lowercase(),
            "metadata.labels" => key.to_owned(),
            _ => return refuse(format!("field label does not support subscript: {field}")),
        };
        return names::qualified_name(&key).iter().map(|why| path.invalid(key.as_str(), why)).collect();
    }
    match field {
        "spec.host" => Vec::new(),
        field if POD_FIELDS.contains(&field) => Vec::new(),
        field if OTHER_POD_FIELDS.contains(&field) => vec![path.child("fieldPath").unsupported(field, &POD_FIELDS)],
        _ => refuse(format!("field label not supported: {field}")),
    }
}

/// Splits `path['key']`.
fn subscript(field: &str) -> Option<(&str, &str)> {
    field.strip_suffix("']")?.split_once("['").filter(|(path, _)| !path.is_empty())
}

fn resource_ref(reference: &Value, path: &Path) -> Vec<Cause> {
    let resource = text(reference, "resource");
    let huge = ["limits.hugepages-", "requests.hugepages-"].iter().any(|prefix| resource.starts_with(prefix));
    let mut causes = Vec::new();
    if resource.is_empty() {
        causes.push(path.child("resource").required(""));
    } else if !RESOURCES.contains(&resource) && !huge {
        causes.push(path.child("resource").unsupported(resource, &RESOURCES));
    }
    let divisor = Quantity::from_json(&reference["divisor"]).unwrap_or_default();
    if divisor.signum() == 0 {
        return causes;
    }
    let (kind, divisors) = match resource.split_once('.') {
        Some((_, "cpu")) => ("cpu", "1m and 1"),
        Some((_, kind @ ("memory" | "ephemeral-storage"))) => {
            (kind, "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei")
        }
        Some((_, kind)) if kind.starts_with("hugepages-") => {
            ("hugepages", "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei")
        }
        _ => return causes,
    };
    if !divisors.split([',', ' ']).any(|known| known == divisor.to_string()) {
        let detail = match kind {
            "ephemeral-storage" => {
                format!("only divisor's values {divisors} are supported with the local ephemeral storage resource")
            }
            kind => format!("only divisor's values {divisors} are supported with the {kind} resource"),
        };
        causes.push(path.child("divisor").invalid(resource, &detail));
    }
    causes
}

/// A key of a ConfigMap or Secret.
fn key_ref(reference: &Value, path: &Path) -> Vec<Cause> {
    let (name, key) = (text(reference, "name"), text(reference, "key"));
    let mut causes: Vec<Cause> = Vec::new();
    if !name.is_empty() {
        causes.extend(names::dns_subdomain(name).iter().map(|why| path.child("name").invalid(name, why)));
    }
    if key.is_empty() {
        causes.push(path.child("key").required(""));
    } else {
        causes.extend(names::config_map_key(key).iter().map(|why| path.child("key").invalid(key, why)));
    }
    causes
}
