//! Deletion: preconditions, finalizers, grace periods.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::Value;
use tiphys_machinery::{
    error::ApiError,
    resource::{DeletionPolicy, Resource},
};

use super::{DeleteOptions, Propagation, Registry, crd, metadata, stored};
use crate::{catalog::Entry, object::Object, store::Expected};

/// What a deletion did.
#[derive(Debug, Clone)]
pub struct Deleted {
    /// The last state of the object, or its state now that it waits for finalizers or its grace period.
    pub object: Arc<Object>,
    /// Whether it is gone.
    pub removed: bool,
}

const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

/// What a deletion does to the object that it found.
enum Step {
    /// Nothing: it is being deleted already.
    Leave,
    /// It stays, marked.
    Mark(Value),
    /// It is marked and then removed: a pod without grace.
    MarkAndRemove(Value),
    /// It is removed.
    Remove,
}

impl Registry {
    /// Deletes an object, or marks it as being deleted where finalizers or a grace period hold it.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when a precondition fails.
    pub fn delete(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deleted, ApiError> {
        options.check()?;
        check_immortal(resource, name)?;
        loop {
            let current = self.get(resource, namespace, name)?;
            check_preconditions(resource, &current, options)?;
            let step = self.deletion_step(resource, &current, options);
            if let Some(done) = self.carry_out(resource, current, step, options)? {
                return Ok(done);
            }
        }
    }

    fn deletion_step(&self, resource: &Resource, current: &Object, options: &DeleteOptions) -> Step {
        let mut value = current.value();
        let before = value.clone();
        let now = self.now();
        let pod = resource.gvk.group.is_empty() && resource.gvk.kind == "Pod";
        let graceful = if pod {
            match pod_grace(&mut value, options, now) {
                Grace::Pending => return Step::Leave,
                Grace::Seconds(seconds) => Some(seconds),
            }
        } else {
            None
        };
        metadata::set_finalizers(&mut value, finalizers_for(resource, &before, options));
        if crd::is_definition(resource) {
            crd::begin_deletion(&mut value, &metadata::stamp(now));
        }
        let held = metadata::is_held(&value);
        match graceful {
            None if !held => Step::Remove,
            None => {
                metadata::mark_deleting(&mut value, now, 0);
                if value == before { Step::Leave } else { Step::Mark(value) }
            }
            Some(0) if !held => Step::MarkAndRemove(value),
            Some(_) => Step::Mark(value),
        }
    }

    /// `None`: another writer was faster.
    fn carry_out(
        &self,
        resource: &Resource,
        current: Arc<Object>,
        step: Step,
        options: &DeleteOptions,
    ) -> Result<Option<Deleted>, ApiError> {
        let resources = self.resources();
        let entry = resources.require(resource)?;
        let (marked, remove) = match step {
            Step::Leave => return Ok(Some(Deleted { object: current, removed: false })),
            Step::Mark(value) => (Some(value), false),
            Step::MarkAndRemove(value) => (Some(value), true),
            Step::Remove => (None, true),
        };
        if options.dry_run {
            let object = marked.map_or(current, |value| Arc::new(stored(entry, &value)));
            return Ok(Some(Deleted { object, removed: remove }));
        }
        let mut object = current;
        if let Some(value) = marked {
            let Some(next) = self.replace(entry, &object, Some(stored(entry, &value))) else { return Ok(None) };
            self.after_commit(resource, Some(&next), Some(&object));
            object = next;
        }
        if remove {
            let Some(last) = self.replace(entry, &object, None) else { return Ok(None) };
            self.after_commit(resource, None, Some(&object));
            object = last;
        }
        Ok(Some(Deleted { object, removed: remove }))
    }

    /// Commits; returns the object after, or the last state at the revision of its removal.
    fn replace(&self, entry: &Entry, current: &Arc<Object>, new: Option<Object>) -> Option<Arc<Object>> {
        let expected = Expected::Revision(current.revision());
        let change = self.store().commit(&entry.storage, &entry.shard, current.key(), expected, new).ok()?;
        Some(change.new.clone().unwrap_or_else(|| Arc::new(current.at_revision(change.revision))))
    }
}

/// # Errors
/// 403 for the namespaces that every cluster has.
fn check_immortal(resource: &Resource, name: &str) -> Result<(), ApiError> {
    let namespace = resource.gvk.group.is_empty() && resource.gvk.kind == "Namespace";
    if namespace && matches!(name, "default" | "kube-system" | "kube-public") {
        return Err(ApiError::forbidden("", "namespaces", name, "this namespace may not be deleted"));
    }
    Ok(())
}

enum Grace {
    /// The pod is being deleted already, no slower than asked for now.
    Pending,
    /// The pod was marked with this many seconds.
    Seconds(i64),
}

/// Marks a pod as being deleted: with the seconds asked for, or its own.
fn pod_grace(value: &mut Value, options: &DeleteOptions, now: Timestamp) -> Grace {
    if let Some(deadline) = value["metadata"]["deletionTimestamp"].as_str() {
        let before = value["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or_default();
        let Some(asked) = options.grace_period_seconds.filter(|asked| *asked < before) else { return Grace::Pending };
        let asked = asked.max(0);
        let deadline = deadline.parse().unwrap_or(now);
        let earlier = deadline - Duration::from_secs(before.abs_diff(asked));
        let metadata = metadata::of(value);
        metadata.insert("deletionTimestamp".into(), metadata::stamp(earlier).into());
        metadata.insert("deletionGracePeriodSeconds".into(), asked.into());
        return Grace::Seconds(asked);
    }
    let own = value["spec"]["terminationGracePeriodSeconds"].as_i64();
    let unbound = value["spec"]["nodeName"].as_str().unwrap_or_default().is_empty();
    let terminal = matches!(value["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    let seconds = match options.grace_period_seconds.or(own).unwrap_or_default() {
        _ if unbound || terminal => 0,
        negative if negative < 0 => 1,
        seconds => seconds,
    };
    metadata::mark_deleting(value, now + Duration::from_secs(seconds.unsigned_abs()), seconds);
    Grace::Seconds(seconds)
}

/// Returns the finalizers with those of the garbage collector as the options or the kind's default say.
fn finalizers_for(resource: &Resource, value: &Value, options: &DeleteOptions) -> Vec<String> {
    let current = metadata::finalizers(value);
    let is_event = resource.gvk.kind == "Event" && matches!(resource.gvk.group.as_str(), "" | "events.k8s.io");
    let propagation = match (options.propagation, options.orphan_dependents) {
        _ if is_event => Propagation::Background,
        (Some(propagation), _) => propagation,
        (None, Some(true)) => Propagation::Orphan,
        (None, Some(false)) => Propagation::Background,
        (None, None) if current.iter().any(|f| f == ORPHAN) => Propagation::Orphan,
        (None, None) if current.iter().any(|f| f == FOREGROUND) => Propagation::Foreground,
        (None, None) if resource.deletion.policy == DeletionPolicy::Orphan => Propagation::Orphan,
        (None, None) => Propagation::Background,
    };
    let mut finalizers: Vec<String> = current.into_iter().filter(|f| f != ORPHAN && f != FOREGROUND).collect();
    match propagation {
        Propagation::Orphan => finalizers.push(ORPHAN.into()),
        Propagation::Foreground => finalizers.push(FOREGROUND.into()),
        Propagation::Background => {}
    }
    finalizers
}

fn check_preconditions(resource: &Resource, current: &Object, options: &DeleteOptions) -> Result<(), ApiError> {
    let why = match (&options.uid, &options.resource_version) {
        (Some(uid), _) if **uid != **current.uid() => format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been \
             deleted and then recreated",
            current.uid()
        ),
        (_, Some(version)) if *version != current.revision().to_string() => format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({}). \
             The object might have been modified",
            current.revision()
        ),
        _ => return Ok(()),
    };
    let (kind, name) = (&resource.gvk.kind, current.name());
    let message = format!("Operation cannot be fulfilled on {kind} \"{name}\": {why}");
    Err(ApiError::new(409, "Conflict", message).about(&resource.gvk.group, kind, name))
}
