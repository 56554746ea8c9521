//! The Git repository that `up` serves: what the demo application should be, for plain `git` to clone and push.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use tempfile::TempDir;
use tiphys_git::{
    host::{Hosting, References, new_token},
    serve::ServeError,
};

use crate::{data, error::Failure};

/// Name of the repository.
pub(crate) const NAME: &str = "demo";
/// Files of its first commit.
const FILES: [(&str, &str); 3] = [
    ("README.md", include_str!("demo/shop/README.md")),
    ("shop/rollout.yaml", include_str!("demo/shop/rollout.yaml")),
    ("shop/service.yaml", include_str!("demo/shop/service.yaml")),
];

/// A repository that is served until it is dropped.
pub(crate) struct Repository {
    hosting: Hosting,
    _memory: Option<TempDir>,
}

/// Why none is served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RepositoryError {
    /// The place where it is kept.
    #[error("its folder cannot be used")]
    Folder(#[source] std::io::Error),
    /// The token.
    #[error("its token cannot be kept: {0}")]
    Token(String),
    /// Serving.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl Repository {
    /// Serves a repository that is kept in the data directory, or that goes with it. When the address is taken, a free one
    /// is used.
    pub(crate) async fn start(
        address: SocketAddr,
        kept: Option<&Path>,
        now: Timestamp,
    ) -> Result<Self, RepositoryError> {
        let memory = if kept.is_none() { Some(tempfile::tempdir().map_err(RepositoryError::Folder)?) } else { None };
        let folder = kept.or(memory.as_ref().map(TempDir::path)).unwrap_or(Path::new("."));
        let token = token(&folder.join("git-token"))?;
        let root = folder.join("git");
        let hosting = match Hosting::start(address, root.clone(), token.clone()).await {
            Err(ServeError::Listen(error)) if error.kind() == std::io::ErrorKind::AddrInUse => {
                Hosting::start(SocketAddr::new(address.ip(), 0), root, token).await?
            }
            started => started?,
        };
        hosting.create(NAME, &FILES, now.as_second()).await?;
        Ok(Self { hosting, _memory: memory })
    }

    /// Returns its URL, without the token.
    pub(crate) fn url(&self) -> String {
        self.hosting.url(NAME)
    }

    /// Returns the token that opens it.
    pub(crate) fn token(&self) -> String {
        let url = self.hosting.url_with_token(NAME);
        url.split(['@', ':']).nth(2).unwrap_or_default().to_owned()
    }

    /// Returns a channel that changes with each push.
    pub(crate) fn pushes(&self) -> tokio::sync::watch::Receiver<References> {
        self.hosting.watch()
    }

    /// Returns the command that clones it.
    pub(crate) fn clone_command(&self) -> String {
        format!("git clone {}", self.hosting.url_with_token(NAME))
    }
}

/// Returns the token that is kept in a file, or a new one: a clone goes on working after a new start.
fn token(path: &PathBuf) -> Result<String, RepositoryError> {
    if let Ok(token) = std::fs::read_to_string(path)
        && token.len() >= 32
    {
        return Ok(token);
    }
    let token = new_token().map_err(|error| RepositoryError::Token(error.to_string()))?;
    data::write_secret(path, &token).map_err(|failure: Failure| RepositoryError::Token(failure.to_string()))?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_served_is_the_demo_application() {
        let folder = tempfile::tempdir().unwrap();
        let start = || Repository::start("127.0.0.1:0".parse().unwrap(), Some(folder.path()), Timestamp::UNIX_EPOCH);
        let first = start().await.unwrap();
        let command = first.clone_command();
        let target = folder.path().join("clone");
        let mut words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        words.push(target.display().to_string());
        let cloned = tokio::process::Command::new(&words[0]).args(&words[1..]).output().await.unwrap();
        assert!(cloned.status.success(), "{}", String::from_utf8_lossy(&cloned.stderr));
        for (path, text) in FILES {
            assert_eq!(std::fs::read_to_string(target.join(path)).unwrap(), text, "{path}");
        }
        let token = |command: &str| command.split(['@', ':']).nth(2).map(str::to_owned);
        drop(first);
        assert_eq!(token(&start().await.unwrap().clone_command()), token(&command), "the token stays");
    }

    #[tokio::test]
    async fn a_taken_address_is_no_failure() {
        let memory = || Repository::start("127.0.0.1:0".parse().unwrap(), None, Timestamp::UNIX_EPOCH);
        let first = memory().await.unwrap();
        let second = Repository::start(first.hosting.address(), None, Timestamp::UNIX_EPOCH).await.unwrap();
        assert_ne!(first.hosting.address(), second.hosting.address());
    }

    #[test]
    fn manifests_are_valid() {
        let rollout: serde_json::Value = serde_saphyr::from_str(FILES[1].1).unwrap();
        let stored: tiphys_api::Stored<tiphys_api::Rollout> = tiphys_api::Stored::new(rollout);
        assert!(stored.problems.is_empty(), "{:?}", stored.problems);
        assert!(tiphys_api::validation::validate(&stored.typed).is_empty());
    }
}
