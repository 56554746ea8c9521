//! What happens to a request: drawn from the seed, from the rates that are set.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Response, StatusCode, header, request::Parts};

/// How a lost piece of a watch is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The watch ends in its place: the client starts again where it was.
    Cut,
    /// The watch goes on without it: what no real server does, and what a self-check must heal.
    Silent,
}

/// The rates, each from 0 to 1.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) latency: Option<Range<Duration>>,
    pub(super) conflicts: f64,
    pub(super) errors: Option<(StatusCode, f64)>,
    pub(super) lost_answers: f64,
    pub(super) stale_reads: f64,
    pub(super) event_delay: Option<Range<Duration>>,
    pub(super) lost_events: Option<(f64, Loss)>,
}

/// What is done with one request.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub(super) delay: Duration,
    pub(super) answer: Answer,
}

#[derive(Debug, Default)]
pub(super) enum Answer {
    /// The service's own.
    #[default]
    Real,
    /// The service's own, which never arrives.
    Lost,
    /// This status, without asking the service.
    Refusal(StatusCode),
    /// That of an earlier request.
    Before(Response<Bytes>),
}

impl Plan {
    pub(super) fn judge(&self, parts: &Parts, random: &mut fastrand::Rng, answers: &Answers) -> Verdict {
        let delay = self.latency.as_ref().map_or(Duration::ZERO, |range| within(range, random));
        Verdict { delay, answer: self.answer(parts, random, answers) }
    }

    fn answer(&self, parts: &Parts, random: &mut fastrand::Rng, answers: &Answers) -> Answer {
        let write = parts.method != Method::GET && parts.method != Method::HEAD;
        if let Some((status, rate)) = self.errors
            && strikes(rate, random)
        {
            return Answer::Refusal(status);
        }
        if matches!(parts.method, Method::PUT | Method::PATCH) && strikes(self.conflicts, random) {
            return Answer::Refusal(StatusCode::CONFLICT);
        }
        if write && strikes(self.lost_answers, random) {
            return Answer::Lost;
        }
        match answer_key(parts) {
            Some(key) if strikes(self.stale_reads, random) => answers.get(&key).map_or(Answer::Real, Answer::Before),
            _ => Answer::Real,
        }
    }

    pub(super) fn event_delay(&self, random: &mut fastrand::Rng) -> Duration {
        self.event_delay.as_ref().map_or(Duration::ZERO, |range| within(range, random))
    }

    pub(super) fn event_loss(&self, random: &mut fastrand::Rng) -> Option<Loss> {
        let (rate, loss) = self.lost_events?;
        strikes(rate, random).then_some(loss)
    }
}

/// Earlier answers to reads, the oldest forgotten first.
#[derive(Debug, Default)]
pub(super) struct Answers {
    by_key: BTreeMap<String, Response<Bytes>>,
    order: VecDeque<String>,
}

/// Requests whose last answer is kept.
const REMEMBERED: usize = 1_000;

impl Answers {
    fn get(&self, key: &str) -> Option<Response<Bytes>> {
        self.by_key.get(key).cloned()
    }

    pub(super) fn put(&mut self, key: String, answer: Response<Bytes>) {
        if self.by_key.insert(key.clone(), answer).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_key.remove(&oldest);
        }
    }
}

/// Returns whether a request opens a watch.
pub(super) fn is_watch(parts: &Parts) -> bool {
    let query = parts.uri.query().unwrap_or_default();
    query.split('&').any(|pair| matches!(pair, "watch" | "watch=" | "watch=true" | "watch=1"))
        || parts.uri.path().contains("/watch/")
}

/// Returns what makes two reads the same; `None` for what is not a read of objects.
pub(super) fn answer_key(parts: &Parts) -> Option<String> {
    let follows = parts.uri.query().is_some_and(|query| query.contains("follow="));
    if parts.method != Method::GET || is_watch(parts) || follows {
        return None;
    }
    let accept = parts.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    Some(format!("{accept} {}", parts.uri))
}

fn strikes(rate: f64, random: &mut fastrand::Rng) -> bool {
    // Nothing is drawn for a fault that is off, so that setting one does not move the others.
    rate > 0.0 && random.f64() < rate
}

fn within(range: &Range<Duration>, random: &mut fastrand::Rng) -> Duration {
    let span = range.end.saturating_sub(range.start);
    range.start + span.mul_f64(random.f64())
}
