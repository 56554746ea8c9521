//! Tests of the API types through their public interface.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod crds;
mod decoding;
mod duration;
mod gitops_kinds;
mod hash;
mod phase;
mod round_trip;
mod samples;
mod validation;
