//! What is done in which order. Pure: no client, no clock, no randomness.

mod order;
mod pair;
mod tasks;

pub use order::sort;
pub use pair::{Pair, Pairs, Scope, pair};
pub use tasks::{Task, TaskOptions, Tasks, Verdict, tasks};
