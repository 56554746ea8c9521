//! The web server, in a sandbox and for a cluster.

use std::net::{Ipv4Addr, SocketAddr};

use tiphys_server::{Config, Link, Listening, Server};

use crate::{error::Failure, world::World};

/// The usual port.
const PORT: u16 = 8080;

/// A server of a sandbox.
pub(crate) struct Web {
    /// What lets one person in, once.
    pub(crate) link: String,
    // Ends it when it is dropped.
    _listening: Listening,
}

/// Serves the pages of a sandbox. Without an address a free port is as good as the usual one.
pub(crate) async fn sandbox(world: &World, address: Option<SocketAddr>) -> Result<Web, Failure> {
    let link = Link::new().map_err(not_started)?;
    let server = Server::start(world.client.clone(), world.clock, Config::default(), Some(link.clone()));
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let addresses = address.map_or_else(|| vec![local(PORT), local(0)], |address| vec![address]);
    let listening = server.await.map_err(not_started)?.listen(&addresses).await;
    let listening = listening.map_err(|error| {
        not_started(error).hint("`--web 127.0.0.1:0` takes a free port, `--no-web` serves no pages")
    })?;
    Ok(Web { link: format!("http://{}{}", listening.address(), link.path()), _listening: listening })
}

/// Returns the failure of a server that does not start.
pub(crate) fn not_started(error: tiphys_server::Error) -> Failure {
    Failure::new("the web pages cannot be served").caused_by(error)
}
