//! From manifests to the cluster, whatever front end asks.
//!
//! ```text
//!   targets (rendered) ─┐
//!                       ├─ plan::pair ── pairs ── diff ── status of each resource
//!   live (watched) ─────┘                  │
//!                                          └── plan::tasks ── plan::begin ── what to apply and prune next
//! ```
//!
//! | module | what it answers |
//! | --- | --- |
//! | [`object`] | keys of objects and the options that their annotations hold |
//! | [`tracking`] | which application an object belongs to, and how that is written on it |
//! | [`health`] | how an object is |
//! | [`hook`] | which objects are hooks, when they run, when they are deleted, in which wave |
//! | [`actions`] | what people can do to an object |
//! | [`diff`] | whether the cluster has what Git has |
//! | [`normalize`] | what does not count as a difference |
//! | [`mask`] | how Secrets are shown |
//! | [`lua`] | scripts of people, in a sandbox |
//! | [`plan`] | what is done in which order: pairs of target and live, tasks, the steps of a sync |
//! | [`cluster`] | what a cluster has: discovery, watches, the live state |
//! | [`compare`] | targets and live objects of one delivery, compared and judged |
//! | [`apply`] | how one object is brought in, or taken out |
//! | [`sync`] | carries out the steps of a sync |
//! | [`reasons`] | what a sync tells people about itself |
//!
//! Deliberately absent: any front end (`Application` is the business of crate `gitops`), rendering.

pub mod actions;
pub mod apply;
pub mod cluster;
pub mod compare;
pub mod diff;
pub mod health;
pub mod hook;
pub mod lua;
pub mod mask;
pub mod normalize;
pub mod object;
pub mod plan;
pub mod reasons;
pub mod sync;
pub mod tracking;
