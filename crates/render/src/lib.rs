//! From a source to manifests.
//!
//! ```text
//!   Wanted ──> revisions (remotes, once for all who ask) ──> trees of commits ──> kept already?  ──yes──> Rendered
//!                                                                                      │no
//!                    folder, overrides, type ──> files, programs (within limits) ──> objects and a trace of what was read
//! ```
//!
//! | module | what it answers |
//! | --- | --- |
//! | [`renderer`] | the manifests of an application: what all the others are for |
//! | [`repositories`] | repositories and credentials as Secrets hold them |
//! | [`repository`] | when two URLs are one repository, whose credentials it gets, which webhooks concern it |
//! | [`revision`] | which commit a branch, a tag, a range of versions or `HEAD` is |
//! | [`version`] | versions and ranges of them, as loosely as Go's `semver` reads them |
//! | [`checkout`] | what a repository holds, and where a path within it leads |
//! | [`environment`] | the variables that options may refer to |
//! | [`helm`], [`kustomize`] | which commands render a [`request`] |
//! | [`manifests`], [`yaml`] | from text to objects, and YAML that no program misunderstands |
//! | [`limits`], [`settings`] | how much a render may cost, and what is the same for all |
//!
//! Deliberately absent: front ends and tracking (crate `gitops`), clusters (crate `deliver`).

mod archive;
mod cache;
mod chart;
mod charts;
pub mod checkout;
pub mod command;
mod detect;
mod directory;
pub mod environment;
mod error;
pub mod helm;
mod helm_home;
mod job;
mod jsonnet;
pub mod kube_version;
mod kustomization;
pub mod kustomize;
mod layout;
pub mod limits;
mod located;
pub mod manifests;
mod program;
mod references;
mod remotes;
pub mod renderer;
pub mod repositories;
pub mod repository;
pub mod request;
pub mod revision;
mod schema;
pub mod settings;
mod snapshot;
pub mod version;
mod wanted;
pub mod yaml;

pub use error::RenderError;
pub use limits::Limits;
pub use program::Programs;
pub use renderer::{Config, Renderer};
pub use repositories::Repositories;
pub use settings::Settings;
pub use wanted::{Refresh, Rendered, ResolvedRevision, SourceType, Wanted};
