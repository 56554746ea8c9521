//! What the sandbox promises, seen from outside.

mod durable;
mod http;
mod sandbox;
