//! Carrying out what an action writes.

use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    core::v1::PodTemplate,
};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, Patch as Sent, PatchParams},
};
use serde_json::Value;
use tiphys_api::Rollout;

use super::{Change, Kind, Patch};

/// Who writes, as managed fields record it.
pub const FIELD_MANAGER: &str = "tiphys";

impl Kind {
    fn resource(self) -> ApiResource {
        match self {
            Self::Rollout => ApiResource::erase::<Rollout>(&()),
            Self::Deployment => ApiResource::erase::<Deployment>(&()),
            Self::ReplicaSet => ApiResource::erase::<ReplicaSet>(&()),
            Self::PodTemplate => ApiResource::erase::<PodTemplate>(&()),
        }
    }
}

/// Writes changes in their order, each as one atomic update; returns the object written last, if anything was.
///
/// # Errors
/// The first write that fails; those before it stay.
pub async fn perform(client: &Client, namespace: &str, changes: &[Change]) -> kube::Result<Option<Value>> {
    let mut last = None;
    for change in changes {
        last = Some(one(client, namespace, change).await?);
    }
    Ok(last)
}

async fn one(client: &Client, namespace: &str, change: &Change) -> kube::Result<Value> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &change.kind.resource());
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let written = match &change.patch {
        Patch::Merge(patch) => api.patch(&change.name, &params, &Sent::Merge(patch)).await?,
        Patch::MergeStatus(patch) => api.patch_status(&change.name, &params, &Sent::Merge(patch)).await?,
        Patch::Json(patch) => return json(client, &api, change, patch).await,
    };
    Ok(serde_json::to_value(written).unwrap_or_default())
}

/// Sent by hand: the client's own JSON patches need a type that we do not use elsewhere.
async fn json(client: &Client, api: &Api<DynamicObject>, change: &Change, patch: &Value) -> kube::Result<Value> {
    let request = http::Request::patch(format!("{}/{}?fieldManager={FIELD_MANAGER}", api.resource_url(), change.name))
        .header(http::header::CONTENT_TYPE, "application/json-patch+json")
        .body(patch.to_string().into_bytes())
        .map_err(kube::Error::HttpError)?;
    client.request(request).await
}
