//! Faults on demand, between a client and the API.
//!
//! [`Faults`] is a handle with verbs; [`Faults::around`] wraps a service whose requests and watches then suffer them.
//! Everything is drawn from one seed and every delay is of tokio's clock: the same seed and the same requests fail in
//! the same way.

mod body;
mod line;
mod plan;

use std::{
    future::Future,
    ops::Range,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Full};
use tiphys_machinery::error::ApiError;

pub use self::{body::FaultBody, plan::Loss};
use self::{
    body::boxed,
    line::Line,
    plan::{Answer, Plan, Verdict},
};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Which requests faults strike.
type Scope = Arc<dyn Fn(&Parts) -> bool + Send + Sync>;

/// The connection between client and API is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("connection lost")]
pub struct ConnectionLost;

/// The faults of one client's connection. Clones are the same faults.
#[derive(Clone)]
pub struct Faults {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    line: Line,
}

struct State {
    random: fastrand::Rng,
    plan: Plan,
    scope: Option<Scope>,
    answers: plan::Answers,
}

impl Faults {
    /// Returns faults of this seed; none is active yet.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let state = State {
            random: fastrand::Rng::with_seed(seed),
            plan: Plan::default(),
            scope: None,
            answers: plan::Answers::default(),
        };
        let inner = Inner { state: Mutex::new(state), line: Line::default() };
        Self { inner: Arc::new(inner) }
    }

    /// Wraps a service.
    #[must_use]
    pub fn around<S>(&self, service: S) -> FaultService<S> {
        FaultService { service, faults: self.clone() }
    }

    /// Lets requests (and nothing else) suffer only if `scope` says so; a partition still strikes all.
    pub fn only(&self, scope: impl Fn(&Parts) -> bool + Send + Sync + 'static) {
        self.state().scope = Some(Arc::new(scope));
    }

    /// Delays each request by a time in this range.
    pub fn latency(&self, range: Range<Duration>) {
        self.state().plan.latency = Some(range);
    }

    /// Answers 409 to this share of updates and patches, which then do not happen.
    pub fn conflicts(&self, rate: f64) {
        self.state().plan.conflicts = rate;
    }

    /// Answers with this status (429, 500, …) to this share of requests, which then do not happen.
    pub fn errors(&self, status: StatusCode, rate: f64) {
        self.state().plan.errors = Some((status, rate));
    }

    /// Loses this share of the answers to writes: they happen, and the client sees a lost connection.
    pub fn lost_answers(&self, rate: f64) {
        self.state().plan.lost_answers = rate;
    }

    /// Answers this share of reads as the same request was answered before.
    pub fn stale_reads(&self, rate: f64) {
        self.state().plan.stale_reads = rate;
    }

    /// Delays each piece of a watch by a time in this range, without changing the order.
    pub fn delayed_events(&self, range: Range<Duration>) {
        self.state().plan.event_delay = Some(range);
    }

    /// Loses this share of the pieces of watches.
    pub fn lost_events(&self, rate: f64, loss: Loss) {
        self.state().plan.lost_events = Some((rate, loss));
    }

    /// Lets requests and watches hang until [`Faults::release`].
    pub fn hold(&self) {
        self.inner.line.change(|line| line.held = true);
    }

    /// Lets what hangs go on.
    pub fn release(&self) {
        self.inner.line.change(|line| line.held = false);
    }

    /// Takes the connection down: requests fail and watches break, until [`Faults::heal`].
    pub fn partition(&self) {
        self.inner.line.change(|line| {
            line.parted = true;
            // A watch that gets its turn only after the connection is back must end, too.
            line.cuts += 1;
        });
    }

    /// Brings the connection back.
    pub fn heal(&self) {
        self.inner.line.change(|line| line.parted = false);
    }

    /// Ends all open watches, as a server does after its time is over.
    pub fn cut_watches(&self) {
        self.inner.line.change(|line| line.cuts += 1);
    }

    /// Ends all faults: calm.
    pub fn calm(&self) {
        self.state().plan = Plan::default();
        self.inner.line.change(|line| {
            line.held = false;
            line.parted = false;
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn verdict(&self, parts: &Parts) -> Verdict {
        let State { random, plan, scope, answers } = &mut *self.state();
        if scope.as_ref().is_some_and(|scope| !scope(parts)) {
            return Verdict::default();
        }
        plan.judge(parts, random, answers)
    }

    /// Waits while the connection hangs.
    async fn connected(&self) -> Result<(), ConnectionLost> {
        let line = self.inner.line.wait_for(|line| line.parted || !line.held).await;
        if line.parted { Err(ConnectionLost) } else { Ok(()) }
    }
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Faults").field("plan", &self.state().plan).finish_non_exhaustive()
    }
}

/// A service behind a connection with faults.
#[derive(Debug, Clone)]
pub struct FaultService<S> {
    service: S,
    faults: Faults,
}

impl<S, B, R> tower::Service<Request<B>> for FaultService<S>
where
    S: tower::Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Send + 'static,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<FaultBody>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.service.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The service that was polled ready is the one to call.
        let ready = self.service.clone();
        let service = std::mem::replace(&mut self.service, ready);
        let faults = self.faults.clone();
        Box::pin(carry(faults, service, request))
    }
}

async fn carry<S, B, R>(faults: Faults, mut service: S, request: Request<B>) -> Result<Response<FaultBody>, BoxError>
where
    S: tower::Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    let (parts, body) = request.into_parts();
    let is_watch = plan::is_watch(&parts);
    let key = plan::answer_key(&parts);
    let verdict = faults.verdict(&parts);
    tokio::time::sleep(verdict.delay).await;
    faults.connected().await?;
    match verdict.answer {
        Answer::Refusal(status) => return Ok(refusal(status)),
        Answer::Before(before) => return Ok(before.map(|body| boxed(Full::new(body)))),
        Answer::Real | Answer::Lost => {}
    }
    let response = service.call(Request::from_parts(parts, body)).await.map_err(Into::into)?;
    faults.connected().await?;
    if matches!(verdict.answer, Answer::Lost) {
        return Err(ConnectionLost.into());
    }
    match key {
        _ if is_watch => Ok(response.map(|body| body::unsteady(faults, body))),
        Some(key) => remember(&faults, key, response).await,
        None => Ok(response.map(boxed)),
    }
}

/// Keeps an answer for stale reads.
async fn remember<R>(faults: &Faults, key: String, response: Response<R>) -> Result<Response<FaultBody>, BoxError>
where
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(Into::into)?.to_bytes();
    if head.status.is_success() {
        faults.state().answers.put(key, Response::from_parts(head.clone(), body.clone()));
    }
    Ok(Response::from_parts(head, boxed(Full::new(body))))
}

fn refusal(status: StatusCode) -> Response<FaultBody> {
    let error = match status {
        StatusCode::CONFLICT => ApiError::new(
            409,
            "Conflict",
            "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest \
             version and try again",
        ),
        StatusCode::TOO_MANY_REQUESTS => {
            ApiError::new(429, "TooManyRequests", "Too many requests, please try again later.")
        }
        other => ApiError::new(other.as_u16(), "InternalError", "Internal error occurred: injected fault"),
    };
    let mut response = Response::new(boxed(Full::new(Bytes::from(error.to_status().to_string()))));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests;
