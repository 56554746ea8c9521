//! Git: listing and fetching remote repositories, reading their trees by object id.
//!
//! ```text
//!   Remote (URL, credentials) ──list──> references
//!          │
//!          └──fetch──> Store (bare, shared, shallow) ──> Tree of a commit ──> files and folders, each with its object id
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`remote`] | where a repository is and how to log in there; its references |
//! | [`store`] | fetched objects on disk, one folder a repository |
//! | [`host`] | a small host of repositories for plain `git`, which tells of pushes |
//! | [`serve`] | answering plain `git` over HTTP, by the program `git` |
//! | [`tree`] | reading files of a commit without a checkout, within limits, never out of the repository |
//!
//! Fetching and reading are `gix`; HTTP goes through a client of our own, because certificates, time-outs and redirects are
//! ours to decide; SSH runs the program `ssh`, as git does. No configuration of the user or of the machine is read.
//!
//! Deliberately absent: which credentials belong to which URL and what a revision means (crate `render`), submodules, LFS.

pub mod host;
pub mod remote;
pub mod serve;
pub mod store;
pub mod tree;

pub use remote::{Credentials, Reference, Remote, RemoteError};
pub use store::{Commit, Store, StoreError};
pub use tree::{Entry, EntryKind, Tree, TreeError};

/// The name of an object: 40 hexadecimal digits.
pub use gix::ObjectId;
