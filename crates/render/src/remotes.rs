//! Repositories somewhere else: their references and commits, asked for once by all who want them at a time.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tiphys_git::{Commit, ObjectId, Remote, Store, Tree};
use tokio::{sync::Mutex as AsyncMutex, time::Instant};

use crate::{
    error::RenderError,
    revision::{self, Reference, Target},
};

/// All repositories that were asked for.
pub(crate) struct Remotes {
    folder: PathBuf,
    /// How long references count as known.
    valid: Duration,
    known: Mutex<BTreeMap<String, Arc<Known>>>,
}

/// A repository, seen with certain credentials: whoever has others must not see what these brought.
pub(crate) struct Known {
    store: Store,
    remote: Remote,
    listed: AsyncMutex<Option<Listed>>,
    fetched: AsyncMutex<Option<Failed>>,
}

struct Listed {
    begun: Instant,
    answer: Result<Arc<Vec<Reference>>, RenderError>,
}

struct Failed {
    begun: Instant,
    commit: ObjectId,
    error: RenderError,
}

/// A commit that is here.
#[derive(Debug, Clone)]
pub(crate) struct Checked {
    pub(crate) commit: Commit,
    pub(crate) tree: Tree,
}

impl Remotes {
    pub(crate) fn new(folder: PathBuf, valid: Duration) -> Self {
        Self { folder, valid, known: Mutex::default() }
    }

    /// Returns the repository that `identity` names: its URL and all credentials.
    pub(crate) fn get(&self, identity: &str, remote: Remote) -> Result<Arc<Known>, RenderError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(identity) {
            return Ok(Arc::clone(found));
        }
        let store = Store::open(&self.folder.join(format!("{:05}", known.len())));
        let store = store.map_err(|error| RenderError::Internal(error.to_string()))?;
        let made = Arc::new(Known { store, remote, listed: AsyncMutex::default(), fetched: AsyncMutex::default() });
        known.insert(identity.to_owned(), Arc::clone(&made));
        Ok(made)
    }

    /// Returns the commit that a revision is.
    pub(crate) async fn resolve(
        &self,
        known: &Arc<Known>,
        revision: &str,
        tag_prefix: &str,
        anew: bool,
    ) -> Result<ObjectId, RenderError> {
        if let Some(commit) = whole(revision) {
            return Ok(commit);
        }
        let references = known.references(if anew { Duration::ZERO } else { self.valid }).await?;
        let found = revision::resolve(revision, &references, tag_prefix)?;
        if let Some(commit) = whole(&found) {
            return Ok(commit);
        }
        let found = found.to_lowercase();
        let mut starting = references.iter().filter_map(|reference| match &reference.target {
            Target::Hash(hash) if hash.starts_with(&found) => whole(hash),
            _ => None,
        });
        starting.next().ok_or(RenderError::Shortened(found))
    }
}

fn whole(revision: &str) -> Option<ObjectId> {
    (revision.len() == 40).then(|| revision.parse().ok()).flatten()
}

impl Known {
    /// Lists the references, unless that was done within `valid`. Who waits while others list gets their answer if it was
    /// asked for later than theirs began; so a repository that does not answer costs all who wait one time-out or two.
    pub(crate) async fn references(self: &Arc<Self>, valid: Duration) -> Result<Arc<Vec<Reference>>, RenderError> {
        let asked = Instant::now();
        let mut listed = self.listed.lock().await;
        if let Some(found) = &*listed
            && (found.begun >= asked || (found.answer.is_ok() && asked.duration_since(found.begun) < valid))
        {
            return found.answer.clone();
        }
        let begun = Instant::now();
        let ours = Arc::clone(self);
        let answer = blocking(move || ours.remote.references()).await?;
        let answer = answer.map(|found| Arc::new(found.into_iter().map(reference).collect()));
        let answer = answer.map_err(|error| RenderError::List(error.to_string()));
        *listed = Some(Listed { begun, answer: answer.clone() });
        answer
    }

    /// Forgets the references.
    pub(crate) async fn forget(&self) {
        *self.listed.lock().await = None;
    }

    /// Fetches a commit with all its files, if it is not here yet.
    pub(crate) async fn fetched(self: &Arc<Self>, commit: ObjectId) -> Result<(), RenderError> {
        if self.store.has(commit) { Ok(()) } else { self.fetch(commit, Instant::now()).await }
    }

    /// Returns a commit that was fetched.
    pub(crate) async fn checked(self: &Arc<Self>, commit: ObjectId) -> Result<Checked, RenderError> {
        let ours = Arc::clone(self);
        let read = blocking(move || Ok((ours.store.commit(commit)?, ours.store.tree(commit)?))).await?;
        let (commit, tree) = read.map_err(|error: tiphys_git::StoreError| RenderError::Internal(error.to_string()))?;
        Ok(Checked { commit, tree })
    }

    async fn fetch(self: &Arc<Self>, commit: ObjectId, asked: Instant) -> Result<(), RenderError> {
        let mut failed = self.fetched.lock().await;
        if self.store.has(commit) {
            return Ok(());
        }
        if let Some(failed) = failed.as_ref().filter(|failed| failed.commit == commit && failed.begun >= asked) {
            return Err(failed.error.clone());
        }
        let begun = Instant::now();
        let ours = Arc::clone(self);
        let answer = blocking(move || ours.store.fetch(&ours.remote, &[commit], 1)).await?;
        let Err(error) = answer else { return Ok(()) };
        let error = RenderError::Fetch { revision: commit.to_string(), cause: error.to_string() };
        *failed = Some(Failed { begun, commit, error: error.clone() });
        Err(error)
    }
}

fn reference(found: tiphys_git::Reference) -> Reference {
    Reference { name: found.name, target: Target::Hash(found.commit.to_string()) }
}

/// Does what blocks where that hurts nobody.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, RenderError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| RenderError::Internal(error.to_string()))
}
