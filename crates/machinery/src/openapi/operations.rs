//! The paths of a document with the operations that clients look at.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Dialect, GVK, definitions::Definitions, gvk_value, v3_path};
use crate::resource::Resource;

/// Returns the paths of all resources.
pub(super) fn paths(resources: &[Arc<Resource>], definitions: &mut Definitions) -> Value {
    let mut paths = Map::new();
    for resource in resources {
        let mut described = Described { resource, definitions };
        paths.extend(described.paths());
    }
    Value::Object(paths)
}

/// An operation of one resource.
struct Operation<'a> {
    /// `get`, `put`, `post`, `delete`, `patch`: the HTTP method.
    method: &'static str,
    /// `x-kubernetes-action`.
    action: &'static str,
    /// First word of the operation's id: `read`, `list`, `replace`, …
    verb: &'static str,
    /// Reference to what comes back.
    answer: &'a str,
    /// Reference to the body, if there is one.
    body: Option<&'a str>,
    parameters: &'static [&'static str],
}

/// One resource on its way into a document.
struct Described<'a> {
    resource: &'a Resource,
    definitions: &'a mut Definitions,
}

impl Described<'_> {
    fn paths(&mut self) -> Vec<(String, Value)> {
        let root = format!("/{}", v3_path(&self.resource.gvk));
        let plural = &self.resource.plural;
        let scope = if self.resource.namespaced { "/namespaces/{namespace}" } else { "" };
        let collection = format!("{root}{scope}/{plural}");
        let mut paths = vec![(collection.clone(), self.collection())];
        if self.resource.namespaced && self.allows("list") {
            paths.push((format!("{root}/{plural}"), self.everywhere()));
        }
        let item = format!("{collection}/{{name}}");
        paths.push((item.clone(), self.item()));
        for name in self.resource.subresources.iter().map(|s| s.name) {
            if let Some(operations) = self.subresource(name) {
                paths.push((format!("{item}/{name}"), operations));
            }
        }
        paths.retain(|(_, item)| ["get", "put", "post", "delete", "patch"].iter().any(|m| item.get(*m).is_some()));
        paths
    }

    fn allows(&self, verb: &str) -> bool {
        self.resource.verbs.contains(&verb)
    }

    fn collection(&mut self) -> Value {
        let (kind, status) = (self.definitions.kind(self.resource), self.definitions.shared("meta.v1.Status"));
        let options = self.definitions.shared("meta.v1.DeleteOptions");
        let mut item = self.path_item(&[]);
        if self.allows("list") {
            let list = self.definitions.list(self.resource);
            self.add(
                &mut item,
                "",
                &Operation { method: "get", action: "list", verb: "list", answer: &list, body: None, parameters: LIST },
            );
        }
        if self.allows("create") {
            self.add(
                &mut item,
                "",
                &Operation {
                    method: "post",
                    action: "post",
                    verb: "create",
                    answer: &kind,
                    body: Some(&kind),
                    parameters: WRITE,
                },
            );
        }
        if self.allows("deletecollection") {
            self.add(
                &mut item,
                "",
                &Operation {
                    method: "delete",
                    action: "deletecollection",
                    verb: "deleteCollection",
                    answer: &status,
                    body: Some(&options),
                    parameters: LIST,
                },
            );
        }
        item
    }

    fn everywhere(&mut self) -> Value {
        let list = self.definitions.list(self.resource);
        let mut item = json!({"parameters": []});
        let operation =
            Operation { method: "get", action: "list", verb: "list", answer: &list, body: None, parameters: LIST };
        self.add(&mut item, "ForAllNamespaces", &operation);
        item
    }

    fn item(&mut self) -> Value {
        let kind = self.definitions.kind(self.resource);
        let (status, options) =
            (self.definitions.shared("meta.v1.Status"), self.definitions.shared("meta.v1.DeleteOptions"));
        let mut item = self.path_item(&["name"]);
        self.read_and_write(&mut item, "", &kind);
        if self.allows("delete") {
            self.add(
                &mut item,
                "",
                &Operation {
                    method: "delete",
                    action: "delete",
                    verb: "delete",
                    answer: &status,
                    body: Some(&options),
                    parameters: DELETE,
                },
            );
        }
        item
    }

    fn read_and_write(&mut self, item: &mut Value, suffix: &str, kind: &str) {
        let patch = self.definitions.shared("meta.v1.Patch");
        for (verb, operation) in [
            (
                "get",
                Operation { method: "get", action: "get", verb: "read", answer: kind, body: None, parameters: &[] },
            ),
            (
                "update",
                Operation {
                    method: "put",
                    action: "put",
                    verb: "replace",
                    answer: kind,
                    body: Some(kind),
                    parameters: WRITE,
                },
            ),
            (
                "patch",
                Operation {
                    method: "patch",
                    action: "patch",
                    verb: "patch",
                    answer: kind,
                    body: Some(&patch),
                    parameters: PATCH,
                },
            ),
        ] {
            if self.allows(verb) {
                self.add(item, suffix, &operation);
            }
        }
    }

    /// Operations of the subresources that carry objects; the others (`log`, `exec`, …) stream.
    fn subresource(&mut self, name: &str) -> Option<Value> {
        let mut item = self.path_item(&["name"]);
        let post = |group, version, kind| Some((group, version, kind));
        let created = match name {
            "status" | "ephemeralcontainers" | "resize" => {
                let kind = self.definitions.kind(self.resource);
                self.read_and_write(&mut item, &capital(name), &kind);
                return Some(item);
            }
            "scale" => {
                let scale = self.definitions.other_kind("autoscaling", "v1", "Scale")?;
                self.read_and_write(&mut item, "Scale", &scale);
                return Some(item);
            }
            "finalize" => {
                let kind = self.definitions.kind(self.resource);
                self.add(
                    &mut item,
                    "Finalize",
                    &Operation {
                        method: "put",
                        action: "put",
                        verb: "replace",
                        answer: &kind,
                        body: Some(&kind),
                        parameters: WRITE,
                    },
                );
                return Some(item);
            }
            "eviction" => post("policy", "v1", "Eviction"),
            "binding" => post("", "v1", "Binding"),
            "token" => post("authentication.k8s.io", "v1", "TokenRequest"),
            _ => None,
        };
        let (group, version, kind) = created?;
        let reference = self.definitions.other_kind(group, version, kind)?;
        let operation = Operation {
            method: "post",
            action: "post",
            verb: "create",
            answer: &reference,
            body: Some(&reference),
            parameters: WRITE,
        };
        self.add(&mut item, &capital(name), &operation);
        item["post"][GVK] = gvk_value(group, version, kind);
        Some(item)
    }

    /// A path with the parameters in its own text.
    fn path_item(&self, names: &[&str]) -> Value {
        let scope = self.resource.namespaced.then_some("namespace");
        let mut parameters: Vec<Value> =
            names.iter().copied().chain(scope).map(|name| self.parameter(name, "path")).collect();
        parameters.push(self.parameter("pretty", "query"));
        json!({"parameters": parameters})
    }

    fn add(&self, item: &mut Value, suffix: &str, operation: &Operation<'_>) {
        let gvk = &self.resource.gvk;
        let scope = if self.resource.namespaced && suffix != "ForAllNamespaces" { "Namespaced" } else { "" };
        let group = gvk.group.split('.').next().filter(|g| !g.is_empty()).unwrap_or("core");
        let id = format!("{}{}{}{scope}{}{suffix}", operation.verb, capital(group), capital(&gvk.version), gvk.kind);
        let mut parameters: Vec<Value> =
            operation.parameters.iter().map(|name| self.parameter(name, "query")).collect();
        let mut value = json!({
            "description": format!("{} {}", operation.verb, gvk.kind),
            "operationId": id,
            "tags": [format!("{group}_{}", gvk.version)],
            "responses": self.responses(operation.answer),
            "x-kubernetes-action": operation.action,
        });
        value[GVK] = gvk_value(&gvk.group, &gvk.version, &gvk.kind);
        self.body(operation, &mut parameters, &mut value);
        if !parameters.is_empty() {
            value["parameters"] = json!(parameters);
        }
        item[operation.method] = value;
    }

    fn responses(&self, answer: &str) -> Value {
        let schema = json!({"$ref": answer});
        match self.definitions.dialect {
            Dialect::V2 => {
                json!({"200": {"description": "OK", "schema": schema}, "401": {"description": "Unauthorized"}})
            }
            Dialect::V3 => json!({
                "200": {"description": "OK", "content": {"application/json": {"schema": schema}}},
                "401": {"description": "Unauthorized"},
            }),
        }
    }

    fn body(&self, operation: &Operation<'_>, parameters: &mut Vec<Value>, value: &mut Value) {
        let Some(body) = operation.body else { return };
        let types = self.media_types(operation);
        let required = operation.method != "delete";
        if self.definitions.dialect == Dialect::V2 {
            let mut parameter = json!({"in": "body", "name": "body", "schema": {"$ref": body}});
            if required {
                parameter["required"] = json!(true);
            }
            parameters.insert(0, parameter);
            value["consumes"] = json!(types);
            return;
        }
        let content: Map<String, Value> =
            types.iter().map(|ty| ((*ty).to_owned(), json!({"schema": {"$ref": body}}))).collect();
        value["requestBody"] = json!({"content": content});
        if required {
            value["requestBody"]["required"] = json!(true);
        }
    }

    fn media_types(&self, operation: &Operation<'_>) -> &'static [&'static str] {
        const PATCHES: [&str; 4] = [
            "application/json-patch+json",
            "application/merge-patch+json",
            "application/apply-patch+yaml",
            "application/strategic-merge-patch+json",
        ];
        match (operation.method, self.resource.custom) {
            ("patch", true) => &PATCHES[..3],
            ("patch", false) => &PATCHES,
            _ => &["application/json", "application/yaml"],
        }
    }

    fn parameter(&self, name: &str, place: &str) -> Value {
        let (_, ty, text) = PARAMETERS.iter().find(|(known, ..)| *known == name).unwrap_or(&("", "string", ""));
        let mut parameter = json!({"name": name, "in": place, "description": text});
        if place == "path" {
            parameter["required"] = json!(true);
        }
        let schema = json!({"type": ty, "uniqueItems": true});
        match self.definitions.dialect {
            Dialect::V2 => {
                parameter["type"] = json!(ty);
                parameter["uniqueItems"] = json!(true);
            }
            Dialect::V3 => parameter["schema"] = schema,
        }
        parameter
    }
}

const WRITE: &[&str] = &["dryRun", "fieldManager", "fieldValidation"];
const PATCH: &[&str] = &["dryRun", "fieldManager", "fieldValidation", "force"];
const DELETE: &[&str] = &["dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy"];
const LIST: &[&str] = &[
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
];

/// Name, type and meaning of the parameters.
const PARAMETERS: [(&str, &str, &str); 21] = [
    ("allowWatchBookmarks", "boolean", "Whether a watch may send BOOKMARK events."),
    ("continue", "string", "The token from the previous page of the list."),
    ("dryRun", "string", "With All, nothing is stored."),
    ("fieldManager", "string", "The name of whoever makes the change."),
    ("fieldSelector", "string", "Restricts the list by fields."),
    ("fieldValidation", "string", "What to do about unknown and duplicate fields: Ignore, Warn or Strict."),
    ("force", "boolean", "Whether an apply takes over fields that others own."),
    ("gracePeriodSeconds", "integer", "How many seconds the object has left."),
    ("labelSelector", "string", "Restricts the list by labels."),
    ("limit", "integer", "The most items in one page of the list."),
    ("name", "string", "name of the object"),
    ("namespace", "string", "object name and auth scope, such as for teams and projects"),
    ("orphanDependents", "boolean", "Whether dependents are left without owner; propagationPolicy says more."),
    ("pretty", "string", "Whether the answer is indented."),
    ("propagationPolicy", "string", "What becomes of dependents: Orphan, Background or Foreground."),
    ("resourceVersion", "string", "Which state is asked for."),
    ("resourceVersionMatch", "string", "How resourceVersion is meant: Exact or NotOlderThan."),
    ("sendInitialEvents", "boolean", "Whether a watch begins with the present state."),
    ("shardSelector", "string", "Restricts the list to a shard."),
    ("timeoutSeconds", "integer", "How many seconds the call may take."),
    ("watch", "boolean", "Whether changes follow."),
];

/// Makes the first letter upper-case.
fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
