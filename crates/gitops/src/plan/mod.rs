//! Decisions about an Application. Pure: no client, no clock, no randomness.

mod auto_sync;
mod conditions;
mod history;
mod operation;
mod refresh;
mod result;
mod spec;
mod status;

use jiff::Timestamp;
use tiphys_api::types::Time;

pub use self::{
    auto_sync::{AutoSync, Compared, auto_sync, heal_delay},
    conditions::{Condition, kind, set_conditions},
    history::with_entry,
    operation::{Next, Phase, failed_attempt, is_final, next, retry_due, trigger},
    refresh::{Level, REFRESH, Refresh, needed, next_poll},
    result::{is_chosen, is_deletion_hook, memory, results},
    spec::{Project, violations},
    status::{Seen, status},
};

/// Returns a time in whole seconds, as the API writes it.
#[must_use]
pub fn whole(now: Timestamp) -> Time {
    Time(Timestamp::from_second(now.as_second()).unwrap_or(now))
}
