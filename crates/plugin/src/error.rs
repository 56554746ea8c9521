//! Why a plugin did not answer.

use std::{process::ExitStatus, time::Duration};

use crate::{grpc::GrpcError, install::InstallError};

/// Why a plugin did not answer. Every variant is a sentence for people about the plugin that is named in it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PluginError {
    /// Nothing is configured under this name.
    #[error("plugin {0} not configured in configmap")]
    NotConfigured(String),
    /// Its program could not be put in place.
    #[error("plugin {name} is not installed: {source}")]
    NotInstalled {
        /// Name.
        name: String,
        /// Why.
        #[source]
        source: InstallError,
    },
    /// Its program could not be started.
    #[error("plugin {name} could not be started: {reason}")]
    Start {
        /// Name.
        name: String,
        /// What the system said.
        reason: String,
    },
    /// The process ended.
    #[error("plugin {name} ended with {status}{last_words}")]
    Exited {
        /// Name.
        name: String,
        /// How.
        status: ExitStatus,
        /// What it wrote last, after a colon; empty if it wrote nothing.
        last_words: String,
    },
    /// It does not listen.
    #[error("plugin {name} did not serve its socket within {limit:?}{last_words}")]
    NotServing {
        /// Name.
        name: String,
        /// The time that it had.
        limit: Duration,
        /// What it wrote last, after a colon; empty if it wrote nothing.
        last_words: String,
    },
    /// It speaks another version.
    #[error("plugin {name} speaks version {found} of the protocol, not 1")]
    Protocol {
        /// Name.
        name: String,
        /// Its version.
        found: u32,
    },
    /// A failed call; it is retried later.
    #[error("{method} of plugin {name} failed: {source}")]
    Call {
        /// Name.
        name: String,
        /// Method such as `Route`.
        method: &'static str,
        /// Why.
        #[source]
        source: GrpcError,
    },
    /// No answer in time; the process was killed.
    #[error("{method} of plugin {name} was not answered within {limit:?}")]
    Timeout {
        /// Name.
        name: String,
        /// Method such as `Route`.
        method: &'static str,
        /// The time that it had.
        limit: Duration,
    },
    /// It failed before and is left alone for a while.
    #[error("plugin {name} is started again in {after:?}; before: {reason}")]
    Resting {
        /// Name.
        name: String,
        /// How long.
        after: Duration,
        /// What happened.
        reason: String,
    },
}

impl PluginError {
    /// Returns when asking again makes sense, if that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Resting { after, .. } => Some(*after),
            _ => None,
        }
    }
}
