//! Writes of single objects.

use http::header::CONTENT_TYPE;
use k8s_openapi::api::{
    apps::v1::{ControllerRevision, Deployment, ReplicaSet},
    core::v1::{Pod, Service},
};
use kube::{
    Api, Client, Resource,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy},
    core::Request,
};
use serde_json::Value;
use tiphys_api::{AnalysisRun, Experiment, Rollout};
use tiphys_traffic::{Act, ObjectId};

use crate::{Error, controller::routers::api_resource, names};

/// A kind that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `argoproj.io/Rollout`.
    Rollout,
    /// `apps/ReplicaSet`.
    ReplicaSet,
    /// `apps/ControllerRevision`.
    ControllerRevision,
    /// `apps/Deployment`.
    Deployment,
    /// `v1/Pod`.
    Pod,
    /// `v1/Service`.
    Service,
    /// `argoproj.io/AnalysisRun`.
    AnalysisRun,
    /// `argoproj.io/Experiment`.
    Experiment,
}

impl Kind {
    /// Returns the kind as the API names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rollout => "Rollout",
            Self::ReplicaSet => "ReplicaSet",
            Self::ControllerRevision => "ControllerRevision",
            Self::Deployment => "Deployment",
            Self::Pod => "Pod",
            Self::Service => "Service",
            Self::AnalysisRun => "AnalysisRun",
            Self::Experiment => "Experiment",
        }
    }

    fn resource(self) -> ApiResource {
        match self {
            Self::Rollout => ApiResource::erase::<Rollout>(&()),
            Self::ReplicaSet => ApiResource::erase::<ReplicaSet>(&()),
            Self::ControllerRevision => ApiResource::erase::<ControllerRevision>(&()),
            Self::Deployment => ApiResource::erase::<Deployment>(&()),
            Self::Pod => ApiResource::erase::<Pod>(&()),
            Self::Service => ApiResource::erase::<Service>(&()),
            Self::AnalysisRun => ApiResource::erase::<AnalysisRun>(&()),
            Self::Experiment => ApiResource::erase::<Experiment>(&()),
        }
    }
}

/// Writes objects of one namespace.
#[derive(Clone)]
pub struct Objects {
    client: Client,
    namespace: String,
}

impl Objects {
    /// Returns a writer.
    #[must_use]
    pub fn new(client: Client, namespace: &str) -> Self {
        Self { client, namespace: namespace.to_owned() }
    }

    fn api(&self, kind: Kind) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, &kind.resource())
    }

    /// Returns the pods of the namespace, for evictions.
    #[must_use]
    pub fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Returns the error of a failed write.
    #[must_use]
    pub fn error(&self, verb: &'static str, kind: Kind, name: &str, source: kube::Error) -> Error {
        Error::Act {
            verb,
            kind: kind.as_str().into(),
            namespace: self.namespace.clone(),
            name: name.to_owned(),
            source: Box::new(source),
        }
    }

    /// Reads an object.
    ///
    /// # Errors
    ///
    /// Also if it does not exist.
    pub async fn get(&self, kind: Kind, name: &str) -> Result<DynamicObject, Error> {
        self.api(kind).get(name).await.map_err(|source| self.error("read", kind, name, source))
    }

    /// Creates an object and returns its version.
    ///
    /// # Errors
    ///
    /// If the server refuses it or cannot be reached.
    pub async fn create(&self, kind: Kind, name: &str, object: Value) -> Result<Option<String>, Error> {
        let object: DynamicObject = serde_json::from_value(object).map_err(|source| Error::Encode {
            kind: kind.as_str().into(),
            name: name.to_owned(),
            source,
        })?;
        let params = PostParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PostParams::default() };
        let created = self.api(kind).create(&params, &object).await;
        created.map(version).map_err(|source| self.error("create", kind, name, source))
    }

    /// Sends a patch and returns the new version.
    ///
    /// # Errors
    ///
    /// If the server refuses it or cannot be reached.
    pub async fn patch(&self, kind: Kind, name: &str, patch: Patch<Value>) -> Result<Option<String>, Error> {
        let params = PatchParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patched = self.api(kind).patch(name, &params, &patch).await;
        patched.map(version).map_err(|source| self.error("patch", kind, name, source))
    }

    /// Sends a merge patch of the status and returns the new version.
    ///
    /// # Errors
    ///
    /// If the server refuses it or cannot be reached.
    pub async fn patch_status(&self, kind: Kind, name: &str, patch: Value) -> Result<Option<String>, Error> {
        let params = PatchParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patched = self.api(kind).patch_status(name, &params, &Patch::Merge(patch)).await;
        patched.map(version).map_err(|source| self.error("write status of", kind, name, source))
    }

    /// Sends a JSON patch, whose tests make it conditional, and returns the new version.
    ///
    /// # Errors
    ///
    /// If a test fails (422), the server refuses it or cannot be reached.
    pub async fn json_patch(&self, kind: Kind, name: &str, operations: &Value) -> Result<Option<String>, Error> {
        let url = DynamicObject::url_path(&kind.resource(), Some(&self.namespace));
        let uri = format!("{}/{name}?fieldManager={}", Request::new(url).url_path, names::FIELD_MANAGER);
        let body = operations.to_string().into_bytes();
        let request = http::Request::patch(uri).header(CONTENT_TYPE, "application/json-patch+json").body(body);
        let answer = match request {
            Ok(request) => self.client.request::<DynamicObject>(request).await,
            Err(error) => Err(kube::Error::HttpError(error)),
        };
        answer.map(version).map_err(|source| self.error("scale", kind, name, source))
    }

    /// Makes a change of a router's object and returns the object's new version.
    ///
    /// # Errors
    ///
    /// If the server refuses it or cannot be reached: with a conflict if the object is not the one that was read.
    pub async fn route(&self, id: &ObjectId, act: &Act) -> Result<Option<String>, Error> {
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &id.namespace, &api_resource(&id.resource));
        let manager = Some(names::FIELD_MANAGER.to_owned());
        let (verb, done) = match act {
            Act::Patch { patch } => {
                let params = PatchParams { field_manager: manager, ..PatchParams::default() };
                ("patch", api.patch(&id.name, &params, &Patch::Merge(patch)).await.map(version))
            }
            Act::Create { object } => {
                let object = serde_json::from_value(object.clone()).map_err(|source| Error::Encode {
                    kind: id.resource.kind.clone().into(),
                    name: id.name.clone(),
                    source,
                })?;
                let params = PostParams { field_manager: manager, ..PostParams::default() };
                ("create", api.create(&params, &object).await.map(version))
            }
            Act::Delete { uid } => {
                let same = Preconditions { uid: Some(uid.clone()), resource_version: None };
                let params = DeleteParams { preconditions: Some(same), ..DeleteParams::default() };
                let deleted = match api.delete(&id.name, &params).await {
                    Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
                    other => other.map(|_| None),
                };
                ("delete", deleted)
            }
        };
        done.map_err(|source| Error::Act {
            verb,
            kind: id.resource.kind.clone().into(),
            namespace: id.namespace.clone(),
            name: id.name.clone(),
            source: Box::new(source),
        })
    }

    /// Deletes an object in the background if uid and version (where given) are still these.
    ///
    /// # Errors
    ///
    /// If the server refuses it or cannot be reached; not if the object is gone.
    pub async fn delete(&self, kind: Kind, name: &str, preconditions: Option<Preconditions>) -> Result<(), Error> {
        let params = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            preconditions,
            ..DeleteParams::default()
        };
        match self.api(kind).delete(name, &params).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(source) => Err(self.error("delete", kind, name, source)),
        }
    }
}

fn version(object: DynamicObject) -> Option<String> {
    object.metadata.resource_version
}
