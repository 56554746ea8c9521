//! What an Application should be, made here as the controller makes it.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, api::ListParams};
use serde_json::Value;
use tempfile::TempDir;
use tiphys_api::{AppProject, Application, Stored};
use tiphys_deliver::{
    cluster::{Kinds, Rest},
    object::ResourceKey,
};
use tiphys_gitops::{
    destination::{IN_CLUSTER, IN_CLUSTER_NAME},
    settings::{CONFIG_MAP, Settings},
};
use tiphys_render::{Config, Rendered, Renderer, Repositories, Wanted, repositories::TYPE_LABEL};

use super::Apps;
use crate::error::Failure;

/// A look at one Application from here.
pub(super) struct Look {
    /// Kinds of the cluster.
    pub(super) kinds: Kinds,
    /// Settings of the controller.
    pub(super) settings: Settings,
    /// Requests to the cluster.
    pub(super) rest: Rest,
    /// Instance name.
    pub(super) instance: String,
    control: String,
}

impl Look {
    /// Looks at the cluster of an Application, which must be the one that has the Application.
    pub(super) async fn at(apps: &Apps<'_>, app: &Application) -> Result<Self, Failure> {
        let to = &app.spec.destination;
        let is_here = to.name == IN_CLUSTER_NAME || to.server.trim_end_matches('/') == IN_CLUSTER;
        if !is_here {
            return Err(Failure::new("only Applications for the cluster that has them can be looked at from here"));
        }
        let client = apps.cluster.client();
        let kinds = Kinds::discover(&client).await?;
        let control = match app.status.controller_namespace.as_str() {
            "" => apps.namespace.clone(),
            known => known.to_owned(),
        };
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &control);
        let data = maps.get_opt(CONFIG_MAP).await?.and_then(|map| map.data).unwrap_or_default();
        let (name, namespace) = (app.metadata.name.as_deref(), app.metadata.namespace.as_deref());
        let instance =
            tiphys_deliver::tracking::instance_name(name.unwrap_or_default(), namespace.unwrap_or_default(), &control);
        Ok(Self { kinds, settings: Settings::read(&data), rest: Rest::new(client, None), instance, control })
    }

    /// Returns an object as the cluster has it.
    pub(super) async fn live(&self, key: &ResourceKey, version: &str) -> Result<Option<Value>, Failure> {
        let Some(info) = self.kinds.get(&key.group, &key.kind) else { return Ok(None) };
        let version = if info.versions.iter().any(|one| one == version) { version } else { "" };
        let namespace = if info.namespaced { key.namespace.as_str() } else { "" };
        let path = info.path(version, namespace, &key.name);
        self.rest
            .get(&path)
            .await
            .map_err(|error| Failure::new(format!("{} {} cannot be read", key.kind, key.name)).caused_by(error))
    }

    /// Makes the manifests of an Application, with the credentials that the cluster has.
    pub(super) async fn render(
        &self,
        apps: &Apps<'_>,
        app: &Application,
        revision: Option<&str>,
    ) -> Result<Arc<Rendered>, Failure> {
        let folder = TempDir::new()?;
        let failed = |error| Failure::new("the manifests cannot be made").caused_by(error);
        let renderer = Renderer::new(Config::new(folder.path())).map_err(failed)?;
        renderer.use_repositories(self.repositories(apps).await?);
        let version = apps.cluster.client().apiserver_version().await?.git_version;
        let project = self.project(apps, app).await?;
        let wanted = Wanted {
            application: self.instance.clone(),
            project: app.spec.project.clone(),
            namespace: app.spec.destination.namespace.clone(),
            sources: app.spec.effective_sources(),
            revisions: revision.map(str::to_owned).into_iter().collect(),
            kube_version: version.trim_start_matches('v').to_owned(),
            api_versions: self.kinds.api_versions(),
            source_repos: project.spec.source_repos,
            ..Wanted::default()
        };
        renderer.render(&wanted).await.map_err(failed)
    }

    async fn project(&self, apps: &Apps<'_>, app: &Application) -> Result<AppProject, Failure> {
        let resource = kube::api::ApiResource::erase::<AppProject>(&());
        let api: Api<kube::api::DynamicObject> = Api::namespaced_with(apps.cluster.client(), &self.control, &resource);
        let name = if app.spec.project.is_empty() { "default" } else { &app.spec.project };
        let found = api
            .get_opt(name)
            .await?
            .ok_or_else(|| Failure::new(format!("Application referencing project {name} which does not exist")))?;
        let stored: Stored<AppProject> = Stored::new(crate::cluster::raw(&found));
        Ok(stored.typed)
    }

    /// Who may not read Secrets still sees what is public.
    async fn repositories(&self, apps: &Apps<'_>) -> Result<Repositories, Failure> {
        let api: Api<Secret> = Api::namespaced(apps.cluster.client(), &self.control);
        let mut repositories = Repositories::default();
        let list = match api.list(&ListParams::default().labels(TYPE_LABEL)).await {
            Ok(list) => list.items,
            Err(kube::Error::Api(status)) if status.code == 403 => {
                apps.printer.note("(Secrets of repositories cannot be read: only public ones are used)");
                Vec::new()
            }
            Err(error) => return Err(error.into()),
        };
        for secret in list {
            let kind = secret.metadata.labels.as_ref().and_then(|labels| labels.get(TYPE_LABEL)).cloned();
            let data = secret.data.into_iter().flatten();
            let data = data.map(|(key, value)| (key, String::from_utf8_lossy(&value.0).into_owned()));
            let name = secret.metadata.name.unwrap_or_default();
            if let Err(error) = repositories.add(kind.as_deref().unwrap_or_default(), data) {
                apps.printer.note(&format!("(Secret {name} is not used: {error})"));
            }
        }
        Ok(repositories)
    }
}

/// Returns what identifies an object of a status.
pub(super) fn key(one: &tiphys_api::types::ResourceStatus) -> ResourceKey {
    ResourceKey {
        group: one.group.clone(),
        kind: one.kind.clone(),
        namespace: one.namespace.clone(),
        name: one.name.clone(),
    }
}
