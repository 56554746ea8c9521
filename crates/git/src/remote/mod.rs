//! Where a repository is and how to log in there; its references.

mod address;
mod connection;
mod http;
mod ssh;
mod trust;

use std::{fmt, time::Duration};

use gix::{ObjectId, bstr::ByteSlice, protocol::handshake::Ref, remote::ref_map::Options};

pub(crate) use self::connection::Opened;
use crate::store::scratch;

/// A repository somewhere else.
#[derive(Debug, Clone)]
pub struct Remote {
    /// `https://…`, `http://…`, `ssh://…`, `user@host:path`, `file:///…` or an absolute path.
    pub url: String,
    /// How to log in.
    pub credentials: Credentials,
    /// PEM of the authorities that are trusted instead of the system's.
    pub authorities: Option<String>,
    /// Whether certificates and host keys go unchecked.
    pub is_insecure: bool,
    /// Lines of known hosts for SSH, in place of those of the user and the machine.
    pub known_hosts: Option<String>,
    /// The program for SSH; its path may hold no characters that a shell knows.
    pub ssh: String,
    /// Time for one request until its answer begins, and for each part of it.
    pub timeout: Duration,
    /// Bytes that one conversation over HTTP may bring.
    pub max_bytes: u64,
}

impl Remote {
    /// Returns a remote that is read without logging in.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            credentials: Credentials::default(),
            authorities: None,
            is_insecure: false,
            known_hosts: None,
            ssh: "ssh".to_owned(),
            timeout: Duration::from_secs(60),
            max_bytes: 4 << 30,
        }
    }

    /// Lists all references, annotated tags with the commit that they point to. Blocks.
    ///
    /// # Errors
    /// When the URL cannot be used, or the other side cannot be reached or refuses.
    pub fn references(&self) -> Result<Vec<Reference>, RemoteError> {
        let folder = scratch().map_err(RemoteError::Scratch)?;
        let opened = Opened::new(self, folder.repository(), &["+refs/*:refs/*"])?;
        let options = Options { prefix_from_spec_as_filter_on_remote: false, ..Options::default() };
        let (map, _) =
            opened.connect()?.ref_map(gix::progress::Discard, options).map_err(|error| self.refused(&error))?;
        Ok(map.remote_refs.iter().filter_map(Reference::read).collect())
    }

    /// The error of a conversation, with nothing of the credentials in it.
    pub(crate) fn refused(&self, error: &(dyn std::error::Error + 'static)) -> RemoteError {
        let mut parts = Vec::new();
        let mut next = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            if parts.last() != Some(&text) {
                parts.push(text);
            }
            next = error.source();
        }
        RemoteError::Conversation {
            url: address::shown(&self.url),
            cause: self.credentials.hidden_in(parts.join(": ")),
        }
    }
}

/// How to log in. Never printed.
#[derive(Clone, Default)]
pub struct Credentials {
    /// User and password, or token, for HTTP.
    pub basic: Option<(String, String)>,
    /// Token for `Authorization: Bearer`.
    pub bearer: Option<String>,
    /// PEM of a client certificate and its key.
    pub certificate: Option<(String, String)>,
    /// PEM of a private key for SSH.
    pub ssh_key: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self { bearer: Some(_), .. } => "token",
            Self { basic: Some(_), .. } => "user and password",
            Self { ssh_key: Some(_), .. } => "key",
            Self { certificate: Some(_), .. } => "certificate",
            _ => "none",
        };
        write!(f, "Credentials({kind})")
    }
}

impl Credentials {
    fn hidden_in(&self, text: String) -> String {
        let secrets = self.bearer.iter().chain(self.basic.iter().map(|(_, password)| password));
        secrets.filter(|secret| !secret.is_empty()).fold(text, |text, secret| text.replace(secret.as_str(), "******"))
    }
}

/// A name in a repository and what it points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// For instance `HEAD`, `refs/heads/main`, `refs/tags/v1.0.0`.
    pub name: String,
    /// The commit.
    pub commit: ObjectId,
    /// The annotated tag in between.
    pub tag: Option<ObjectId>,
    /// What a symbolic reference names, for instance `refs/heads/main`.
    pub target: Option<String>,
}

impl Reference {
    fn read(found: &Ref) -> Option<Self> {
        let text = |name: &[u8]| name.to_str_lossy().into_owned();
        Some(match found {
            Ref::Peeled { full_ref_name, tag, object } => {
                Self { name: text(full_ref_name), commit: *object, tag: Some(*tag), target: None }
            }
            Ref::Direct { full_ref_name, object } => {
                Self { name: text(full_ref_name), commit: *object, tag: None, target: None }
            }
            Ref::Symbolic { full_ref_name, target, tag, object } => {
                Self { name: text(full_ref_name), commit: *object, tag: *tag, target: Some(text(target)) }
            }
            Ref::Unborn { .. } => return None,
        })
    }
}

/// Why a remote cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The URL is none, or one that is refused.
    #[error("{url:?} cannot be used as a repository URL: {cause}")]
    Address {
        /// The URL, without credentials.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The certificates or keys that were given cannot be used.
    #[error("{field} of repository {url}: {cause}")]
    Trust {
        /// The URL, without credentials.
        url: String,
        /// Which of them.
        field: &'static str,
        /// What is wrong with it.
        cause: String,
    },
    /// A temporary folder or file cannot be made.
    #[error("a temporary folder cannot be made")]
    Scratch(#[source] std::io::Error),
    /// The other side cannot be reached, refuses, or answers nonsense.
    #[error("repository {url}: {cause}")]
    Conversation {
        /// The URL, without credentials.
        url: String,
        /// What was answered.
        cause: String,
    },
}
