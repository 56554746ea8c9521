//! From a source to manifests.
//!
//! | module | what it answers |
//! | --- | --- |
//! | [`repository`] | when two URLs are one repository, whose credentials it gets, which webhooks concern it |
//! | [`revision`] | which commit a branch, a tag, a range of versions or `HEAD` is |
//! | [`version`] | versions and ranges of them, as loosely as Go's `semver` reads them |
//! | [`checkout`] | what a repository holds, and where a path within it leads |
//! | [`environment`] | the variables that options may refer to |
//! | [`helm`], [`kustomize`] | which commands render a [`request`] |
//! | [`yaml`] | YAML that no program misunderstands |
//!
//! Deliberately absent: front ends (crate `gitops`), clusters (crate `deliver`). Fetching and rendering themselves are
//! not built yet.

pub mod checkout;
pub mod command;
pub mod environment;
pub mod helm;
pub mod kube_version;
pub mod kustomize;
pub mod repository;
pub mod request;
pub mod revision;
pub mod version;
pub mod yaml;
