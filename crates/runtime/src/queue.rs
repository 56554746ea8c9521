//! The work queue: keys to look at, each at most once at a time, in the order in which they became due.
//!
//! Guarantees: a key added while it is being worked on is handed out again afterwards, never to two workers at once; of
//! several delays for one key the earliest wins; the order is the order of insertion (no hash order), so that two runs of
//! one seed agree. Cancel safety: [`Queue::next`] may be dropped at any await without losing a key.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// First delay after a failure; doubles with each further one (upstream's rate limiter: 1 ms, at most 10 s).
const BACKOFF_FIRST: Duration = Duration::from_millis(1);
/// Longest delay after failures.
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// A queue of keys. Cheap to clone; all clones are the same queue.
#[derive(Debug)]
pub struct Queue<K> {
    shared: Arc<Shared<K>>,
}

impl<K> Clone for Queue<K> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

#[derive(Debug)]
struct Shared<K> {
    state: Mutex<State<K>>,
    changed: Notify,
}

#[derive(Debug)]
struct State<K> {
    ready: VecDeque<K>,
    queued: BTreeSet<K>,
    working: BTreeSet<K>,
    again: BTreeSet<K>,
    delayed: BTreeMap<(Instant, u64), K>,
    due: BTreeMap<K, (Instant, u64)>,
    inserted: u64,
    failures: BTreeMap<K, u32>,
    adds: u64,
    retries: u64,
}

/// What a queue has seen so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Keys that wait now.
    pub depth: usize,
    /// Keys that are worked on now.
    pub working: usize,
    /// Keys that were added; one that waits already does not count again.
    pub adds: u64,
    /// Keys that were added after a failure.
    pub retries: u64,
}

impl<K: Ord + Clone> Default for Queue<K> {
    fn default() -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    ready: VecDeque::new(),
                    queued: BTreeSet::new(),
                    working: BTreeSet::new(),
                    again: BTreeSet::new(),
                    delayed: BTreeMap::new(),
                    due: BTreeMap::new(),
                    inserted: 0,
                    failures: BTreeMap::new(),
                    adds: 0,
                    retries: 0,
                }),
                changed: Notify::new(),
            }),
        }
    }
}

impl<K: Ord + Clone> Queue<K> {
    fn state(&self) -> MutexGuard<'_, State<K>> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a key to be looked at now.
    pub fn add(&self, key: K) {
        self.state().push(key);
        self.shared.changed.notify_one();
    }

    /// Adds a key to be looked at after `delay`; an earlier time already set for it stays.
    pub fn add_after(&self, key: K, delay: Duration) {
        if delay.is_zero() {
            return self.add(key);
        }
        let mut state = self.state();
        let at = Instant::now() + delay;
        if let Some(set) = state.due.get(&key).copied() {
            if set.0 <= at {
                return;
            }
            state.delayed.remove(&set);
        }
        state.inserted += 1;
        let slot = (at, state.inserted);
        state.delayed.insert(slot, key.clone());
        state.due.insert(key, slot);
        drop(state);
        self.shared.changed.notify_one();
    }

    /// Adds a key after a delay that doubles with each failure since the last [`Queue::forget`]; returns that delay.
    pub fn add_failed(&self, key: K) -> Duration {
        let delay = {
            let mut state = self.state();
            let count = state.failures.entry(key.clone()).or_insert(0);
            let delay = BACKOFF_FIRST.saturating_mul(1 << (*count).min(20)).min(BACKOFF_MAX);
            *count = count.saturating_add(1);
            state.retries += 1;
            delay
        };
        self.add_after(key, delay);
        delay
    }

    /// Resets the back-off of a key.
    pub fn forget(&self, key: &K) {
        self.state().failures.remove(key);
    }

    /// Waits for the next key. The caller must call [`Queue::done`] with it.
    pub async fn next(&self) -> K {
        loop {
            let wake = {
                let mut state = self.state();
                state.promote(Instant::now());
                if let Some(key) = state.take() {
                    if !state.ready.is_empty() {
                        self.shared.changed.notify_one();
                    }
                    return key;
                }
                state.delayed.keys().next().map(|(at, _)| *at)
            };
            match wake {
                Some(at) => {
                    tokio::select! {
                        biased;
                        () = self.shared.changed.notified() => {}
                        () = tokio::time::sleep_until(at) => {}
                    }
                }
                None => self.shared.changed.notified().await,
            }
        }
    }

    /// Marks a key as no longer worked on; hands it out again if it was added meanwhile.
    pub fn done(&self, key: &K) {
        let mut state = self.state();
        state.working.remove(key);
        if state.again.remove(key) {
            state.push(key.clone());
        }
        drop(state);
        self.shared.changed.notify_one();
    }

    /// Returns whether nothing is queued, delayed or worked on at this instant; delayed keys do not count.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let state = self.state();
        state.ready.is_empty() && state.working.is_empty()
    }

    /// Returns what the queue has seen so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let state = self.state();
        Counts { depth: state.ready.len(), working: state.working.len(), adds: state.adds, retries: state.retries }
    }

    /// Returns how many keys are waiting now.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.state().ready.len()
    }
}

impl<K: Ord + Clone> State<K> {
    fn push(&mut self, key: K) {
        if self.working.contains(&key) {
            self.again.insert(key);
        } else if self.queued.insert(key.clone()) {
            self.adds += 1;
            self.ready.push_back(key);
        }
    }

    fn promote(&mut self, now: Instant) {
        while let Some(entry) = self.delayed.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let key = entry.remove();
            self.due.remove(&key);
            self.push(key);
        }
    }

    fn take(&mut self) -> Option<K> {
        let key = self.ready.pop_front()?;
        self.queued.remove(&key);
        self.working.insert(key.clone());
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn hands_out_each_key_once_in_order() {
        let queue = Queue::default();
        for key in ["b", "a", "b"] {
            queue.add(key);
        }
        assert_eq!(queue.next().await, "b");
        queue.add("b");
        assert_eq!(queue.next().await, "a");
        assert_eq!(queue.depth(), 0, "b is being worked on");
        assert_eq!(queue.counts(), Counts { depth: 0, working: 2, adds: 2, retries: 0 });
        queue.done(&"b");
        assert_eq!(queue.next().await, "b");
    }

    #[tokio::test(start_paused = true)]
    async fn earliest_delay_wins() {
        let queue = Queue::default();
        let start = Instant::now();
        queue.add_after("a", Duration::from_secs(30));
        queue.add_after("a", Duration::from_secs(5));
        queue.add_after("a", Duration::from_secs(10));
        assert_eq!(queue.next().await, "a");
        assert_eq!(start.elapsed().as_secs(), 5);
        queue.done(&"a");
        let further = tokio::time::timeout(Duration::from_secs(60), queue.next()).await;
        assert!(further.is_err(), "the later delays were replaced");
    }

    #[tokio::test(start_paused = true)]
    async fn backoff_doubles_up_to_ten_seconds_and_is_forgotten() {
        let queue = Queue::default();
        let delays: Vec<_> = (0..16).map(|_| queue.add_failed("a").as_millis()).collect();
        assert_eq!(&delays[..4], &[1, 2, 4, 8]);
        assert_eq!(delays[15], 10_000);
        assert_eq!(queue.counts().retries, 16);
        queue.forget(&"a");
        assert_eq!(queue.add_failed("a").as_millis(), 1);
    }
}
