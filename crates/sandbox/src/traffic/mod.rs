//! Simulated traffic: streams of requests that find their way through Services, Ingresses, Istio and the Gateway API to
//! pods, and what became of each.
//!
//! | module | purpose |
//! | --- | --- |
//! | [`request`] | a request and where it is sent |
//! | [`plane`] | the objects that decide its way, read from the API |
//! | [`ingress`], [`istio`], [`gateway`] | one way each of choosing a Service |
//! | [`route`] | which of them decides |
//! | [`pod`] | how a pod answers |
//! | [`serve`] | from a Service to a pod's answer |
//! | [`once`] | a single request, not counted |
//! | [`stream`] | how many requests come when |
//! | [`tally`] | what became of them |
//! | `driver` | all of it in time |
//! | [`prometheus`] | the tally as Prometheus would answer queries over it |
//!
//! Everything but the driver is a function of objects, request and a seeded generator. Kinds of Istio and the Gateway API
//! are read as plain JSON; nothing here knows who shifts the weights.

pub(crate) mod driver;
pub mod gateway;
pub mod ingress;
pub mod istio;
pub mod once;
pub mod plane;
pub mod pod;
pub mod prometheus;
pub mod request;
pub mod route;
pub mod serve;
pub mod stream;
pub mod tally;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

pub use self::{
    request::{Request, Target},
    serve::Lost,
    stream::Stream,
    tally::{Count, Tally},
};

/// Namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Name {
    /// Returns the name in this namespace.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The traffic of one sandbox: its streams and what became of their requests. Cheap to clone; all clones are the same.
#[derive(Debug, Clone)]
pub struct Traffic {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    seed: u64,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    streams: BTreeMap<String, Stream>,
    endpoint_delay: SignedDuration,
    tally: Tally,
}

impl Traffic {
    /// Returns traffic without any stream; the seed decides each draw.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let shared = Shared { seed, state: Mutex::default(), changed: Notify::new() };
        Self { shared: Arc::new(shared) }
    }

    /// Starts a stream, in place of one of the same name. It begins at the present time and goes on until it is stopped.
    pub fn start(&self, name: &str, stream: Stream) {
        self.state().streams.insert(name.to_owned(), stream);
        self.shared.changed.notify_one();
    }

    /// Stops a stream.
    pub fn stop(&self, name: &str) {
        self.state().streams.remove(name);
        self.shared.changed.notify_one();
    }

    /// Sets how long it takes until a change of a Service's endpoints is known to those who send requests; none at first.
    pub fn set_endpoint_delay(&self, delay: SignedDuration) {
        self.state().endpoint_delay = delay;
    }

    /// Returns what became of all requests so far.
    #[must_use]
    pub fn counts(&self) -> Vec<Count> {
        self.state().tally.counts()
    }

    /// Returns how many requests each version answered of those sent to one Service or through one route
    /// (`ingress/NAMESPACE/NAME`, `virtualservice/…`, `httproute/…`), copies left out.
    #[must_use]
    pub fn by_version(&self, of: &str) -> BTreeMap<String, u64> {
        let mut versions = BTreeMap::new();
        let counted =
            |count: &Count| !count.mirrored && count.lost.is_none() && (count.route == of || count.service == of);
        for count in self.counts().into_iter().filter(counted) {
            *versions.entry(count.version).or_default() += count.requests;
        }
        versions
    }

    /// Returns how many requests were lost: no pod answered them.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.counts().iter().filter(|count| !count.mirrored && count.lost.is_some()).map(|count| count.requests).sum()
    }

    /// Forgets what became of requests so far.
    pub fn reset(&self) {
        self.state().tally = Tally::default();
    }

    /// Returns how many requests a pod gets each second, over the last half minute.
    #[must_use]
    pub(crate) fn rate(&self, namespace: &str, pod: &str, now: Timestamp) -> f64 {
        self.state().tally.rate(namespace, pod, now)
    }

    /// Waits until a stream was started or stopped.
    pub(crate) async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
