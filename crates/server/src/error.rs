//! Why a server does not start.

use std::net::SocketAddr;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be bound.
    #[error("cannot listen on {0:?}")]
    Bind(Vec<SocketAddr>, #[source] std::io::Error),
    /// The accounts cannot be set up.
    #[error("the accounts in namespace {namespace} cannot be set up")]
    Accounts {
        /// The namespace.
        namespace: String,
        /// What the API said.
        #[source]
        source: Box<kube::Error>,
    },
    /// There is no randomness to make secrets from.
    #[error("the operating system gives no random numbers")]
    Random,
    /// A password cannot be hashed.
    #[error("a password cannot be hashed")]
    Hash(#[source] bcrypt::BcryptError),
}
