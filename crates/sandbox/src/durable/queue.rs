//! The writes that are on their way to the disk.

use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use super::REVISION_GAP;
use crate::{object::Object, store::ShardId};

/// One write: the object after it, or none for a removal.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) shard: ShardId,
    pub(super) key: Arc<str>,
    pub(super) object: Option<Arc<Object>>,
}

/// What is written in one transaction: of each object the last state only.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) objects: BTreeMap<(ShardId, Arc<str>), Option<Arc<Object>>>,
    pub(super) revision: u64,
    pub(super) first: u64,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    pending: Batch,
    end: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Closed,
    Failed,
}

impl Queue {
    /// Appends a write. Waits while the disk is so far behind that a crash could reuse a revision.
    pub(super) fn push(&self, entry: Entry, revision: u64) {
        let mut state = self.lock();
        while state.end.is_none() && state.pending.span(revision) >= REVISION_GAP / 2 {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.end.is_some() {
            return;
        }
        if state.pending.objects.is_empty() {
            state.pending.first = revision;
        }
        state.pending.objects.insert((entry.shard, entry.key), entry.object);
        state.pending.revision = revision;
        drop(state);
        self.changed.notify_all();
    }

    /// Waits for writes and takes all that there are; `None` after the end.
    pub(super) fn take(&self) -> Option<Batch> {
        let mut state = self.lock();
        loop {
            if !state.pending.objects.is_empty() {
                let batch = std::mem::take(&mut state.pending);
                drop(state);
                self.changed.notify_all();
                return Some(batch);
            }
            if state.end.is_some() {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the queue once everything in it is taken.
    pub(super) fn close(&self) {
        self.end(End::Closed);
    }

    /// Ends the queue now: nobody takes from it any more.
    pub(super) fn fail(&self) {
        self.lock().pending = Batch::default();
        self.end(End::Failed);
    }

    fn end(&self, end: End) {
        self.lock().end.get_or_insert(end);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch {
    fn span(&self, revision: u64) -> u64 {
        if self.objects.is_empty() { 0 } else { revision.saturating_sub(self.first) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str) -> Entry {
        Entry { shard: Arc::new((String::new(), "pods".into())), key: key.into(), object: None }
    }

    #[test]
    fn writes_that_gather_are_taken_together() {
        let queue = Queue::default();
        for (key, revision) in [("a", 1), ("b", 2), ("a", 3)] {
            queue.push(entry(key), revision);
        }
        let batch = queue.take().unwrap();
        assert_eq!((batch.objects.len(), batch.revision), (2, 3));
    }

    #[test]
    fn what_was_queued_is_taken_after_the_end() {
        let queue = Queue::default();
        queue.push(entry("a"), 1);
        queue.close();
        queue.push(entry("b"), 2);
        assert_eq!(queue.take().unwrap().objects.len(), 1);
        assert!(queue.take().is_none());
    }

    #[test]
    fn a_failure_lets_nobody_wait() {
        let queue = Queue::default();
        queue.push(entry("a"), 1);
        queue.fail();
        queue.push(entry("b"), REVISION_GAP * 2);
        assert!(queue.take().is_none());
    }
}
