//! Carrying out a plan: its steps in order, then the status, then the events.
//!
//! Takes no decision. Every step is idempotent and conditional on what was seen, so a crash between any two of them is
//! repaired by the next pass. Cancel safety: every `.await` may be the last one.

mod objects;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client,
    api::{DeleteParams, EvictParams, Patch, Preconditions},
};
use serde_json::{Value, json};
use tiphys_api::{Rollout, Stored};
use tiphys_clock::Clock;
use tiphys_runtime::recorder::{Note, Recorder};
use tiphys_traffic::{
    ObjectId, Router, Verified, Verify,
    aws::{ElasticLoadBalancing, verify_weights},
};
use tracing::info;

pub use self::objects::{Kind, Objects};
use crate::{
    Error,
    action::{Action, Plan, Step, Target},
    observe::Checked,
    router_plugin::{Ask, RouterPlugins, State, Told},
    step_plugin::{Answer, Call, Reply, StepPlugins},
};

/// What came of carrying out a plan.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Objects that were written, with their new version.
    pub written: Vec<Written>,
    /// Objects of routers that were written, with their new version.
    pub routed: Vec<(ObjectId, Option<String>)>,
    /// What AWS answered.
    pub checked: Vec<Checked>,
    /// What router plugins answered.
    pub told: Vec<Told>,
    /// What step plugins answered.
    pub answers: Vec<Answer>,
    /// Uids of pods whose eviction was accepted.
    pub evicted: Vec<String>,
    /// Uids of pods whose eviction was refused by a budget, with what the server said.
    pub refused: Vec<(String, String)>,
    /// The failure that ended the pass, if any.
    pub failure: Option<Failure>,
}

/// An object that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The version that the server answered with.
    pub resource_version: Option<String>,
}

/// A step that failed.
#[derive(Debug)]
pub struct Failure {
    /// What could not be created, if that was the step.
    pub uncreated: Option<(Kind, String)>,
    /// The router whose object could not be changed, if that was the step.
    pub router: Option<Router>,
    /// Why.
    pub error: Error,
}

/// What plans are carried out with.
#[derive(Clone, Copy)]
pub struct Tools<'a> {
    /// Writes objects.
    pub client: &'a Client,
    /// Tells events.
    pub recorder: &'a Recorder,
    /// Says when a plugin answered.
    pub clock: Clock,
    /// Calls step plugins, if there are any.
    pub step_plugins: Option<&'a dyn StepPlugins>,
    /// Tells router plugins, if there are any.
    pub router_plugins: Option<&'a dyn RouterPlugins>,
    /// Reaches AWS, if it can be reached.
    pub aws: Option<&'a dyn ElasticLoadBalancing>,
    /// Settings of routers.
    pub routers: &'a tiphys_traffic::Settings,
}

/// Carries out a plan for a Rollout.
pub async fn apply(tools: Tools<'_>, stored: &Stored<Rollout>, plan: &Plan) -> Outcome {
    let (rollout, recorder) = (&stored.typed, tools.recorder);
    let namespace = rollout.metadata.namespace.clone().unwrap_or_default();
    let objects = Objects::new(tools.client.clone(), &namespace);
    let about = reference(rollout);
    let mut outcome = Outcome::default();
    for step in &plan.steps {
        // One router that fails does not stop the others, but everything else.
        if outcome.failure.is_some() && !is_of_another_router(&step.action, &outcome) {
            continue;
        }
        if let Action::CallPlugin(call) = &step.action {
            let reply = ask(tools.step_plugins, stored, call).await;
            outcome.answers.push(Answer { call: (**call).clone(), at: tools.clock.now(), reply });
            continue;
        }
        if let Action::TellRouter(ask) = &step.action {
            let answer = route(tools.router_plugins, stored, ask).await;
            outcome.told.push(Told { ask: (**ask).clone(), at: tools.clock.now(), answer });
            continue;
        }
        if let Action::VerifyWeights(ask) = &step.action {
            let answer = verify(tools, ask).await;
            tell(recorder, &about, &answer.events).await;
            outcome.checked.push(Checked { ask: (**ask).clone(), answer, at: tools.clock.now() });
            continue;
        }
        match act(&objects, rollout, step, &mut outcome).await {
            Ok(()) => tell(recorder, &about, &step.events).await,
            Err(error) => {
                tell(recorder, &about, &failure_events(&step.action, &error)).await;
                outcome.failed(&step.action, error);
            }
        }
    }
    if outcome.failure.is_some() {
        return outcome;
    }
    if let Some(status) = &plan.status {
        let name = rollout.metadata.name.as_deref().unwrap_or_default();
        match objects.patch_status(Kind::Rollout, name, same(status, rollout.metadata.uid.as_deref())).await {
            Ok(version) => outcome.wrote(Kind::Rollout, name, version),
            Err(error) => {
                outcome.failure = Some(Failure { uncreated: None, router: None, error });
                return outcome;
            }
        }
    }
    tell(recorder, &about, &plan.events).await;
    for hint in &plan.hints {
        recorder.tell(&pod_reference(&namespace, &hint.pod), &hint.note).await;
    }
    outcome
}

fn pod_reference(namespace: &str, pod: &Target) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Pod".to_owned()),
        namespace: Some(namespace.to_owned()),
        name: Some(pod.name.clone()),
        uid: Some(pod.uid.clone()),
        ..ObjectReference::default()
    }
}

/// Returns the reference that events about a Rollout carry.
#[must_use]
pub fn reference(rollout: &Rollout) -> ObjectReference {
    ObjectReference {
        api_version: Some(tiphys_api::types::API_VERSION.to_owned()),
        kind: Some("Rollout".to_owned()),
        namespace: rollout.metadata.namespace.clone(),
        name: rollout.metadata.name.clone(),
        uid: rollout.metadata.uid.clone(),
        resource_version: rollout.metadata.resource_version.clone(),
        field_path: None,
    }
}

async fn tell(recorder: &Recorder, about: &ObjectReference, notes: &[Note]) {
    for note in notes {
        recorder.tell(about, note).await;
    }
}

impl Outcome {
    fn wrote(&mut self, kind: Kind, name: &str, resource_version: Option<String>) {
        self.written.push(Written { kind, name: name.to_owned(), resource_version });
    }

    /// The first failure counts.
    fn failed(&mut self, action: &Action, error: Error) {
        let (uncreated, router) = match action {
            Action::CreateReplicaSet { name, .. } => (Some((Kind::ReplicaSet, name.clone())), None),
            Action::Create { kind, name, .. } => (Some((*kind, name.clone())), None),
            Action::Route(change) => (None, Some(change.router.clone())),
            _ => (None, None),
        };
        self.failure.get_or_insert(Failure { uncreated, router, error });
    }
}

async fn ask(plugins: Option<&dyn StepPlugins>, rollout: &Stored<Rollout>, call: &Call) -> Result<Reply, String> {
    match plugins {
        Some(plugins) => plugins.call(&rollout.raw, call).await,
        None => Err("the controller hosts no plugins".to_owned()),
    }
}

async fn route(plugins: Option<&dyn RouterPlugins>, rollout: &Stored<Rollout>, ask: &Ask) -> Result<State, String> {
    match plugins {
        Some(plugins) => plugins.route(&rollout.raw, ask).await,
        None => Err(format!("failed to get traffic router plugin {}: the controller hosts no plugins", ask.plugin)),
    }
}

async fn verify(tools: Tools<'_>, ask: &Verify) -> Verified {
    match tools.aws {
        Some(aws) => verify_weights(aws, ask, tools.routers).await,
        None => Verified {
            is_verified: false,
            why: Some("the controller has no way to reach AWS".to_owned()),
            status: None,
            events: Vec::new(),
        },
    }
}

fn is_of_another_router(action: &Action, outcome: &Outcome) -> bool {
    let failed = outcome.failure.as_ref().and_then(|failure| failure.router.as_ref());
    matches!((action, failed), (Action::Route(change), Some(failed)) if change.router != *failed)
}

/// A change that was made for a version that is no more is tried again without words.
fn failure_events(action: &Action, error: &Error) -> Vec<Note> {
    match action {
        Action::Route(change) if error.code() != Some(409) => change.failed(&error.message()).events,
        _ => Vec::new(),
    }
}

async fn act(objects: &Objects, rollout: &Rollout, step: &Step, outcome: &mut Outcome) -> Result<(), Error> {
    info!(action = ?step.action, "acting");
    let uid = rollout.metadata.uid.as_deref();
    match &step.action {
        // Answers are kept, not written.
        Action::CallPlugin(_) | Action::TellRouter(_) | Action::VerifyWeights(_) => {}
        Action::EvictPods { candidates, at_most } => return evict(objects, candidates, *at_most, outcome).await,
        Action::AdoptReplicaSet(target) => adopt(objects, rollout, target, outcome).await?,
        Action::ReleaseReplicaSet(target) => release(objects, rollout, target).await?,
        Action::RecordTemplate { name, object } => record(objects, name, object).await?,
        Action::ForgetTemplate { name } => objects.delete(Kind::ControllerRevision, name, None).await?,
        Action::CreateReplicaSet { name, object } => {
            let version = objects.create(Kind::ReplicaSet, name, object.clone()).await?;
            outcome.wrote(Kind::ReplicaSet, name, version);
        }
        Action::PatchReplicaSet { target, patch } => merge(objects, Kind::ReplicaSet, target, patch, outcome).await?,
        Action::ScaleReplicaSet { target, from, to, annotations } => {
            let operations = scale_operations(target, *from, *to, annotations);
            let version = objects.json_patch(Kind::ReplicaSet, &target.name, &operations).await?;
            outcome.wrote(Kind::ReplicaSet, &target.name, version);
        }
        Action::DeleteReplicaSet { target, resource_version } => {
            let seen =
                Preconditions { uid: Some(target.uid.clone()), resource_version: Some(resource_version.clone()) };
            objects.delete(Kind::ReplicaSet, &target.name, Some(seen)).await?;
        }
        Action::PatchPod { target, patch } => merge_if_there(objects, Kind::Pod, target, patch, outcome).await?,
        Action::Create { kind, name, object } => {
            let version = objects.create(*kind, name, object.clone()).await?;
            outcome.wrote(*kind, name, version);
        }
        Action::Patch { kind, target, patch } => merge_if_there(objects, *kind, target, patch, outcome).await?,
        Action::Delete { kind, target } => {
            let same = Preconditions { uid: Some(target.uid.clone()), resource_version: None };
            objects.delete(*kind, &target.name, Some(same)).await?;
        }
        Action::PatchService { name, patch } => {
            let version = objects.patch(Kind::Service, name, Patch::Merge(patch.clone())).await?;
            outcome.wrote(Kind::Service, name, version);
        }
        Action::Route(change) => {
            let version = objects.route(&change.id, &change.act).await?;
            outcome.routed.push((change.id.clone(), version));
        }
        Action::ScaleWorkload { name, replicas } => {
            let patch = json!({"spec": {"replicas": replicas}});
            objects.patch(Kind::Deployment, name, Patch::Merge(patch)).await?;
        }
        Action::PatchRollout { patch } => {
            let name = rollout.metadata.name.as_deref().unwrap_or_default();
            let version = objects.patch(Kind::Rollout, name, Patch::Merge(same(patch, uid))).await?;
            outcome.wrote(Kind::Rollout, name, version);
        }
    }
    Ok(())
}

/// Makes a patch fail with a conflict if the object is another one by now.
pub(crate) fn same(patch: &Value, uid: Option<&str>) -> Value {
    let mut patch = patch.clone();
    if let Some(uid) = uid {
        patch["metadata"]["uid"] = json!(uid);
    }
    patch
}

async fn merge(
    objects: &Objects,
    kind: Kind,
    target: &Target,
    patch: &Value,
    outcome: &mut Outcome,
) -> Result<(), Error> {
    let version = objects.patch(kind, &target.name, Patch::Merge(same(patch, Some(&target.uid)))).await?;
    outcome.wrote(kind, &target.name, version);
    Ok(())
}

async fn merge_if_there(
    objects: &Objects,
    kind: Kind,
    target: &Target,
    patch: &Value,
    outcome: &mut Outcome,
) -> Result<(), Error> {
    match merge(objects, kind, target, patch, outcome).await {
        Err(error) if !is_gone(&error) => Err(error),
        _ => Ok(()),
    }
}

fn is_gone(error: &Error) -> bool {
    matches!(error.code(), Some(404 | 409))
}

/// The size is changed only if it is still the one that was seen.
pub(crate) fn scale_operations(
    target: &Target,
    from: i32,
    to: i32,
    annotations: &std::collections::BTreeMap<String, Option<String>>,
) -> Value {
    let mut operations = vec![
        json!({"op": "test", "path": "/metadata/uid", "value": target.uid}),
        json!({"op": "test", "path": "/spec/replicas", "value": from}),
        json!({"op": "replace", "path": "/spec/replicas", "value": to}),
    ];
    operations.extend(annotations.iter().map(|(key, value)| {
        let path = format!("/metadata/annotations/{}", key.replace('~', "~0").replace('/', "~1"));
        match value {
            Some(value) => json!({"op": "add", "path": path, "value": value}),
            None => json!({"op": "remove", "path": path}),
        }
    }));
    Value::Array(operations)
}

async fn adopt(objects: &Objects, rollout: &Rollout, target: &Target, outcome: &mut Outcome) -> Result<(), Error> {
    let name = rollout.metadata.name.as_deref().unwrap_or_default();
    let live = objects.get(Kind::Rollout, name).await?;
    if live.metadata.uid != rollout.metadata.uid || live.metadata.deletion_timestamp.is_some() {
        return Err(Error::Orphaned { name: target.name.clone() });
    }
    let owner = json!({
        "apiVersion": tiphys_api::types::API_VERSION, "kind": "Rollout", "name": name,
        "uid": rollout.metadata.uid, "controller": true, "blockOwnerDeletion": true,
    });
    let patch = json!({"metadata": {"uid": target.uid, "ownerReferences": [owner]}});
    let version = objects.patch(Kind::ReplicaSet, &target.name, Patch::Strategic(patch)).await?;
    outcome.wrote(Kind::ReplicaSet, &target.name, version);
    Ok(())
}

/// One that is gone, or has another owner by now, needs no release.
async fn release(objects: &Objects, rollout: &Rollout, target: &Target) -> Result<(), Error> {
    let owner = json!({"$patch": "delete", "uid": rollout.metadata.uid});
    let patch = json!({"metadata": {"uid": target.uid, "ownerReferences": [owner]}});
    match objects.patch(Kind::ReplicaSet, &target.name, Patch::Strategic(patch)).await {
        Err(error) if !matches!(error.code(), Some(404 | 422)) => Err(error),
        _ => Ok(()),
    }
}

/// The record is a safety net: where it may not be written, the update goes on without.
async fn record(objects: &Objects, name: &str, object: &Value) -> Result<(), Error> {
    match objects.create(Kind::ControllerRevision, name, object.clone()).await {
        Err(error) if !matches!(error.code(), Some(403 | 404 | 409)) => Err(error),
        _ => Ok(()),
    }
}

async fn evict(objects: &Objects, candidates: &[Target], at_most: usize, outcome: &mut Outcome) -> Result<(), Error> {
    let pods = objects.pods();
    let before = outcome.evicted.len();
    for target in candidates {
        if outcome.evicted.len() - before == at_most {
            break;
        }
        let same = Preconditions { uid: Some(target.uid.clone()), resource_version: None };
        let delete_options = Some(DeleteParams { preconditions: Some(same), ..DeleteParams::default() });
        let params = EvictParams { delete_options, ..EvictParams::default() };
        match pods.evict(&target.name, &params).await {
            Ok(_) => outcome.evicted.push(target.uid.clone()),
            Err(kube::Error::Api(status)) if status.code == 429 => {
                outcome.refused.push((target.uid.clone(), refusal(&status)));
            }
            // Gone, or another pod of that name.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
            Err(source) => return Err(objects.error("evict", Kind::Pod, &target.name, source)),
        }
    }
    Ok(())
}

/// The cause names the budget, the message does not.
fn refusal(status: &kube::core::Status) -> String {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.map(|cause| cause.message.clone()).find(|text| !text.is_empty()).unwrap_or_else(|| status.message.clone())
}
