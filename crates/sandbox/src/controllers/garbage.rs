//! The garbage collector: nothing stays whose owners are all gone, and owners that wait for their dependents go last.

use std::sync::Arc;

use tiphys_machinery::error::ApiError;
use tiphys_machinery::resource::Resource;

use super::cache::{Cache, Marks, Update, key_of};
use super::context::{Context, Controller};
use super::ownership::release;
use super::view::{Key, Meta};
use crate::object::Object;
use crate::registry::{DeleteOptions, Propagation};
use crate::store::Change;

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// The garbage collector. Its keys are uids.
#[derive(Debug, Default)]
pub(crate) struct Collector;

impl Controller for Collector {
    fn name(&self) -> &'static str {
        "garbage-collector"
    }

    fn on_change(&mut self, change: &Change, _: &Update, _: &Cache, marks: &mut Marks) {
        let owners = |object: &Option<Arc<Object>>| object.iter().flat_map(|o| o.owners().to_vec()).collect::<Vec<_>>();
        let (before, after) = (owners(&change.prev), owners(&change.new));
        let deleting = change.new.as_ref().is_some_and(|object| object.is_deleting());
        if before != after || deleting || change.new.is_none() {
            marks.insert(uid_key(change.object().uid()));
        }
        if before != after {
            // Owners may wait for this dependent.
            marks.extend(before.iter().map(|owner| uid_key(&owner.uid)));
        }
    }

    fn reconcile(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), ApiError> {
        let uid = &*key.name;
        let Some((resource, object)) = context.registry.by_uid(uid) else {
            return each_dependent(uid, context, |resource, dependent| attend(resource, dependent, context));
        };
        if object.is_deleting() { finish(&resource, &object, context) } else { attend(&resource, &object, context) }
    }
}

fn uid_key(uid: &str) -> Key {
    Key::new("", uid)
}

/// Does something with every dependent; the first error is reported after all had their turn.
fn each_dependent(
    uid: &str,
    context: &Context<'_>,
    mut act: impl FnMut(&Resource, &Object) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    let mut first = Ok(());
    for (resource, dependent) in context.registry.dependents(uid) {
        let done = act(&resource, &dependent);
        first = first.and(done);
    }
    first
}

/// What the owners of an object are.
#[derive(Default)]
struct Owners<'a> {
    solid: usize,
    /// Being deleted, and waiting for this object to go.
    waiting: Vec<&'a str>,
    /// Gone, or not where an owner may be.
    absent: Vec<&'a str>,
}

/// Deletes an object whose owners are all gone or wait for it; takes dead references off one that has others.
fn attend(resource: &Resource, object: &Object, context: &Context<'_>) -> Result<(), ApiError> {
    if object.owners().is_empty() || object.is_deleting() {
        return Ok(());
    }
    let mut owners = Owners::default();
    for owner in object.owners() {
        match context.registry.by_uid(&owner.uid) {
            Some((of, found)) if may_own(&of, &found, object) => {
                if found.is_deleting() && has_finalizer(&found, FOREGROUND) {
                    owners.waiting.push(&owner.uid);
                } else {
                    owners.solid += 1;
                }
            }
            _ => owners.absent.push(&owner.uid),
        }
    }
    let dead: Vec<&str> = owners.absent.iter().chain(&owners.waiting).copied().collect();
    let place = (resource.gvk.group.as_str(), resource.plural.as_str());
    if owners.solid > 0 {
        return if dead.is_empty() { Ok(()) } else { release(context.writer(), place, &key_of(object), &dead) };
    }
    let blocks = |dependent: &Object| refers_blocking(dependent, object.uid());
    let foreground =
        !owners.waiting.is_empty() && context.registry.dependents(object.uid()).iter().any(|(_, d)| blocks(d));
    let propagation = if foreground { Propagation::Foreground } else { Propagation::Background };
    let options = DeleteOptions { propagation: Some(propagation), ..DeleteOptions::default() };
    context.writer().delete(place, &key_of(object), &options.of_uid(&**object.uid()))
}

/// An owner lives in the dependent's namespace, or in none.
fn may_own(resource: &Resource, owner: &Object, dependent: &Object) -> bool {
    !resource.namespaced || owner.namespace() == dependent.namespace()
}

/// Lets go of an object that waits for the garbage collector.
fn finish(resource: &Resource, object: &Object, context: &Context<'_>) -> Result<(), ApiError> {
    let uid = object.uid();
    if has_finalizer(object, ORPHAN) {
        each_dependent(uid, context, |of, dependent| {
            release(context.writer(), (&of.gvk.group, &of.plural), &key_of(dependent), &[&**uid])
        })?;
        return remove_finalizer(resource, object, ORPHAN, context);
    }
    if !has_finalizer(object, FOREGROUND) {
        return Ok(());
    }
    let mut blocked = false;
    each_dependent(uid, context, |of, dependent| {
        blocked |= refers_blocking(dependent, uid);
        attend(of, dependent, context)
    })?;
    if blocked { Ok(()) } else { remove_finalizer(resource, object, FOREGROUND, context) }
}

fn meta(object: &Object) -> Meta {
    serde_json::from_value(object.metadata()).unwrap_or_default()
}

fn has_finalizer(object: &Object, finalizer: &str) -> bool {
    meta(object).finalizers.iter().any(|f| f == finalizer)
}

/// Returns whether a dependent keeps the owner of this uid from going in the foreground.
fn refers_blocking(dependent: &Object, uid: &str) -> bool {
    meta(dependent).owner_references.iter().any(|owner| owner.uid == uid && owner.block_owner_deletion)
}

fn remove_finalizer(
    resource: &Resource,
    object: &Object,
    finalizer: &str,
    context: &Context<'_>,
) -> Result<(), ApiError> {
    let place = (resource.gvk.group.as_str(), resource.plural.as_str());
    let removed = context.writer().modify(place, &key_of(object), |value| {
        if let Some(list) = value["metadata"]["finalizers"].as_array_mut() {
            list.retain(|f| f != finalizer);
        }
    });
    match removed {
        Err(error) if error.code != 404 => Err(error),
        _ => Ok(()),
    }
}
