//! The Application controller of `up`: its namespace, the project `default`, and the demo Application.

use std::{path::Path, sync::Arc};

use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, PostParams},
    core::GroupVersionKind,
};
use serde_json::{Value, json};
use tiphys_clock::Clock;
use tiphys_gitops::controller::{Config, Controller};
use tiphys_render::Renderer;
use tokio::task::JoinSet;

use crate::{error::Failure, repository::Repository};

/// Namespace of Applications, projects and credentials: upstream's.
pub(crate) const NAMESPACE: &str = "argocd";
/// Name of the demo Application and of the namespace that it delivers to.
pub(crate) const DEMO: &str = "shop";
const WORKERS: usize = 20;

/// Starts the controller, and what it needs; the tasks end with what is returned.
pub(crate) async fn start(
    client: &Client,
    clock: Clock,
    folder: &Path,
    repository: Option<&Repository>,
) -> Result<JoinSet<()>, Failure> {
    let config = tiphys_render::Config::new(folder);
    let renderer = Renderer::new(config).map_err(|error| Failure::new("nothing can be rendered").caused_by(error))?;
    let renderer = Arc::new(renderer);
    let told = renderer.clone();
    let config = Config {
        namespace: NAMESPACE.to_owned(),
        workers: WORKERS,
        manifests: renderer,
        repositories: Some(Arc::new(move |repositories| told.use_repositories(repositories))),
    };
    for object in objects(repository) {
        create(client, object).await?;
    }
    let controller = Controller::new(client.clone(), clock, config);
    let mut tasks = JoinSet::new();
    tasks.spawn(controller.clone().run());
    if let Some(repository) = repository {
        let (url, mut pushes) = (repository.url(), repository.pushes());
        tasks.spawn(async move {
            while pushes.changed().await.is_ok() {
                controller.pushed(&url);
            }
        });
    }
    Ok(tasks)
}

fn objects(repository: Option<&Repository>) -> Vec<Value> {
    let in_place = |kind: &str, name: &str, content: Value| {
        let mut object = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE},
        });
        for (field, value) in content.as_object().into_iter().flatten() {
            object[field] = value.clone();
        }
        object
    };
    let everything = json!({"spec": {
        "sourceRepos": ["*"],
        "destinations": [{"server": "*", "namespace": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    }});
    let mut objects = vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}),
        in_place("AppProject", "default", everything),
    ];
    if let Some(repository) = repository {
        let labels = json!({"argocd.argoproj.io/secret-type": "repository"});
        objects.push(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "demo-repository", "namespace": NAMESPACE, "labels": labels},
            "stringData": {"url": repository.url(), "username": "tiphys", "password": repository.token()},
        }));
        let spec = json!({"spec": {
            "project": "default",
            "source": {"repoURL": repository.url(), "path": "shop"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": DEMO},
            "syncPolicy": {
                "automated": {"prune": true, "selfHeal": true}, "syncOptions": ["CreateNamespace=true"],
            },
        }});
        objects.push(in_place("Application", DEMO, spec));
    }
    objects
}

/// What is there already stays as people have made it.
async fn create(client: &Client, object: Value) -> Result<(), Failure> {
    let failure = || Failure::new("the Application controller cannot be set up");
    let object: DynamicObject = serde_json::from_value(object).map_err(|error| failure().caused_by(error))?;
    let types = object.types.clone().unwrap_or_default();
    let (group, version) = types.api_version.rsplit_once('/').unwrap_or(("", types.api_version.as_str()));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &types.kind));
    let api: Api<DynamicObject> = match &object.metadata.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    match api.create(&PostParams::default(), &object).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        Err(error) => Err(failure().caused_by(error)),
    }
}
