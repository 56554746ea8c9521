//! The client: a pool of connections for checked certificates, and one for unchecked ones.

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::{legacy, proxy::matcher::Matcher},
    rt::{TokioExecutor, TokioTimer},
};

use crate::{Redactor, Secret};

use super::{Fetch, FetchError, MAX_BODY, Request, Response, connect::Connector, host, redirect, trust};

/// What the client may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether link-local addresses may be asked.
    pub allows_link_local: bool,
    /// Whether the environment's proxies (`HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`) are used.
    pub uses_proxies: bool,
}

/// Bytes of a credential that is looked for in answers: shorter ones are no real ones, and would spoil the answer.
const MIN_CREDENTIAL: usize = 8;

type Pool = legacy::Client<HttpsConnector<Connector>, Full<Bytes>>;

/// Sends requests over the network. Cheap to clone; all clones share their connections.
#[derive(Clone)]
pub struct Client {
    checked: Pool,
    unchecked: Pool,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// Returns a client.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(settings: Settings) -> Result<Self, tokio_rustls::rustls::Error> {
        Ok(Self { checked: pool(settings, false)?, unchecked: pool(settings, true)? })
    }

    async fn follow(&self, request: Request) -> Result<Response, FetchError> {
        let (pool, mut request) = (if request.is_insecure { &self.unchecked } else { &self.checked }, request);
        for _ in 0..=redirect::MAX {
            let response = send(pool, &request).await?;
            match redirect::next(&request, &response)? {
                Some(next) => request = next,
                None => return Ok(response),
            }
        }
        Err(FetchError::Redirect(format!("{}: stopped after {} redirects", host(&request.uri), redirect::MAX)))
    }
}

impl Fetch for Client {
    fn fetch(&self, request: Request) -> BoxFuture<'_, Result<Response, FetchError>> {
        Box::pin(async move {
            let (method, host, after) = (request.method.clone(), host(&request.uri), request.timeout);
            let credentials = credentials(&request.headers);
            let answered = tokio::time::timeout(after, self.follow(request)).await;
            let response = answered.unwrap_or(Err(FetchError::Timeout { method, host, after }))?;
            Ok(Response { body: masked(response.body, &credentials), ..response })
        })
    }
}

fn pool(settings: Settings, is_insecure: bool) -> Result<Pool, tokio_rustls::rustls::Error> {
    let proxies = if settings.uses_proxies { Matcher::from_env() } else { Matcher::builder().build() };
    let connector = Connector::new(settings.allows_link_local, proxies);
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(trust::config(is_insecure)?)
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new()).pool_max_idle_per_host(4);
    builder.pool_idle_timeout(std::time::Duration::from_secs(60));
    Ok(builder.build(https))
}

async fn send(pool: &Pool, request: &Request) -> Result<Response, FetchError> {
    let failed =
        |reason: String| FetchError::Connect { method: request.method.clone(), host: host(&request.uri), reason };
    let mut sent = http::Request::new(Full::new(request.body.clone()));
    *sent.method_mut() = request.method.clone();
    *sent.uri_mut() = without_credentials(&request.uri);
    *sent.headers_mut() = request.headers.clone();
    let answer = pool.request(sent).await.map_err(|error| failed(root(&error)))?;
    let (parts, body) = answer.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() { FetchError::TooLong(host(&request.uri)) } else { failed(root(&*error)) }
    })?;
    Ok(Response { status: parts.status, headers: parts.headers, body: body.to_bytes() })
}

/// What goes out in confidence, with and without the word in front of it (`Bearer …`).
fn credentials(headers: &HeaderMap) -> Redactor {
    let sensitive = headers.values().filter(|value| value.is_sensitive()).filter_map(|value| value.to_str().ok());
    let forms = sensitive.flat_map(|text| [Some(text), text.split_once(' ').map(|(_, rest)| rest)]).flatten();
    Redactor::new(forms.filter(|text| text.len() >= MIN_CREDENTIAL).map(Secret::new))
}

/// Error texts quote answers, and a server may answer with what it was sent.
fn masked(body: Bytes, credentials: &Redactor) -> Bytes {
    let Ok(text) = std::str::from_utf8(&body) else { return body };
    let masked = credentials.redact(text);
    if masked == text { body } else { masked.into() }
}

/// `http://user:password@host/` is asked as `http://host/`.
fn without_credentials(uri: &Uri) -> Uri {
    let mut parts = uri.clone().into_parts();
    parts.authority = host(uri).parse().ok();
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}

/// What is at the bottom of an error says most.
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}
