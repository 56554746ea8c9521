//! Fetching one Rollout and what belongs to it from the API, as the command line does.

use std::sync::Arc;

use k8s_openapi::{
    api::{
        apps::v1::{ControllerRevision, Deployment, ReplicaSet},
        core::v1::{PodTemplate, Service},
        policy::v1::PodDisruptionBudget,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Client, Resource,
    api::{ApiResource, DynamicObject, ListParams},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tiphys_api::{Rollout, Stored, constants::labels, types::ObjectRef as WorkloadRef, validation::named_services};

use super::{Observed, Parts, WatchedPod, WorkloadKind, assemble, missing_stable, stable_record, stable_record_name};
use crate::Error;

/// Fetches a Rollout and everything that a plan for it is made from. `None` if there is no such Rollout.
///
/// # Errors
///
/// If one of the reads fails. Kinds that may not be listed count as empty where a plan can do without them.
pub async fn fetch(client: &Client, namespace: &str, name: &str) -> Result<Option<Observed>, Error> {
    let source = Source { client, namespace };
    let Some(rollout) = source.object(&ApiResource::erase::<Rollout>(&()), name).await? else {
        return Ok(None);
    };
    let stored: Stored<Rollout> = Stored::new(rollout.clone());
    let hashed = ListParams::default().labels(labels::POD_TEMPLATE_HASH);
    let replica_sets: Vec<Arc<ReplicaSet>> = source.list(&hashed).await?;
    let pods: Vec<Arc<WatchedPod>> = source.list(&hashed).await?;
    let budgets: Vec<Arc<PodDisruptionBudget>> = match source.list(&ListParams::default()).await {
        Err(error) if error.code() == Some(403) => Vec::new(),
        other => other?,
    };
    let mut services = Vec::new();
    for service in named_services(&stored.typed) {
        services.extend(source.typed::<Service>(&service.name).await?);
    }
    let workload = match &stored.typed.spec.workload_ref {
        Some(reference) => source.workload(reference).await?,
        None => None,
    };
    let stable_record = match missing_stable(&stored.typed, &replica_sets) {
        Some(hash) => {
            let name = stable_record_name(&stored.typed, hash);
            let object = source.object(&ApiResource::erase::<ControllerRevision>(&()), &name).await?;
            object.as_ref().and_then(stable_record)
        }
        None => None,
    };
    Ok(Some(assemble(Parts {
        rollout,
        replica_sets,
        pods: Some(pods),
        services,
        budgets,
        workload,
        stable_record,
        ..Parts::default()
    })))
}

/// Returns the resource of a kind of workload.
#[must_use]
pub(crate) fn workload_resource(kind: WorkloadKind) -> ApiResource {
    match kind {
        WorkloadKind::Deployment => ApiResource::erase::<Deployment>(&()),
        WorkloadKind::ReplicaSet => ApiResource::erase::<ReplicaSet>(&()),
        WorkloadKind::PodTemplate => ApiResource::erase::<PodTemplate>(&()),
    }
}

/// Fetches the recorded stable template of a Rollout.
///
/// # Errors
///
/// If the read fails.
pub(crate) async fn fetch_stable_record(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<super::StableRecord>, Error> {
    let source = Source { client, namespace };
    let object = source.object(&ApiResource::erase::<ControllerRevision>(&()), name).await?;
    Ok(object.as_ref().and_then(stable_record))
}

struct Source<'a> {
    client: &'a Client,
    namespace: &'a str,
}

impl Source<'_> {
    fn error(&self, kind: &'static str, name: &str, source: kube::Error) -> Error {
        Error::Read { kind, namespace: self.namespace.to_owned(), name: name.to_owned(), source: Box::new(source) }
    }

    async fn object(&self, resource: &ApiResource, name: &str) -> Result<Option<Value>, Error> {
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), self.namespace, resource);
        let object = api.get_opt(name).await.map_err(|source| self.error("object", name, source))?;
        Ok(object.map(|object| serde_json::to_value(object).unwrap_or_default()))
    }

    async fn typed<K>(&self, name: &str) -> Result<Option<Arc<K>>, Error>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + k8s_openapi::Metadata<Ty = ObjectMeta>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), self.namespace);
        let object = api.get_opt(name).await.map_err(|source| self.error(K::KIND, name, source))?;
        Ok(object.map(Arc::new))
    }

    async fn list<K>(&self, params: &ListParams) -> Result<Vec<Arc<K>>, Error>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + k8s_openapi::Resource
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), self.namespace);
        let list = api.list(params).await.map_err(|source| self.error(K::KIND, "", source))?;
        Ok(list.items.into_iter().map(Arc::new).collect())
    }

    async fn workload(&self, reference: &WorkloadRef) -> Result<Option<Value>, Error> {
        match WorkloadKind::of(reference) {
            Some(kind) => self.object(&workload_resource(kind), &reference.name).await,
            None => Ok(None),
        }
    }
}
