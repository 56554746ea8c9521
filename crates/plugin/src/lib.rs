//! The host of plugins: metric providers, steps and traffic routers in any language.
//!
//! ```text
//! ConfigMap ── configured() ──> Configured ── install() ──> a program ── Host ──> process, socket, calls
//! ```
//!
//! The protocol is gRPC over a Unix socket, published in `plugins/proto`. The host keeps one process a plugin, started at
//! the first call. Whatever a plugin does (dies, hangs, answers nonsense, answers too much, never listens), a call ends
//! within its time with a [`PluginError`] that says so; the process is killed and started again with growing pauses.
//!
//! Deliberately absent: who calls when (the controllers do), and the protocol of upstream's Go plugins.

mod config;
mod error;
mod grpc;
mod host;
mod install;
mod process;
pub mod proto;
mod request;

pub use config::{ConfigError, Configured, Role, configured};
pub use error::PluginError;
pub use grpc::{Code, GrpcError, METHODS, Method};
pub use host::{Host, Launch, Limits};
pub use install::{Download, DownloadFuture, InstallError, install};
