//! Writing a run: its status by a patch of what changed, and its deletion.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
};
use serde_json::{Value, json};
use tiphys_api::{
    AnalysisRun,
    types::{API_VERSION, AnalysisRunStatus},
};
use tiphys_machinery::patch::create_merge_patch;
use tiphys_runtime::{cache::Key, recorder::Note};
use tracing::{info, warn};

use super::Shared;

/// Who we are in `managedFields` of what we write.
const FIELD_MANAGER: &str = "tiphys";

impl Shared {
    fn runs(&self, key: &Key) -> Api<AnalysisRun> {
        Api::namespaced(self.services.client.clone(), &key.namespace)
    }

    /// Writes the status if it changed, and then tells.
    pub(super) async fn write(&self, key: &Key, run: &AnalysisRun, status: &AnalysisRunStatus, events: &[Note]) {
        if let Some(patch) = patch(run, status) {
            let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
            // The kind has no status of its own: it is written through the object, as upstream does.
            match self.runs(key).patch(&key.name, &params, &Patch::Merge(patch)).await {
                Ok(written) => self.caches.runs.wrote(key, written.metadata.resource_version.as_deref()),
                Err(kube::Error::Api(answer)) if answer.code == 404 => return,
                Err(error) => {
                    let delay = self.queue.add_failed(key.clone());
                    warn!(error = &error as &dyn std::error::Error, ?delay, "the status was not written, trying again");
                    return;
                }
            }
        }
        self.queue.forget(key);
        let about = reference(run);
        for note in events {
            self.recorder.tell(&about, note).await;
        }
    }

    /// Deletes a run whose time is over.
    pub(super) async fn delete(&self, key: &Key, run: &AnalysisRun) {
        let preconditions = Some(Preconditions { uid: run.metadata.uid.clone(), resource_version: None });
        let params = DeleteParams { preconditions, ..DeleteParams::background() };
        match self.runs(key).delete(&key.name, &params).await {
            Ok(_) => info!("the run's time is over, deleted"),
            Err(kube::Error::Api(answer)) if matches!(answer.code, 404 | 409) => {}
            Err(error) => {
                let delay = self.queue.add_failed(key.clone());
                warn!(error = &error as &dyn std::error::Error, ?delay, "the run was not deleted, trying again");
            }
        }
    }
}

/// Returns the merge patch of what changed in the status; `None` if nothing did.
fn patch(run: &AnalysisRun, status: &AnalysisRunStatus) -> Option<Value> {
    if run.status == *status {
        return None;
    }
    let value = |status: &AnalysisRunStatus| serde_json::to_value(status).unwrap_or_default();
    let changed = create_merge_patch(&value(&run.status), &value(status));
    Some(json!({"metadata": {"uid": run.metadata.uid}, "status": changed}))
}

fn reference(run: &AnalysisRun) -> ObjectReference {
    ObjectReference {
        api_version: Some(API_VERSION.to_owned()),
        kind: Some("AnalysisRun".to_owned()),
        namespace: run.metadata.namespace.clone(),
        name: run.metadata.name.clone(),
        uid: run.metadata.uid.clone(),
        resource_version: run.metadata.resource_version.clone(),
        field_path: None,
    }
}
