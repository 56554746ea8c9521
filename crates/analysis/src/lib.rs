//! Analyses: measurements that judge a release.

pub mod condition;
pub mod expr;
pub mod plan;
mod secret;
pub mod template;

pub use secret::{MASK, Redactor, Secret};
