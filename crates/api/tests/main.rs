//! Tests of the API types through their public interface.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic and says what it skips")]

mod crds;
mod decoding;
mod duration;
mod hash;
mod phase;
mod round_trip;
mod samples;
mod validation;
mod vectors;
