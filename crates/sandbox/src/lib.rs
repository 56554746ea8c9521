//! The Kubernetes API in process.
//!
//! | module | purpose |
//! | --- | --- |
//! | [`object`] | a stored object: its text and what indexes need |
//! | [`store`] | all objects under one revision counter, with history, indexes and subscriptions |
//! | [`catalog`] | which resources are served now |
//! | [`controllers`] | the built-in controllers, in one task |
//! | [`scheduler`] | which node each pod gets |
//! | [`kubelet`] | the life of pods on simulated nodes |
//! | [`nodes`] | node objects, and nodes that are lost or left |
//! | [`eviction`], [`logs`] | subresources of pods |
//! | [`traffic`] | simulated requests, and what becomes of them |
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
pub mod eviction;
pub mod faults;
pub mod http;
pub mod kubelet;
pub mod logs;
mod node_lease;
pub mod nodes;
pub mod object;
pub mod registry;
mod sandbox;
pub mod scheduler;
pub mod store;
pub mod traffic;

pub use sandbox::{Sandbox, SandboxOptions, StartError};
