//! Every write to the store, with the virtual time at which it was made.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tiphys_clock::Clock;
use tiphys_sandbox::{registry::Registry, store::Change};
use tokio::task::JoinHandle;

use crate::busy::Busy;

/// One write.
#[derive(Debug, Clone)]
pub struct Write {
    /// When it was made.
    pub at: Timestamp,
    /// What it changed.
    pub change: Arc<Change>,
}

/// Follows the store from the moment it is made.
#[derive(Debug)]
pub struct History {
    arrived: Arc<Mutex<Vec<Write>>>,
    lines: Vec<String>,
    changes: u64,
    follower: JoinHandle<()>,
}

impl History {
    /// Starts to follow; each write counts as something that happens. The task runs as soon as the writer yields, so that no time
    /// passes in between.
    #[must_use]
    pub fn of(registry: &Registry, clock: Clock, busy: Busy) -> Self {
        let arrived: Arc<Mutex<Vec<Write>>> = Arc::default();
        let mut subscription = registry.subscribe();
        let into = arrived.clone();
        let follower = tokio::spawn(async move {
            loop {
                let change = subscription.next().await;
                busy.note(|| format!("{}/{}", change.resource.plural, change.object().key()));
                let write = Write { at: clock.now(), change };
                into.lock().unwrap_or_else(PoisonError::into_inner).push(write);
            }
        });
        Self { arrived, lines: Vec::new(), changes: 0, follower }
    }

    /// Returns the writes since the last call, in order.
    pub fn take(&mut self) -> Vec<Write> {
        let writes = std::mem::take(&mut *self.arrived.lock().unwrap_or_else(PoisonError::into_inner));
        self.lines.extend(writes.iter().map(line));
        self.changes += writes.iter().filter(|write| !is_expiry(&write.change)).count() as u64;
        writes
    }

    /// Returns how many writes were taken, without the removal of old events, which goes on for ever.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Returns one line a write that was taken: time, revision, object, and a hash of its content.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

fn is_expiry(change: &Change) -> bool {
    change.new.is_none() && change.resource.plural == "events"
}

fn line(write: &Write) -> String {
    let change = &write.change;
    let verb = match (&change.prev, &change.new) {
        (None, _) => '+',
        (_, None) => '-',
        _ => '~',
    };
    let content = change.new.as_ref().map_or(0, |object| fnv(&object.json()));
    let plural = &change.resource.plural;
    format!("{} {} {verb} {plural}/{} {content:016x}", write.at, change.revision, change.object().key())
}

fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
