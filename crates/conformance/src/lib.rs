//! One test body for two Kubernetes APIs: the sandbox and a real kube-apiserver.
//!
//! A [case](case::Case) is a list of raw requests from `cases/*.yaml`, each with the status code that it must be
//! answered with. [`play`] sends them to one server and yields a transcript; [`normal`] takes out what differs between
//! any two runs (uids, times, resource versions by order of appearance); [`compare`] lists where two transcripts
//! differ, less the differences that `differences.yaml` explains.

pub mod case;
pub mod compare;
pub mod normal;
pub mod play;
