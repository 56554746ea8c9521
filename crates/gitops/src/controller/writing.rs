//! Writing an Application.

use kube::{
    Api,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};
use tiphys_api::{
    Application,
    types::{ApplicationStatus, OperationState},
};
use tiphys_machinery::patch::merge;
use tiphys_runtime::cache::Key;
use tracing::debug;

use super::Shared;

/// Writes one Application during a pass; each write names the version that the one before has made.
pub(super) struct Writer<'a> {
    shared: &'a Shared,
    key: Key,
    version: String,
    /// The Application as it was written last.
    pub(super) app: Application,
}

/// A write that did not happen; the pass ends, and the next one looks again.
#[derive(Debug, thiserror::Error)]
#[error("the Application cannot be written")]
pub(super) struct NotWritten(#[source] Box<kube::Error>);

impl<'a> Writer<'a> {
    pub(super) fn new(shared: &'a Shared, key: &Key, app: Application) -> Self {
        let version = app.metadata.resource_version.clone().unwrap_or_default();
        Self { shared, key: key.clone(), version, app }
    }

    /// Writes what differs between the status as it was and `new`, and whatever else is in `more`.
    pub(super) async fn status(&mut self, new: ApplicationStatus, mut more: Value) -> Result<(), NotWritten> {
        let json = |status: &ApplicationStatus| serde_json::to_value(status).unwrap_or_default();
        let changed = merge::create(&json(&self.app.status), &json(&new));
        if changed.as_object().is_some_and(|fields| !fields.is_empty()) {
            more["status"] = changed;
        }
        if more.as_object().is_none_or(serde_json::Map::is_empty) {
            return Ok(());
        }
        self.patch(more).await?;
        self.app.status = new;
        Ok(())
    }

    /// Writes the state of the operation.
    pub(super) async fn operation_state(&mut self, state: &OperationState, more: Value) -> Result<(), NotWritten> {
        let mut status = self.app.status.clone();
        status.operation_state = Some(state.clone());
        self.status(status, more).await
    }

    pub(super) async fn patch(&mut self, mut patch: Value) -> Result<(), NotWritten> {
        patch["metadata"]["resourceVersion"] = json!(self.version);
        let resource = ApiResource::erase::<Application>(&());
        let api: Api<DynamicObject> = Api::namespaced_with(self.shared.client.clone(), &self.key.namespace, &resource);
        let params = PatchParams { field_manager: Some("argocd-controller".to_owned()), ..PatchParams::default() };
        match api.patch(&self.key.name, &params, &Patch::Merge(patch)).await {
            Ok(written) => {
                self.version = written.metadata.resource_version.clone().unwrap_or_default();
                self.shared.applications.wrote(&self.key, Some(&self.version));
                self.shared.in_cluster.wrote(&serde_json::to_value(&written).unwrap_or_default());
                Ok(())
            }
            Err(error) => {
                debug!(error = &error as &dyn std::error::Error, "not written");
                Err(NotWritten(Box::new(error)))
            }
        }
    }
}
