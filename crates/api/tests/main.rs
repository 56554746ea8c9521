//! Tests of the API types through their public interface.

mod decoding;
mod round_trip;
