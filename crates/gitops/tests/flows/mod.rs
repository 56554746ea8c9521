//! Whole deliveries in virtual time on the sandbox.

mod crash;
mod deletion;
mod syncing;
mod world;
