//! The addresses for machines: `/metrics`, `/healthz`, `/readyz`.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Bytes, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tiphys_rollouts::{controller::Controller, metrics};
use tiphys_runtime::metrics::{Metrics, Page, process};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};

use crate::error::Failure;

/// Connections that are served at a time; more wait.
const CONNECTIONS_MAX: usize = 64;

/// Everything that is told about a controller.
#[derive(Clone)]
pub(crate) struct Told {
    metrics: Metrics,
    controller: Controller,
    /// Copies of what only metrics look at.
    pub(crate) objects: metrics::Objects,
    stands_by: Arc<AtomicBool>,
}

/// Binds the addresses and serves them; returns where, and the tasks, which end when they are dropped.
pub(crate) async fn start(
    addresses: impl IntoIterator<Item = SocketAddr>,
    told: &Told,
) -> Result<(Vec<SocketAddr>, JoinSet<()>), Failure> {
    let mut bound = Vec::new();
    let mut tasks = JoinSet::new();
    for address in addresses {
        let endpoint = Endpoint::bind(address).await?;
        bound.push(endpoint.address);
        tasks.spawn(endpoint.serve(told.clone()));
    }
    Ok((bound, tasks))
}

/// A socket that is bound, so that its address is known.
struct Endpoint {
    listener: TcpListener,
    address: SocketAddr,
}

impl Endpoint {
    /// Binds an address; port 0 takes a free one.
    async fn bind(address: SocketAddr) -> Result<Self, Failure> {
        let failure = |error| {
            Failure::new(format!("metrics cannot be served at {address}"))
                .caused_by(error)
                .hint("port 0 takes a free one")
        };
        let listener = TcpListener::bind(address).await.map_err(failure)?;
        let address = listener.local_addr().map_err(failure)?;
        Ok(Self { listener, address })
    }

    /// Serves until the future is dropped.
    async fn serve(self, told: Told) {
        let told = Arc::new(told);
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let Ok(place) = places.clone().acquire_owned().await else { return };
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let told = told.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| {
                    let answer = answer(&request, &told);
                    async { Ok::<_, Infallible>(answer) }
                });
                // A client that goes away is no failure.
                let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
                drop(place);
            });
        }
    }
}

fn answer<B>(request: &Request<B>, told: &Told) -> Response<Full<Bytes>> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let (status, kind, text) = match request.uri().path() {
        _ if !is_read => (StatusCode::METHOD_NOT_ALLOWED, PLAIN, "only GET\n".to_owned()),
        "/metrics" => (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", told.page()),
        "/healthz" => (StatusCode::OK, PLAIN, "ok".to_owned()),
        "/readyz" => told.readiness(),
        _ => (StatusCode::NOT_FOUND, PLAIN, "/metrics, /healthz, /readyz\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

const PLAIN: &str = "text/plain; charset=utf-8";

impl Told {
    /// Returns what is told of a controller that works.
    pub(crate) fn new(metrics: Metrics, controller: Controller) -> Self {
        Self { metrics, controller, objects: metrics::Objects::default(), stands_by: Arc::default() }
    }

    /// Notes whether another controller holds the lease.
    pub(crate) fn stand_by(&self, stands_by: bool) {
        self.stands_by.store(stands_by, Ordering::Relaxed);
    }

    fn page(&self) -> String {
        let mut page = Page::default();
        metrics::write_version(&mut page, concat!("v", env!("CARGO_PKG_VERSION")));
        self.metrics.write(&mut page);
        self.controller.write_metrics(&mut page);
        self.objects.write(&mut page);
        process::write(&mut page);
        page.finish()
    }

    /// A controller that waits for the lease is ready: it takes over as soon as it gets it.
    fn readiness(&self) -> (StatusCode, &'static str, String) {
        if self.stands_by.load(Ordering::Relaxed) {
            (StatusCode::OK, PLAIN, "ok: another controller holds the lease".to_owned())
        } else if self.controller.is_ready() {
            (StatusCode::OK, PLAIN, "ok".to_owned())
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, PLAIN, "not every kind has been listed yet".to_owned())
        }
    }
}
