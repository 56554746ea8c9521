//! Rollouts: releasing in steps, and restarting without dropping a request.
//!
//! ```text
//!   Rollout ──owns──> ReplicaSet new ──owns──> pods        observe   caches or live API -> Observed (plain data)
//!      │    ──owns──> ReplicaSet stable ─────> pods        plan      (Observed, now) -> Plan: steps, status, reasons
//!      │    ──owns──> ReplicaSets old                      apply     steps in order, status, events
//!      │    ──owns──> ControllerRevision: the stable template, while an update runs
//!      ├──names──> Services: canary and stable, ping and pong, or active and preview
//!      ├──names──> objects of traffic routers, which crate traffic changes
//!      └──names──> workload whose pod template it takes
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`observe`] | everything a plan is made from, assembled from caches or fetched by the command line |
//! | [`plan`] | the decisions: pure functions, tables beside them |
//! | [`action`] | what a plan asks for |
//! | [`apply`] | carrying it out; takes no decision |
//! | [`controller`] | caches, queue and workers |
//! | [`experiment`] | the same for Experiments: observe, plan, apply; the controller looks after both |
//! | [`step_plugin`] | what a step asks of a plugin, and what it answers |
//! | [`metrics`] | what dashboards and alerts read |
//! | [`permissions`] | what the controller asks of the API, as RBAC names it |
//! | [`router_plugin`] | what a router that is a plugin is told, and what it answers |
//! | [`names`] | labels and annotations of our own |
//!
//! Deliberately absent: measuring (crate `analysis`), what routers write (crate `traffic`), notifications.

pub mod action;
pub mod apply;
pub mod controller;
mod error;
pub mod experiment;
pub mod metrics;
pub mod names;
pub mod observe;
pub mod permissions;
pub mod plan;
mod reasons;
pub mod router_plugin;
pub mod step_plugin;

pub use error::Error;
