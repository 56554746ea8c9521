//! Tests of the crate as its users see it.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may panic and says what it skips"
)]

mod behaviour;
mod config;
mod install;
mod program;
mod proto;
mod python;
