//! What is done in which order. Pure: no client, no clock, no randomness.
//!
//! [`pair()`] and [`tasks()`] say what a sync consists of; [`begin`], [`after`] and [`terminate`] run it, a
//! step at a time.

mod action;
mod failure;
mod memory;
mod order;
mod pair;
mod step;
mod tasks;
mod wait;
mod wave;

pub use action::{Action, Group, Propagation, Settings, Way, note};
pub use failure::terminate;
pub use memory::{Code, Memory, Progress, Record};
pub use order::sort;
pub use pair::{Pair, Pairs, Scope, pair};
pub use step::{HealthOf, Observed, Plan, Stage, after, begin};
pub use tasks::{Task, TaskOptions, Tasks, Verdict, tasks};
