//! What providers need from outside.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::Secret as ClusterSecret;
use kube::{
    Api, Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use super::ProviderError;
use crate::{
    Secret,
    http::{self, Fetch},
};

/// Namespace of the controller's own secrets where nothing says another one.
const NAMESPACE: &str = "argo-rollouts";
const SERVICE_ACCOUNT_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
const JOB_NAMESPACE: &str = "ARGO_ROLLOUTS_ANALYSIS_JOB_NAMESPACE";
const JOB_KUBECONFIG: &str = "ARGO_ROLLOUTS_ANALYSIS_JOB_KUBECONFIG";

/// Why providers cannot work.
#[derive(Debug, thiserror::Error)]
pub enum ServicesError {
    /// TLS cannot be set up.
    #[error("set up TLS")]
    Tls(#[source] tokio_rustls::rustls::Error),
    /// The cluster for jobs cannot be reached as the environment says.
    #[error("reach the cluster for jobs ({JOB_KUBECONFIG}): {0}")]
    Jobs(String),
}

/// Where jobs run.
#[derive(Clone)]
pub struct JobCluster {
    /// Reaches that cluster.
    pub client: Client,
    /// Namespace of all jobs; that of the run if unset.
    pub namespace: Option<String>,
    /// Whether it is another cluster than the run's.
    pub is_foreign: bool,
}

/// What providers need: the cluster, the network and the environment. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    /// The run's cluster.
    pub client: Client,
    /// Where jobs run.
    pub jobs: JobCluster,
    /// Sends requests to addresses that metrics name.
    pub fetch: Arc<dyn Fetch>,
    /// Sends requests to Amazon's own credential services, which are link-local.
    pub credentials: Arc<dyn Fetch>,
    /// The controller's own namespace, where its secrets are.
    pub namespace: String,
    /// Variables of the environment.
    pub environment: Arc<BTreeMap<String, String>>,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

impl Services {
    /// Returns what providers need, as the environment says it: the controller's namespace (`POD_NAMESPACE`, else that of the
    /// service account, else `argo-rollouts`), and where jobs run.
    ///
    /// # Errors
    /// Where TLS cannot be set up, or the cluster for jobs cannot be reached.
    pub async fn new(
        client: Client,
        environment: BTreeMap<String, String>,
        settings: http::Settings,
    ) -> Result<Self, ServicesError> {
        let own = http::Settings { allows_link_local: true, uses_proxies: false };
        let variable = |name: &str| environment.get(name).filter(|value| !value.is_empty()).cloned();
        let file = || std::fs::read_to_string(SERVICE_ACCOUNT_NAMESPACE).ok().map(|text| text.trim().to_owned());
        let namespace = variable("POD_NAMESPACE").or_else(file).filter(|namespace| !namespace.is_empty());
        let jobs = JobCluster {
            client: match variable(JOB_KUBECONFIG) {
                Some(path) => job_client(&path).await.map_err(ServicesError::Jobs)?,
                None => client.clone(),
            },
            namespace: variable(JOB_NAMESPACE),
            is_foreign: variable(JOB_KUBECONFIG).is_some(),
        };
        Ok(Self {
            client,
            jobs,
            fetch: Arc::new(http::Client::new(settings).map_err(ServicesError::Tls)?),
            credentials: Arc::new(http::Client::new(own).map_err(ServicesError::Tls)?),
            namespace: namespace.unwrap_or_else(|| NAMESPACE.to_owned()),
            environment: Arc::new(environment),
        })
    }

    /// Returns a variable of the environment; one that is empty counts as unset.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns what a Secret holds.
    pub(super) async fn secret(&self, namespace: &str, name: &str) -> Result<Credentials, ProviderError> {
        let api: Api<ClusterSecret> = Api::namespaced(self.client.clone(), namespace);
        let secret = api.get(name).await?;
        let text = |bytes: Vec<u8>| Secret::new(String::from_utf8_lossy(&bytes));
        Ok(Credentials(secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, text(value.0))).collect()))
    }
}

/// `in-cluster`, or the path of a kubeconfig.
async fn job_client(path: &str) -> Result<Client, String> {
    let config = if path == "in-cluster" {
        Config::incluster().map_err(|error| error.to_string())?
    } else {
        let file = Kubeconfig::read_from(path).map_err(|error| error.to_string())?;
        let options = KubeConfigOptions::default();
        Config::from_custom_kubeconfig(file, &options).await.map_err(|error| error.to_string())?
    };
    Client::try_from(config).map_err(|error| error.to_string())
}

/// Keys and values of a Secret.
#[derive(Debug, Clone, Default)]
pub(super) struct Credentials(BTreeMap<String, Secret>);

impl Credentials {
    /// Returns the value of a key; an empty one counts as missing.
    pub(super) fn get(&self, key: &str) -> Option<&Secret> {
        self.0.get(key).filter(|value| !value.is_empty())
    }
}
