//! Experiments: ReplicaSets that run beside the stable version for a while, and analyses of them.
//!
//! ```text
//!   Experiment ──owns──> ReplicaSet a template ──owns──> pods     observe   caches -> Observed (plain data)
//!       │      ──owns──> Service a template, where asked for      plan      (Observed, now) -> Plan: steps, status, events
//!       └──────owns──> AnalysisRun an analysis                    apply     steps in order, status, events
//! ```

pub mod action;
pub mod apply;
pub mod observe;
pub mod plan;
