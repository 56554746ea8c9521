//! The `argoproj.io/v1alpha1` custom resources.
//!
//! | module | what it answers |
//! | --- | --- |
//! | [`types`] | `Rollout`, `AnalysisTemplate`, `ClusterAnalysisTemplate`, `AnalysisRun`, `Experiment`, `Application`, `AppProject`, field by field |
//! | [`defaults`] | what a field means when it is not set |
//! | [`duration`] | Go's durations, and how long a pause step is |
//! | [`hash`] | hashes of pod templates and steps, equality of templates |
//! | [`crds`] | the CustomResourceDefinitions |
//! | [`decode()`] | a wrong field is dropped and reported, everything else decodes |
//! | [`Stored`] | how fields that nobody here knows survive a read, a change and a write |
//! | [`phase`] | the phase that a controller writes, a client shows, Argo CD reads |
//! | [`selector`] | whether a label selector selects |
//! | [`validation`] | what is wrong with a Rollout, in upstream's words and order |
//! | [`constants`] | labels, annotations, conditions, reasons and messages that other programs match on |
//!
//! Deliberately absent: clients and controllers (`kube` is not a dependency; the types implement
//! [`k8s_openapi::Resource`], from which `kube` derives its own trait).

pub mod constants;
pub mod crds;
mod decode;
pub mod defaults;
pub mod duration;
pub mod hash;
pub mod phase;
pub mod selector;
mod stored;
pub mod types;
pub mod validation;

pub use decode::{Decoded, Problem, decode};
pub use stored::Stored;
pub use types::{AnalysisRun, AnalysisTemplate, AppProject, Application, ClusterAnalysisTemplate, Experiment, Rollout};
