//! What a person sees of a release and can do to it: shared by the command line, the web pages and the API.
//!
//! ```text
//!   Rollout, ReplicaSets, pods ──> view     words, roles, weights, positions
//!   reasons of a plan          ──> Answer   one sentence, what happens next, what would help
//!   Subject, Options           ──> Action   what it will do now, whether it may, the command, the changes
//!   changes ──> perform        ──> the API
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`view`] | what objects look like in words |
//! | [`answer`] | the answer to "why?" |
//! | [`action`] | the one table of actions, and carrying them out |
//!
//! Deliberately absent: colours, columns and HTML, which belong to those who print.

#![cfg_attr(test, expect(clippy::needless_pass_by_value, reason = "rows of tables read better as values"))]

pub mod action;
pub mod answer;
pub mod view;

pub use action::{Action, Options, Subject};
pub use answer::Answer;
