//! The one task that owns all controllers.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::cache::{Cache, Marks};
use super::context::{Context, Controller};
use super::ownership::namespace_ends;
use super::recorder::Recorder;
use super::timers::{Due, Timers};
use super::view::Key;
use crate::registry::Registry;
use crate::store::{Change, Subscription};
use crate::traffic::Traffic;

/// How often the executor gets its turn while there is much to do.
const KEYS_PER_TURN: usize = 64;
/// The first delay after a failure; it doubles up to [`LONGEST_RETRY`].
const FIRST_RETRY: SignedDuration = SignedDuration::from_millis(5);
const LONGEST_RETRY: SignedDuration = SignedDuration::from_secs(1000);

/// Runs the built-in controllers.
///
/// Everything that follows from one instant is done before time moves on: changes are taken in revision order, marked
/// keys in key order, controllers in their order, timers by time and insertion. Nothing depends on threads or hashing.
pub struct Manager {
    registry: Registry,
    subscription: Subscription,
    controllers: Vec<Box<dyn Controller>>,
    /// What each controller has to look at.
    marks: Vec<Marks>,
    cache: Cache,
    recorder: Recorder,
    timers: Timers,
    /// What the last controller looks at beside objects.
    traffic: Option<Traffic>,
    /// How often each key failed in a row.
    failures: BTreeMap<Due, u32>,
}

impl std::fmt::Debug for Manager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.controllers.iter().map(|controller| controller.name()).collect();
        f.debug_struct("Manager").field("controllers", &names).finish_non_exhaustive()
    }
}

impl Manager {
    /// Returns a manager that knows what is in the registry now. It does nothing until it [runs](Self::run).
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        Self::with_traffic(registry, &Traffic::new(0))
    }

    /// Returns a manager that also sends the requests of this traffic.
    #[must_use]
    pub fn with_traffic(registry: &Registry, traffic: &Traffic) -> Self {
        let mut manager = Self::with_controllers(registry, super::built_in(traffic));
        manager.traffic = Some(traffic.clone());
        manager
    }

    /// Returns a manager of these controllers, in the order in which they work.
    pub(crate) fn with_controllers(registry: &Registry, controllers: Vec<Box<dyn Controller>>) -> Self {
        let mut manager = Self {
            registry: registry.clone(),
            subscription: registry.subscribe(),
            marks: vec![Marks::new(); controllers.len()],
            controllers,
            cache: Cache::default(),
            recorder: Recorder::default(),
            timers: Timers::default(),
            traffic: None,
            failures: BTreeMap::new(),
        };
        manager.load();
        manager
    }

    /// Works for ever.
    pub async fn run(mut self) {
        loop {
            self.settle().await;
            self.rest().await;
        }
    }

    /// Takes in everything that exists. What was written meanwhile comes again through the subscription.
    fn load(&mut self) {
        let resources = self.registry.resources();
        for entry in resources.entries() {
            for object in self.registry.list(&entry.storage, None) {
                let revision = object.revision();
                self.take_in(&Change { resource: entry.storage.clone(), prev: None, new: Some(object), revision });
            }
        }
    }

    fn take_in(&mut self, change: &Change) {
        let update = self.cache.apply(change);
        for (controller, marks) in self.controllers.iter_mut().zip(&mut self.marks) {
            controller.on_change(change, &update, &self.cache, marks);
        }
    }

    fn drain(&mut self) {
        while let Some(change) = self.subscription.try_next() {
            self.take_in(&change);
        }
    }

    /// Works until nothing is marked and no timer is due.
    async fn settle(&mut self) {
        let mut worked = 0;
        loop {
            self.drain();
            self.fire();
            let before = worked;
            for at in 0..self.controllers.len() {
                worked += self.round(at, worked).await;
            }
            if worked == before {
                return;
            }
        }
    }

    fn fire(&mut self) {
        let now = self.registry.now();
        while let Some((owner, key)) = self.timers.pop(now) {
            self.marks[owner].insert(key);
        }
    }

    /// Lets one controller work on what it had marked when its turn came. Returns how many keys those were.
    async fn round(&mut self, owner: usize, worked: usize) -> usize {
        let marked = std::mem::take(&mut self.marks[owner]);
        for (done, key) in marked.iter().enumerate() {
            self.work((owner, key.clone()));
            self.drain();
            if (worked + done) % KEYS_PER_TURN == KEYS_PER_TURN - 1 {
                tokio::task::yield_now().await;
            }
        }
        marked.len()
    }

    fn work(&mut self, due: Due) {
        self.timers.clear(&due);
        let now = self.registry.now();
        let mut context = Context {
            registry: &self.registry,
            cache: &self.cache,
            now,
            recorder: &mut self.recorder,
            timers: &mut self.timers,
            owner: due.0,
        };
        let controller = &mut self.controllers[due.0];
        match controller.reconcile(&due.1, &mut context) {
            Ok(()) => _ = self.failures.remove(&due),
            Err(error) if namespace_ends(&error) => _ = self.failures.remove(&due),
            Err(error) => {
                tracing::debug!(controller = controller.name(), key = %due.1, %error, "reconcile failed");
                self.retry(due, now);
            }
        }
    }

    fn retry(&mut self, due: Due, now: Timestamp) {
        let failures = self.failures.entry(due.clone()).or_default();
        let delay = FIRST_RETRY.saturating_mul(1 << (*failures).min(20)).min(LONGEST_RETRY);
        *failures += 1;
        self.timers.set(due, now + delay);
    }

    /// Waits for a change or for the next timer.
    async fn rest(&mut self) {
        let clock = self.registry.clock();
        let next = self.timers.next_at();
        let timer = async {
            match next {
                Some(at) => clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let traffic = async {
            match &self.traffic {
                Some(traffic) => traffic.changed().await,
                None => std::future::pending().await,
            }
        };
        let change: Option<Arc<Change>> = tokio::select! {
            biased;
            change = self.subscription.next() => Some(change),
            () = traffic => {
                self.marks.last_mut().map(|marks| marks.insert(Key::new("", "")));
                None
            }
            () = timer => None,
        };
        if let Some(change) = change {
            self.take_in(&change);
        }
    }
}
