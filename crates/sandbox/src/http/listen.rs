//! Serving the API over TLS, HTTP/1.1 and HTTP/2.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use super::{credentials::Credentials, service::ApiService};

/// client-go sends everything over one connection.
const MAX_STREAMS: u32 = 1_000;
/// How long a client may take to agree on TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long requests under way may take to end when the server stops; watches never do by themselves.
const DRAIN: Duration = Duration::from_secs(1);

/// Why serving could not begin.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be bound.
    #[error("cannot listen on {0}")]
    Bind(SocketAddr, #[source] io::Error),
    /// The certificate cannot be used.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
}

/// A server that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct Listening {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Listening {
    /// Returns the address, with the port that was chosen where 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of the API.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Accepts no more, lets requests end, and closes what is left after a second.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        // It only fails if serving panicked; then it has stopped too.
        let _ = self.task.await;
    }
}

/// Serves the API at `address`, for clients with a token.
///
/// # Errors
/// When the address cannot be bound.
pub async fn serve(service: &ApiService, address: SocketAddr) -> Result<Listening, ListenError> {
    let acceptor = acceptor(service.credentials()).map_err(ListenError::Tls)?;
    let listener = TcpListener::bind(address).await.map_err(|error| ListenError::Bind(address, error))?;
    let address = listener.local_addr().map_err(|error| ListenError::Bind(address, error))?;
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(accept(listener, acceptor, service.authenticated(), stopped));
    Ok(Listening { address, stop, task })
}

fn acceptor(credentials: &Credentials) -> Result<TlsAcceptor, rustls::Error> {
    let (certificate, key) = credentials.server();
    let certificate = CertificateDer::from(certificate.to_vec());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.to_vec()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, service: ApiService, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, acceptor.clone(), service.clone(), stopped.clone()));
                }
                Err(error) => {
                    // Out of file descriptors, or a client that left already.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
            _ = stopped.changed() => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(stream: TcpStream, acceptor: TlsAcceptor, service: ApiService, mut stopped: watch::Receiver<bool>) {
    // Events are small and must not wait for company.
    let _ = stream.set_nodelay(true);
    let Ok(Ok(stream)) = timeout(HANDSHAKE, acceptor.accept(stream)).await else { return };
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http2().max_concurrent_streams(MAX_STREAMS);
    let serving = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        _ = stopped.changed() => {
            serving.as_mut().graceful_shutdown();
            timeout(DRAIN, serving).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
