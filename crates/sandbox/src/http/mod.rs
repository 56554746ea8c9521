//! The Kubernetes API over HTTP: what clients such as `kubectl`, client-go and kube see.
//!
//! | module | purpose |
//! | --- | --- |
//! | [`service`] | the `tower` service: from a request to a response |
//! | [`listen`] | serving it over TLS |
//! | [`kubeconfig`] | the file by which clients find it |
//! | [`credentials`] | certificates, the admin's token, tokens of service accounts |
//! | `route` | which URL stands for what |
//! | `negotiate` | in which form the answer is wanted, and in which the body comes |
//! | `call`, `reply` | one request as the handlers see it, and what they answer |
//! | `auth` | who asks, and whether they may |
//! | `discovery`, `documents`, `health` | what is served: discovery, OpenAPI, version, health |
//! | `selection`, `read`, `paging`, `watch` | get, list and watch |
//! | `write`, `patch`, `remove`, `subresource`, `scale` | create, update, patch, delete |
//! | `render` | objects as JSON, YAML, tables or metadata |
//! | `review` | access reviews and token reviews |
//!
//! Deliberately absent: the rules for changing objects (module `registry`).

mod auth;
mod call;
pub mod credentials;
mod discovery;
mod documents;
mod health;
pub mod kubeconfig;
pub mod listen;
mod negotiate;
mod paging;
mod patch;
mod pods;
pub mod prometheus;
mod proxy;
mod read;
mod remove;
mod render;
mod reply;
mod review;
mod route;
mod scale;
mod selection;
pub mod service;
mod subresource;
mod watch;
mod write;

pub use self::{
    credentials::Credentials,
    reply::ResponseBody,
    service::{ApiOptions, ApiService},
};
