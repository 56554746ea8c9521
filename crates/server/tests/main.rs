//! The server over a sandbox with the Rollouts controller: in virtual time by requests, and in a browser.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::needless_pass_by_value, reason = "`json!` makes values that a test has no further use for")]

mod access;
mod actions;
mod browser;
mod dashboard;
mod live;
mod login;
mod place;
mod security;
