//! CustomResourceDefinitions: names, conditions, and the resources that they make.

use std::sync::Arc;

use serde_json::{Value, json};
use tiphys_machinery::{
    meta,
    resource::{Deletion, DeletionPolicy, GenerationRule, Gvk, Resource, ScalePaths},
    schema::from_crd,
};

use super::{DeleteOptions, Registry, Subresource, WriteOptions, metadata};
use crate::catalog::preference;
use crate::object::Object;

/// Holds a definition until its objects are gone.
pub(super) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";
const MANAGER: &str = "kube-apiserver";

/// Returns whether this is the resource of definitions.
pub(super) fn is_definition(resource: &Resource) -> bool {
    resource.gvk.group == "apiextensions.k8s.io" && resource.plural == "customresourcedefinitions"
}

/// Fills in what the server decides: names, the finalizer, and that the definition is established.
///
/// Established at once, in the same write: a client that saw it can use the kind (`spec/sandbox.md` section 2.2).
pub(super) fn establish(definition: &mut Value, now: &str) {
    let kind = definition["spec"]["names"]["kind"].as_str().unwrap_or_default().to_owned();
    let names = &mut definition["spec"]["names"];
    if names["singular"].as_str().is_none_or(str::is_empty) {
        names["singular"] = kind.to_lowercase().into();
    }
    if names["listKind"].as_str().is_none_or(str::is_empty) {
        names["listKind"] = format!("{kind}List").into();
    }
    if definition["spec"]["conversion"].is_null() {
        definition["spec"]["conversion"] = json!({"strategy": "None"});
    }
    let storage = versions(definition).find(|v| v["storage"] == true).map(|v| v["name"].clone()).unwrap_or_default();
    let mut stored = definition["status"]["storedVersions"].as_array().cloned().unwrap_or_default();
    if !stored.contains(&storage) {
        stored.push(storage);
    }
    let condition = |kind: &str, reason: &str, message: &str| json!({"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": now});
    definition["status"] = json!({
        "acceptedNames": definition["spec"]["names"],
        "storedVersions": stored,
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
    });
}

/// Holds a definition that is about to be deleted until its objects are gone, and says so.
pub(super) fn begin_deletion(definition: &mut Value, now: &str) {
    if !definition["metadata"]["deletionTimestamp"].is_null() {
        return;
    }
    let mut finalizers = metadata::finalizers(definition);
    if !finalizers.iter().any(|f| f == CLEANUP) {
        finalizers.push(CLEANUP.to_owned());
        metadata::set_finalizers(definition, finalizers);
    }
    let condition = json!({
        "type": "Terminating", "status": "True", "reason": "InstanceDeletionPending",
        "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
    });
    meta::set_condition(definition, condition, now);
}

fn versions(definition: &Value) -> impl Iterator<Item = &Value> {
    definition["spec"]["versions"].as_array().into_iter().flatten()
}

/// Returns the resources that a definition makes: the stored version, and the served ones, the preferred first.
pub(super) fn resources(definition: &Value) -> (Option<Arc<Resource>>, Vec<Arc<Resource>>) {
    let mut served: Vec<(bool, Arc<Resource>)> = versions(definition)
        .filter(|version| version["served"] == true)
        .map(|version| (version["storage"] == true, Arc::new(resource(definition, version))))
        .collect();
    served.sort_by_key(|(storage, _)| !storage);
    let stored = versions(definition).find(|version| version["storage"] == true);
    let storage = stored.map(|version| Arc::new(resource(definition, version)));
    (storage, served.into_iter().map(|(_, resource)| resource).collect())
}

fn resource(definition: &Value, version: &Value) -> Resource {
    let (spec, names) = (&definition["spec"], &definition["spec"]["names"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let texts = |value: &Value| value.as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
    let gvk = Gvk::new(&text(&spec["group"]), &text(&version["name"]), &text(&names["kind"]));
    let subresources = &version["subresources"];
    let mut resource = Resource::new(gvk, &text(&names["plural"]));
    resource.singular = text(&names["singular"]);
    resource.list_kind = text(&names["listKind"]);
    resource.short_names = texts(&names["shortNames"]);
    resource.categories = texts(&names["categories"]);
    // As discovery tells them.
    resource.verbs = vec!["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
    resource.namespaced = spec["scope"] != "Cluster";
    resource.generation = GenerationRule::AllButMetadata;
    resource.unconditional_update = false;
    resource.deletion = Deletion { policy: DeletionPolicy::Background, answers_object: false, graceful: false };
    resource.custom = true;
    resource.schema = Arc::new(from_crd(version["schema"].get("openAPIV3Schema")));
    resource.printer_columns = version["additionalPrinterColumns"].as_array().cloned().unwrap_or_default();
    let selectable = version["selectableFields"].as_array().into_iter().flatten();
    resource.selectable_fields = selectable.map(|field| text(&field["jsonPath"])).collect();
    resource.deprecation = deprecation(definition, version);
    if subresources["status"].is_object() {
        resource.add_subresource("status");
    }
    if let Some(scale) = subresources.get("scale").filter(|scale| scale.is_object()) {
        resource.add_subresource("scale");
        // Discovery tells them in this order.
        resource.subresources.sort_by_key(|part| part.name != "status");
        resource.scale_paths = Some(ScalePaths {
            spec_replicas: text(&scale["specReplicasPath"]),
            status_replicas: text(&scale["statusReplicasPath"]),
            selector: scale["labelSelectorPath"].as_str().map(str::to_owned),
        });
    }
    resource
}

/// Returns the warning for a deprecated version: its own text, or one that names the served version to use instead.
fn deprecation(definition: &Value, version: &Value) -> Option<String> {
    if version["deprecated"] != true {
        return None;
    }
    if let Some(text) = version["deprecationWarning"].as_str() {
        return Some(text.to_owned());
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (group, kind) = (text(&definition["spec"]["group"]), text(&definition["spec"]["names"]["kind"]));
    let own = text(&version["name"]);
    let better = versions(definition)
        .filter(|other| other["served"] == true && other["deprecated"] != true)
        .map(|other| text(&other["name"]))
        .filter(|other| preference(other) < preference(&own))
        .min_by_key(|other| preference(other));
    let instead = better.map(|version| format!("; use {group}/{version} {kind}")).unwrap_or_default();
    Some(format!("{group}/{own} {kind} is deprecated{instead}"))
}

impl Registry {
    /// Serves what the definition says now; with `None` nothing any more.
    pub(super) fn serve_definition(&self, definition: Option<&Value>, group: &str, plural: &str) {
        let (storage, versions) = definition.map(resources).unwrap_or_default();
        self.inner.catalog.replace(group, plural, storage, versions);
    }

    /// Serves the definitions that are stored: after a restart.
    pub(super) fn serve_stored_definitions(&self) {
        let Some(definitions) = self.resource("apiextensions.k8s.io", "customresourcedefinitions") else { return };
        for object in self.list(&definitions, None) {
            self.follow_definition(Some(&object), None);
        }
    }

    /// Follows a written definition, and goes on with its deletion.
    pub(super) fn follow_definition(&self, new: Option<&Object>, old: Option<&Object>) {
        let Some(object) = new.or(old) else { return };
        let value = object.value();
        let name = |field: &str| value.pointer(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (group, plural) = (name("/spec/group"), name("/spec/names/plural"));
        self.serve_definition(new.map(|_| &value), &group, &plural);
        if new.is_some() && !value["metadata"]["deletionTimestamp"].is_null() {
            self.clean_up(&group, &plural);
        }
    }

    /// Deletes the objects of a definition that is being deleted, and lets the definition go when none is left.
    pub(super) fn clean_up(&self, group: &str, plural: &str) {
        let Some(definitions) = self.resource("apiextensions.k8s.io", "customresourcedefinitions") else { return };
        if let Some(resource) = self.resource(group, plural) {
            for object in self.list(&resource, None) {
                // One that is gone already is what is wanted; one that is held is asked for again when it changes.
                let _ = self.delete(&resource, object.namespace(), object.name(), &DeleteOptions::background());
            }
            if !self.list(&resource, None).is_empty() {
                return;
            }
        }
        let name = format!("{plural}.{group}");
        // Gone already is what is wanted.
        let _ = self.modify(&definitions, "", &name, Subresource::Main, &WriteOptions::by(MANAGER), |definition| {
            let rest = metadata::finalizers(definition).into_iter().filter(|f| f != CLEANUP).collect();
            metadata::set_finalizers(definition, rest);
        });
    }

    /// Returns whether the definition of a custom resource is being deleted.
    pub(super) fn is_terminating(&self, resource: &Resource) -> bool {
        let Some(definitions) = self.resource("apiextensions.k8s.io", "customresourcedefinitions") else {
            return false;
        };
        let name = format!("{}.{}", resource.plural, resource.gvk.group);
        self.get(&definitions, "", &name).is_ok_and(|object| object.is_deleting())
    }
}
