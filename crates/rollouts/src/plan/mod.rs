//! What to do next: a pure function of what was observed and the time.

pub mod canary_size;
pub mod preview_size;
pub mod restart;
pub mod steps;
