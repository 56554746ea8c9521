//! In-process subscriptions: every change, in order, none lost.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::Notify;

use super::Change;

/// A stream of every change after the subscription, in revision order.
///
/// The queue is unbounded: the holder must keep up or drop the subscription. Dropping it ends it.
#[derive(Debug)]
pub struct Subscription {
    queue: Arc<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    changes: Mutex<VecDeque<Arc<Change>>>,
    arrived: Notify,
}

/// The store's end of a subscription.
#[derive(Debug)]
pub struct SubscriptionQueue {
    queue: Weak<Queue>,
}

impl Subscription {
    pub(super) fn new() -> (Self, SubscriptionQueue) {
        let queue = Arc::new(Queue::default());
        let end = SubscriptionQueue { queue: Arc::downgrade(&queue) };
        (Self { queue }, end)
    }

    /// Returns the next change if there is one.
    #[must_use]
    pub fn try_next(&mut self) -> Option<Arc<Change>> {
        self.queue.changes.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Waits for the next change.
    pub async fn next(&mut self) -> Arc<Change> {
        loop {
            if let Some(change) = self.try_next() {
                return change;
            }
            self.queue.arrived.notified().await;
        }
    }

    /// Returns how many changes wait to be taken.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.queue.changes.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl SubscriptionQueue {
    /// Appends a change; false once nobody listens any more.
    pub(super) fn push(&self, change: &Arc<Change>) -> bool {
        let Some(queue) = self.queue.upgrade() else { return false };
        queue.changes.lock().unwrap_or_else(PoisonError::into_inner).push_back(change.clone());
        // A stored permit: a change that arrives between two polls is not missed.
        queue.arrived.notify_one();
        true
    }
}
