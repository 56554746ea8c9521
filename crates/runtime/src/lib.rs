//! What every controller shares: caches fed by watches, the work queue, reasons, events and leader election.
//!
//! ```text
//!   API server --watch--> Cache --change--> Queue --key--> reconcile: observe (caches) -> plan -> apply
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`cache`] | a sorted, indexed copy of one kind, which knows whether it has seen our own last write |
//! | [`queue`] | keys to look at, each once, with delays and back-off |
//! | [`reason`] | why something waits, as data |
//! | [`recorder`] | Kubernetes events, counted instead of repeated |
//! | [`leader`] | leader election by a Lease |
//! | [`metrics`] | what a process tells Prometheus |
//! | [`request`] | what a request to the API asks for, and a client layer that tells each one |
//!
//! Deliberately absent: any decision about a custom resource; randomness; iteration over hash maps.

pub mod cache;
mod following;
pub mod leader;
pub mod metrics;
pub mod queue;
pub mod reason;
pub mod recorder;
pub mod request;
