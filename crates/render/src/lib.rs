//! From a source to manifests.
//!
//! | module | what it answers |
//! | --- | --- |
//! | [`repository`] | when two URLs are one repository, whose credentials it gets, which webhooks concern it |
//! | [`revision`] | which commit a branch, a tag, a range of versions or `HEAD` is |
//! | [`version`] | versions and ranges of them, as loosely as Go's `semver` reads them |
//!
//! Deliberately absent: front ends (crate `gitops`), clusters (crate `deliver`). Fetching and rendering themselves are
//! not built yet.

pub mod repository;
pub mod revision;
pub mod version;
