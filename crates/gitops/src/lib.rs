//! `Application` and `AppProject`: what may be delivered where and when.
//!
//! | module | what it answers |
//! | --- | --- |
//! | [`project`] | what a project permits, what is wrong with one |
//! | [`sync_window`] | whether a sync may run now |
//! | [`retry`] | when a failed sync is tried again |
//! | [`plan`] | every decision about an Application, pure |
//! | [`controller`] | caches, queue and workers around it |
//! | [`settings`] | what `argocd-cm` says |
//! | [`destination`] | which cluster a destination is |
//! | [`manifests`] | where manifests come from |
//!
//! Deliberately absent: delivering itself (crate `deliver`), sources (crate `render`).

pub mod controller;
pub mod destination;
pub mod manifests;
pub mod plan;
pub mod project;
pub mod retry;
pub mod settings;
pub mod sync_window;
