//! What providers need from outside.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::Secret as ClusterSecret;
use kube::{Api, Client};

use super::ProviderError;
use crate::{Secret, http::Fetch};

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

/// Keys and values of a Secret.
#[derive(Debug, Clone, Default)]
pub(super) struct Credentials(BTreeMap<String, Secret>);

impl Credentials {
    /// Returns the value of a key; an empty one counts as missing.
    pub(super) fn get(&self, key: &str) -> Option<&Secret> {
        self.0.get(key).filter(|value| !value.is_empty())
    }
}
