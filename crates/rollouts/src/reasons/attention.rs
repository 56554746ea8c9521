//! Whether a controller looks after a Rollout at all.

use jiff::{SignedDuration, Timestamp};
use tiphys_api::{Rollout, constants::labels, phase};
use tiphys_runtime::reason::{ObjectRef, Reason, Urgency};

use crate::observe::Observed;

/// A controller that works takes up a change within this time.
const PATIENCE: SignedDuration = SignedDuration::from_secs(15);

/// Returns why nothing can be said yet: no controller has seen the present spec.
pub(crate) fn unobserved(seen: &Observed, now: Timestamp) -> Option<Reason> {
    let rollout = &seen.rollout.typed;
    let generation = rollout.metadata.generation.unwrap_or(0);
    let observed = &rollout.status.observed_generation;
    if !observed.is_empty() && phase::is_generation_observed(rollout) {
        return None;
    }
    let name = rollout.metadata.name.as_deref().unwrap_or_default();
    let namespace = rollout.metadata.namespace.as_deref().unwrap_or_default();
    let since = written(seen);
    let is_late = since.is_some_and(|since| now.duration_since(since) > PATIENCE);
    let text = if observed.is_empty() {
        "no controller has seen this Rollout yet".to_owned()
    } else {
        format!("no controller has seen the present spec yet (generation {generation}, seen {observed})")
    };
    let reason = Reason::new("NotObserved", if is_late { Urgency::Broken } else { Urgency::Moving }, text)
        .on(ObjectRef::new("Rollout", namespace, name))
        .since(since)
        .then("a running controller takes it up within a second", None);
    if !is_late {
        return Some(reason);
    }
    let (command, effect) = controller(rollout);
    Some(reason.remedy(command, effect).inspect("kubectl get pods -A -l app.kubernetes.io/name=argo-rollouts"))
}

/// Returns why nothing is done for a Rollout that is being deleted.
pub(crate) fn leaving(rollout: &Rollout) -> Reason {
    let namespace = rollout.metadata.namespace.as_deref().unwrap_or_default();
    let finalizers = rollout.metadata.finalizers.clone().unwrap_or_default();
    let text = match finalizers.as_slice() {
        [] => "it is being deleted".to_owned(),
        names => format!("it is being deleted and waits for {}", names.join(", ")),
    };
    Reason::new("Deleting", Urgency::Moving, text)
        .on(ObjectRef::new("Rollout", namespace, rollout.metadata.name.as_deref().unwrap_or_default()))
        .since(rollout.metadata.deletion_timestamp.as_ref().map(|time| time.0))
        .then("its ReplicaSets and pods go with it", None)
}

fn controller(rollout: &Rollout) -> (String, String) {
    let instance = rollout.metadata.labels.as_ref().and_then(|all| all.get(labels::INSTANCE_ID));
    match instance {
        Some(id) => (
            format!("controller --instance-id {id}"),
            format!(
                "runs a controller for Rollouts with label {}={id}; others leave this one alone",
                labels::INSTANCE_ID
            ),
        ),
        None => ("controller".to_owned(), "runs a controller for this cluster".to_owned()),
    }
}

/// When the spec was last written, as the server tracks it; else when the object was created.
fn written(seen: &Observed) -> Option<Timestamp> {
    let entries = seen.rollout.raw["metadata"]["managedFields"].as_array();
    let specs = entries.into_iter().flatten().filter(|entry| !entry["fieldsV1"]["f:spec"].is_null());
    let times = specs.filter_map(|entry| entry["time"].as_str()?.parse().ok());
    let created = seen.rollout.typed.metadata.creation_timestamp.as_ref().map(|time| time.0);
    times.max().or(created)
}
