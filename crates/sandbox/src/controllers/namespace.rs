//! Namespaces: what every new one contains, and emptying those that end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use tiphys_machinery::error::ApiError;

use super::cache::{Cache, Marks, Update, key_of};
use super::conditions;
use super::context::{Context, Controller, gone_is_fine};
use super::view::{Condition, Key, Meta};
use crate::registry::{DeleteOptions, Subresource};
use crate::store::Change;

const NAMESPACES: (&str, &str) = ("", "namespaces");
pub(crate) const ROOT_CA: &str = "kube-root-ca.crt";

/// The namespace controller.
#[derive(Debug, Default)]
pub(crate) struct Namespaces {
    ending: BTreeSet<Arc<str>>,
}

impl Controller for Namespaces {
    fn name(&self) -> &'static str {
        "namespace-controller"
    }

    fn on_change(&mut self, change: &Change, _: &Update, _: &Cache, marks: &mut Marks) {
        let object = change.object();
        match change.resource.group_plural() {
            NAMESPACES => {
                let name: Arc<str> = object.name().into();
                match &change.new {
                    Some(new) if new.is_deleting() => _ = self.ending.insert(name.clone()),
                    _ => _ = self.ending.remove(&name),
                }
                marks.insert(Key::new("", name));
            }
            ("", "serviceaccounts" | "configmaps") if change.new.is_none() => mark_namespace(object.namespace(), marks),
            _ if self.ending.contains(object.namespace()) => mark_namespace(object.namespace(), marks),
            _ => {}
        }
    }

    fn reconcile(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), ApiError> {
        let resource = context.writer().resource(NAMESPACES.0, NAMESPACES.1)?;
        let Ok(namespace) = context.registry.get(&resource, "", &key.name) else { return Ok(()) };
        if namespace.is_deleting() { empty(key, context) } else { furnish(&key.name, context) }
    }
}

fn mark_namespace(name: &str, marks: &mut Marks) {
    if !name.is_empty() {
        marks.insert(Key::new("", name));
    }
}

/// Creates what every namespace has.
fn furnish(namespace: &str, context: &Context<'_>) -> Result<(), ApiError> {
    let writer = context.writer();
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
    let authority = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": ROOT_CA, "annotations": {"kubernetes.io/description":
            "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as \
             the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of \
             Kubernetes clusters."}},
        "data": {"ca.crt": context.registry.authority()},
    });
    for (plural, name, object) in [("serviceaccounts", "default", account), ("configmaps", ROOT_CA, authority)] {
        let resource = writer.resource("", plural)?;
        if context.registry.get(&resource, namespace, name).is_ok() {
            continue;
        }
        match writer.create(("", plural), namespace, object) {
            Err(error) if !matches!(error.code, 403 | 404 | 409) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// What is left in a namespace.
#[derive(Default)]
struct Remains {
    /// Objects by resource.
    counts: BTreeMap<String, usize>,
    /// Objects by finalizer.
    finalizers: BTreeMap<String, usize>,
}

/// Deletes everything in a namespace that ends, tells what is left, and lets go of it when nothing is.
fn empty(key: &Key, context: &Context<'_>) -> Result<(), ApiError> {
    let remains = delete_contents(&key.name, context)?;
    let now = context.now;
    let told = context.writer().modify_status(NAMESPACES, key, |object| {
        object["status"]["phase"] = "Terminating".into();
        let mut list: Vec<Condition> =
            serde_json::from_value(object["status"]["conditions"].clone()).unwrap_or_default();
        for condition in report(&remains, now) {
            conditions::set_with_message(&mut list, condition);
        }
        object["status"]["conditions"] = json!(list);
    });
    gone_is_fine(told)?;
    if remains.counts.is_empty() {
        let edit = |object: &mut Value| object["spec"]["finalizers"] = json!([]);
        gone_is_fine(context.writer().edit(NAMESPACES, key, Subresource::Finalize, edit))?;
    }
    Ok(())
}

fn delete_contents(namespace: &str, context: &Context<'_>) -> Result<Remains, ApiError> {
    let resources = context.registry.resources();
    let mut remains = Remains::default();
    for entry in resources.entries().filter(|entry| entry.storage.namespaced) {
        let place = (entry.shard.0.as_str(), entry.shard.1.as_str());
        let name = format!("{}.{}", place.1, place.0);
        for object in context.registry.list(&entry.storage, Some(namespace)) {
            if !object.is_deleting() {
                context.writer().delete(place, &key_of(&object), &DeleteOptions::background())?;
            }
            let Ok(left) = context.registry.get(&entry.storage, namespace, object.name()) else { continue };
            *remains.counts.entry(name.clone()).or_default() += 1;
            let meta: Meta = serde_json::from_value(left.metadata()).unwrap_or_default();
            for finalizer in meta.finalizers {
                *remains.finalizers.entry(finalizer).or_default() += 1;
            }
        }
    }
    Ok(remains)
}

/// The five conditions of a namespace that ends.
fn report(remains: &Remains, now: jiff::Timestamp) -> Vec<Condition> {
    let condition = |r#type: &str, status: bool, reason: &str, message: String| {
        let status = if status { "True" } else { "False" };
        Condition::new(r#type, status, reason, message, now).without_update_time()
    };
    let list = |counts: &BTreeMap<String, usize>, of: &str| {
        counts
            .iter()
            .map(|(name, count)| format!("{name}{of}{count} resource instances"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let (left, held) = (!remains.counts.is_empty(), !remains.finalizers.is_empty());
    let content = "All content successfully removed";
    vec![
        condition(
            "NamespaceDeletionDiscoveryFailure",
            false,
            "ResourcesDiscovered",
            "All resources successfully discovered".into(),
        ),
        condition(
            "NamespaceDeletionGroupVersionParsingFailure",
            false,
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed".into(),
        ),
        condition(
            "NamespaceDeletionContentFailure",
            false,
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization".into(),
        ),
        if left {
            let message = format!("Some resources are remaining: {}", list(&remains.counts, " has "));
            condition("NamespaceContentRemaining", true, "SomeResourcesRemain", message)
        } else {
            condition("NamespaceContentRemaining", false, "ContentRemoved", content.into())
        },
        if held {
            let message = format!(
                "Some content in the namespace has finalizers remaining: {}",
                list(&remains.finalizers, " in ")
            );
            condition("NamespaceFinalizersRemaining", true, "SomeFinalizersRemain", message)
        } else {
            condition(
                "NamespaceFinalizersRemaining",
                false,
                "ContentHasNoFinalizers",
                "All content-preserving finalizers finished".into(),
            )
        },
    ]
}
