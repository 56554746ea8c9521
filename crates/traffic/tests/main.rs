//! Tests of the crate as its users see it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod aws;
mod laws;
mod pages;
mod routers;
mod scene;
