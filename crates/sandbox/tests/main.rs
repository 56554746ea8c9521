//! What the sandbox promises, seen from outside.

#![expect(clippy::unwrap_used, reason = "tests: what is missing must fail them, in their helpers too")]

mod durable;
mod http;
mod sandbox;
mod traffic;
mod workloads;
mod world;
