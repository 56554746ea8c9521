//! A sandbox in this process, with a socket for others and a client without one for us.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::Args;
use jiff::Timestamp;
use kube::Client;
use tiphys_clock::Clock;
use tiphys_runtime::request::{Telling, Told};
use tiphys_sandbox::{
    Sandbox, SandboxOptions, StartError,
    http::{listen::Listening, prometheus::PrometheusListening},
};
use tokio::signal::unix::{SignalKind, signal};
use tower::Layer;

use crate::{data, error::Failure};

/// Flags of the commands that start a sandbox.
#[derive(Debug, Args)]
pub(crate) struct SandboxFlags {
    /// Address of the API; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:16443")]
    api: SocketAddr,
    /// Folder that keeps everything [default: $TIPHYS_DATA, else ~/.local/share/tiphys]
    #[arg(long, value_name = "DIR", conflicts_with = "memory")]
    data: Option<PathBuf>,
    /// Keep everything in memory only
    #[arg(long)]
    memory: bool,
    /// Address of the Prometheus API over the simulated requests; read only, without TLS [default: a free port]
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", hide_default_value = true)]
    prometheus: SocketAddr,
    /// Number of simulated nodes
    #[arg(long, value_name = "N", default_value_t = 3)]
    nodes: usize,
    /// Seed of uids, name suffixes and addresses [default: a new one at each start]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

/// A running sandbox.
pub(crate) struct World {
    sandbox: Sandbox,
    listening: Listening,
    prometheus: PrometheusListening,
    /// A client without a socket.
    pub(crate) client: Client,
    /// The clock of everything in it.
    pub(crate) clock: Clock,
    /// Where its kubeconfig is.
    pub(crate) kubeconfig: PathBuf,
    kept: Option<PathBuf>,
}

impl SandboxFlags {
    /// Starts a sandbox and writes its kubeconfig to `kubeconfig`, or else into the data directory.
    pub(crate) async fn start(&self, kubeconfig: Option<&Path>) -> Result<World, Failure> {
        let clock = Clock::system();
        let seed = self.seed.unwrap_or_else(|| seed_of(clock.now()));
        let folder = self.data.clone().unwrap_or_else(data::directory);
        let kept = (!self.memory).then(|| folder.clone());
        let options = SandboxOptions { clock, seed, nodes: self.nodes, data: kept.clone() };
        let sandbox = Sandbox::start(&options).map_err(not_started)?;
        let listening = sandbox.serve(self.api).await.map_err(|error| {
            Failure::new("the sandbox cannot be reached")
                .caused_by(error)
                .hint("`--api 127.0.0.1:0` takes a free port; perhaps a sandbox runs already: try `tiphys list -A`")
        })?;
        let prometheus = sandbox.serve_prometheus(self.prometheus).await.map_err(|error| {
            Failure::new("the simulated requests cannot be asked about")
                .caused_by(error)
                .hint("`--prometheus 127.0.0.1:0` takes a free port")
        })?;
        let path = kubeconfig.map_or_else(|| folder.join(data::KUBECONFIG), Path::to_path_buf);
        data::write_secret(&path, &sandbox.kubeconfig(&listening.url()))?;
        let client = Client::new(sandbox.service(), "default");
        Ok(World { sandbox, listening, prometheus, client, clock, kubeconfig: path, kept })
    }
}

impl World {
    /// Returns the URL of the API.
    pub(crate) fn url(&self) -> String {
        self.listening.url()
    }

    /// Returns the folder that keeps everything, if it is kept.
    pub(crate) fn kept(&self) -> Option<&Path> {
        self.kept.as_deref()
    }

    /// Returns the URL of the Prometheus API over the simulated requests.
    pub(crate) fn prometheus(&self) -> String {
        self.prometheus.url()
    }

    /// Returns a client without a socket that tells of every request.
    pub(crate) fn telling_client(&self, told: Told) -> Client {
        Client::new(Telling::new(told).layer(self.sandbox.service()), "default")
    }

    /// Says what remains when it ends.
    pub(crate) fn farewell(&self) -> String {
        match &self.kept {
            Some(folder) => format!("Ctrl-C ends it; the next start goes on where it was (from {}).", folder.display()),
            None => "Everything is in memory: Ctrl-C ends it, and nothing remains.".to_owned(),
        }
    }

    /// Ends serving, and waits until everything is on disk.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        self.listening.stop().await;
        let stopped = self.sandbox.stop().await;
        stopped.map_err(|error| Failure::new("the last changes are not on disk").caused_by(error))
    }
}

fn not_started(error: StartError) -> Failure {
    let on_disk = matches!(error, StartError::Data(_) | StartError::KeepCredentials { .. });
    let failure = Failure::new("the sandbox did not start").caused_by(error);
    if !on_disk {
        return failure;
    }
    failure.hint("`--data DIR` takes another folder, `--memory` none")
}

fn seed_of(now: Timestamp) -> u64 {
    now.as_second().unsigned_abs().rotate_left(32) ^ u64::from(now.subsec_nanosecond().unsigned_abs())
}

/// Waits until a person or a supervisor ends the program.
pub(crate) async fn ended() -> Result<(), Failure> {
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|error| Failure::new("signals cannot be received").caused_by(error))?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.map_err(|error| Failure::new("signals cannot be received").caused_by(error))
        }
        _ = terminate.recv() => Ok(()),
    }
}
