//! Tests of the crate as its users see it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod directories;
mod place;
mod vectors;
