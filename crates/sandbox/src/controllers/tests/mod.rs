//! Controllers over a registry, in virtual time.

mod autoscaling;
mod batch;
mod cluster;
mod collection;
mod disruptions;
mod workloads;
