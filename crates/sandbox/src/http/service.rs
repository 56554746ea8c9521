//! The `tower` service: from a request to a response.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderName, Method, Request, Response, header, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tiphys_machinery::error::ApiError;

use super::{
    auth::{self, User},
    call::{Call, Query},
    credentials::Credentials,
    discovery,
    documents::Documents,
    health, negotiate, prometheus,
    reply::{Reply, ResponseBody},
    route::Route,
    subresource,
};
use crate::{registry::Registry, traffic::Traffic};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Largest body of a request, in bytes.
const MAX_BODY: usize = 3 << 20;
const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");

/// How the API presents itself.
#[derive(Debug, Clone)]
pub struct ApiOptions {
    /// `gitVersion` of `/version`, such as `v1.34.4`.
    pub git_version: String,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self { git_version: "v1.34.4".to_owned() }
    }
}

/// The Kubernetes API as a service: `kube::Client::new(service, "default")` is a client of it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ApiService {
    server: Arc<Server>,
    trusted: bool,
}

/// What all requests share.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) registry: Registry,
    pub(super) credentials: Credentials,
    pub(super) options: ApiOptions,
    pub(super) documents: Documents,
    pub(super) traffic: Traffic,
    requests: AtomicU64,
}

impl ApiService {
    /// Returns the service for callers in the same process, who may do everything.
    #[must_use]
    pub fn new(registry: Registry, credentials: Credentials, options: ApiOptions) -> Self {
        Self::with_traffic(registry, credentials, options, Traffic::new(0))
    }

    /// Returns the same, with this traffic to be asked about.
    #[must_use]
    pub fn with_traffic(registry: Registry, credentials: Credentials, options: ApiOptions, traffic: Traffic) -> Self {
        let documents = Documents::default();
        let server = Server { registry, credentials, options, documents, traffic, requests: AtomicU64::new(0) };
        Self { server: Arc::new(server), trusted: true }
    }

    /// Returns the same API for the network: who sends no token may see health, version and discovery only.
    #[must_use]
    pub fn authenticated(&self) -> Self {
        Self { server: self.server.clone(), trusted: false }
    }

    /// Returns the credentials that it accepts.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.server.credentials
    }

    async fn respond<B>(self, request: Request<B>) -> Response<ResponseBody>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: Into<BoxError>,
    {
        let (parts, body) = request.into_parts();
        let head = parts.method == Method::HEAD;
        let reply = self.answer(parts, body).await;
        let reply = if head { reply.without_body() } else { reply };
        let number = self.server.requests.fetch_add(1, Ordering::Relaxed);
        let audit_id = format!("00000000-0000-4000-8000-{number:012x}");
        reply.with(AUDIT_ID, &audit_id).default_header(header::CACHE_CONTROL, "no-cache, private").into_response()
    }

    async fn answer<B>(&self, parts: Parts, body: B) -> Reply
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: Into<BoxError>,
    {
        let route = Route::of(parts.uri.path());
        let mut call = Call {
            query: Query::parse(parts.uri.query().unwrap_or_default()),
            path: parts.uri.path().to_owned(),
            method: if parts.method == Method::HEAD { Method::GET } else { parts.method },
            headers: parts.headers,
            body: Bytes::new(),
            user: User::admin(),
        };
        let done = match self.admit(&mut call, &route) {
            Ok(()) => match collect(body).await {
                Ok(body) => {
                    call.body = body;
                    self.server.handle_durably(&call, route).await
                }
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        done.unwrap_or_else(|error| Reply::error(negotiate::error_media(&call), &error))
    }

    fn admit(&self, call: &mut Call, route: &Route) -> Result<(), ApiError> {
        if !self.trusted {
            call.user = auth::authenticate(&call.headers, &self.server.credentials, self.server.registry.now())?;
        }
        call.user = auth::impersonated(std::mem::replace(&mut call.user, User::anonymous()), &call.headers)?;
        auth::authorize(&call.user, &call.method, &call.path, route)
    }
}

impl<B> tower::Service<Request<B>> for ApiService
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.respond(request).await) })
    }
}

impl Server {
    /// Answers a write only once it is on disk, if there is one.
    async fn handle_durably(&self, call: &Call, route: Route) -> Result<Reply, ApiError> {
        let reply = self.handle(call, route).await?;
        if call.method != Method::GET {
            self.registry.persisted().await.map_err(ApiError::internal)?;
        }
        Ok(reply)
    }

    async fn handle(&self, call: &Call, route: Route) -> Result<Reply, ApiError> {
        if let Route::Resource(place) = route {
            return subresource::handle(self, call, place).await;
        }
        if let (Route::Prometheus(path), &Method::GET | &Method::POST) = (&route, &call.method) {
            return Ok(prometheus::handle(self, call, path));
        }
        if call.method != Method::GET {
            return Err(method_not_allowed());
        }
        match route {
            Route::Prometheus(path) => Ok(prometheus::handle(self, call, &path)),
            Route::Traffic => Ok(prometheus::counts(self)),
            Route::Index => Ok(health::index(self)),
            Route::Version => Ok(health::version(self)),
            Route::Health(check, part) => Ok(health::check(&check, &part, call)),
            Route::Metrics => Ok(health::metrics(self)),
            Route::OpenApiV2 => Ok(self.documents.v2(self, call)),
            Route::OpenApiV3Index => Ok(self.documents.v3_index(self)),
            Route::OpenApiV3(path) => Ok(self.documents.v3(self, call, &path)),
            Route::CoreVersions => discovery::core(self, call),
            Route::Groups => discovery::groups(self, call),
            Route::Group(group) => Ok(discovery::group(self, call, &group)),
            Route::GroupVersion(group, version) => discovery::group_version(self, call, &group, &version),
            Route::Resource(_) | Route::Unknown => Ok(page_not_found()),
        }
    }
}

/// What is answered where not even the group is served.
pub(super) fn page_not_found() -> Reply {
    Reply::text(404, "404 page not found\n")
}

/// 405.
pub(super) fn method_not_allowed() -> ApiError {
    ApiError::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
}

async fn collect<B>(body: B) -> Result<Bytes, ApiError>
where
    B: http_body::Body<Data = Bytes> + Send,
    B::Error: Into<BoxError>,
{
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("Request entity too large: limit is {MAX_BODY}");
            Err(ApiError::new(413, "RequestEntityTooLarge", message))
        }
        Err(error) => Err(ApiError::bad_request(format!("cannot read the body: {error}"))),
    }
}
