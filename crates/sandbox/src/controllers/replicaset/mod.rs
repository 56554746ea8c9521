//! ReplicaSets: as many pods of a template as wanted.

mod plan;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tiphys_machinery::error::ApiError;

use self::plan::{Candidate, Scale};
use super::cache::{Cache, Marks, Update, in_namespace};
use super::conditions;
use super::context::{Context, Controller};
use super::ownership::{claim, controller_ref, namespace_ends};
use super::recorder::{About, Note};
use super::template;
use super::view::{Condition, Key, Pod, ReplicaSet, ReplicaSetStatus};
use crate::registry::DeleteOptions;
use crate::store::Change;

const PODS: (&str, &str) = ("", "pods");
const SETS: (&str, &str) = ("apps", "replicasets");
const COMPONENT: &str = "replicaset-controller";
const REPLICA_FAILURE: &str = "ReplicaFailure";

/// The controller of ReplicaSets.
#[derive(Debug, Default)]
pub(crate) struct ReplicaSets;

impl Controller for ReplicaSets {
    fn name(&self) -> &'static str {
        COMPONENT
    }

    fn on_change(&mut self, _: &Change, update: &Update, cache: &Cache, marks: &mut Marks) {
        match update {
            Update::ReplicaSet(sides) => marks.extend(sides.each().map(|set| set.meta.key())),
            Update::Pod(sides) if !is_same_to_owner(sides.old.as_deref(), sides.new.as_deref()) => {
                for pod in sides.each() {
                    mark_owners(pod, cache, marks);
                }
            }
            _ => {}
        }
    }

    fn reconcile(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), ApiError> {
        let Some(set) = context.cache.replica_sets.get(key).cloned() else { return Ok(()) };
        let matches = |pod: &Pod| set.selector.matches(&pod.labels);
        let Some(active) = claim(&set.meta, "ReplicaSet", matches, Pod::is_active, context)? else { return Ok(()) };
        let done = if set.meta.is_deleting() { Ok(0) } else { manage(&set, key, &active, context) };
        // Written pods come back as changes and mark this key again; only then is the status worth writing.
        if matches!(done, Ok(written) if written > 0) {
            return Ok(());
        }
        write_status(&set, key, &active, done.as_ref().err(), context)?;
        if let Some(at) = plan::next_available(&active, set.min_ready_seconds, context.now) {
            context.wake(key, at);
        }
        done.map(drop).map_err(|failure| failure.error)
    }
}

fn mark_owners(pod: &Pod, cache: &Cache, marks: &mut Marks) {
    match &pod.controller {
        Some(_) => marks.extend(pod.owner("ReplicaSet")),
        None => {
            let sets = in_namespace(&cache.replica_sets, &pod.key.namespace);
            marks.extend(sets.filter(|(_, set)| set.selector.matches(&pod.labels)).map(|(key, _)| key.clone()));
        }
    }
}

/// Returns whether nothing changed that a ReplicaSet looks at.
fn is_same_to_owner(old: Option<&Pod>, new: Option<&Pod>) -> bool {
    let (Some(old), Some(new)) = (old, new) else { return false };
    old.uid == new.uid
        && old.is_active() == new.is_active()
        && old.ready_since == new.ready_since
        && old.labels == new.labels
        && old.controller == new.controller
}

/// Why pods could not be created or deleted.
struct Failure {
    reason: &'static str,
    error: ApiError,
}

/// Creates or deletes pods. Returns how many writes there were.
fn manage(set: &ReplicaSet, key: &Key, active: &[Arc<Pod>], context: &mut Context<'_>) -> Result<usize, Failure> {
    match plan::scale(active.len(), set.replicas) {
        Scale::Keep => Ok(0),
        Scale::Create(count) => create(set, key, count, context),
        Scale::Delete(count) => delete(set, active, count, context),
    }
}

fn create(set: &ReplicaSet, key: &Key, count: usize, context: &mut Context<'_>) -> Result<usize, Failure> {
    let failed = |error| Failure { reason: "FailedCreate", error };
    let template = stored_template(key, context).map_err(failed)?;
    let mut pod = template::pod(&template, &controller_ref("apps/v1", "ReplicaSet", &set.meta));
    pod["metadata"]["generateName"] = format!("{}-", set.meta.name).into();
    let about = about(set);
    let mut created = 0;
    for batch in plan::batches(count) {
        let mut failure = None;
        for _ in 0..batch {
            match context.writer().create(PODS, &set.meta.namespace, pod.clone()) {
                Ok(pod) => {
                    created += 1;
                    let message = format!("Created pod: {}", pod.name());
                    context.note(&about, &Note::normal(COMPONENT, "SuccessfulCreate", message));
                }
                Err(error) => failure = Some(error),
            }
        }
        if let Some(error) = failure {
            if !namespace_ends(&error) {
                context.note(&about, &Note::warning(COMPONENT, "FailedCreate", format!("Error creating: {error}")));
            }
            return if created > 0 { Ok(created) } else { Err(failed(error)) };
        }
    }
    Ok(created)
}

fn stored_template(key: &Key, context: &Context<'_>) -> Result<Value, ApiError> {
    let resource = context.writer().resource(SETS.0, SETS.1)?;
    let mut stored = context.registry.get(&resource, &key.namespace, &key.name)?.value();
    Ok(stored["spec"]["template"].take())
}

fn delete(set: &ReplicaSet, active: &[Arc<Pod>], count: usize, context: &mut Context<'_>) -> Result<usize, Failure> {
    let victims = plan::victims(candidates(set, active, context.cache), count, context.now);
    for pod in &victims {
        let options = DeleteOptions::background().of_uid(&*pod.uid);
        if let Err(error) = context.writer().delete(PODS, &pod.key, &options) {
            context.note(&about(set), &Note::warning(COMPONENT, "FailedDelete", format!("Error deleting: {error}")));
            return Err(Failure { reason: "FailedDelete", error });
        }
        let message = format!("Deleted pod: {}", pod.key.name);
        context.note(&about(set), &Note::normal(COMPONENT, "SuccessfulDelete", message));
    }
    Ok(victims.len())
}

/// Counts, for each pod, the active pods of all ReplicaSets of the same owner on its node.
fn candidates(set: &ReplicaSet, active: &[Arc<Pod>], cache: &Cache) -> Vec<Candidate> {
    let mut on_node: BTreeMap<&str, usize> = BTreeMap::new();
    let owner = set.meta.controller().map(|owner| owner.uid.as_str());
    let namespace: Arc<str> = set.meta.namespace.as_str().into();
    let related = in_namespace(&cache.replica_sets, &namespace).map(|(_, other)| other).filter(|other| {
        other.meta.uid == set.meta.uid || (owner.is_some() && other.meta.controller().map(|o| o.uid.as_str()) == owner)
    });
    for other in related {
        for pod in cache.pods.of_controller(&other.meta.uid).filter(|pod| pod.is_active()) {
            *on_node.entry(pod.node.as_deref().unwrap_or_default()).or_default() += 1;
        }
    }
    let count = |pod: &Pod| on_node.get(pod.node.as_deref().unwrap_or_default()).copied().unwrap_or(0);
    active.iter().map(|pod| Candidate { related_on_node: count(pod), pod: pod.clone() }).collect()
}

fn write_status(
    set: &ReplicaSet,
    key: &Key,
    active: &[Arc<Pod>],
    failure: Option<&Failure>,
    context: &Context<'_>,
) -> Result<(), ApiError> {
    let mut status: ReplicaSetStatus = plan::status(set, active, context.now);
    match failure {
        Some(Failure { reason, error }) => {
            let condition = Condition::new(REPLICA_FAILURE, "True", reason, error.to_string(), context.now);
            conditions::set(&mut status.conditions, condition.without_update_time());
        }
        None => conditions::remove(&mut status.conditions, REPLICA_FAILURE),
    }
    if status == set.status {
        return Ok(());
    }
    context.writer().put_status(SETS, key, &status)
}

fn about(set: &ReplicaSet) -> About {
    About::new("apps/v1", "ReplicaSet", &set.meta.key(), &set.meta.uid)
}
