//! The sandbox as a whole: the API with its controllers and nodes.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use tiphys_clock::Clock;
use tiphys_machinery::{error::ApiError, resource};
use tokio::task::JoinHandle;

use crate::{
    base,
    controllers::{Manager, ROOT_CA},
    durable::{NotPersisted, OpenError},
    http::{
        credentials::{Credentials, CredentialsError},
        kubeconfig::kubeconfig,
        listen::{ListenError, Listening, serve},
        prometheus::{self, PrometheusListening},
        service::{ApiOptions, ApiService},
    },
    nodes::{self, NodeOptions},
    registry::{Registry, RegistryOptions, Subresource, WriteOptions},
    store::HistoryLimits,
    traffic::Traffic,
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
    /// Folder that keeps everything; in memory where absent.
    pub data: Option<PathBuf>,
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The certificate authority could not be made.
    #[error("the certificates could not be made")]
    Credentials(#[source] CredentialsError),
    /// The folder of the data could not be used.
    #[error("the data on disk cannot be used")]
    Data(#[source] OpenError),
    /// The certificates could not be kept.
    #[error("{} cannot be written", .path.display())]
    KeepCredentials {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// The first objects could not be created.
    #[error("the objects that every cluster has could not be created")]
    Base(#[source] ApiError),
}

/// A running sandbox. Dropping it stops its controllers soon after; the objects stay as long as a registry or service
/// does. To open its folder again in the same process, [`Sandbox::stop`] it.
#[derive(Debug)]
pub struct Sandbox {
    registry: Registry,
    service: ApiService,
    traffic: Traffic,
    manager: JoinHandle<()>,
}

impl Sandbox {
    /// Starts a sandbox; one with data on disk goes on where it was.
    ///
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When certificates or the first objects cannot be made, or the data cannot be used.
    pub fn start(options: &SandboxOptions) -> Result<Self, StartError> {
        let history = HistoryLimits::default();
        let setup = RegistryOptions { clock: options.clock, seed: options.seed, history };
        let resources = resource::builtin().into_iter().map(Arc::new).collect();
        let (registry, credentials) = match &options.data {
            Some(folder) => {
                let registry = Registry::open(folder, &setup, resources).map_err(StartError::Data)?;
                (registry, kept_credentials(folder)?)
            }
            None => {
                let credentials = Credentials::generate().map_err(StartError::Credentials)?;
                (Registry::in_memory(&setup, resources), credentials)
            }
        };
        base::create(&registry).map_err(StartError::Base)?;
        let nodes = NodeOptions { count: options.nodes, ..NodeOptions::default() };
        nodes::ensure(&registry, &nodes).map_err(StartError::Base)?;
        let traffic = Traffic::new(options.seed);
        let service = ApiService::with_traffic(registry.clone(), credentials, ApiOptions::default(), traffic.clone());
        let manager = tokio::spawn(Manager::with_traffic(&registry, &traffic).run());
        Ok(Self { registry, service, traffic, manager })
    }

    /// Stops the controllers, waits until everything written is on disk and lets go of the folder, unless a service or
    /// registry is still held elsewhere.
    ///
    /// # Errors
    /// When the disk failed: the last writes are in memory only.
    pub async fn stop(mut self) -> Result<(), NotPersisted> {
        self.manager.abort();
        // It ends by being aborted.
        let _ = (&mut self.manager).await;
        self.registry.persisted().await
    }

    /// Returns the objects and the rules for changing them.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Returns the simulated traffic: streams are started there, and what became of their requests is counted there.
    #[must_use]
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
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
        self.publish_authority();
        serve(&self.service.authenticated(), address).await
    }

    /// Serves the Prometheus API over the simulated traffic, without TLS and token, until the result is dropped.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn serve_prometheus(&self, address: SocketAddr) -> Result<PrometheusListening, ListenError> {
        prometheus::serve(self.traffic.clone(), self.registry.clock(), address).await
    }

    /// Writes the certificate authority where programs in a cluster look for it.
    fn publish_authority(&self) {
        self.registry.set_authority(self.service.credentials().ca_pem());
        let authority = self.registry.authority();
        let Some(maps) = self.registry.resource("", "configmaps") else { return };
        for map in self.registry.list(&maps, None).iter().filter(|map| map.name() == ROOT_CA) {
            let options = WriteOptions::by("kube-controller-manager");
            // One that is gone needs no authority.
            let _ = self.registry.modify(&maps, map.namespace(), ROOT_CA, Subresource::Main, &options, |map| {
                map["data"]["ca.crt"] = authority.into();
            });
        }
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

/// Returns the credentials in a folder, which are made at the first start: clients keep their kubeconfig.
fn kept_credentials(folder: &Path) -> Result<Credentials, StartError> {
    let (ca, key) = (folder.join("ca.pem"), folder.join("ca-key.pem"));
    if let (Ok(ca), Ok(key)) = (std::fs::read_to_string(&ca), std::fs::read_to_string(&key)) {
        return Credentials::from_pem(&ca, &key).map_err(StartError::Credentials);
    }
    let made = Credentials::generate().map_err(StartError::Credentials)?;
    for (path, text) in [(key, made.ca_key_pem()), (ca, made.ca_pem())] {
        write_secret(&path, text).map_err(|source| StartError::KeepCredentials { path, source })?;
    }
    Ok(made)
}

/// Writes a file that only its owner may read.
fn write_secret(path: &Path, text: &str) -> std::io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
