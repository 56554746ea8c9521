//! What commands show and decide, without any I/O.

pub(crate) mod answer;
pub(crate) mod columns;
pub(crate) mod delivery;
pub(crate) mod experiment;
pub(crate) mod experiments;
pub(crate) mod tree;

pub(crate) use tiphys_console::view::{images, pod_status, release, revision, step, weight};
