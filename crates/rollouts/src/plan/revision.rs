//! The new ReplicaSet: its creation, its revision, and what is copied to it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tiphys_api::{
    constants::{annotations, labels, messages, reasons},
    types::{API_VERSION, RolloutStatus},
};
use tiphys_runtime::recorder::Note;

use super::{affinity, conditions, instincts, merge, metadata, release::Release, release::target, status};
use crate::{
    action::{Action, Plan, Step},
    names,
    observe::{ReplicaSetView, StableRecord},
};

/// Creates the ReplicaSet of the wanted template, with no pods yet.
pub(crate) fn create(release: &Release<'_>) -> Plan {
    let name = replica_set_name(release, &release.hash);
    if let Some(error) = &release.seen.recall.create_error {
        return create_failed(release, &name, &error.message);
    }
    if is_taken(release, &name) {
        return collision(release);
    }
    let revision = next_revision(release);
    let created = Note::normal(reasons::NEW_REPLICA_SET_CREATED, messages::created_replica_set_event(&name, revision));
    let object = object(release, &name, revision);
    let mut steps: Vec<Step> = record(release).into_iter().collect();
    steps.push(Step::told(Action::CreateReplicaSet { name: name.clone(), object }, created));
    steps.extend(note_revision(release, revision));
    let mut status = release.status().clone();
    let progressing =
        conditions::progressing("True", reasons::NEW_REPLICA_SET_CREATED, messages::created_replica_set(&name));
    conditions::set(&mut status.conditions, progressing, &release.stamp());
    let events = instincts::about_new_replica_set(release, &name, revision);
    Plan { steps, status: status::patch(release, &status), events, ..Plan::default() }
}

/// Creates the stable ReplicaSet again after it was deleted in mid-update; the update stays where it is.
#[must_use]
pub(crate) fn recreate_stable(release: &Release<'_>, record: &StableRecord) -> Step {
    let hash = &release.status().stable_rs;
    let name = replica_set_name(release, hash);
    let mut object = skeleton(release, &name, hash, record.template.clone());
    object["metadata"]["annotations"] = json!({
        annotations::REVISION: record.revision.to_string(),
        annotations::DESIRED_REPLICAS: release.desired().to_string(),
    });
    if let Some(created) = &record.created {
        // Otherwise the version that is under way would be the older one, and its release a rollback.
        object["metadata"]["annotations"][names::CREATED] = json!(created);
    }
    let text = format!(
        "ReplicaSet {name} was deleted during an update: it is created again from its record, and the update stays at its \
         step. To recreate pods without losing capacity: kubectl argo rollouts restart {}",
        release.name()
    );
    Step::told(Action::CreateReplicaSet { name, object }, Note::warning("StableReplicaSetRecreated", text))
}

/// Brings revision, annotations, `minReadySeconds` and anti-affinity of the new ReplicaSet up to date, and the revision of
/// the Rollout.
#[must_use]
pub(crate) fn sync(release: &Release<'_>) -> Vec<Step> {
    let Some(new) = release.new else { return Vec::new() };
    let revision = next_revision(release).max(new.revision());
    let mut steps = Vec::new();
    if needs_record(release, new) {
        steps.extend(record(release));
    }
    if let Some(patch) = sync_patch(release, new, revision) {
        steps.push(Step::quiet(Action::PatchReplicaSet { target: target(new), patch }));
    }
    steps.extend(forget_records(release));
    steps.extend(note_revision(release, revision));
    steps
}

fn sync_patch(release: &Release<'_>, new: &ReplicaSetView, revision: i64) -> Option<Value> {
    let known = new.annotation(names::COPIED).unwrap_or_default();
    // What went from the Rollout goes here, too; what others wrote here stays.
    let mut changes: BTreeMap<&str, Option<String>> = known.split(',').map(|key| (key, None)).collect();
    changes.insert(names::COPIED, copied_keys(release));
    changes.extend(copied(release).map(|(key, value)| (key, Some(value))));
    changes.insert(annotations::REVISION, Some(revision.to_string()));
    if let Some(history) = history(new, revision) {
        changes.insert(annotations::REVISION_HISTORY, Some(history));
    }
    if needs_record(release, new) {
        changes.insert(names::STABLE_RECORD, Some(names::stable_record(release.name(), &release.status().stable_rs)));
    }
    changes.retain(|key, value| new.annotation(key) != value.as_deref());
    let mut patch = json!({});
    if !changes.is_empty() {
        patch["metadata"]["annotations"] = json!(changes);
    }
    let min_ready = release.rollout.spec.min_ready_seconds;
    if new.min_ready_seconds() != min_ready {
        patch["spec"]["minReadySeconds"] = json!(min_ready);
    }
    if let Some(change) = affinity_change(release, new, new.revision() != revision) {
        patch["spec"]["template"]["spec"] = change;
    }
    (patch != json!({})).then_some(patch)
}

/// The term is renewed when it names a former stable version in mid-update, and whenever the revision moves.
fn affinity_change(release: &Release<'_>, new: &ReplicaSetView, is_moved: bool) -> Option<Value> {
    let before = new.template();
    let stable = &release.status().stable_rs;
    let is_stale = affinity::injected_hash(&before).is_some_and(|hash| hash != stable) && *stable != new.hash;
    if !is_stale && !is_moved {
        return None;
    }
    let mut after = before.clone();
    affinity::strip(&mut after);
    affinity::inject(release, &mut after);
    merge::diff(&before["spec"], &after["spec"])
}

fn history(new: &ReplicaSetView, revision: i64) -> Option<String> {
    let former = new.annotation(annotations::REVISION).filter(|_| new.revision() != revision)?;
    let known = new.annotation(annotations::REVISION_HISTORY).filter(|known| !known.is_empty());
    Some(known.map_or_else(|| former.to_owned(), |known| format!("{known},{former}")))
}

fn copied<'a>(release: &Release<'a>) -> impl Iterator<Item = (&'a str, String)> {
    let all = release.rollout.metadata.annotations.iter().flatten();
    let is_copied = |key: &str| {
        !annotations::NOT_COPIED.contains(&key)
            && key != annotations::WORKLOAD_GENERATION
            && !key.starts_with("tiphys.dev/")
    };
    all.filter(move |(key, _)| is_copied(key)).map(|(key, value)| (key.as_str(), value.clone()))
}

/// The keys of what is copied, so that they can be told from what others write.
fn copied_keys(release: &Release<'_>) -> Option<String> {
    let keys: Vec<&str> = copied(release).map(|(key, _)| key).collect();
    (!keys.is_empty()).then(|| keys.join(","))
}

/// One more than any other ReplicaSet's revision; a new ReplicaSet of the present version keeps the Rollout's.
fn next_revision(release: &Release<'_>) -> i64 {
    let new = release.new.map(|new| &new.uid);
    let others = release.owned.iter().filter(|set| Some(&set.uid) != new);
    let next = others.map(|set| set.revision()).max().unwrap_or(0) + 1;
    let is_same_version = release.new.is_none() && release.hash == release.status().current_pod_hash;
    if is_same_version { next.max(release.revision()) } else { next }
}

fn note_revision(release: &Release<'_>, revision: i64) -> Option<Step> {
    if release.revision() == revision {
        return None;
    }
    let patch = json!({"metadata": {"annotations": {annotations::REVISION: revision.to_string()}}});
    let updated = Note::normal(reasons::event::ROLLOUT_UPDATED, messages::updated(revision));
    Some(Step::told(Action::PatchRollout { patch }, updated))
}

fn replica_set_name(release: &Release<'_>, hash: &str) -> String {
    format!("{}-{hash}", release.name())
}

fn is_taken(release: &Release<'_>, name: &str) -> bool {
    let is_refused = release.seen.recall.taken.as_deref() == Some(name);
    is_refused || release.seen.replica_sets.iter().any(|set| set.name == name)
}

/// Another object has the name: the next hash is another one.
fn collision(release: &Release<'_>) -> Plan {
    let count = release.status().collision_count.unwrap_or(0) + 1;
    let status = RolloutStatus { collision_count: Some(count), ..release.status().clone() };
    Plan { status: status::patch(release, &status), ..Plan::default() }
}

fn create_failed(release: &Release<'_>, name: &str, error: &str) -> Plan {
    let text = messages::replica_set_create_error(name, error);
    let mut status = release.status().clone();
    let failed = conditions::progressing("False", reasons::REPLICA_SET_CREATE_ERROR, text.clone());
    let is_news = conditions::set(&mut status.conditions, failed, &release.stamp());
    let event = Note::warning(reasons::REPLICA_SET_CREATE_ERROR, text);
    let status = status::partial(release, status);
    let events = is_news.then_some(event).into_iter().collect();
    Plan { status: status::patch(release, &status), events, is_failed: true, ..Plan::default() }
}

fn object(release: &Release<'_>, name: &str, revision: i64) -> Value {
    let mut template = release.template.clone();
    affinity::inject(release, &mut template);
    let injected = metadata::inject(release, &mut template);
    let mut object = skeleton(release, name, &release.hash, template);
    let mut all: BTreeMap<&str, String> = copied(release).collect();
    all.insert(annotations::REVISION, revision.to_string());
    all.insert(annotations::DESIRED_REPLICAS, release.desired().to_string());
    all.extend(release.stable.map(|stable| (names::STABLE_RECORD, names::stable_record(release.name(), &stable.hash))));
    all.extend(injected.map(|text| (annotations::EPHEMERAL_METADATA, text)));
    all.extend(copied_keys(release).map(|keys| (names::COPIED, keys)));
    object["metadata"]["annotations"] = json!(all);
    object
}

/// A ReplicaSet without pods and annotations.
fn skeleton(release: &Release<'_>, name: &str, hash: &str, mut template: Value) -> Value {
    template["metadata"]["labels"][labels::POD_TEMPLATE_HASH] = json!(hash);
    let set_labels = template["metadata"]["labels"].clone();
    let mut selector = json!(release.rollout.spec.selector);
    selector["matchLabels"][labels::POD_TEMPLATE_HASH] = json!(hash);
    json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name, "namespace": release.namespace(), "labels": set_labels, "ownerReferences": [owner(release)],
        },
        "spec": {
            "replicas": 0,
            "minReadySeconds": release.rollout.spec.min_ready_seconds,
            "selector": selector,
            "template": template,
        },
    })
}

/// The reference that makes the Rollout the controlling owner.
#[must_use]
pub(crate) fn owner(release: &Release<'_>) -> Value {
    json!({
        "apiVersion": API_VERSION, "kind": "Rollout", "name": release.name(), "uid": release.rollout.metadata.uid,
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// The stable template is kept while an update runs, so that a deleted stable ReplicaSet can come back.
fn needs_record(release: &Release<'_>, new: &ReplicaSetView) -> bool {
    let Some(stable) = release.separate_stable() else { return false };
    let name = names::stable_record(release.name(), &stable.hash);
    !release.is_promoted() && new.annotation(names::STABLE_RECORD) != Some(name.as_str())
}

fn record(release: &Release<'_>) -> Option<Step> {
    let stable = release.separate_stable()?;
    let name = names::stable_record(release.name(), &stable.hash);
    let object = json!({
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": name, "namespace": release.namespace(), "ownerReferences": [owner(release)],
            "labels": {labels::POD_TEMPLATE_HASH: stable.hash},
        },
        "data": {"template": stable.template(), "created": stable.created.to_string()},
        "revision": stable.revision(),
    });
    Some(Step::quiet(Action::RecordTemplate { name, object }))
}

/// Once the update is over nobody needs the record.
fn forget_records(release: &Release<'_>) -> Vec<Step> {
    if !release.is_promoted() {
        return Vec::new();
    }
    let marked = release.owned.iter().filter_map(|set| Some((*set, set.annotation(names::STABLE_RECORD)?)));
    let steps = marked.flat_map(|(set, record)| {
        let patch = json!({"metadata": {"annotations": {names::STABLE_RECORD: null}}});
        let unmark = Action::PatchReplicaSet { target: target(set), patch };
        [Step::quiet(Action::ForgetTemplate { name: record.to_owned() }), Step::quiet(unmark)]
    });
    steps.collect()
}
