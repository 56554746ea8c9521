//! `server`: the web pages and the API for a cluster.

use std::net::SocketAddr;

use clap::Args;
use tiphys_server::Config;

use crate::{cluster::Cluster, error::Failure, printer::Printer, serving::not_started, world};

/// Serves the web pages and the API for a cluster, with the accounts of Argo CD.
#[derive(Debug, Args)]
pub(crate) struct Server {
    /// Address
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    web: SocketAddr,
    /// Namespace of argocd-cm, argocd-secret and argocd-rbac-cm
    #[arg(long, value_name = "NAME", default_value = "argocd")]
    accounts: String,
    /// Show the Rollouts of one namespace only: that of `--namespace`
    #[arg(long)]
    namespaced: bool,
    /// Browsers come by way of a proxy that speaks TLS: cookies are for TLS only
    #[arg(long)]
    behind_tls: bool,
}

impl Server {
    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        if !self.web.ip().is_loopback() && !self.behind_tls {
            return Err(Failure::usage(format!(
                "{} is reached from elsewhere, and without TLS passwords would be readable",
                self.web
            ))
            .hint("put a proxy with TLS before it and add `--behind-tls`, or serve at 127.0.0.1"));
        }
        let scope = self.namespaced.then(|| cluster.namespace.clone());
        let config = Config { namespace: self.accounts, scope, is_secure: self.behind_tls };
        let server = tiphys_server::Server::start(cluster.client(), cluster.clock, config, None).await;
        let listening = server.map_err(not_started)?.listen(&[self.web]).await.map_err(not_started)?;
        printer.line(format!("Web pages at http://{}", listening.address()))?;
        world::ended().await
    }
}
