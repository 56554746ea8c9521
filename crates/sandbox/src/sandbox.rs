//! The sandbox as a whole: the API with its controllers and nodes.

use std::{net::SocketAddr, sync::Arc};

use tiphys_clock::Clock;
use tiphys_machinery::{error::ApiError, resource};
use tokio::task::JoinHandle;

use crate::{
    base,
    controllers::Manager,
    http::{
        credentials::{Credentials, CredentialsError},
        kubeconfig::kubeconfig,
        listen::{ListenError, Listening, serve},
        service::{ApiOptions, ApiService},
    },
    registry::{Registry, RegistryOptions},
    store::HistoryLimits,
};

/// How a sandbox is set up.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// The clock of everything in it.
    pub clock: Clock,
    /// Seed of uids, name suffixes and addresses: the same seed and requests give the same history.
    pub seed: u64,
    /// How many simulated nodes it has.
    pub nodes: usize,
    /// Certificate authority and tokens; a new one where absent.
    pub credentials: Option<Credentials>,
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The certificate authority could not be made.
    #[error("the certificates could not be made")]
    Credentials(#[source] CredentialsError),
    /// The first objects could not be created.
    #[error("the objects that every cluster has could not be created")]
    Base(#[source] ApiError),
}

/// A running sandbox. Dropping it stops its controllers; the objects stay as long as a registry or service does.
#[derive(Debug)]
pub struct Sandbox {
    registry: Registry,
    service: ApiService,
    manager: JoinHandle<()>,
}

impl Sandbox {
    /// Starts a sandbox that keeps everything in memory.
    ///
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When certificates or the first objects cannot be made.
    pub fn start(options: SandboxOptions) -> Result<Self, StartError> {
        let history = HistoryLimits::default();
        let registry = Registry::in_memory(
            &RegistryOptions { clock: options.clock, seed: options.seed, history },
            resource::builtin().into_iter().map(Arc::new).collect(),
        );
        let credentials = match options.credentials {
            Some(credentials) => credentials,
            None => Credentials::generate().map_err(StartError::Credentials)?,
        };
        base::create(&registry).map_err(StartError::Base)?;
        let service = ApiService::new(registry.clone(), credentials, ApiOptions::default());
        let manager = tokio::spawn(Manager::new(&registry).run());
        Ok(Self { registry, service, manager })
    }

    /// Returns the objects and the rules for changing them.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Returns the API for callers in this process, who may do everything.
    #[must_use]
    pub fn service(&self) -> ApiService {
        self.service.clone()
    }

    /// Serves the API over TLS until the result is stopped or dropped.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn serve(&self, address: SocketAddr) -> Result<Listening, ListenError> {
        serve(&self.service.authenticated(), address).await
    }

    /// Returns a kubeconfig for the API at `url`. It holds the admin's token.
    #[must_use]
    pub fn kubeconfig(&self, url: &str) -> String {
        kubeconfig(self.service.credentials(), url, "tiphys-sandbox")
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.manager.abort();
    }
}
