//! Tests of the API types through their public interface.

mod decoding;
mod hash;
mod phase;
mod round_trip;
mod vectors;
