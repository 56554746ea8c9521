//! Configuration, namespaces, leases, quotas.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use super::{
    fields::{is_set, list, text},
    stays,
};
use crate::{error::Cause, field::Path, meta, names, quantity::Quantity};

/// Most bytes that a ConfigMap or Secret holds.
const MOST_DATA: usize = 1024 * 1024;
const IMMUTABLE: &str = "field is immutable when `immutable` is set";

pub(super) fn config_map(object: &Value) -> Vec<Cause> {
    let (data, binary) = (entries(object, "data"), entries(object, "binaryData"));
    let mut causes = Vec::new();
    let mut size = 0;
    for (key, value) in data.into_iter().flatten() {
        let at = Path::new("data").key(key);
        causes.extend(names::config_map_key(key).iter().map(|why| at.invalid(key.as_str(), why)));
        if binary.is_some_and(|binary| binary.contains_key(key)) {
            causes.push(at.invalid(key.as_str(), "duplicate of key present in binaryData"));
        }
        size += value.as_str().map_or(0, str::len);
    }
    for (key, value) in binary.into_iter().flatten() {
        let at = Path::new("binaryData").key(key);
        causes.extend(names::config_map_key(key).iter().map(|why| at.invalid(key.as_str(), why)));
        size += decoded(value).len();
    }
    if size > MOST_DATA {
        causes.push(Cause { field: String::new(), ..Path::default().too_long(MOST_DATA) });
    }
    causes
}

fn entries<'o>(object: &'o Value, field: &str) -> Option<&'o Map<String, Value>> {
    object[field].as_object()
}

fn decoded(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap_or_default()).unwrap_or_default()
}

pub(super) fn update_config_map(new: &Value, old: &Value) -> Vec<Cause> {
    frozen(new, old, &["data", "binaryData"])
}

/// Refuses changes of what was declared immutable.
fn frozen(new: &Value, old: &Value, fields: &[&str]) -> Vec<Cause> {
    if old["immutable"] != true {
        return Vec::new();
    }
    let mut causes = Vec::new();
    if new["immutable"] != true {
        causes.push(Path::new("immutable").forbidden(IMMUTABLE));
    }
    let changed = fields.iter().filter(|field| !meta::equal(None, new.get(**field), old.get(**field)));
    causes.extend(changed.map(|field| Path::new(*field).forbidden(IMMUTABLE)));
    causes
}

pub(super) fn secret(object: &Value) -> Vec<Cause> {
    let path = Path::new("data");
    let data = entries(object, "data");
    let mut causes = Vec::new();
    let mut size = 0;
    for (key, value) in data.into_iter().flatten() {
        causes.extend(names::config_map_key(key).iter().map(|why| path.key(key).invalid(key.as_str(), why)));
        size += decoded(value).len();
    }
    if size > MOST_DATA {
        causes.push(path.too_long(MOST_DATA));
    }
    let has = |key: &str| data.is_some_and(|data| data.contains_key(key));
    let missing = |key: &str| (!has(key)).then(|| path.key(key).required(""));
    match text(object, "type") {
        "kubernetes.io/service-account-token" => {
            let annotation = "kubernetes.io/service-account.name";
            if meta::annotation(object, annotation).is_none_or(str::is_empty) {
                causes.push(Path::new("metadata.annotations").key(annotation).required(""));
            }
        }
        "kubernetes.io/dockercfg" => causes.extend(json_entry(object, ".dockercfg", &path)),
        "kubernetes.io/dockerconfigjson" => causes.extend(json_entry(object, ".dockerconfigjson", &path)),
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => {
            causes.extend(["username", "password"].map(|key| path.key(key).required("")));
        }
        "kubernetes.io/ssh-auth" => causes.extend(missing("ssh-privatekey")),
        "kubernetes.io/tls" => causes.extend(["tls.crt", "tls.key"].into_iter().filter_map(missing)),
        _ => {}
    }
    causes
}

/// An entry that must be there and hold a JSON object.
fn json_entry(object: &Value, key: &str, path: &Path) -> Option<Cause> {
    let Some(value) = object["data"].get(key) else { return Some(path.key(key).required("")) };
    let error = serde_json::from_slice::<Map<String, Value>>(&decoded(value)).err()?;
    // The text of the parser differs from upstream's; the contents never show.
    let detail = if error.is_eof() { "unexpected end of JSON input" } else { "invalid character" };
    Some(path.key(key).invalid("<secret contents redacted>", detail))
}

pub(super) fn update_secret(new: &Value, old: &Value) -> Vec<Cause> {
    let mut causes = stays(new, old, &["type"]);
    causes.extend(frozen(new, old, &["data"]));
    causes
}

pub(super) fn namespace(object: &Value) -> Vec<Cause> {
    let finalizers = list(&object["spec"], "finalizers").iter().filter_map(Value::as_str);
    let path = Path::new("spec.finalizers");
    let mut causes = Vec::new();
    for name in finalizers {
        causes.extend(names::qualified_name(name).iter().map(|why| path.invalid(name, why)));
        if !name.contains('/') && name != "kubernetes" {
            causes.push(path.invalid(name, "name is neither a standard finalizer name nor is it fully qualified"));
        }
    }
    causes
}

pub(super) fn lease(object: &Value) -> Vec<Cause> {
    let (spec, path) = (&object["spec"], Path::new("spec"));
    let mut causes = Vec::new();
    if let Some(seconds) = spec["leaseDurationSeconds"].as_i64().filter(|seconds| *seconds <= 0) {
        causes.push(path.child("leaseDurationSeconds").invalid(seconds, "must be greater than 0"));
    }
    if let Some(count) = spec["leaseTransitions"].as_i64().filter(|count| *count < 0) {
        causes.push(path.child("leaseTransitions").invalid(count, "must be greater than or equal to 0"));
    }
    let holder = text(spec, "preferredHolder");
    if !holder.is_empty() && !is_set(spec, "strategy") {
        let detail = "may only be specified if `strategy` is defined";
        causes.push(path.child("preferredHolder").forbidden(detail));
    }
    causes
}

pub(super) fn quota(object: &Value) -> Vec<Cause> {
    let path = Path::new("spec.hard");
    let mut causes = Vec::new();
    for (name, value) in object["spec"]["hard"].as_object().into_iter().flatten() {
        let at = path.key(name);
        causes.extend(names::qualified_name(name).iter().map(|why| at.invalid(name.as_str(), why)));
        if Quantity::from_json(value).is_ok_and(|quantity| quantity.signum() < 0) {
            causes.push(at.invalid(value.clone(), "must be greater than or equal to 0"));
        }
    }
    causes
}
