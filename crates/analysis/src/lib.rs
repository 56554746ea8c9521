//! Analyses: measurements that judge a release.
//!
//! ```text
//!   AnalysisTemplates ──template──> AnalysisRun ──plan──> measurements due ──providers──> values ──condition──> phases
//!                                        └──────────plan──────────< results, verdict, when to look again <──────┘
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`expr`] | the expression language of conditions |
//! | [`condition`] | what a measured value says about a metric |
//! | [`template`] | templates and arguments, up to the run that a Rollout starts |
//! | [`plan`] | which measurements are due, what they come to: pure functions of the run and the time |
//! | [`providers`] | who measures |
//! | [`http`] | requests to them |
//! | [`controller`] | the AnalysisRun controller |
//! | [`rollout`] | what a Rollout makes of its runs |
//! | [`reasons`] | why a run is as it is |
//! | [`replay`] | playing a template against past data |
//!
//! Deliberately absent: Experiments and the Rollout's own passes (crate `rollouts`); metric plugins, which are processes of
//! their own; metrics about this process.

mod arguments;
mod aws;
pub mod condition;
pub mod controller;
pub mod expr;
pub mod http;
pub mod plan;
pub mod providers;
pub mod reasons;
pub mod replay;
pub mod rollout;
mod secret;
pub mod template;

pub use secret::{MASK, Redactor, Secret};
