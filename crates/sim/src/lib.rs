//! Seeded runs of the controllers on the sandbox in virtual time, with faults and invariants.
//!
//! ```text
//!   people ──────────────────────────────────┐
//!   controller ── crash ── faults ── service ┴── store ── history ── judge
//! ```
//!
//! One thread, tokio's paused clock, one seed: two runs of a seed write the same history, and a failure prints the command
//! that plays it again. The judge reads every write to the store, in order, and knows the promises from the specification
//! rather than from the code of the controller.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`world`] | a sandbox, a controller that can be killed, the faults between them, what people do |
//! | [`crash`] | a connection that breaks off at a chosen write |
//! | [`busy`] | a bound on what may happen at one instant |
//! | [`history`] | every write, with its time |
//! | [`judge`] | the promises, checked at every write |
//! | [`setup`] | the Rollout that a seed draws |
//! | [`story`] | what a seed makes happen, and what must be so afterwards |
//! | [`sweep`] | one story for every write at which the controller can die |
//! | [`scenario`] | stories written as text |
//! | [`ending`] | what is left at the end, without names and times |

pub mod busy;
pub mod crash;
pub mod ending;
pub mod history;
pub mod judge;
pub mod scenario;
pub mod setup;
pub mod story;
pub mod sweep;
pub mod world;
