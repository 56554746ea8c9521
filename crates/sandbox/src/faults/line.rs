//! What the connection is like, and who waits for it to change.
//!
//! Not `tokio::sync::watch`: that wakes those who wait in a random order, and a run would not be the same twice.

use std::sync::{Mutex, PoisonError};

use tokio::sync::{Notify, futures::Notified};

/// What the connection is like. Open watches follow it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) held: bool,
    pub(super) parted: bool,
    /// Counts the cuts: a watch ends when it changes.
    pub(super) cuts: u64,
}

#[derive(Debug, Default)]
pub(super) struct Line {
    state: Mutex<State>,
    changed: Notify,
}

impl Line {
    pub(super) fn get(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        // In the order in which they began to wait.
        self.changed.notify_waiters();
    }

    /// Waits for a change. One that happens after this call is not missed, even before the first poll.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Waits until the state is as asked for.
    pub(super) async fn wait_for(&self, is: impl Fn(&State) -> bool) -> State {
        loop {
            let changed = self.changed();
            let state = self.get();
            if is(&state) {
                return state;
            }
            changed.await;
        }
    }
}
