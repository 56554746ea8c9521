//! What objects look like in words.

pub mod images;
pub mod pod_status;
pub mod release;
pub mod revision;
pub mod step;
pub mod weight;
