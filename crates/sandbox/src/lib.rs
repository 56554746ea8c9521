//! The Kubernetes API in process.
//!
//! | module | purpose |
//! | --- | --- |
//! | [`object`] | a stored object: its text and what indexes need |
//! | [`store`] | all objects under one revision counter, with history, indexes and subscriptions |
//! | [`catalog`] | which resources are served now |
//! | [`controllers`] | the built-in controllers, in one task |
//! | [`registry`] | the rules between a request and the store |
//! | [`Sandbox`] | all of it, started |
//! | [`durable`] | keeping the store on disk |
//! | [`faults`] | a service that fails on demand: latency, conflicts, partitions, lost watch events |
//! | [`http`] | the API over HTTP: routing, encodings, watches, TLS |
//!
//! Deliberately absent: anything about `argoproj.io` (its kinds arrive as CustomResourceDefinitions like any other).

mod base;
pub mod catalog;
pub mod controllers;
pub mod durable;
pub mod faults;
pub mod http;
pub mod object;
pub mod registry;
mod sandbox;
pub mod store;

pub use sandbox::{Sandbox, SandboxOptions, StartError};
