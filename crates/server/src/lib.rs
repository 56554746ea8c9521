//! Web pages and the HTTP API, behind a login.
//!
//! ```text
//!   watches ──> Board: every release with its reasons ──┬─> pages (HTML, fragments by id)
//!   argocd-cm, -rbac-cm, -secret ──> Settings           ├─> streams: fragments that changed
//!      │                                                └─> JSON
//!   request ──> guard: headers, size, origin, type ──> session: who asks ──> permission ──> page or action
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | `account` | accounts, passwords, tokens, limits, the one-time link |
//! | `board` | copies of what pages show, kept by watches |
//! | `web` | routes, headers, sessions, streams |
//! | `page` | HTML |
//! | `api` | JSON, and the endpoints of the Rollouts dashboard |
//!
//! Nothing is readable without a login but the login page, the assets and `/healthz`. Every list, count, stream and error
//! text is about what the viewer may see: what may not be seen is "not found".
//!
//! Deliberately absent: single sign-on, Applications, revocations that outlive the process.

mod account;
mod api;
mod board;
mod config;
mod error;
mod page;
mod serve;
mod web;

pub use account::link::Link;
pub use config::Config;
pub use error::Error;
pub use serve::Listening;
pub use web::Server;
