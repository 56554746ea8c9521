//! Tests of the crate as its users see it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod charts;
mod directories;
mod hostile;
mod jsonnet;
mod kustomizations;
mod place;
mod remote_charts;
mod sharing;
mod vectors;
mod web;
