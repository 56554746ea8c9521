//! Analyses: measurements that judge a release.

pub mod condition;
pub mod expr;
