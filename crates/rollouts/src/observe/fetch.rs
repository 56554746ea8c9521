//! Fetching one Rollout and what belongs to it from the API, as the command line does.

use std::{collections::BTreeMap, sync::Arc};

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
use tiphys_api::{
    AnalysisRun, AnalysisTemplate, ClusterAnalysisTemplate, Experiment, Rollout, Stored, constants::labels,
    validation::named_services,
};
use tiphys_traffic::{Need, Objects, needs};

use super::{
    AnalysisView, Observed, Parts, StableRecord, WatchedPod, WorkloadKind, assemble, missing_stable, stable_record,
    stable_record_name,
};
use crate::{Error, controller::routers::api_resource};

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
    let budgets: Vec<Arc<PodDisruptionBudget>> = optional(source.list(&ListParams::default()).await)?;
    let mut services = Vec::new();
    for service in named_services(&stored.typed) {
        services.extend(source.typed::<Service>(&service.name).await?);
    }
    let workload = source.referenced(&stored.typed).await?;
    let stable_record = source.stable_record(&stored.typed, &replica_sets).await?;
    let routing = source.routing(&stored.typed, &tiphys_traffic::Settings::default()).await?;
    let analysis = source.analysis(&stored.typed).await?;
    let experiments = source.experiments(&stored.typed).await?;
    Ok(Some(assemble(Parts {
        rollout,
        routing,
        analysis,
        experiments,
        replica_sets,
        pods: Some(pods),
        services,
        budgets,
        workload,
        stable_record,
        ..Parts::default()
    })))
}

/// Fetches all Rollouts of a namespace, or of all of them, that `selector` selects, sorted by namespace and name; every kind
/// is listed once, however many Rollouts there are.
///
/// # Errors
///
/// As for [`fetch()`].
pub async fn fetch_all(
    client: &Client,
    namespace: Option<&str>,
    selector: Option<&str>,
) -> Result<Vec<Observed>, Error> {
    let source = Lists { client, namespace };
    let chosen = ListParams { label_selector: selector.map(str::to_owned), ..ListParams::default() };
    let rollouts = source.objects(&ApiResource::erase::<Rollout>(&()), &chosen).await?;
    let hashed = ListParams::default().labels(labels::POD_TEMPLATE_HASH);
    let replica_sets: Namespaces<ReplicaSet> = source.list(&hashed).await?;
    let pods: Namespaces<WatchedPod> = source.list(&hashed).await?;
    let services: Namespaces<Service> = optional(source.list(&ListParams::default()).await)?;
    let budgets: Namespaces<PodDisruptionBudget> = optional(source.list(&ListParams::default()).await)?;
    let mut all = Vec::new();
    for rollout in rollouts {
        let stored: Stored<Rollout> = Stored::new(rollout.clone());
        let namespace = stored.typed.metadata.namespace.clone().unwrap_or_default();
        let single = Source { client, namespace: &namespace };
        let replica_sets = of(&replica_sets, &namespace);
        all.push(assemble(Parts {
            analysis: single.analysis(&stored.typed).await?,
            experiments: single.experiments(&stored.typed).await?,
            workload: single.referenced(&stored.typed).await?,
            stable_record: single.stable_record(&stored.typed, &replica_sets).await?,
            rollout,
            replica_sets,
            pods: Some(of(&pods, &namespace)),
            services: of(&services, &namespace),
            budgets: of(&budgets, &namespace),
            ..Parts::default()
        }));
    }
    Ok(all)
}

/// Objects by namespace.
type Namespaces<K> = BTreeMap<String, Vec<Arc<K>>>;

fn of<K>(all: &Namespaces<K>, namespace: &str) -> Vec<Arc<K>> {
    all.get(namespace).cloned().unwrap_or_default()
}

/// A kind that may not be listed counts as empty.
fn optional<T: Default>(listed: Result<T, Error>) -> Result<T, Error> {
    match listed {
        Err(error) if error.code() == Some(403) => Ok(T::default()),
        listed => listed,
    }
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
) -> Result<Option<StableRecord>, Error> {
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

    /// The objects that routers read; what may not be read is said to be unreadable.
    async fn routing(&self, rollout: &Rollout, settings: &tiphys_traffic::Settings) -> Result<Objects, Error> {
        let mut objects = Objects::default();
        let mut known: Vec<Need> = Vec::new();
        loop {
            let all = needs(rollout, &objects, settings);
            let fresh: Vec<Need> = all.into_iter().filter(|need| !known.contains(need)).collect();
            if fresh.is_empty() {
                return Ok(objects);
            }
            for need in &fresh {
                self.read(need, &mut objects).await?;
            }
            known.extend(fresh);
        }
    }

    async fn read(&self, need: &Need, objects: &mut Objects) -> Result<(), Error> {
        let resource = need.resource();
        let (namespace, name, found) = match need {
            Need::Named(id) => (
                &id.namespace,
                id.name.as_str(),
                self.of(resource, &id.namespace).get(&id.name).await.map(|one| vec![one]),
            ),
            Need::Labelled { namespace, selector, .. } => {
                let all = self.of(resource, namespace).list(&ListParams::default()).await;
                let is_wanted = |one: &DynamicObject| selector.matches(&serde_json::json!(one.metadata.labels));
                (namespace, "", all.map(|all| all.items.into_iter().filter(is_wanted).collect()))
            }
        };
        match found {
            Ok(all) => {
                for one in all {
                    let id = resource.named(namespace, one.metadata.name.as_deref().unwrap_or_default());
                    objects.insert(id, serde_json::to_value(one).unwrap_or_default());
                }
            }
            Err(kube::Error::Api(status))
                if status.code == 404 && status.details.as_ref().is_some_and(|d| !d.name.is_empty()) => {}
            Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => {
                objects.set_unreadable(resource.clone(), tiphys_runtime::cache::trouble(status.code, &status.message));
            }
            Err(error) => return Err(self.error("object of a router", name, error)),
        }
        Ok(())
    }

    /// AnalysisRuns and templates, if the Rollout has an analysis.
    async fn analysis(&self, rollout: &Rollout) -> Result<AnalysisView, Error> {
        if !super::has_analysis(rollout) {
            return Ok(AnalysisView::default());
        }
        let all = ListParams::default();
        let runs: Vec<Value> = self.objects::<AnalysisRun>(Some(self.namespace), &all).await?;
        let templates = self.objects::<AnalysisTemplate>(Some(self.namespace), &all).await?;
        let cluster = optional(self.objects::<ClusterAnalysisTemplate>(None, &all).await)?;
        let uid = rollout.metadata.uid.as_deref().unwrap_or_default();
        Ok(AnalysisView::new(uid, runs, templates, cluster))
    }

    /// Experiments, if the Rollout has a step that is one.
    async fn experiments(&self, rollout: &Rollout) -> Result<Vec<Value>, Error> {
        if !super::has_experiment(rollout) {
            return Ok(Vec::new());
        }
        self.objects::<Experiment>(Some(self.namespace), &ListParams::default()).await
    }

    async fn objects<K>(&self, namespace: Option<&str>, params: &ListParams) -> Result<Vec<Value>, Error>
    where
        K: Resource<DynamicType = ()>,
    {
        let resource = ApiResource::erase::<K>(&());
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        let list = api.list(params).await.map_err(|source| self.error("objects of analyses", "", source))?;
        Ok(list.items.into_iter().map(|object| serde_json::to_value(object).unwrap_or_default()).collect())
    }

    fn of(&self, resource: &tiphys_traffic::Resource, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &api_resource(resource))
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

    /// The workload that a Rollout refers to.
    async fn referenced(&self, rollout: &Rollout) -> Result<Option<Value>, Error> {
        let Some(reference) = &rollout.spec.workload_ref else { return Ok(None) };
        match WorkloadKind::of(reference) {
            Some(kind) => self.object(&workload_resource(kind), &reference.name).await,
            None => Ok(None),
        }
    }

    /// The recorded stable template, if it is needed.
    async fn stable_record(
        &self,
        rollout: &Rollout,
        replica_sets: &[Arc<ReplicaSet>],
    ) -> Result<Option<StableRecord>, Error> {
        let Some(hash) = missing_stable(rollout, replica_sets) else { return Ok(None) };
        fetch_stable_record(self.client, self.namespace, &stable_record_name(rollout, hash)).await
    }
}

/// Lists of one namespace, or of all of them.
struct Lists<'a> {
    client: &'a Client,
    namespace: Option<&'a str>,
}

impl Lists<'_> {
    fn error(&self, kind: &'static str, source: kube::Error) -> Error {
        let namespace = self.namespace.unwrap_or_default().to_owned();
        Error::Read { kind, namespace, name: String::new(), source: Box::new(source) }
    }

    async fn objects(&self, resource: &ApiResource, params: &ListParams) -> Result<Vec<Value>, Error> {
        let api: Api<DynamicObject> = match self.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, resource),
            None => Api::all_with(self.client.clone(), resource),
        };
        let list = api.list(params).await.map_err(|source| self.error("objects", source))?;
        Ok(list.items.into_iter().map(|object| serde_json::to_value(object).unwrap_or_default()).collect())
    }

    async fn list<K>(&self, params: &ListParams) -> Result<Namespaces<K>, Error>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + k8s_openapi::Resource
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        let api: Api<K> = match self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        let list = api.list(params).await.map_err(|source| self.error(K::KIND, source))?;
        let mut all = Namespaces::new();
        for object in list.items {
            let namespace = object.meta().namespace.clone().unwrap_or_default();
            all.entry(namespace).or_default().push(Arc::new(object));
        }
        Ok(all)
    }
}
