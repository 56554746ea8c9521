//! Tests of the crate as its users see it.

#![expect(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test may panic, and reads better with values"
)]

mod flows;
mod vectors;
