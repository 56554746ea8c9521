//! What is followed, and which Application a change is about.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{
    Api, Resource,
    api::{ApiResource, DynamicObject},
    runtime::watcher,
};
use tiphys_api::{AppProject, Application, Stored};
use tiphys_render::{
    repositories::{Repositories, TYPE_LABEL},
    repository,
};
use tiphys_runtime::cache::{Change, Key};
use tokio::task::JoinSet;
use tracing::warn;

use super::Shared;
use crate::{
    plan::{Level, Project},
    settings::{CONFIG_MAP, Settings},
};

pub(super) fn start(shared: &Arc<Shared>, tasks: &mut JoinSet<()>) {
    let (client, namespace) = (&shared.client, shared.config.namespace.as_str());
    let all = watcher::Config::default;
    let applications: Api<DynamicObject> = Api::all_with(client.clone(), &ApiResource::erase::<Application>(&()));
    let told = shared.clone();
    tasks.spawn(shared.applications.clone().follow(applications, all(), prune, move |c| told.application_changed(&c)));
    let projects = Api::namespaced_with(client.clone(), namespace, &ApiResource::erase::<AppProject>(&()));
    let told = shared.clone();
    tasks.spawn(shared.projects.clone().follow(projects, all(), prune, move |c| told.project_changed(&c)));
    let told = shared.clone();
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let named = all().fields(&format!("metadata.name={CONFIG_MAP}"));
    tasks.spawn(shared.config_maps.clone().follow(maps, named, prune, move |c| told.settings_changed(&c)));
    let told = shared.clone();
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    tasks.spawn(
        shared.secrets.clone().follow(secrets, all().labels(TYPE_LABEL), prune, move |_| told.secrets_changed()),
    );
}

fn prune<K: Resource>(object: &mut K) {
    object.meta_mut().managed_fields = None;
}

/// Returns both views of an object.
pub(super) fn stored<T: serde::de::DeserializeOwned + Default>(object: &DynamicObject) -> Stored<T> {
    Stored::new(serde_json::to_value(object).unwrap_or_default())
}

impl Shared {
    fn application_changed(&self, change: &Change<DynamicObject>) {
        let key = Key::of(&**change.object());
        if matches!(change, Change::Deleted(_)) {
            self.memories().remove(&key);
        }
        self.queue.add(key);
    }

    fn project_changed(&self, change: &Change<DynamicObject>) {
        let name = change.object().metadata.name.clone().unwrap_or_default();
        for app in self.applications.list(None) {
            let used = app.data["spec"]["project"].as_str().filter(|name| !name.is_empty()).unwrap_or("default");
            if used == name {
                self.request(&Key::of(&*app), Level::Latest);
            }
        }
    }

    fn settings_changed(&self, change: &Change<ConfigMap>) {
        let data = match change {
            Change::Applied { new, .. } => new.data.clone().unwrap_or_default(),
            Change::Deleted(_) => BTreeMap::new(),
        };
        let settings = Settings::read(&data);
        for problem in &settings.problems {
            warn!(problem, "a setting is not used");
        }
        self.in_cluster.set_settings(settings.live.clone());
        *self.settings.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(settings);
        for app in self.applications.list(None) {
            self.request(&Key::of(&*app), Level::Latest);
        }
    }

    fn secrets_changed(&self) {
        let Some(told) = &self.config.repositories else { return };
        let mut repositories = Repositories::default();
        for secret in self.secrets.list(None) {
            let kind = secret.metadata.labels.as_ref().and_then(|labels| labels.get(TYPE_LABEL)).cloned();
            let data = secret.data.iter().flatten();
            let data = data.map(|(key, value)| (key.clone(), String::from_utf8_lossy(&value.0).into_owned()));
            let name = secret.metadata.name.as_deref().unwrap_or_default();
            if let Err(error) = repositories.add(kind.as_deref().unwrap_or_default(), data) {
                warn!(name, error = &error as &dyn std::error::Error, "a Secret of a repository is not used");
            }
        }
        told(repositories);
        for app in self.applications.list(None) {
            self.request(&Key::of(&*app), Level::Latest);
        }
    }

    pub(super) fn pushed(&self, url: &str) {
        for app in self.applications.list(None) {
            let typed: Stored<Application> = stored(&app);
            let uses = |source: &tiphys_api::types::ApplicationSource| repository::is_same(&source.repo_url, url);
            if typed.typed.spec.effective_sources().iter().any(uses) {
                self.request(&Key::of(&*app), Level::ForceResolve);
            }
        }
    }

    pub(super) fn project(&self, app: &Application) -> Option<Project> {
        let name = if app.spec.project.is_empty() { "default" } else { &app.spec.project };
        let found = self.projects.get(&Key::new(&self.config.namespace, name))?;
        let typed: Stored<AppProject> = stored(&found);
        Some(Project { name: name.to_owned(), spec: typed.typed.spec })
    }
}
