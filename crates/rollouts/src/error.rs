//! What can go wrong when a plan is carried out.

use std::borrow::Cow;

use kube::core::Status;

/// A failure of one action or read. The pass is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An action could not be carried out.
    #[error("{verb} {kind} {namespace}/{name}")]
    Act {
        /// What was tried, for instance `scale`.
        verb: &'static str,
        /// Kind of the object.
        kind: Cow<'static, str>,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// An object could not be read.
    #[error("read {kind} {namespace}/{name}")]
    Read {
        /// Kind of the object.
        kind: &'static str,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// The Rollout was deleted or made again while its ReplicaSets were to be adopted.
    #[error("adopt ReplicaSet {name}: the Rollout is not the same any more")]
    Orphaned {
        /// Name of the ReplicaSet.
        name: String,
    },
    /// An object that was to be written is no JSON that the API takes.
    #[error("encode {kind} {name}")]
    Encode {
        /// Kind of the object.
        kind: Cow<'static, str>,
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl Error {
    /// Returns what the server said, or else the whole error.
    #[must_use]
    pub fn message(&self) -> String {
        match (self, self.answer()) {
            (Self::Act { .. }, Some(status)) => status.message.clone(),
            _ => self.to_string(),
        }
    }

    /// Returns the HTTP code that the server answered with, if it answered.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        self.answer().map(|status| status.code)
    }

    fn answer(&self) -> Option<&Status> {
        match self {
            Self::Act { source, .. } | Self::Read { source, .. } => match &**source {
                kube::Error::Api(status) => Some(status),
                _ => None,
            },
            _ => None,
        }
    }
}
