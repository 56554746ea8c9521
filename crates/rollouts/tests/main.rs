//! Tests of the crate as its users see it.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic and says what it skips")]

mod fetch;
mod flows;
mod vectors;
mod world;
