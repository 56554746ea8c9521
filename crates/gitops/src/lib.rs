//! `Application` and `AppProject`: what may be delivered where and when.
//!
//! | module | what it answers |
//! | --- | --- |
//! | [`project`] | what a project permits, what is wrong with one |
//! | [`sync_window`] | whether a sync may run now |
//! | [`retry`] | when a failed sync is tried again |
//!
//! Deliberately absent, because not built yet: the controller. Delivering itself is the business of crate `deliver`,
//! sources are that of crate `render`.

pub mod project;
pub mod retry;
pub mod sync_window;
