//! A connection that breaks off at a chosen write: what the API sees when a controller dies between two actions.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use http::{Method, Request, Response};

/// On which side of the write the controller dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// It is not sent.
    Before,
    /// It happens, and the answer is never read.
    After,
}

/// Counts the writes of one controller and lets nothing pass once it is dead. Clones are the same connection.
#[derive(Debug, Clone, Default)]
pub struct Crash {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    writes: u64,
    dies_at: Option<(u64, Side)>,
    dead: bool,
}

impl Crash {
    /// Lets the controller die at its `nth` write from now on; 1 is the next one.
    pub fn at(&self, nth: u64, side: Side) {
        let mut state = self.state();
        state.dies_at = Some((state.writes + nth, side));
    }

    /// Lets the controller live on.
    pub fn spare(&self) {
        self.state().dies_at = None;
    }

    /// Returns whether the controller is dead: none of its requests gets an answer any more.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// Returns how many writes were sent. Events do not count: nothing depends on them.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.state().writes
    }

    /// Wraps a service.
    #[must_use]
    pub fn around<S>(&self, service: S) -> CrashService<S> {
        CrashService { service, crash: self.clone() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request; returns the side on which the controller dies if this is the one.
    fn count<B>(&self, request: &Request<B>) -> Option<Side> {
        let is_write = !matches!(*request.method(), Method::GET | Method::HEAD);
        if !is_write || request.uri().path().contains("/events") {
            return None;
        }
        let mut state = self.state();
        state.writes += 1;
        let side = state.dies_at.filter(|(at, _)| *at == state.writes).map(|(_, side)| side)?;
        state.dead |= side == Side::Before;
        Some(side)
    }

    fn die(&self) {
        self.state().dead = true;
    }
}

/// A service behind a connection that can break off for good.
#[derive(Debug, Clone)]
pub struct CrashService<S> {
    service: S,
    crash: Crash,
}

impl<S, B, R> tower::Service<Request<B>> for CrashService<S>
where
    S: tower::Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: Send + 'static,
    R: Send + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The service that was polled ready is the one to call.
        let ready = self.service.clone();
        let mut service = std::mem::replace(&mut self.service, ready);
        let crash = self.crash.clone();
        Box::pin(async move {
            let side = crash.count(&request);
            if crash.is_dead() {
                return std::future::pending().await;
            }
            let answer = service.call(request).await;
            if side == Some(Side::After) {
                crash.die();
            }
            if crash.is_dead() { std::future::pending().await } else { answer }
        })
    }
}
