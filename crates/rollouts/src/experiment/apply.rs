//! Carrying out a plan for an Experiment: its steps in order, then the status, then the events. Takes no decision.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{Patch, Preconditions};
use serde_json::json;
use tiphys_api::{Experiment, types::API_VERSION};
use tiphys_runtime::recorder::Recorder;
use tracing::info;

use super::{
    action::{Action, Plan},
    observe::Wanted,
};
use crate::{
    Error,
    apply::{Kind, Objects, Written, same, scale_operations},
};

/// What came of carrying out a plan.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Objects that were written, with their new version.
    pub written: Vec<Written>,
    /// The failure that ended the pass, if any.
    pub failure: Option<Failure>,
}

/// A step that failed.
#[derive(Debug)]
pub struct Failure {
    /// What could not be created, if that was the step: for whom, and the object.
    pub uncreated: Option<(Wanted, Kind, String)>,
    /// Why.
    pub error: Error,
}

/// Carries out a plan for an Experiment.
pub async fn apply(objects: &Objects, recorder: &Recorder, experiment: &Experiment, plan: &Plan) -> Outcome {
    let about = reference(experiment);
    let mut outcome = Outcome::default();
    for step in &plan.steps {
        info!(action = ?step.action, "acting");
        match act(objects, &step.action).await {
            Ok(written) => outcome.written.extend(written),
            Err(error) => {
                outcome.failure = Some(Failure { uncreated: uncreated(&step.action), error });
                return outcome;
            }
        }
        if let Some(note) = &step.event {
            recorder.tell(&about, note).await;
        }
    }
    if let Some(status) = &plan.status {
        let name = experiment.metadata.name.as_deref().unwrap_or_default();
        // The kind has no status subresource.
        let patch = Patch::Merge(same(status, experiment.metadata.uid.as_deref()));
        match objects.patch(Kind::Experiment, name, patch).await {
            Ok(version) => outcome.written.push(written(Kind::Experiment, name, version)),
            Err(error) => {
                outcome.failure = Some(Failure { uncreated: None, error });
                return outcome;
            }
        }
    }
    for note in &plan.events {
        recorder.tell(&about, note).await;
    }
    if let Some(rollout) = rollout(experiment) {
        for note in &plan.owner_events {
            recorder.tell(&rollout, note).await;
        }
    }
    outcome
}

async fn act(objects: &Objects, action: &Action) -> Result<Option<Written>, Error> {
    let (kind, name, version) = match action {
        Action::CreateReplicaSet { name, object, .. } => {
            (Kind::ReplicaSet, name, objects.create(Kind::ReplicaSet, name, object.clone()).await?)
        }
        Action::CreateService { name, object, .. } => {
            (Kind::Service, name, objects.create(Kind::Service, name, object.clone()).await?)
        }
        Action::CreateRun { name, object, .. } => {
            (Kind::AnalysisRun, name, objects.create(Kind::AnalysisRun, name, object.clone()).await?)
        }
        Action::ScaleReplicaSet { target, from, to } => {
            let operations = scale_operations(target, *from, *to, &std::collections::BTreeMap::new());
            let version = objects.json_patch(Kind::ReplicaSet, &target.name, &operations).await?;
            (Kind::ReplicaSet, &target.name, version)
        }
        Action::AnnotateReplicaSet { target, patch } => {
            let patch = Patch::Merge(same(patch, Some(&target.uid)));
            (Kind::ReplicaSet, &target.name, objects.patch(Kind::ReplicaSet, &target.name, patch).await?)
        }
        Action::TerminateRun(target) => {
            let patch = Patch::Merge(same(&json!({"spec": {"terminate": true}}), Some(&target.uid)));
            (Kind::AnalysisRun, &target.name, objects.patch(Kind::AnalysisRun, &target.name, patch).await?)
        }
        Action::DeleteService(target) => {
            let seen = Preconditions { uid: Some(target.uid.clone()), resource_version: None };
            objects.delete(Kind::Service, &target.name, Some(seen)).await?;
            return Ok(None);
        }
    };
    Ok(Some(written(kind, name, version)))
}

fn written(kind: Kind, name: &str, resource_version: Option<String>) -> Written {
    Written { kind, name: name.to_owned(), resource_version }
}

fn uncreated(action: &Action) -> Option<(Wanted, Kind, String)> {
    match action {
        Action::CreateReplicaSet { template, name, .. } => {
            Some((Wanted::ReplicaSet(template.clone()), Kind::ReplicaSet, name.clone()))
        }
        Action::CreateService { template, name, .. } => {
            Some((Wanted::Service(template.clone()), Kind::Service, name.clone()))
        }
        Action::CreateRun { analysis, name, .. } => {
            Some((Wanted::Run(analysis.clone()), Kind::AnalysisRun, name.clone()))
        }
        _ => None,
    }
}

fn reference(experiment: &Experiment) -> ObjectReference {
    ObjectReference {
        api_version: Some(API_VERSION.to_owned()),
        kind: Some("Experiment".to_owned()),
        namespace: experiment.metadata.namespace.clone(),
        name: experiment.metadata.name.clone(),
        uid: experiment.metadata.uid.clone(),
        resource_version: experiment.metadata.resource_version.clone(),
        field_path: None,
    }
}

/// The Rollout that made the Experiment.
fn rollout(experiment: &Experiment) -> Option<ObjectReference> {
    let owner = experiment.metadata.owner_references.iter().flatten().find(|owner| owner.kind == "Rollout")?;
    Some(ObjectReference {
        api_version: Some(owner.api_version.clone()),
        kind: Some(owner.kind.clone()),
        namespace: experiment.metadata.namespace.clone(),
        name: Some(owner.name.clone()),
        uid: Some(owner.uid.clone()),
        ..ObjectReference::default()
    })
}
