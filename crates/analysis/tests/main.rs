//! Tests of the crate as its users see it.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic and says what it skips")]
#![expect(clippy::needless_pass_by_value, reason = "`json!` makes values that a test has no further use for")]

mod controller;
mod providers;
mod real;
mod replay;
mod rollout;
mod server;
mod vectors;
