//! The connection to a cluster, and reading and patching objects in it.

use std::{path::Path, time::Duration};

use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    core::v1::Pod,
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Api, Client, Config,
    api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams},
    client::ClientBuilder,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tiphys_api::{AnalysisRun, Experiment, Rollout, Stored, decode};
use tiphys_clock::Clock;
use tiphys_console::action::{Change, FIELD_MANAGER, perform};
use tiphys_runtime::request::{Telling, Told};

use crate::{args::Global, data, error::Failure, printer::Printer, target::Target};

/// How long a look at whether a sandbox runs may take.
const SANDBOX_PROBE: Duration = Duration::from_millis(300);

/// The kinds that commands read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// `argoproj.io` Rollout.
    Rollout,
    /// ReplicaSet.
    ReplicaSet,
    /// Pod.
    Pod,
    /// `argoproj.io` AnalysisRun.
    AnalysisRun,
    /// `argoproj.io` Experiment.
    Experiment,
    /// Deployment.
    Deployment,
    /// PodDisruptionBudget.
    PodDisruptionBudget,
}

impl Kind {
    /// Returns how the API names the kind.
    pub(crate) fn resource(self) -> ApiResource {
        match self {
            Self::Rollout => ApiResource::erase::<Rollout>(&()),
            Self::ReplicaSet => ApiResource::erase::<ReplicaSet>(&()),
            Self::Pod => ApiResource::erase::<Pod>(&()),
            Self::AnalysisRun => ApiResource::erase::<AnalysisRun>(&()),
            Self::Experiment => ApiResource::erase::<Experiment>(&()),
            Self::Deployment => ApiResource::erase::<Deployment>(&()),
            Self::PodDisruptionBudget => ApiResource::erase::<PodDisruptionBudget>(&()),
        }
    }
}

/// One namespace of one cluster.
#[derive(Clone)]
pub(crate) struct Cluster {
    client: Client,
    config: Config,
    /// The namespace.
    pub(crate) namespace: String,
    /// The clock for ages.
    pub(crate) clock: Clock,
}

impl Cluster {
    /// Connects to where `global` says.
    pub(crate) async fn connect(global: &Global, printer: Printer) -> Result<Self, Failure> {
        let config = configuration(global, printer).await?;
        let namespace = global.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        Ok(Self { client: Client::try_from(config.clone())?, config, namespace, clock: Clock::system() })
    }

    /// Returns the client.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Returns a client that tells of every request.
    pub(crate) fn telling_client(&self, told: Told) -> Result<Client, Failure> {
        let builder = ClientBuilder::try_from(self.config.clone())?;
        Ok(builder.with_layer(&Telling::new(told)).build())
    }

    /// Returns the API of a kind in the namespace.
    pub(crate) fn api(&self, kind: Kind) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, &kind.resource())
    }

    /// Returns the API of a kind in all namespaces.
    pub(crate) fn api_everywhere(&self, kind: Kind) -> Api<DynamicObject> {
        Api::all_with(self.client.clone(), &kind.resource())
    }

    /// Returns one Rollout.
    pub(crate) async fn rollout(&self, name: &str) -> Result<Stored<Rollout>, Failure> {
        match self.api(Kind::Rollout).get_opt(name).await? {
            Some(object) => Ok(stored_rollout(raw(&object))),
            None => Err(Failure::new(format!("rollout.argoproj.io \"{name}\" not found"))
                .hint(format!("`tiphys list -n {}` shows the Rollouts there, `tiphys list -A` all", self.namespace))),
        }
    }

    /// Returns the Rollouts that `labels` select, sorted by name.
    pub(crate) async fn rollouts(&self, labels: Option<&str>) -> Result<Vec<Stored<Rollout>>, Failure> {
        let params = ListParams { label_selector: labels.map(str::to_owned), ..ListParams::default() };
        let list = self.api(Kind::Rollout).list(&params).await?;
        Ok(list.items.iter().map(|object| stored_rollout(raw(object))).collect())
    }

    /// Returns all objects of a kind in the namespace; none where the kind is not installed.
    pub(crate) async fn all<T: DeserializeOwned + Default>(&self, kind: Kind) -> Result<Vec<T>, Failure> {
        match self.api(kind).list(&ListParams::default()).await {
            Ok(list) => Ok(list.items.iter().map(|object| decode(raw(object)).object).collect()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the Rollout that a person means.
    pub(crate) async fn resolve(&self, target: &Target) -> Result<Stored<Rollout>, Failure> {
        let deployment = match target {
            Target::Rollout(name) => return self.rollout(name).await,
            Target::Deployment(name) => name,
        };
        let runs_it = |rollout: &Stored<Rollout>| {
            let reference = rollout.typed.spec.workload_ref.as_ref();
            reference.is_some_and(|reference| reference.kind == "Deployment" && reference.name == *deployment)
        };
        self.rollouts(None).await?.into_iter().find(runs_it).ok_or_else(|| {
            Failure::new(format!("no Rollout runs the template of deployment \"{deployment}\"")).hint(format!(
                "a Rollout does so by `spec.workloadRef`; for a plain Deployment use `kubectl rollout … deployment/{deployment}`"
            ))
        })
    }

    /// Sends a merge patch to an object.
    pub(crate) async fn merge(&self, kind: Kind, name: &str, patch: &Value) -> Result<(), Failure> {
        self.api(kind).patch(name, &writer(), &Patch::Merge(patch)).await?;
        Ok(())
    }

    /// Writes what an action asks for.
    pub(crate) async fn perform(&self, changes: &[Change]) -> Result<(), Failure> {
        perform(&self.client, &self.namespace, changes).await?;
        Ok(())
    }
}

/// Returns parameters that name us as the writer.
pub(crate) fn writer() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() }
}

/// Returns the JSON of an object.
pub(crate) fn raw(object: &DynamicObject) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

/// Returns a Rollout as stored, with the mark of a template that lives elsewhere.
pub(crate) fn stored_rollout(raw: Value) -> Stored<Rollout> {
    let mut stored: Stored<Rollout> = Stored::new(raw);
    stored.typed.spec.template_resolved_from_ref = stored.typed.spec.workload_ref.is_some();
    stored
}

async fn configuration(global: &Global, printer: Printer) -> Result<Config, Failure> {
    let mut config = from_place(global, printer).await?;
    global.connection.adjust(&mut config)?;
    Ok(config)
}

async fn from_place(global: &Global, printer: Printer) -> Result<Config, Failure> {
    let connection = &global.connection;
    let options = KubeConfigOptions {
        context: global.context.clone(),
        cluster: connection.cluster.clone(),
        user: connection.user.clone(),
    };
    if let Some(path) = &global.kubeconfig {
        return from_file(path, &options).await;
    }
    if std::env::var_os("KUBECONFIG").is_none_or(|value| value.is_empty()) {
        let path = data::directory().join(data::KUBECONFIG);
        if path.exists()
            && let Ok(config) = from_file(&path, &options).await
            && is_listening(&config).await
        {
            printer.note(&format!("(using the sandbox: {})", path.display()));
            return Ok(config);
        }
    }
    if options.context.is_some() || options.cluster.is_some() || options.user.is_some() {
        Config::from_kubeconfig(&options).await.map_err(|error| no_cluster().caused_by(error))
    } else {
        Config::infer().await.map_err(|error| no_cluster().caused_by(error))
    }
}

fn no_cluster() -> Failure {
    Failure::new("no cluster is configured")
        .hint("`tiphys up` starts a sandbox in this machine; `--kubeconfig FILE` names a cluster")
}

async fn from_file(path: &Path, options: &KubeConfigOptions) -> Result<Config, Failure> {
    let failure = || Failure::new(format!("kubeconfig {} cannot be used", path.display()));
    let kubeconfig = Kubeconfig::read_from(path).map_err(|error| failure().caused_by(error))?;
    let config = Config::from_custom_kubeconfig(kubeconfig, options).await;
    config.map_err(|error| failure().caused_by(error))
}

/// Whether somebody listens where the configuration points.
async fn is_listening(config: &Config) -> bool {
    let host = config.cluster_url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = config.cluster_url.port_u16().unwrap_or(443);
    let connect = tokio::net::TcpStream::connect((host, port));
    matches!(tokio::time::timeout(SANDBOX_PROBE, connect).await, Ok(Ok(_)))
}
