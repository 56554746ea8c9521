//! CustomResourceDefinitions.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    fields::{list, text},
    required_one_of, stays,
};
use crate::{error::Cause, field::Path, meta, names, schema::structural};

const APPROVAL: &str = "api-approved.kubernetes.io";

pub(super) fn create(object: &Value) -> Vec<Cause> {
    let (name, names) = (text(&object["metadata"], "name"), &object["spec"]["names"]);
    let at = Path::new("metadata.name");
    let mut causes = Vec::new();
    if name != format!("{}.{}", text(names, "plural"), text(&object["spec"], "group")) {
        causes.push(at.invalid(name, "must be spec.names.plural+\".\"+spec.group"));
    }
    causes.extend(definition(object));
    causes.extend(approval(object, None));
    causes
}

pub(super) fn update(new: &Value, old: &Value) -> Vec<Cause> {
    let mut causes = definition(new);
    let established = |c: &Value| c["type"] == "Established" && c["status"] == "True";
    if list(&old["status"], "conditions").iter().any(established) {
        causes.extend(stays(new, old, &["spec", "scope"]));
        causes.extend(stays(new, old, &["spec", "names", "kind"]));
    }
    causes.extend(stays(new, old, &["spec", "group"]));
    causes.extend(stays(new, old, &["spec", "names", "plural"]));
    causes.extend(stored_versions(new));
    causes.extend(approval(new, Some(old)));
    causes
}

fn definition(object: &Value) -> Vec<Cause> {
    let (spec, path) = (&object["spec"], Path::new("spec"));
    let mut causes = group(text(spec, "group"), &path.child("group"));
    causes.extend(required_one_of(spec, "scope", &["Cluster", "Namespaced"], &path));
    let versions = list(spec, "versions");
    let shared = Shared::of(versions);
    for (i, given) in versions.iter().enumerate() {
        if !given["schema"]["openAPIV3Schema"].is_object() {
            causes.push(path.child("versions").index(i).child("schema").child("openAPIV3Schema").required(""));
        }
    }
    for (i, given) in versions.iter().enumerate() {
        causes.extend(version(given, &shared, &path.child("versions").index(i)));
    }
    causes.extend(version_list(versions, &path.child("versions")));
    if let Some(first) = versions.first().map(|version| text(version, "name")) {
        // Upstream keeps the first version's name once more.
        let wrong = names::dns_label_1035(first);
        if !wrong.is_empty() {
            causes.push(path.child("version").invalid(first, &wrong.join(",")));
        }
    }
    causes.extend(
        ["plural", "singular", "kind", "listKind"]
            .into_iter()
            .filter(|field| text(&spec["names"], field).is_empty())
            .map(|field| path.child("names").child(field).required("")),
    );
    causes.extend(names_of(&spec["names"], &path.child("names")));
    if let Some(first) = versions.first() {
        causes.extend(shared.version(first, &path));
    }
    causes.extend(conversion(&spec["conversion"], &path.child("conversion")));
    if spec["preserveUnknownFields"] == true {
        let detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema \
                      instead";
        causes.push(path.child("preserveUnknownFields").invalid(true, detail));
    }
    causes
}

fn group(group: &str, path: &Path) -> Vec<Cause> {
    let wrong = names::dns_subdomain(group);
    match group {
        "" => vec![path.required("")],
        _ if !wrong.is_empty() => vec![path.invalid(group, &wrong.join(","))],
        _ if !group.contains('.') => vec![path.invalid(group, "should be a domain with at least one dot")],
        _ => Vec::new(),
    }
}

/// What all versions have in common, which upstream keeps, and names, as a part of the spec itself.
struct Shared {
    schema: bool,
    subresources: bool,
    columns: bool,
}

impl Shared {
    fn of(versions: &[Value]) -> Self {
        let same = |field: &str| {
            let filled = |value: &Value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
            versions.first().is_some_and(|first| {
                filled(&first[field]) && versions.iter().all(|version| version[field] == first[field])
            })
        };
        Self { schema: same("schema"), subresources: same("subresources"), columns: same("additionalPrinterColumns") }
    }

    fn version(&self, version: &Value, path: &Path) -> Vec<Cause> {
        let mut causes = Vec::new();
        if self.schema {
            causes.extend(schema(version, &path.child("validation")));
        }
        if self.subresources {
            causes.extend(scale(&version["subresources"]["scale"], &path.child("subresources")));
        }
        if self.columns {
            causes.extend(columns(version, &path.child("additionalPrinterColumns")));
        }
        causes
    }
}

fn schema(version: &Value, path: &Path) -> Vec<Cause> {
    let schema = &version["schema"]["openAPIV3Schema"];
    if schema.is_object() { structural::check(schema, &path.child("openAPIV3Schema")) } else { Vec::new() }
}

fn columns(version: &Value, path: &Path) -> Vec<Cause> {
    let columns = list(version, "additionalPrinterColumns").iter().enumerate();
    columns.flat_map(|(i, given)| column(given, &path.index(i))).collect()
}

fn version(version: &Value, shared: &Shared, path: &Path) -> Vec<Cause> {
    let name = text(version, "name");
    let mut causes = Vec::new();
    let wrong = names::dns_label_1035(name);
    if !wrong.is_empty() {
        causes.push(path.child("name").invalid(name, &wrong.join(",")));
    }
    causes.extend(deprecation(version, &path.child("deprecationWarning")));
    if !shared.schema {
        causes.extend(schema(version, &path.child("schema")));
    }
    if !shared.subresources {
        causes.extend(scale(&version["subresources"]["scale"], &path.child("subresources")));
    }
    if !shared.columns {
        causes.extend(columns(version, &path.child("additionalPrinterColumns")));
    }
    causes.extend(selectable(version, &version["schema"]["openAPIV3Schema"], &path.child("selectableFields")));
    causes
}

fn deprecation(version: &Value, path: &Path) -> Vec<Cause> {
    let Some(warning) = version["deprecationWarning"].as_str() else { return Vec::new() };
    let refuse = |detail: &str| vec![path.invalid(warning, detail)];
    match warning {
        _ if version["deprecated"] != true => refuse("can only be set for deprecated versions"),
        "" => refuse("must not be an empty string"),
        _ if warning.len() > 256 => refuse("must be <= 256 characters long"),
        _ => warning.char_indices().find(|(_, c)| c.is_control()).map_or_else(Vec::new, |(at, _)| {
            refuse(&format!(
                "must only contain printable UTF-8 characters; non-printable character found at index {at}"
            ))
        }),
    }
}

fn scale(scale: &Value, path: &Path) -> Vec<Cause> {
    if !scale.is_object() {
        return Vec::new();
    }
    let paths = [
        ("specReplicasPath", &[".spec."][..], "should be a json path under .spec"),
        ("statusReplicasPath", &[".status."], "should be a json path under .status"),
        ("labelSelectorPath", &[".spec.", ".status."], "should be a json path under either .spec or .status"),
    ];
    let mut causes = Vec::new();
    for (field, below, detail) in paths {
        let (given, at) = (text(scale, field), path.child(&format!("scale.{field}")));
        if given.is_empty() {
            causes.extend((field != "labelSelectorPath").then(|| at.required("")));
        } else if let Some(cause) = simple_path(given, &at) {
            causes.push(cause);
        } else if !below.iter().any(|prefix| given.starts_with(prefix)) {
            causes.push(at.invalid(given, detail));
        }
    }
    causes
}

fn simple_path(given: &str, path: &Path) -> Option<Cause> {
    (!given.starts_with('.')).then(|| path.invalid(given, "must be a simple json path starting with ."))
}

fn column(column: &Value, path: &Path) -> Vec<Cause> {
    const TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
    const FORMATS: [&str; 8] = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
    let one_of = |words: &[&str]| format!("must be one of {}", words.join(","));
    let (ty, format, at) = (text(column, "type"), text(column, "format"), text(column, "jsonPath"));
    let mut causes = Vec::new();
    if text(column, "name").is_empty() {
        causes.push(path.child("name").required(""));
    }
    if ty.is_empty() {
        causes.push(path.child("type").required(&one_of(&TYPES)));
    } else if !TYPES.contains(&ty) {
        causes.push(path.child("type").invalid(ty, &one_of(&TYPES)));
    }
    if !format.is_empty() && !FORMATS.contains(&format) {
        causes.push(path.child("format").invalid(format, &one_of(&FORMATS)));
    }
    if at.is_empty() {
        causes.push(path.child("JSONPath").required(""));
    } else {
        causes.extend(simple_path(at, &path.child("JSONPath")));
    }
    causes
}

fn selectable(version: &Value, schema: &Value, path: &Path) -> Vec<Cause> {
    let mut seen = BTreeSet::new();
    let mut causes = Vec::new();
    for (i, field) in list(version, "selectableFields").iter().enumerate() {
        let (given, at) = (text(field, "jsonPath"), path.index(i).child("jsonPath"));
        if given.is_empty() {
            causes.push(at.required(""));
            continue;
        }
        let below = |node: &'_ Value, name: &str| node["properties"].get(name).cloned();
        let node = given.trim_start_matches('.').split('.').try_fold(schema.clone(), |node, name| below(&node, name));
        let ty = node.as_ref().map(|node| text(node, "type").to_owned());
        match ty.as_deref() {
            None => causes.push(at.invalid(given, "is an invalid path: does not refer to a valid field")),
            Some("string" | "boolean" | "integer") => {}
            Some(_) => {
                let detail = "must point to a field of type string, boolean or integer. Enum string fields and strings \
                              with formats are allowed.";
                causes.push(at.invalid(given, detail));
            }
        }
        if !seen.insert(given) {
            causes.push(at.duplicate(given));
        }
    }
    if seen.len() > 8 {
        causes.push(path.too_many(seen.len(), 8));
    }
    causes
}

fn version_list(versions: &[Value], path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    let distinct: BTreeSet<&str> = versions.iter().map(|version| text(version, "name")).collect();
    let refuse = |detail: &str| path.invalid(Value::Array(versions.to_vec()), detail);
    if distinct.len() != versions.len() {
        causes.push(refuse("must contain unique version names"));
    }
    if versions.iter().filter(|version| version["storage"] == true).count() != 1 {
        causes.push(refuse("must have exactly one version marked as storage version"));
    }
    causes
}

fn names_of(names: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut check = |given: &str, lower: bool, at: Path| {
        let wrong = names::dns_label_1035(&if lower { given.to_lowercase() } else { given.to_owned() });
        if !given.is_empty() && !wrong.is_empty() {
            let lead = if lower { "may have mixed case, but should otherwise match: " } else { "" };
            causes.push(at.invalid(given, &format!("{lead}{}", wrong.join(","))));
        }
    };
    for (field, lower) in [("plural", false), ("singular", false), ("kind", true), ("listKind", true)] {
        check(text(names, field), lower, path.child(field));
    }
    for field in ["shortNames", "categories"] {
        for (i, name) in list(names, field).iter().enumerate() {
            check(name.as_str().unwrap_or_default(), false, path.child(field).index(i));
        }
    }
    let (kind, list_kind) = (text(names, "kind"), text(names, "listKind"));
    if !kind.is_empty() && kind == list_kind {
        causes.push(path.child("listKind").invalid(list_kind, "kind and listKind may not be the same"));
    }
    causes
}

fn conversion(conversion: &Value, path: &Path) -> Vec<Cause> {
    if !conversion.is_object() {
        return Vec::new();
    }
    let mut causes: Vec<Cause> =
        required_one_of(conversion, "strategy", &["None", "Webhook"], path).into_iter().collect();
    let (hook, versions) = (&conversion["webhook"], &conversion["webhook"]["conversionReviewVersions"]);
    let config = path.child("webhookClientConfig");
    if text(conversion, "strategy") == "Webhook" {
        let client = &hook["clientConfig"];
        if !client.is_object() {
            causes.push(config.required("required when strategy is set to Webhook"));
        } else if client["url"].is_null() == client["service"].is_null() {
            causes.push(config.required("exactly one of url or service is required"));
        }
        let at = path.child("conversionReviewVersions");
        let known = versions.as_array().is_some_and(|all| all.iter().any(|v| v == "v1" || v == "v1beta1"));
        if versions.as_array().is_none_or(Vec::is_empty) {
            causes.push(at.required(""));
        } else if !known {
            causes.push(at.invalid(versions.clone(), "must include at least one of v1, v1beta1"));
        }
    } else if hook["clientConfig"].is_object() {
        causes.push(config.forbidden("should not be set when strategy is not set to Webhook"));
    }
    causes
}

fn stored_versions(object: &Value) -> Vec<Cause> {
    let path = Path::new("status.storedVersions");
    let versions: Vec<&str> = list(&object["spec"], "versions").iter().map(|v| text(v, "name")).collect();
    let stored = list(&object["status"], "storedVersions").iter().enumerate();
    let gone = stored.filter(|(_, name)| !versions.iter().any(|version| *name == version));
    gone.map(|(i, name)| {
        let version = name.as_str().unwrap_or_default();
        let detail = format!(
            "missing from spec.versions; {version} was previously a storage version, and must remain in spec.versions \
             until a storage migration ensures no data remains persisted in {version} and removes {version} from \
             status.storedVersions"
        );
        path.index(i).invalid(version, &detail)
    })
    .collect()
}

/// Groups of the Kubernetes community need an approval, which is a link or the word that there is none.
fn approval(new: &Value, old: Option<&Value>) -> Option<Cause> {
    let group = text(&new["spec"], "group");
    let protected = ["k8s.io", "kubernetes.io"].iter().any(|of| group == *of || group.ends_with(&format!(".{of}")));
    if !protected {
        return None;
    }
    let given = meta::annotation(new, APPROVAL);
    if old.is_some_and(|old| meta::annotation(old, APPROVAL) == given) {
        return None;
    }
    let at = Path::new("metadata.annotations").key(APPROVAL);
    match given {
        None => Some(at.required(
            "protected groups must have approval annotation \"api-approved.kubernetes.io\", see \
             https://github.com/kubernetes/enhancements/pull/1111",
        )),
        Some(text) if text.starts_with("https://") || text.starts_with("unapproved") => None,
        Some(text) => Some(at.invalid(
            text,
            "protected groups must have approval annotation \"api-approved.kubernetes.io\" with either a URL or a reason \
             starting with \"unapproved\", see https://github.com/kubernetes/enhancements/pull/1111",
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ships() -> Value {
        json!({
            "metadata": {"name": "ships.example.com"},
            "spec": {
                "group": "example.com", "scope": "Namespaced", "conversion": {"strategy": "None"},
                "names": {"plural": "ships", "singular": "ship", "kind": "Ship", "listKind": "ShipList"},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}],
            },
        })
    }

    #[track_caller]
    fn check(at: &str, value: Value, expected: &[&str]) {
        let mut definition = ships();
        *definition.pointer_mut(at).unwrap() = value;
        let texts: Vec<String> = create(&definition).iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        assert_eq!(texts, expected, "{at}");
    }

    #[test]
    fn definitions_are_checked() {
        check("/spec/scope", json!("Namespaced"), &[]);
        check(
            "/metadata/name",
            json!("ships"),
            &["metadata.name: Invalid value: \"ships\": must be spec.names.plural+\".\"+spec.group"],
        );
        check(
            "/spec/scope",
            json!("Global"),
            &["spec.scope: Unsupported value: \"Global\": supported values: \"Cluster\", \"Namespaced\""],
        );
        check("/spec/versions/0/schema", Value::Null, &["spec.versions[0].schema.openAPIV3Schema: Required value"]);
        check(
            "/spec/names/listKind",
            json!("Ship"),
            &["spec.names.listKind: Invalid value: \"Ship\": kind and listKind may not be the same"],
        );
        check(
            "/spec/versions/0",
            json!({"name": "v1", "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}},
                "additionalPrinterColumns": [{"name": "A", "type": "text", "jsonPath": "spec.a"}]}),
            &[
                "spec.additionalPrinterColumns[0].type: Invalid value: \"text\": must be one of boolean,date,integer,number,string",
                "spec.additionalPrinterColumns[0].JSONPath: Invalid value: \"spec.a\": must be a simple json path starting with .",
            ],
        );
    }

    #[test]
    fn what_objects_are_kept_by_stays() {
        let mut old = ships();
        old["status"] = json!({"storedVersions": ["v1"], "conditions": [{"type": "Established", "status": "True"}]});
        let mut new = old.clone();
        new["spec"]["scope"] = json!("Cluster");
        assert_eq!(update(&new, &old)[0].message, "Invalid value: \"Cluster\": field is immutable");
        let mut new = old.clone();
        new["spec"]["versions"][0]["name"] = json!("v2");
        assert_eq!(update(&new, &old)[0].field, "status.storedVersions[0]");
    }
}
