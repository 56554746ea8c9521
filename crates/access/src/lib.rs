//! Who may do what: RBAC policies as Argo CD writes them, as pure functions.
//!
//! ```text
//!   built-in policy ─┐
//!   argocd-rbac-cm ──┼─> Policy ──┐
//!   project roles ───┘            ├─> Access::allows(claims, request)
//!   policy.default, match mode ───┘
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`policy`] | lines `p` and `g`, and what is wrong with one |
//! | [`pattern`] | globs and regular expressions of a policy |
//! | [`claims`] | who asks: identity and groups of a token |
//! | [`project`] | the policies that a project's roles bring |
//! | [`enforce`] | the decision |
//! | [`config`] | ConfigMap `argocd-rbac-cm` |
//!
//! Deliberately absent: sessions and passwords, which need a clock and secrets; reading ConfigMaps.

mod builtin;
pub mod claims;
pub mod config;
pub mod enforce;
pub mod pattern;
pub mod policy;
pub mod project;

pub use claims::Claims;
pub use enforce::{Access, Request};
pub use policy::Policy;
