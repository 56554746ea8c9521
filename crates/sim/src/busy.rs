//! A bound on what may happen at one instant: virtual time passes only when nobody has anything to do, so that a loop
//! without a wait would never end.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use http::Request;
use tokio::{sync::Notify, time::Instant};

/// How much may happen at one instant: many times what the largest story needs.
const BOUND: u64 = 20_000;
/// Objects that are named.
const NAMED: usize = 3;

/// Counts what happens at each instant. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Busy {
    state: Arc<Mutex<State>>,
    over: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    at: Option<Instant>,
    count: u64,
    /// How often each object was asked for, or written.
    objects: BTreeMap<String, u64>,
    loops: Option<String>,
}

impl Busy {
    /// Takes note of one thing that happens to an object now.
    pub fn note(&self, object: impl FnOnce() -> String) {
        let mut state = self.state();
        let now = Instant::now();
        if state.at != Some(now) {
            *state = State { at: Some(now), loops: state.loops.take(), ..State::default() };
        }
        state.count += 1;
        // Only what goes on for long needs names.
        if state.count > BOUND / 2 {
            *state.objects.entry(object()).or_default() += 1;
        }
        if state.count > BOUND && state.loops.is_none() {
            state.loops = Some(state.tell());
            self.over.notify_one();
        }
    }

    /// Waits until too much has happened at one instant; returns what, the most frequent first.
    pub async fn over(&self) -> String {
        loop {
            if let Some(loops) = self.state().loops.clone() {
                return loops;
            }
            self.over.notified().await;
        }
    }

    /// Wraps a service, each of whose requests counts.
    #[must_use]
    pub fn around<S>(&self, service: S) -> BusyService<S> {
        BusyService { service, busy: self.clone() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tell(&self) -> String {
        let mut objects: Vec<(&String, &u64)> = self.objects.iter().collect();
        objects.sort_by_key(|(_, times)| std::cmp::Reverse(**times));
        let named: Vec<String> =
            objects.iter().take(NAMED).map(|(object, times)| format!("{object} ({times} times)")).collect();
        format!("a loop without a wait: {} acts at one instant, on {}", self.count, named.join(", "))
    }
}

/// A service whose requests count.
#[derive(Debug, Clone)]
pub struct BusyService<S> {
    service: S,
    busy: Busy,
}

impl<S, B> tower::Service<Request<B>> for BusyService<S>
where
    S: tower::Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        self.busy.note(|| format!("{} {}", request.method(), request.uri()));
        self.service.call(request)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_without_a_wait_is_named_and_one_that_waits_is_none() {
        let busy = Busy::default();
        for _ in 0..BOUND {
            busy.note(|| "calm".into());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        busy.note(|| "calm".into());
        let spin = busy.clone();
        let spinning = tokio::spawn(async move {
            loop {
                spin.note(|| "spinning".into());
                tokio::task::yield_now().await;
            }
        });
        let told = busy.over().await;
        assert!(told.contains("on spinning (1"), "{told}");
        spinning.abort();
    }
}
