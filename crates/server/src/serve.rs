//! A socket.

use std::{net::SocketAddr, time::Duration};

use axum::extract::Request;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};
use tower::ServiceExt;

use crate::{Error, Server, web::Peer};

/// A request's head must be there by then.
const HEAD: Duration = Duration::from_secs(10);
/// Connections that are served at a time; more wait.
const CONNECTIONS_MAX: usize = 4_096;

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Listening {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Listening {
    /// Returns the address, with the port that was chosen where 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Serves at the first of these addresses that is free.
    ///
    /// # Errors
    /// If none can be bound.
    pub async fn listen(self, addresses: &[SocketAddr]) -> Result<Listening, Error> {
        let listener = bind(addresses).await?;
        let address = listener.local_addr().map_err(|error| Error::Bind(addresses.to_vec(), error))?;
        Ok(Listening { address, task: tokio::spawn(accept(self, listener)) })
    }
}

async fn bind(addresses: &[SocketAddr]) -> Result<TcpListener, Error> {
    TcpListener::bind(addresses).await.map_err(|error| Error::Bind(addresses.to_vec(), error))
}

async fn accept(server: Server, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
        }
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    // Events are small and must not wait for company.
                    let _ = stream.set_nodelay(true);
                    let service = server.router().map_request(move |mut request: Request<hyper::body::Incoming>| {
                        request.extensions_mut().insert(Peer(peer.ip()));
                        request
                    });
                    connections.spawn(async move {
                        let mut builder = auto::Builder::new(TokioExecutor::new());
                        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
                        let service = TowerToHyperService::new(service);
                        // A client that goes away is no failure.
                        let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
