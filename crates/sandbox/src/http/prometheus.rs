//! The Prometheus API over the simulated traffic, on the listener of the API and on one of its own without TLS.

use std::{convert::Infallible, net::SocketAddr};

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tiphys_clock::Clock;
use tokio::{net::TcpListener, task::JoinHandle};

use super::{
    call::{Call, Query},
    listen::ListenError,
    reply::{Media, Reply, ResponseBody},
    service::Server,
};
use crate::traffic::{Count, Traffic, prometheus};

/// Largest form of a query, in bytes.
const MAX_FORM: usize = 1 << 20;
const FORM: &str = "application/x-www-form-urlencoded";

/// Answers `/prometheus/…` on the listener of the API.
pub(super) fn handle(server: &Server, call: &Call, path: &str) -> Reply {
    let is_form = call.header(header::CONTENT_TYPE).starts_with(FORM);
    let form = if is_form { Query::parse(&String::from_utf8_lossy(&call.body)) } else { Query::default() };
    answer(&server.traffic, server.registry.clock(), path, &[&call.query, &form])
}

/// Answers `/sandbox/v1/traffic`: what became of all requests.
pub(super) fn counts(server: &Server) -> Reply {
    let one = |count: &Count| {
        json!({
            "route": count.route, "service": count.service, "version": count.version, "code": count.code,
            "lost": count.lost.map(crate::traffic::Lost::name), "mirrored": count.mirrored, "requests": count.requests,
        })
    };
    let counts: Vec<_> = server.traffic.counts().iter().map(one).collect();
    Reply::value(200, Media::Json, &json!({"lost": server.traffic.lost(), "counts": counts}))
}

fn answer(traffic: &Traffic, clock: Clock, path: &str, queries: &[&Query]) -> Reply {
    if path == "metrics" {
        return Reply::text(200, prometheus::exposition(traffic));
    }
    let parameter = |name: &str| queries.iter().flat_map(|query| query.all(name)).map(ToOwned::to_owned).collect();
    let path = path.strip_prefix("api/v1/").unwrap_or(path);
    let answer = prometheus::answer(traffic, clock.now(), path, &parameter);
    Reply::value(answer.status, Media::Json, &answer.body)
}

/// A Prometheus API that runs until it is dropped.
#[derive(Debug)]
pub struct PrometheusListening {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl PrometheusListening {
    /// Returns the URL to give as the address of a Prometheus.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for PrometheusListening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves the Prometheus API without TLS and without a token: it can only be read. Paths may begin with `/prometheus`.
///
/// # Errors
/// When the address cannot be bound.
pub async fn serve(traffic: Traffic, clock: Clock, address: SocketAddr) -> Result<PrometheusListening, ListenError> {
    let listener = TcpListener::bind(address).await.map_err(|error| ListenError::Bind(address, error))?;
    let address = listener.local_addr().map_err(|error| ListenError::Bind(address, error))?;
    let task = tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let traffic = traffic.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| respond(traffic.clone(), clock, request));
                if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
                    tracing::debug!(%error, "a connection ended early");
                }
            });
        }
    });
    Ok(PrometheusListening { address, task })
}

async fn respond(
    traffic: Traffic,
    clock: Clock,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Infallible> {
    let (parts, body) = request.into_parts();
    if !matches!(parts.method, Method::GET | Method::POST) {
        return Ok(Reply::text(405, "only GET and POST are answered\n").into_response());
    }
    let body = match Limited::new(body, MAX_FORM).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => Bytes::new(),
    };
    let address = Query::parse(parts.uri.query().unwrap_or_default());
    let form = Query::parse(&String::from_utf8_lossy(&body));
    let path = parts.uri.path().trim_start_matches('/');
    let path = path.strip_prefix("prometheus/").unwrap_or(path);
    Ok(answer(&traffic, clock, path, &[&address, &form]).into_response())
}
