//! Repositories fetched over HTTP from a server in this process, and read.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod fetching;
mod reading;
mod secure;
mod server;
mod serving;
