//! What commands show and decide, without any I/O.

pub(crate) mod answer;
pub(crate) mod columns;
pub(crate) mod experiment;
pub(crate) mod experiments;
pub(crate) mod images;
pub(crate) mod pod_status;
pub(crate) mod release;
pub(crate) mod revision;
pub(crate) mod step;
pub(crate) mod tree;
pub(crate) mod weight;
