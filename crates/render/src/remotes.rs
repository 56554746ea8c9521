//! Repositories somewhere else: their references and commits, asked for once by all who want them at a time.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use tiphys_git::{Commit, ObjectId, Remote, Store, Tree};
use tokio::{sync::Mutex as AsyncMutex, time::Instant};

use crate::{
    error::RenderError,
    revision::{self, Reference, Target},
};

/// Fetches into a store before it is left behind, and how old it is then at least: many revisions may be in use.
const FETCHES: u32 = 256;
const AGED: Duration = Duration::from_secs(3600);

/// All repositories that were asked for.
pub(crate) struct Remotes {
    folder: PathBuf,
    /// How long references count as known.
    valid: Duration,
    known: Mutex<BTreeMap<String, Arc<Known>>>,
}

/// A repository, seen with certain credentials: whoever has others must not see what these brought.
pub(crate) struct Known {
    /// Where stores are made.
    folder: PathBuf,
    store: RwLock<Store>,
    /// How the store has grown.
    growth: Mutex<Growth>,
    remote: Remote,
    listed: AsyncMutex<Option<Listed>>,
    fetched: AsyncMutex<Option<Failed>>,
}

/// Every fetch adds a file to a store, and nothing is ever removed from one. So a store that has grown is left behind,
/// and what is still wanted is fetched into a new one.
struct Growth {
    stores: u32,
    fetches: u32,
    since: Instant,
}

impl Growth {
    fn is_due(&self, aged: Duration) -> bool {
        self.fetches >= FETCHES && self.since.elapsed() >= aged
    }
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
        let folder = self.folder.join(format!("{:05}", known.len()));
        let made = Arc::new(Known {
            store: RwLock::new(store(&folder, 0)?),
            folder,
            growth: Mutex::new(Growth { stores: 0, fetches: 0, since: Instant::now() }),
            remote,
            listed: AsyncMutex::default(),
            fetched: AsyncMutex::default(),
        });
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

fn store(folder: &Path, number: u32) -> Result<Store, RenderError> {
    Store::passing(&folder.join(number.to_string())).map_err(|error| RenderError::Internal(error.to_string()))
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

    fn store(&self) -> Store {
        self.store.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the store for another fetch: a new one when the present one has grown.
    fn store_to_fetch(&self) -> Result<Store, RenderError> {
        let mut growth = self.growth.lock().unwrap_or_else(PoisonError::into_inner);
        growth.fetches += 1;
        if growth.is_due(AGED) {
            let next = store(&self.folder, growth.stores + 1)?;
            *self.store.write().unwrap_or_else(PoisonError::into_inner) = next;
            *growth = Growth { stores: growth.stores + 1, fetches: 0, since: Instant::now() };
        }
        Ok(self.store())
    }

    /// Forgets the references.
    pub(crate) async fn forget(&self) {
        *self.listed.lock().await = None;
    }

    /// Returns a store that has a commit with all its files, fetched if it is not there yet.
    pub(crate) async fn fetched(self: &Arc<Self>, commit: ObjectId) -> Result<Store, RenderError> {
        let store = self.store();
        if store.has(commit) { Ok(store) } else { self.fetch(commit, Instant::now()).await }
    }

    async fn fetch(self: &Arc<Self>, commit: ObjectId, asked: Instant) -> Result<Store, RenderError> {
        let mut failed = self.fetched.lock().await;
        let store = self.store();
        if store.has(commit) {
            return Ok(store);
        }
        if let Some(failed) = failed.as_ref().filter(|failed| failed.commit == commit && failed.begun >= asked) {
            return Err(failed.error.clone());
        }
        let begun = Instant::now();
        let (ours, store) = (Arc::clone(self), self.store_to_fetch()?);
        let into = store.clone();
        let answer = blocking(move || into.fetch(&ours.remote, &[commit], 1)).await?;
        let Err(error) = answer else { return Ok(store) };
        let error = RenderError::Fetch { revision: commit.to_string(), cause: error.to_string() };
        *failed = Some(Failed { begun, commit, error: error.clone() });
        Err(error)
    }
}

/// Returns a commit that a store has.
pub(crate) async fn checked(store: Store, commit: ObjectId) -> Result<Checked, RenderError> {
    let read = blocking(move || Ok((store.commit(commit)?, store.tree(commit)?))).await?;
    let (commit, tree) = read.map_err(|error: tiphys_git::StoreError| RenderError::Internal(error.to_string()))?;
    Ok(Checked { commit, tree })
}

fn reference(found: tiphys_git::Reference) -> Reference {
    Reference { name: found.name, target: Target::Hash(found.commit.to_string()) }
}

/// Does what blocks where that hurts nobody.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, RenderError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| RenderError::Internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_store_that_has_grown_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let remotes = Remotes::new(folder.path().to_owned(), Duration::ZERO);
        let known = remotes.get("x", Remote::new("/nowhere")).unwrap();
        let paths = || std::fs::read_dir(folder.path().join("00000")).unwrap().count();
        let first = known.store();
        for _ in 0..FETCHES {
            assert_eq!(known.store_to_fetch().unwrap().path(), first.path(), "it is young");
        }
        tokio::time::advance(AGED).await;
        let second = known.store_to_fetch().unwrap();
        assert_ne!(second.path(), first.path());
        assert_eq!(known.store_to_fetch().unwrap().path(), second.path());
        assert_eq!(paths(), 2, "somebody still reads the first");
        drop(first);
        assert_eq!(paths(), 1);
    }
}
